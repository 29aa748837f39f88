"""What the handlers need of the portal, of its servers' keys, and of the object store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from uuid import UUID

from services.debident_gateway.domain.answers import (
    AnsweredLine,
    DebFilePage,
    ListedDebFile,
    SendOutcome,
    StatusAnswer,
)
from services.debident_gateway.domain.model import (
    PortalAccess,
    PortalAddress,
    SftpDoor,
    StoredContent,
)
from shared.kernel.errors import TransientError


class PortalSilentError(TransientError):
    """The portal gave no usable answer to a question; nothing was changed by asking.

    Attributes:
        code: stable kebab-case reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DebFileRejectedError(Exception):
    """The bytes behind a listed DEB file are not what the list announced, or too many.

    Attributes:
        code: stable kebab-case reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BroughtBytes(Protocol):
    """A file that is here already, but not in memory."""

    @property
    def size_bytes(self) -> int:
        """How long it is."""

    @property
    def sha256(self) -> str:
        """Its SHA-256, in hexadecimal digits."""

    @property
    def beginning(self) -> bytes:
        """Its first bytes, some hundred kilobytes at most."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield it from its beginning."""


class DebidentPortal(Protocol):
    """The factor's portal. Every call is bounded in time and uses the given access only."""

    def address(self, door: SftpDoor | None) -> PortalAddress:
        """Return which portal is called through a door; None: through that of the HTTP adapter."""

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        """Hand over an order's package; the same id and bytes may be handed over again.

        It never raises for what the network or the portal does: what cannot be told apart from
        success is InDoubt, what cannot have left is NotSent.
        """

    async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
        """Ask what the portal knows of an order.

        Raises:
            PortalSilentError: there was no usable answer.
        """

    async def list_deb_files(self, access: PortalAccess, *, after: int) -> DebFilePage:
        """List the account's DEB files behind a publication number.

        Raises:
            PortalSilentError: there was no usable answer.
        """

    def download_deb_file(self, access: PortalAccess, file: ListedDebFile) -> AsyncIterator[bytes]:
        """Yield the bytes of a listed file in pieces of some kilobytes to a megabyte.

        Size and hash are checked on the way: only who is given all pieces without an error has
        what the list announced.

        Raises:
            PortalSilentError: there was no usable answer.
            DebFileRejectedError: the bytes are not those that the list announced, or too many.
        """


class SshKeys(Protocol):
    """Reads the keys that a person enters."""

    def host_key(self, text: str) -> str:
        """Return a server's public key as "algorithm base64", without its comment.

        Raises:
            UnusableKeyError: it is no public key.
        """

    def require_private_key(self, text: str) -> None:
        """Make sure that a private key can be used as it is.

        Raises:
            UnusableKeyError: it is no private key, or is locked by a pass phrase.
        """


class Documents(Protocol):
    """The big payloads in the object store.

    Raises (all methods):
        TransientError: the store did not answer, or does not have it yet.
        PermanentError: the content is not what was announced, or another practice's.
    """

    async def package(self, content: StoredContent, *, practice_id: UUID) -> bytes:
        """Return an order's package."""

    async def invoice_numbers(
        self, content: StoredContent, *, practice_id: UUID
    ) -> tuple[str, ...]:
        """Return the invoice numbers of an order, in package order."""

    async def store_arrival(
        self, lines: Sequence[AnsweredLine], *, order_id: UUID, practice_id: UUID
    ) -> StoredContent:
        """Store the portal's answer per invoice; the same answer is stored once."""

    async def store_deb_file(self, file: BroughtBytes, *, practice_id: UUID) -> StoredContent:
        """Store a DEB file that a person brought; the same bytes are stored once."""

    async def receive_deb_file(
        self, pieces: AsyncIterator[bytes], file: ListedDebFile, *, practice_id: UUID
    ) -> StoredContent:
        """Store a listed DEB file that comes in pieces; nothing is stored if they break off.

        What the pieces raise is passed on.
        """
