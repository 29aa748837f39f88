"""What the handlers need from outside: the books, the confirmations, the DEB files, the content."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from services.reconciliation.domain.accounts import Chart, LedgerAccount
from services.reconciliation.domain.booking import BookedRow, Decision
from services.reconciliation.domain.deb.records import DebRow, FileFault, Header
from services.reconciliation.domain.events import DomainEvent
from services.reconciliation.domain.filing import (
    BookPlace,
    Effect,
    FileDecision,
    LivingFile,
    SupersededFile,
    UndoneFile,
)
from services.reconciliation.domain.handing import (
    ClaimedFile,
    ParkedRow,
    RowCounts,
    RowDecision,
    Unbooked,
)
from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.matching import Known
from services.reconciliation.domain.model import (
    Acquittal,
    Confirmation,
    ConfirmationLine,
    Contract,
    Fact,
    FetchedFile,
    NewInvoice,
    Position,
    Practice,
    PreparedOrder,
)
from services.reconciliation.domain.reversing import Original
from services.reconciliation.domain.setting_aside import AcquittalException, ExceptionDecision
from services.reconciliation.domain.undoing import Undoable, Undoing
from services.reconciliation.ports.dunning import DunningRepository
from services.reconciliation.ports.periods import PeriodRepository
from shared.kernel.money import Money


class PracticeRepository(Protocol):
    """Practices, their contracts and their charts of accounts."""

    async def register(self, practice: Practice, chart: Sequence[LedgerAccount]) -> bool:
        """Store a practice, its chart and an empty journal; False if it is known already."""

    async def chart(self, practice_id: UUID) -> Chart:
        """Return the practice's chart of accounts."""

    async def open_account(self, practice_id: UUID, account: LedgerAccount) -> None:
        """Add one account to the chart."""

    async def contract(self, contract_id: UUID) -> Contract | None:
        """Return the present terms, or None if the contract is unknown to this practice."""

    async def save_contract(self, contract: Contract) -> None:
        """Store the terms, in place of earlier ones."""


class BookRepository(Protocol):
    """The journal and the positions; every writer takes the practice's lock first."""

    async def lock(self, practice_id: UUID) -> bool:
        """Take the practice's books for this transaction; False if the practice is unknown."""

    async def positions(self, invoice_ids: Collection[UUID]) -> Mapping[UUID, Position]:
        """Return the positions of those invoices that are known."""

    async def open_position(self, invoice: NewInvoice) -> bool:
        """Open an invoice's position with no debt yet; False if it is open already.

        Raises:
            PermanentError: the number belongs to another invoice of the practice.
        """

    async def book(
        self,
        practice_id: UUID,
        *,
        entries: Sequence[Entry],
        facts: Sequence[Fact],
        positions: Sequence[Position],
        acquittals: Sequence[Acquittal] = (),
    ) -> None:
        """Append entries to the chain, store facts, and set positions to what they led to.

        An entry whose day is closed is dated the first open day, and says so. Each acquittal makes
        its invoice one that is with the factor.
        """

    async def issued_amounts(self, invoice_id: UUID) -> tuple[Money, Money]:
        """Return total and deposit of a known invoice, as it was issued."""

    async def has_fact(self, fact_id: UUID) -> bool:
        """Whether this fact is stored already."""

    async def settled_credit(self, invoice_id: UUID) -> Money:
        """Return by how much credit notes reduced an invoice without the factor."""

    async def cancelled_among(self, invoice_ids: Collection[UUID]) -> Collection[UUID]:
        """Return those of the invoices whose cancellation is booked."""

    async def note_cancelled(self, practice_id: UUID, invoice_id: UUID, *, at: datetime) -> None:
        """Keep the moment at which a cancellation was booked; the fact itself has only the day."""

    async def acquitted_sums(self, order_id: UUID) -> tuple[int, Money]:
        """Return number and sum of the order's acquittals."""

    async def turn_acquittals(self, positions: Sequence[Position]) -> None:
        """End the acquittal of each invoice that was given back; revive that of each other."""


class ConfirmationRepository(Protocol):
    """What is known of arrived orders; without it nothing may be acquitted."""

    async def note_order(self, order: PreparedOrder) -> bool:
        """Remember that an order exists, confirmed or not; False if it is known."""

    async def is_order_known(self, order_id: UUID) -> bool:
        """Whether the order exists in this practice."""

    async def find(self, order_id: UUID) -> Confirmation | None:
        """Return a confirmation, or None."""

    async def store(self, confirmation: Confirmation, lines: Sequence[ConfirmationLine]) -> None:
        """Store a confirmation with all its lines; they are never changed afterwards.

        Raises:
            PermanentError: the order number belongs to another order of the practice.
        """

    async def accepted_invoices(self, order_id: UUID) -> Mapping[UUID, Money]:
        """Return what the order's confirmation accepted: invoice to amount, in its order."""

    async def mark_acquitted(self, order_id: UUID, *, on: date, at: datetime) -> None:
        """Note the day and the moment at which the order was acquitted."""


class ExceptionRepository(Protocol):
    """Lines that an acquittal set aside; whoever decides holds the lock on the books."""

    async def add(self, exceptions: Sequence[AcquittalException]) -> None:
        """Keep lines that were set aside."""

    async def find(self, practice_id: UUID, exception_id: UUID) -> AcquittalException | None:
        """Return a line of the practice that was set aside, or None."""

    async def count_open(self, order_id: UUID) -> int:
        """Return how many lines of an order were set aside and are not acquitted."""

    async def settle(self, decision: ExceptionDecision) -> None:
        """Keep what a person decided."""


class DebFileRepository(Protocol):
    """DEB files and their rows."""

    async def register(self, file: FetchedFile, *, received_at: datetime) -> bool:
        """Store a fetched file, and record the delivery; False if its bytes were here before.

        A file that is held because its content was not to be had is then taken up again.
        """

    async def renew_lease(self, file: ClaimedFile, *, until: datetime) -> bool:
        """Lock the file for this transaction and prolong the lease; False if it was lost."""

    async def stage(self, file: ClaimedFile, rows: Sequence[DebRow]) -> None:
        """Store the next rows as read, with occurrences; rows stored before stay as they are."""

    async def sequence_fault(
        self, file: ClaimedFile, header: Header
    ) -> FileFault | Unbooked | None:
        """Return why the file cannot follow the files booked so far, or for which it waits."""

    async def wait_for(self, file: ClaimedFile, header: Header, before: Unbooked) -> None:
        """Give the file back, to be claimed again once the file before it is no longer under way.

        It keeps no other file waiting, but those that come after it.
        """

    async def mark_staged(self, file: ClaimedFile, header: Header, *, rows_read: int) -> None:
        """Note that the file is whole and may be booked; its header has a date by now."""

    async def hold(
        self, file: ClaimedFile, fault: FileFault, header: Header | None, *, rows_read: int
    ) -> None:
        """Hold the file; nothing of it is booked."""

    async def postpone(
        self, file: ClaimedFile, *, until: datetime, reason: str, attempts: int = 0
    ) -> None:
        """Give the file back, to be claimed again no sooner than `until`.

        Args:
            reason: in plain words, shown to people; never an error's own words.
            attempts: how many attempts without progress now count against the file.
        """

    async def give_back(self, file: ClaimedFile) -> None:
        """Give the file back at once, as if this worker had never claimed it."""

    async def comes_early(self, file: ClaimedFile) -> bool:
        """Whether a row's invoice, confirmation or automatic acquittal may be still to come."""

    async def is_next(self, file: ClaimedFile) -> bool:
        """Whether no file that was staged before this one has rows to be booked."""

    async def resume_rows(
        self,
        practice_id: UUID,
        positions: Sequence[Position],
        *,
        reasons: Collection[str],
        order_number: str | None = None,
    ) -> int:
        """Put parked rows back to be decided again; return how many.

        The caller holds the practice's lock. A resumed row counts as parked until it is decided.

        Args:
            positions: the invoices that the rows name or were matched with.
            reasons: only rows parked for one of these.
            order_number: rows that name no invoice but this order come back too.
        """

    async def next_rows(self, file: ClaimedFile, *, limit: int) -> Sequence[DebRow]:
        """Return the next undecided rows, in booking order."""

    async def known(self, practice_id: UUID, rows: Sequence[DebRow]) -> Known:
        """Return what the books know of everything that the rows name."""

    async def booked_rows(
        self, practice_id: UUID, contract_id: UUID, rows: Sequence[DebRow]
    ) -> Mapping[str, BookedRow]:
        """Return the rows already booked, or left, that are the same as these, by identity."""

    async def times_undone(self, contract_id: UUID, rows: Sequence[DebRow]) -> Mapping[str, int]:
        """Return how often each of these rows was booked and undone before, by identity."""

    async def originals(
        self, contract_id: UUID, record_ids: Collection[str]
    ) -> Mapping[str, Original]:
        """Return what was booked under these record ids, as their reversals need it."""

    async def resume_reversals(
        self, practice_id: UUID, contract_id: UUID, record_ids: Collection[str]
    ) -> int:
        """Put parked reversals of these records back to be decided again; return how many."""

    async def decide(self, deb_file_id: UUID, decisions: Sequence[Decision]) -> None:
        """Write what became of rows."""

    async def finish(self, file: ClaimedFile, *, at: datetime) -> RowCounts:
        """Count the rows and close the file; files held only because of it are taken up again."""


class RowDecisionRepository(Protocol):
    """Parked rows that a person decides about, and the decisions, which are never changed."""

    async def find(self, row_id: UUID) -> ParkedRow | None:
        """Return a row that is or was parked, and keep others from it and its file; or None."""

    async def read(self, practice_id: UUID, row_id: UUID) -> DebRow | None:
        """Return a row that is or was parked, as it was read, without keeping others from it."""

    async def candidates(
        self, practice_id: UUID, row: DebRow, *, numbers: Collection[str]
    ) -> Sequence[Position]:
        """Return invoices of these numbers, of the row's debtor, or of which its amount is open."""

    async def store(self, decision: RowDecision) -> None:
        """Keep a decision about a row that is parked still, behind all that were made before."""

    async def take_up(self, row_id: UUID) -> None:
        """Make the row undecided, within the transaction that books it."""

    async def counts(self, deb_file_id: UUID) -> RowCounts | None:
        """Return what became of a closed file's rows; None while it is being worked."""


class DebLifeRepository(Protocol):
    """What persons decide about whole DEB files; decisions are never changed."""

    async def awaits_review(self, file: ClaimedFile) -> bool:
        """Whether a person must have the file booked."""

    async def find(self, deb_file_id: UUID) -> LivingFile | None:
        """Return a file and keep others from it for this transaction; None if it is unknown."""

    async def store(self, decision: FileDecision) -> None:
        """Keep a decision."""

    async def let_book(self, deb_file_id: UUID) -> None:
        """Let a file that waits for its review be booked, after all that were staged before."""

    async def hold(self, deb_file_id: UUID, fault: FileFault) -> None:
        """Hold a file of which nothing is booked."""

    async def release(self, deb_file_id: UUID, *, accept_sequence: bool) -> None:
        """Have a held file read again, by the contract's present layout; its rows are dropped."""

    async def book_anew(self, deb_file_id: UUID, new_id: UUID) -> None:
        """Register the bytes of an undone file as a new file, which takes its place."""

    async def discard(self, deb_file_id: UUID) -> None:
        """End a held file for good; its rows, of which none was ever judged, are dropped."""

    async def supersede(self, file: ClaimedFile) -> Sequence[SupersededFile]:
        """Discard held files that came before and are other versions of this booked one.

        They have its id; or they have its name at the portal, and no id. Where the booked file has
        none itself, they have the name and a row in common with it.
        """

    async def set_aside(self, file: ClaimedFile, *, until: datetime, reason: str) -> None:
        """Give back a file that keeps failing, for a while, and note since when it fails."""

    async def retry(self, deb_file_id: UUID) -> None:
        """Let a file that is set aside be claimed at once."""

    async def begin_undo(self, deb_file_id: UUID, undo_id: UUID) -> None:
        """Hand a booked file to the worker to be undone."""

    async def undoable(self, file: ClaimedFile, *, limit: int) -> Sequence[Undoable]:
        """Return booked rows on which this undoing has not decided, the last booked first."""

    async def why_undone(self, file: ClaimedFile) -> str:
        """Return who undoes the file, and why, for the note of each fact."""

    async def undo(self, file: ClaimedFile, outcomes: Sequence[Undoing]) -> None:
        """Write what became of booked rows, and bring back rows that were in conflict with them."""

    async def withdraw_parked(self, file: ClaimedFile, *, limit: int) -> int:
        """Take parked rows of which no person decided out of the queue; return how many."""

    async def end_undo(self, file: ClaimedFile) -> UndoneFile:
        """Close the file as undone, or undone in part."""

    async def claim_for_preview(self, deb_file_id: UUID) -> ClaimedFile | None:
        """Return a file that is staged, kept from others; None if there is no such file."""

    async def undecided_lines(self, file: ClaimedFile, *, after: int, limit: int) -> Sequence[int]:
        """Return lines of rows that are to be decided, behind a line."""

    async def last_place(self, file: ClaimedFile) -> BookPlace:
        """Return where the practice's books end now."""

    async def effect(self, file: ClaimedFile, since: BookPlace) -> Effect:
        """Return what was booked of the file behind a place in the books, in sums."""


class UnitOfWork(Protocol):
    """One transaction's worth of work; it records what happened and never commits."""

    practices: PracticeRepository
    books: BookRepository
    confirmations: ConfirmationRepository
    exceptions: ExceptionRepository
    deb_files: DebFileRepository
    row_decisions: RowDecisionRepository
    deb_life: DebLifeRepository
    periods: PeriodRepository
    dunning: DunningRepository

    def record(self, event: DomainEvent) -> None:
        """Remember an event; it leaves with the transaction."""


class UnitOpener(Protocol):
    """Opens a transaction in the scope of one practice, for work that no request started."""

    def __call__(self, practice_id: UUID) -> AbstractAsyncContextManager[UnitOfWork]:
        """Return a context that commits on a clean exit and rolls back on any error."""


class FileQueue(Protocol):
    """Hands out DEB files to workers: one file per practice at a time, oldest first."""

    async def claim(self) -> ClaimedFile | None:
        """Return the next file under a fresh lease, or None when there is nothing to do.

        Raises:
            TransientError: the database did not answer.
        """
