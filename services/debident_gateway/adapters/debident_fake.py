"""A portal in memory: the same promises as the real one, and faults on request, for tests."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    AnsweredLine,
    Arrived,
    DebFilePage,
    InDoubt,
    ListedDebFile,
    NotSent,
    Received,
    Refused,
    RefusedOnArrival,
    SendOutcome,
    StatusAnswer,
    UnknownToPortal,
)
from services.debident_gateway.domain.model import (
    HTTP_ADAPTER,
    PortalAccess,
    PortalAddress,
    SftpDoor,
    address_of,
)
from services.debident_gateway.ports.portal import PortalSilentError

ARRIVED_AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


@dataclass(slots=True)
class FakeOrder:
    """An order that the fake holds; `uploads` counts each time its bytes came."""

    reference: str
    sha256: str
    package: bytes
    uploads: int = 1
    arrived: bool = False
    refusal_code: str | None = None


@dataclass(slots=True)
class FakeDebidentPortal:
    """Accounts by client credentials; each sees its own orders and files only.

    Attributes:
        clients: client id → (secret, account number).
        orders: (account number, order id) → order.
        lost_answers, dropped_requests, unavailable: how many of the next calls go wrong that way.
        refused_lines: invoice number → code.
        place: host and port that it stands for.
        refuse_orders_with: code of the refusal of every upload.
    """

    clients: dict[str, tuple[str, str]] = field(default_factory=dict)
    orders: dict[tuple[str, UUID], FakeOrder] = field(default_factory=dict)
    deb_files: dict[str, list[tuple[ListedDebFile, bytes]]] = field(default_factory=dict)
    lost_answers: int = 0
    dropped_requests: int = 0
    unavailable: int = 0
    refused_lines: dict[str, str] = field(default_factory=dict)
    refuse_orders_with: str | None = None
    place: str = "portal.invalid:443"

    def address(self, door: SftpDoor | None) -> PortalAddress:
        """Return which portal is called: where the door leads, or the one place of the fake."""
        if door is None:
            return PortalAddress(HTTP_ADAPTER, self.place)
        return address_of(door)

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        """Take an upload."""
        account = self._account(access)
        if account is None:
            return NotSent("portal-refused-credentials")
        if self.unavailable:
            self.unavailable -= 1
            return NotSent("portal-unavailable")
        if self.dropped_requests:
            self.dropped_requests -= 1
            return InDoubt("connection-lost")
        if account != access.account_number or hashlib.sha256(package).hexdigest() != sha256:
            return Refused("wrong-account" if account != access.account_number else "malformed")
        outcome = self._take(account, order_id, package, sha256)
        if self.lost_answers:
            self.lost_answers -= 1
            return InDoubt("connection-lost")
        return outcome

    def _take(self, account: str, order_id: UUID, package: bytes, sha256: str) -> SendOutcome:
        known = self.orders.get((account, order_id))
        if known is not None:
            if known.sha256 != sha256:
                return InDoubt("portal-has-other-content")
            known.uploads += 1
            return AlreadyHaveIt(known.reference)
        if self.refuse_orders_with:
            return Refused(self.refuse_orders_with)
        if not zipfile.is_zipfile(io.BytesIO(package)):
            return Refused("not-a-zip")
        reference = f"FAKE-{len(self.orders) + 1}"
        self.orders[account, order_id] = FakeOrder(reference, sha256, package)
        return Accepted(reference)

    async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
        """Tell what is known of an order."""
        order = self.orders.get((self._open(access), order_id))
        if order is None:
            return UnknownToPortal()
        if order.refusal_code:
            return RefusedOnArrival(order.reference, order.sha256, order.refusal_code)
        if not order.arrived:
            return Received(order.reference, order.sha256)
        return Arrived(order.reference, order.sha256, ARRIVED_AT, self._lines(order))

    def _lines(self, order: FakeOrder) -> tuple[AnsweredLine, ...]:
        with zipfile.ZipFile(io.BytesIO(order.package)) as archive:
            manifest = json.loads(archive.read("manifest.json"))
        numbers = [line["invoice_number"] for line in manifest["invoices"]]
        codes = self.refused_lines
        return tuple(
            AnsweredLine(number, number not in codes, codes.get(number)) for number in numbers
        )

    async def list_deb_files(self, access: PortalAccess, *, after: int) -> DebFilePage:
        """List the account's files."""
        files = self.deb_files.get(self._open(access), [])
        return DebFilePage(tuple(file for file, _ in files if file.position > after), more=False)

    async def download_deb_file(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncIterator[bytes]:
        """Give a file's bytes, in pieces."""
        for listed, content in self.deb_files.get(self._open(access), []):
            if listed.file_id == file.file_id:
                for start in range(0, len(content), 1000):
                    yield content[start : start + 1000]
                return
        raise PortalSilentError("unexpected-answer-404", "no such file")

    def let_everything_arrive(self) -> None:
        """Let every order arrive."""
        for order in self.orders.values():
            order.arrived = True

    def offer_deb_file(self, account: str, content: bytes, *, file_id: str) -> ListedDebFile:
        """Publish a file."""
        files = self.deb_files.setdefault(account, [])
        digest = hashlib.sha256(content).hexdigest()
        listed = ListedDebFile(len(files) + 1, file_id, f"{file_id}.deb", digest, len(content))
        files.append((listed, content))
        return listed

    def mend_deb_file(self, account: str, content: bytes, *, file_id: str) -> ListedDebFile:
        """Publish other bytes under the id and at the position of a file."""
        files = self.deb_files[account]
        place = next(at for at, (listed, _) in enumerate(files) if listed.file_id == file_id)
        digest = hashlib.sha256(content).hexdigest()
        listed = replace(files[place][0], sha256=digest, size_bytes=len(content))
        files[place] = (listed, content)
        return listed

    def _account(self, access: PortalAccess) -> str | None:
        secret, account = self.clients.get(access.client_id, (None, None))
        return account if secret == access.client_secret else None

    def _open(self, access: PortalAccess) -> str:
        account = self._account(access)
        if account is None:
            raise PortalSilentError("portal-refused-credentials", "wrong credentials")
        if self.unavailable:
            self.unavailable -= 1
            raise PortalSilentError("portal-unavailable", "not now")
        return account
