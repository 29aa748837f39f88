"""What the handlers need from outside: repositories, a unit of work, the portal, the documents."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.debident_gateway.domain.circuit import Circuit, Outage
from services.debident_gateway.domain.deb_sequence import MissingDebFiles
from services.debident_gateway.domain.events import DomainEvent
from services.debident_gateway.domain.manual import HandReport
from services.debident_gateway.domain.model import (
    ContractTerms,
    DebCursor,
    FetchedDebFile,
    PortalAccess,
    PortalAddress,
    SftpDoor,
)
from services.debident_gateway.domain.transmission import Transmission


@dataclass(frozen=True, slots=True)
class DueOrder:
    """An order that has something due.

    Attributes:
        correlation_id: of the work that prepared the order, so that its story stays together.
    """

    order_id: UUID
    practice_id: UUID
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class DueContract:
    """A contract whose DEB files are to be looked for."""

    contract_id: UUID
    practice_id: UUID


class TransmissionRepository(Protocol):
    """Transmissions with their attempts and polls."""

    async def add(self, transmission: Transmission) -> bool:
        """Store a new one; False where the order is known already."""

    async def lock(self, order_id: UUID) -> Transmission | None:
        """Return it locked for this unit of work, or None where it is unknown."""

    async def lock_if_free(self, order_id: UUID) -> Transmission | None:
        """Like `lock`, but None too when another worker has it locked."""

    async def save(self, transmission: Transmission) -> None:
        """Store its present state."""

    async def contract_in_flight(self, contract_id: UUID, *, apart_from: UUID) -> bool:
        """Whether another order of the contract may be at the portal without an answer."""

    async def release_held(self, *, now: datetime) -> int:
        """Make every held transmission in scope due now; return how many."""

    async def add_attempt(self, transmission: Transmission, *, began_at: datetime) -> None:
        """Record the intent of an attempt, before anything leaves."""

    async def finish_attempt(
        self,
        transmission: Transmission,
        *,
        number: int,
        outcome: str,
        reason_code: str | None,
        ended_at: datetime,
    ) -> None:
        """Record how an attempt ended, once; a later report of the same attempt changes nothing."""

    async def add_poll(
        self, transmission: Transmission, *, answer: str, reason_code: str | None, at: datetime
    ) -> None:
        """Record one ask and its answer; the number is the transmission's `polls`."""

    async def due_to_send(self, *, now: datetime, limit: int) -> list[DueOrder]:
        """Return intended transmissions whose time has come, the longest due first.

        An order whose contract has another one in flight is left out, so that it takes no place
        in the batch while it cannot be sent.
        """

    async def due_to_ask(self, *, now: datetime, limit: int) -> list[DueOrder]:
        """Return sent and unknown transmissions that are to be asked about."""

    async def abandoned(self, *, now: datetime, limit: int) -> list[DueOrder]:
        """Return transmissions left sending by a worker that did not come back."""


class ContractRepository(Protocol):
    """The projection of contract terms."""

    async def get(self, contract_id: UUID) -> ContractTerms | None:
        """Return the terms, or None where the contract is unknown."""

    async def lock(self, contract_id: UUID) -> ContractTerms | None:
        """Return the terms; until the unit of work ends, nobody else gets them this way."""

    async def knows_practice(self, practice_id: UUID) -> bool:
        """Whether any contract of the practice is known."""

    async def of_practice(self, practice_id: UUID) -> list[ContractTerms]:
        """Return the terms of all contracts of a practice."""

    async def save_if_newer(self, terms: ContractTerms) -> bool:
        """Store the terms unless these or newer ones are known; return whether they were."""


class CredentialRepository(Protocol):
    """Portal credentials, encrypted at rest and bound to their practice."""

    async def access(
        self, practice_id: UUID, *, account_number: str, adapter: str
    ) -> PortalAccess | None:
        """Return the practice's access by an adapter, or None where none was entered.

        An adapter of a person's has no access of its own: what was sent by HTTP is asked for so.

        Raises:
            CredentialsUnreadableError: they do not decrypt for this practice.
        """

    async def changed_at(self, practice_id: UUID, *, adapter: str) -> datetime | None:
        """Return when the practice's credentials were entered, or None where none were."""

    async def put(
        self,
        practice_id: UUID,
        *,
        client_id: str,
        client_secret: str,
        changed_at: datetime,
        replaces: datetime | None,
    ) -> bool:
        """Store the HTTP credentials in the place of those entered then; None: of none.

        Returns False, and stores nothing, if others are there.
        """

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
        """Store the SFTP credentials, like `put`."""


class DebFileRepository(Protocol):
    """Fetched DEB files and how far each contract was looked through."""

    async def ensure_cursor(self, cursor: DebCursor) -> None:
        """Begin to look for a contract's files, unless that has begun."""

    async def due(self, *, now: datetime, limit: int) -> list[DueContract]:
        """Return contracts whose next look is due and that nobody has in hand."""

    async def claim(
        self, contract_id: UUID, *, now: datetime, lease_until: datetime
    ) -> DebCursor | None:
        """Take a due contract into hand, or None where it is not due or in other hands."""

    async def renew(self, cursor: DebCursor, *, lease_until: datetime) -> bool:
        """Keep a claimed contract in hand for longer; False where it is in other hands by now."""

    async def save_cursor(self, cursor: DebCursor) -> bool:
        """Store how far the look came, and give the contract back.

        False, and nothing stored, where it is in other hands by now.
        """

    async def numbers(self, contract_id: UUID) -> list[int]:
        """Return the publication numbers of the contract's files that are here."""

    async def look_from(self, cursor: DebCursor, *, again: int) -> int:
        """Return the position behind which to look: the last `again` files are looked at anew."""

    async def seen(
        self, contract_id: UUID, portal_file_ids: Sequence[str]
    ) -> frozenset[tuple[str, str]]:
        """Return (portal file id, content hash) of what is recorded already under these ids."""

    async def add(self, file: FetchedDebFile) -> bool:
        """Record a fetched file; False where its bytes are here already (a repeat)."""

    async def number_of(self, deb_file_id: UUID) -> int | None:
        """Return the publication number under which a file is here, or None where it has none."""

    async def contract_of(self, deb_file_id: UUID) -> UUID | None:
        """Return the contract under which a file is recorded, or None where it is not."""

    async def note_listing(self, file: FetchedDebFile) -> bool:
        """Record that the portal offered these bytes under this id; False where that is known.

        Of a file that a person brought for a missing number it is the name that it was given.
        """


class DebGapRepository(Protocol):
    """The DEB files that are missing."""

    async def open(self, contract_id: UUID) -> list[MissingDebFiles]:
        """Return what is missing of a contract's files, by number, and keep others from it."""

    async def save(self, missing: MissingDebFiles) -> None:
        """Store a new gap, or what is left of a known one."""

    async def resolve(self, gap_id: UUID, *, at: datetime) -> bool:
        """Note that everything of a gap is here; False where that is known."""


class CircuitRepository(Protocol):
    """The circuits of the portals and of the practices' accounts there."""

    async def of(self, at: PortalAddress, practice_id: UUID) -> list[Circuit]:
        """Return the known circuits in the way of a practice's calls, the portal's first."""

    async def lock(self, at: PortalAddress, practice_id: UUID | None) -> Circuit:
        """Return the circuit locked for this unit of work; a new one where none is known."""

    async def save(self, circuit: Circuit) -> None:
        """Store its present state."""

    async def practices_with(self, at: PortalAddress) -> list[UUID]:
        """Return the practices in scope that have a contract whose calls go to this portal."""

    async def tell(self, circuit: Circuit, practice_ids: Sequence[UUID]) -> list[UUID]:
        """Note that practices are told of an open circuit's outage; return those who were not."""

    async def end_told(self, outage_id: UUID, *, at: datetime) -> list[UUID]:
        """Note that an outage is over; return the practices in scope that wait to be told."""

    async def leave(self, outage: Outage, practice_id: UUID, *, at: datetime) -> bool:
        """Note that an outage is no concern of a practice any more; False where that is so."""

    async def left(self, at: PortalAddress | None, practice_id: UUID) -> list[Outage]:
        """Return outages told to a practice of portals that its calls do not go to any more.

        Args:
            at: where its calls by this adapter go now; None: only contracts and credentials say.
        """

    async def release_waiting(self, circuit: Circuit, *, now: datetime) -> None:
        """Let orders and looks that waited for this circuit be due now."""

    async def probe_account_now(self, practice_id: UUID, *, now: datetime) -> None:
        """Let the next call of the practice's account decide, by whichever way it goes."""


class HandReportRepository(Protocol):
    """What persons reported of orders that they handed over."""

    async def add(self, report: HandReport) -> bool:
        """Keep a report; False where one of this kind is kept for the order already."""


class UnitOfWork(Protocol):
    """One transaction's repositories, and the events that leave with it."""

    async def stay_awake(self) -> None:
        """Ask the database for nothing, so that it does not take the transaction for forgotten."""

    @property
    def transmissions(self) -> TransmissionRepository:
        """Transmissions in scope."""

    @property
    def contracts(self) -> ContractRepository:
        """Contracts in scope."""

    @property
    def credentials(self) -> CredentialRepository:
        """Credentials in scope."""

    @property
    def deb_files(self) -> DebFileRepository:
        """DEB files in scope."""

    @property
    def deb_gaps(self) -> DebGapRepository:
        """Missing DEB files in scope."""

    @property
    def circuits(self) -> CircuitRepository:
        """The portals' circuits, and those of the accounts in scope."""

    @property
    def hand_reports(self) -> HandReportRepository:
        """Persons' reports in scope."""

    def record(self, event: DomainEvent) -> None:
        """Let an event leave when the unit of work ends well."""


class UnitsOfWork(Protocol):
    """Opens units of work for timers, which have no transaction of their own around a call."""

    def begin(self, practice_id: UUID | None) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open one for a practice's rows, or (None) for the due work of all practices."""
