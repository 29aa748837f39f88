"""The gateway's ports in memory: what the handlers need, without PostgreSQL or an object store."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import AnsweredLine, ListedDebFile
from services.debident_gateway.domain.events import DomainEvent
from services.debident_gateway.domain.model import (
    HTTP_ADAPTER,
    SFTP_ADAPTER,
    ContractTerms,
    PortalAccess,
    SftpDoor,
    StoredContent,
)
from services.debident_gateway.domain.transmission import (
    ASKABLE,
    IN_FLIGHT,
    Transmission,
    TransmissionState,
)
from services.debident_gateway.ports import DueOrder, UnitOfWork
from services.debident_gateway.ports.portal import BroughtBytes
from shared.kernel.errors import PermanentError, TransientError
from tests.unit.debident_gateway.builders import (
    ACCOUNT,
    CONTRACT,
    ORDER,
    PRACTICE,
    StandingClock,
    content,
    package,
    terms,
    transmission,
)
from tests.unit.debident_gateway.fake_files import MemoryDebFiles, MemoryHandReports
from tests.unit.debident_gateway.fakes_outages import MemoryCircuits, MemoryDebGaps


@dataclass
class Attempt:
    """A recorded attempt."""

    number: int
    outcome: str | None = None
    reason_code: str | None = None


@dataclass
class MemoryTransmissions:
    """Transmissions in memory; what is read is a copy, so that only `save` changes anything."""

    rows: dict[UUID, Transmission] = field(default_factory=dict)
    attempts: dict[UUID, list[Attempt]] = field(default_factory=dict)
    polls: list[tuple[str, str | None]] = field(default_factory=list)

    async def add(self, transmission: Transmission) -> bool:
        if transmission.order_id in self.rows:
            return False
        self.rows[transmission.order_id] = copy.copy(transmission)
        return True

    async def lock(self, order_id: UUID) -> Transmission | None:
        row = self.rows.get(order_id)
        return None if row is None else copy.copy(row)

    async def lock_if_free(self, order_id: UUID) -> Transmission | None:
        return await self.lock(order_id)

    async def save(self, transmission: Transmission) -> None:
        self.rows[transmission.order_id] = copy.copy(transmission)

    async def contract_in_flight(self, contract_id: UUID, *, apart_from: UUID) -> bool:
        return any(
            row.contract_id == contract_id and row.order_id != apart_from and row.state in IN_FLIGHT
            for row in self.rows.values()
        )

    async def release_held(self, *, now: datetime) -> int:
        held = [row for row in self.rows.values() if row.held]
        for row in held:
            row.release(now=now)
        return len(held)

    async def add_attempt(self, transmission: Transmission, *, began_at: datetime) -> None:
        self.attempts.setdefault(transmission.order_id, []).append(Attempt(transmission.attempts))

    async def finish_attempt(
        self,
        transmission: Transmission,
        *,
        number: int,
        outcome: str,
        reason_code: str | None,
        ended_at: datetime,
    ) -> None:
        attempt = self.attempts[transmission.order_id][number - 1]
        if attempt.outcome is None:
            attempt.outcome, attempt.reason_code = outcome, reason_code

    async def add_poll(
        self, transmission: Transmission, *, answer: str, reason_code: str | None, at: datetime
    ) -> None:
        self.polls.append((answer, reason_code))

    def _due(self, states: frozenset[TransmissionState], now: datetime) -> list[DueOrder]:
        return [
            DueOrder(row.order_id, row.practice_id)
            for row in self.rows.values()
            if row.state in states and row.next_action_at <= now
        ]

    async def due_to_send(self, *, now: datetime, limit: int) -> list[DueOrder]:
        due = self._due(frozenset({TransmissionState.INTENDED}), now)
        in_flight = {row.contract_id for row in self.rows.values() if row.state in IN_FLIGHT}
        return [one for one in due if self.rows[one.order_id].contract_id not in in_flight][:limit]

    async def due_to_ask(self, *, now: datetime, limit: int) -> list[DueOrder]:
        return self._due(ASKABLE, now)[:limit]

    async def abandoned(self, *, now: datetime, limit: int) -> list[DueOrder]:
        return [
            DueOrder(row.order_id, row.practice_id)
            for row in self.rows.values()
            if row.state is TransmissionState.SENDING
            and row.lease_until is not None
            and row.lease_until <= now
        ][:limit]


@dataclass
class MemoryContracts:
    """Contract terms in memory."""

    rows: dict[UUID, ContractTerms] = field(default_factory=dict)

    async def get(self, contract_id: UUID) -> ContractTerms | None:
        return self.rows.get(contract_id)

    async def lock(self, contract_id: UUID) -> ContractTerms | None:
        return self.rows.get(contract_id)

    async def knows_practice(self, practice_id: UUID) -> bool:
        return any(row.practice_id == practice_id for row in self.rows.values())

    async def of_practice(self, practice_id: UUID) -> list[ContractTerms]:
        return [row for row in self.rows.values() if row.practice_id == practice_id]

    async def save_if_newer(self, terms: ContractTerms) -> bool:
        known = self.rows.get(terms.contract_id)
        if known is not None and known.version >= terms.version:
            return False
        self.rows[terms.contract_id] = terms
        return True


@dataclass
class MemoryCredentials:
    """Credentials in memory."""

    rows: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    entered: dict[tuple[UUID, str], datetime] = field(default_factory=dict)
    sftp_rows: dict[UUID, tuple[str, str, SftpDoor]] = field(default_factory=dict)

    async def access(
        self, practice_id: UUID, *, account_number: str, adapter: str
    ) -> PortalAccess | None:
        if adapter == SFTP_ADAPTER:
            kept = self.sftp_rows.get(practice_id)
            return kept and PortalAccess(practice_id, kept[0], kept[1], account_number, kept[2])
        known = self.rows.get(practice_id)
        return known and PortalAccess(practice_id, *known, account_number)

    async def changed_at(self, practice_id: UUID, *, adapter: str) -> datetime | None:
        return self.entered.get((practice_id, adapter))

    async def put(
        self,
        practice_id: UUID,
        *,
        client_id: str,
        client_secret: str,
        changed_at: datetime,
        replaces: datetime | None,
    ) -> bool:
        if self.entered.get((practice_id, HTTP_ADAPTER)) != replaces:
            return False
        self.rows[practice_id] = (client_id, client_secret)
        self.entered[practice_id, HTTP_ADAPTER] = changed_at
        return True

    async def put_sftp(
        self,
        practice_id: UUID,
        *,
        user: str,
        secret: str,
        door: SftpDoor,
        changed_at: datetime,
        replaces: datetime | None,
    ) -> bool:
        if self.entered.get((practice_id, SFTP_ADAPTER)) != replaces:
            return False
        self.sftp_rows[practice_id] = (user, secret, door)
        self.entered[practice_id, SFTP_ADAPTER] = changed_at
        return True


@dataclass
class MemoryUnitOfWork:
    """All repositories, and the events that left."""

    transmissions: MemoryTransmissions = field(default_factory=MemoryTransmissions)
    contracts: MemoryContracts = field(default_factory=MemoryContracts)
    credentials: MemoryCredentials = field(default_factory=MemoryCredentials)
    deb_files: MemoryDebFiles = field(default_factory=MemoryDebFiles)
    deb_gaps: MemoryDebGaps = field(default_factory=MemoryDebGaps)
    circuits: MemoryCircuits = field(default_factory=MemoryCircuits)
    hand_reports: MemoryHandReports = field(default_factory=MemoryHandReports)
    events: list[DomainEvent] = field(default_factory=list)

    def record(self, event: DomainEvent) -> None:
        self.events.append(event)

    async def stay_awake(self) -> None:
        return

    @asynccontextmanager
    async def begin(self, practice_id: UUID | None) -> AsyncIterator[UnitOfWork]:
        yield self


@dataclass
class MemoryDocuments:
    """Documents in memory, by hash."""

    stored: dict[str, bytes] = field(default_factory=dict)
    down: bool = False

    def keep(self, data: bytes) -> None:
        """Store some bytes beforehand."""
        self.stored[content(data).sha256] = data

    def _read(self, ref: StoredContent) -> bytes:
        if self.down:
            raise TransientError("the store is down")
        if ref.sha256 not in self.stored:
            raise PermanentError("not the announced bytes")
        return self.stored[ref.sha256]

    async def package(self, content: StoredContent, *, practice_id: UUID) -> bytes:
        return self._read(content)

    async def invoice_numbers(
        self, content: StoredContent, *, practice_id: UUID
    ) -> tuple[str, ...]:
        return tuple(self._read(content).decode().split(","))

    async def store_arrival(
        self, lines: Sequence[AnsweredLine], *, order_id: UUID, practice_id: UUID
    ) -> StoredContent:
        data = repr(lines).encode()
        self.keep(data)
        return content(data, "order-arrival", practice_id)

    async def store_deb_file(self, file: BroughtBytes, *, practice_id: UUID) -> StoredContent:
        return self._deb_file(b"".join([piece async for piece in file.pieces()]), practice_id)

    def _deb_file(self, data: bytes, practice_id: UUID) -> StoredContent:
        if self.down:
            raise TransientError("the store is down")
        self.keep(data)
        return content(data, "deb-file", practice_id)

    async def receive_deb_file(
        self, pieces: AsyncIterator[bytes], file: ListedDebFile, *, practice_id: UUID
    ) -> StoredContent:
        return self._deb_file(b"".join([piece async for piece in pieces]), practice_id)


@dataclass(frozen=True)
class Brought:
    """`BroughtBytes` in memory."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def beginning(self) -> bytes:
        return self.data[:100_000]

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.data


@dataclass
class Bench:
    """A gateway in memory with one practice, one contract and one intended order."""

    uow: MemoryUnitOfWork
    portal: FakeDebidentPortal
    documents: MemoryDocuments
    clock: StandingClock

    @property
    def order(self) -> Transmission:
        """The order as it is stored."""
        return self.uow.transmissions.rows[ORDER]

    @property
    def told(self) -> list[str]:
        """The names of the events that left."""
        return [type(event).__name__ for event in self.uow.events]

    def pass_to_next_action(self) -> None:
        """Let the time pass until the order is due again."""
        self.clock.at = max(self.clock.at, self.order.next_action_at)


def a_bench(*invoice_numbers: str) -> Bench:
    """Return the bench with an order of these invoices."""
    numbers = invoice_numbers or ("2026-000001",)
    data, lines = package(*numbers), ",".join(numbers).encode()
    bench = Bench(MemoryUnitOfWork(), FakeDebidentPortal(), MemoryDocuments(), StandingClock())
    bench.documents.keep(data)
    bench.documents.keep(lines)
    bench.portal.clients["client-a"] = ("s3cret", ACCOUNT)
    bench.uow.credentials.rows[PRACTICE] = ("client-a", "s3cret")
    bench.uow.contracts.rows[CONTRACT] = terms()
    bench.uow.transmissions.rows[ORDER] = replace(
        transmission(), package=content(data), lines=content(lines, "order-lines")
    )
    return bench
