"""Small values of the gateway: stored content, contract terms, access to the portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

HTTP_ADAPTER = "http"
SFTP_ADAPTER = "sftp"
# By these the gateway itself sends, asks and fetches; by any other a person does.
AUTOMATIC_ADAPTERS = frozenset({HTTP_ADAPTER, SFTP_ADAPTER})


@dataclass(frozen=True, slots=True)
class StoredContent:
    """Bytes that rest in the object store, and what they must hash to."""

    key: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """What a contract says about the portal, as its owner last decided it.

    Attributes:
        version: counted up by the owner; older news never replaces newer.
        adapter: how orders reach the portal ("http", "sftp", "manual").
        arrival_check_after: no arrival check sooner after the order was sent.
        arrival_poll_interval: between two arrival checks.
        deb_poll_interval: between two looks for new DEB files.
    """

    practice_id: UUID
    contract_id: UUID
    version: int
    account_number: str
    adapter: str
    arrival_check_after: timedelta
    arrival_poll_interval: timedelta
    deb_poll_interval: timedelta
    deb_layout: str


@dataclass(frozen=True, slots=True)
class SftpDoor:
    """Where a practice signs in over SFTP, and how both sides prove who they are.

    Attributes:
        host_key: the only key by which the server may prove itself, as "algorithm base64".
        sign_in: what the secret is, "password" or "private-key".
    """

    host: str
    port: int
    host_key: str
    sign_in: str


@dataclass(frozen=True, slots=True)
class PortalAddress:
    """Which portal a call goes to; what is at one address fails and comes back as one.

    Attributes:
        adapter: "http" or "sftp".
        place: host and port as "host:port", the host in lower case.
    """

    adapter: str
    place: str


def address_of(door: SftpDoor) -> PortalAddress:
    """Return which portal is called through a door of the SFTP adapter."""
    return PortalAddress(SFTP_ADAPTER, f"{door.host.lower()}:{door.port}")


@dataclass(frozen=True, slots=True)
class PortalAccess:
    """One practice's way into the portal; never used for another practice.

    Attributes:
        practice_id: whose credentials these are.
        client_id: the client, or over SFTP the user.
        client_secret: its secret, or over SFTP the password or the private key.
        account_number: the contract's account at the factor.
        sftp: the door for the SFTP adapter; None for the HTTP adapter.
    """

    practice_id: UUID
    client_id: str
    client_secret: str = field(repr=False)
    account_number: str
    sftp: SftpDoor | None = None


@dataclass(frozen=True, slots=True)
class DebCursor:
    """How far the DEB files of a contract were looked through.

    Attributes:
        position: publication number of the last file that is safely here, 0 at the start.
        next_poll_at: when the portal is asked again.
        problem: why the last look did not end well, or None.
        lease_until: until when one worker looks; also tells it whether it still is the one.
    """

    practice_id: UUID
    contract_id: UUID
    position: int
    next_poll_at: datetime
    problem: str | None = None
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FetchedDebFile:
    """A DEB file whose bytes are stored and hashed.

    Attributes:
        deb_file_id: derived from the practice and the content hash.
        portal_file_id, name: as the portal listed it.
        position: its publication number at the portal; 0 where a person brought it.
        source: "portal", or "manual" where a person brought it.
        uploaded_by: who brought it.
    """

    deb_file_id: UUID
    practice_id: UUID
    contract_id: UUID
    portal_file_id: str
    name: str
    position: int
    layout: str
    content: StoredContent
    fetched_at: datetime
    source: Literal["portal", "manual"] = "portal"
    uploaded_by: str | None = None
