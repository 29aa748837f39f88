"""The journal and the positions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk
from services.reconciliation.adapters.tables import (
    ACQUITTAL,
    INVOICE_POSITION,
    JOURNAL_ENTRY,
    POSITION_FACT,
    POSTING,
)
from services.reconciliation.domain.journal import ChainedEntry, Entry, Head, chained
from services.reconciliation.domain.model import (
    Acquittal,
    Debt,
    Fact,
    LiveAcquittal,
    NewInvoice,
    Position,
)
from services.reconciliation.domain.periods import in_open_period
from services.reconciliation.domain.rules import CANCELLED, CREDIT_SETTLED
from shared.kernel.errors import PermanentError
from shared.kernel.money import Money

POSITION_COLUMNS = """p.invoice_id, p.invoice_number, p.contract_id, p.debtor_number, p.issued_on,
  p.document_number,
  p.principal_rappen, p.reminder_fees_rappen, p.interest_rappen, p.costs_rappen,
  p.factor_owes_rappen, a.order_id AS acquittal_order_id,
  a.contract_id AS acquittal_contract_id, a.ledger_account AS acquittal_ledger_account,
  g.order_id AS ended_order_id, g.contract_id AS ended_contract_id,
  g.ledger_account AS ended_ledger_account"""
POSITION_TABLES = """invoice_position p
  LEFT JOIN acquittal a ON a.invoice_id = p.invoice_id AND a.live
  LEFT JOIN LATERAL (
    SELECT e.order_id, e.contract_id, e.ledger_account FROM acquittal e
    WHERE e.invoice_id = p.invoice_id AND NOT e.live
    ORDER BY e.acquitted_on DESC, e.acquittal_id DESC LIMIT 1) g ON a.invoice_id IS NULL"""
_LOCK = text(
    "SELECT number, entry_hash FROM journal_head WHERE practice_id = :practice_id FOR UPDATE"
)
# Read after the lock, by a statement of its own: it sees what was closed while this one waited.
_CLOSED_UNTIL = text(
    "SELECT closed_until FROM period_closing WHERE practice_id = :practice_id"
    " ORDER BY place DESC LIMIT 1"
)
POSITIONS = text(
    f"SELECT {POSITION_COLUMNS} FROM {POSITION_TABLES}"  # noqa: S608 - constants of ours
    " WHERE p.invoice_id = ANY(CAST(:invoice_ids AS uuid[]))"
)
_MOVE_POSITIONS = text(
    """
    UPDATE invoice_position p SET
      principal_rappen = moved.principal, reminder_fees_rappen = moved.reminder_fees,
      interest_rappen = moved.interest, costs_rappen = moved.costs,
      factor_owes_rappen = moved.factor_owes
    FROM unnest(CAST(:invoice_ids AS uuid[]), CAST(:principal AS bigint[]),
                CAST(:reminder_fees AS bigint[]), CAST(:interest AS bigint[]),
                CAST(:costs AS bigint[]), CAST(:factor_owes AS bigint[]))
      AS moved (invoice_id, principal, reminder_fees, interest, costs, factor_owes)
    WHERE p.invoice_id = moved.invoice_id
    """
)
_TURN_ACQUITTALS = text(
    """
    UPDATE acquittal a SET live = turned.live
    FROM unnest(CAST(:invoice_ids AS uuid[]), CAST(:order_ids AS uuid[]),
                CAST(:live AS boolean[])) AS turned (invoice_id, order_id, live)
    WHERE a.invoice_id = turned.invoice_id AND a.order_id = turned.order_id
    """
)
_ISSUED_AMOUNTS = text(
    "SELECT total_rappen, deposit_rappen FROM invoice_position WHERE invoice_id = :invoice_id"
)
_HAS_FACT = text("SELECT EXISTS (SELECT FROM position_fact WHERE fact_id = :fact_id)")
_SETTLED_CREDIT = text(
    "SELECT coalesce(sum(amount_rappen), 0)::bigint FROM position_fact"
    " WHERE invoice_id = :invoice_id AND kind = :kind"
)
_CANCELLED = text(
    "SELECT invoice_id FROM position_fact"
    " WHERE invoice_id = ANY(CAST(:invoice_ids AS uuid[])) AND kind = :kind"
)
_NOTE_CANCELLED = text(
    "INSERT INTO invoice_cancellation (invoice_id, practice_id, cancelled_at)"
    " VALUES (:invoice_id, :practice_id, :at)"
)
_ACQUITTED_SUMS = text(
    "SELECT count(*) AS invoices, coalesce(sum(amount_rappen), 0)::bigint AS rappen"
    " FROM acquittal WHERE order_id = :order_id"
)
_MOVE_HEAD = text(
    "UPDATE journal_head SET number = :number, entry_hash = :entry_hash"
    " WHERE practice_id = :practice_id"
)


class PostgresBookRepository:
    """`BookRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._heads: dict[UUID, Head] = {}
        self._closed_until: dict[UUID, date | None] = {}

    async def lock(self, practice_id: UUID) -> bool:
        """Take the practice's books for this transaction; False if the practice is unknown."""
        result = await self._connection.execute(_LOCK, {"practice_id": practice_id})
        row = result.one_or_none()
        if row is None:
            return False
        self._heads[practice_id] = Head(row.number, row.entry_hash)
        self._closed_until[practice_id] = await self._connection.scalar(
            _CLOSED_UNTIL, {"practice_id": practice_id}
        )
        return True

    async def positions(self, invoice_ids: Collection[UUID]) -> Mapping[UUID, Position]:
        """Return the positions of those invoices that are known."""
        result = await self._connection.execute(POSITIONS, {"invoice_ids": list(invoice_ids)})
        return {row["invoice_id"]: position_of(row) for row in result.mappings()}

    async def open_position(self, invoice: NewInvoice) -> bool:
        """Open an invoice's position with no debt yet; False if it is open already.

        Raises:
            PermanentError: the number belongs to another invoice of the practice.
        """
        values = {
            "invoice_id": invoice.invoice_id,
            "practice_id": invoice.practice_id,
            "invoice_number": invoice.invoice_number,
            "contract_id": invoice.contract_id,
            "document_number": invoice.document_number,
            "debtor_number": invoice.debtor_number,
            "issued_on": invoice.issued_on,
            "due_on": invoice.due_on,
            "total_rappen": invoice.total.rappen,
            "deposit_rappen": invoice.deposit.rappen,
        }
        try:
            new = await bulk.insert(
                self._connection,
                INVOICE_POSITION,
                [values],
                on_conflict="ON CONFLICT (invoice_id) DO NOTHING",
            )
        except IntegrityError as error:
            raise PermanentError(
                f"invoice number {invoice.invoice_number} belongs to another invoice"
            ) from error
        return new == 1

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
        entries = in_open_period(entries, self._closed_until[practice_id])
        links, head = chained(self._heads[practice_id], entries)
        # They refer to one another, and are judged at the statement's end.
        await bulk.insert_together(
            self._connection,
            [
                (ACQUITTAL, [_acquittal_row(one) for one in acquittals]),
                (POSTING, [row for link in links for row in _posting_rows(link.entry)]),
                (JOURNAL_ENTRY, [_entry_row(link) for link in links]),
                (POSITION_FACT, [_fact_row(fact) for fact in facts]),
            ],
        )
        await self._move(positions)
        await self._connection.execute(
            _MOVE_HEAD,
            {"practice_id": practice_id, "number": head.number, "entry_hash": head.entry_hash},
        )
        self._heads[practice_id] = head

    async def _move(self, positions: Sequence[Position]) -> None:
        if positions:
            await self._connection.execute(
                _MOVE_POSITIONS,
                {
                    "invoice_ids": [one.invoice_id for one in positions],
                    "principal": [one.debt.principal.rappen for one in positions],
                    "reminder_fees": [one.debt.reminder_fees.rappen for one in positions],
                    "interest": [one.debt.interest.rappen for one in positions],
                    "costs": [one.debt.costs.rappen for one in positions],
                    "factor_owes": [one.factor_owes.rappen for one in positions],
                },
            )

    async def issued_amounts(self, invoice_id: UUID) -> tuple[Money, Money]:
        """Return total and deposit of a known invoice, as it was issued."""
        result = await self._connection.execute(_ISSUED_AMOUNTS, {"invoice_id": invoice_id})
        row = result.one()
        return Money(row.total_rappen), Money(row.deposit_rappen)

    async def has_fact(self, fact_id: UUID) -> bool:
        """Whether this fact is stored already."""
        return bool(await self._connection.scalar(_HAS_FACT, {"fact_id": fact_id}))

    async def settled_credit(self, invoice_id: UUID) -> Money:
        """Return by how much credit notes reduced an invoice without the factor."""
        wanted = {"invoice_id": invoice_id, "kind": CREDIT_SETTLED}
        return Money((await self._connection.execute(_SETTLED_CREDIT, wanted)).scalar_one())

    async def cancelled_among(self, invoice_ids: Collection[UUID]) -> Collection[UUID]:
        """Return those of the invoices whose cancellation is booked."""
        wanted = {"invoice_ids": list(invoice_ids), "kind": CANCELLED}
        return set((await self._connection.execute(_CANCELLED, wanted)).scalars())

    async def note_cancelled(self, practice_id: UUID, invoice_id: UUID, *, at: datetime) -> None:
        """Keep the moment at which a cancellation was booked."""
        values = {"practice_id": practice_id, "invoice_id": invoice_id, "at": at}
        await self._connection.execute(_NOTE_CANCELLED, values)

    async def acquitted_sums(self, order_id: UUID) -> tuple[int, Money]:
        """Return number and sum of the order's acquittals."""
        row = (await self._connection.execute(_ACQUITTED_SUMS, {"order_id": order_id})).one()
        return row.invoices, Money(row.rappen)

    async def turn_acquittals(self, positions: Sequence[Position]) -> None:
        """End the acquittal of each invoice that was given back; revive that of each other."""
        turned = [(one, one.latest_acquittal) for one in positions]
        known = [(one, acquittal) for one, acquittal in turned if acquittal is not None]
        if known:
            await self._connection.execute(
                _TURN_ACQUITTALS,
                {
                    "invoice_ids": [one.invoice_id for one, _ in known],
                    "order_ids": [acquittal.order_id for _, acquittal in known],
                    "live": [one.with_factor for one, _ in known],
                },
            )


def _acquittal_of(row: RowMapping, which: str) -> LiveAcquittal | None:
    if row[f"{which}_order_id"] is None:
        return None
    return LiveAcquittal(
        row[f"{which}_order_id"], row[f"{which}_contract_id"], row[f"{which}_ledger_account"]
    )


def position_of(row: RowMapping) -> Position:
    """Return the position on a row of POSITION_COLUMNS."""
    return Position(
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        contract_id=row["contract_id"],
        debtor_number=row["debtor_number"],
        issued_on=row["issued_on"],
        debt=Debt(
            Money(row["principal_rappen"]),
            Money(row["reminder_fees_rappen"]),
            Money(row["interest_rappen"]),
            Money(row["costs_rappen"]),
        ),
        factor_owes=Money(row["factor_owes_rappen"]),
        acquittal=_acquittal_of(row, "acquittal"),
        ended=_acquittal_of(row, "ended"),
        document_number=row["document_number"],
    )


def _entry_row(link: ChainedEntry) -> dict[str, object]:
    entry = link.entry
    return {
        "entry_id": entry.entry_id,
        "practice_id": entry.practice_id,
        "number": link.number,
        "entry_date": entry.entry_date,
        "kind": entry.kind,
        "label": entry.label,
        "order_id": entry.order_id,
        "deb_file_id": entry.deb_file_id,
        "deb_line": entry.deb_line,
        "previous_hash": link.previous_hash,
        "entry_hash": link.entry_hash,
    }


def _posting_rows(entry: Entry) -> list[dict[str, object]]:
    return [
        {
            "practice_id": entry.practice_id,
            "entry_id": entry.entry_id,
            "line": line,
            "account": posting.account,
            "role": posting.role.value,
            "amount_rappen": posting.amount.rappen,
            "invoice_id": posting.invoice_id,
            "confirmed_order_id": posting.confirmed_order_id,
        }
        for line, posting in enumerate(entry.postings, 1)
    ]


def _acquittal_row(one: Acquittal) -> dict[str, object]:
    return {
        "acquittal_id": one.acquittal_id,
        "practice_id": one.practice_id,
        "invoice_id": one.invoice_id,
        "order_id": one.order_id,
        "contract_id": one.contract_id,
        "amount_rappen": one.amount.rappen,
        "ledger_account": one.ledger_account,
        "label": one.label,
        "acquitted_on": one.acquitted_on,
        "entry_id": one.entry_id,
        "decided_by": None if one.decided is None else one.decided.by,
        "decided_at": None if one.decided is None else one.decided.at,
    }


def _fact_row(fact: Fact) -> dict[str, object]:
    return {
        "fact_id": fact.fact_id,
        "practice_id": fact.practice_id,
        "invoice_id": fact.invoice_id,
        "kind": fact.kind,
        "fact_date": fact.fact_date,
        "amount_rappen": None if fact.amount is None else fact.amount.rappen,
        "principal_rappen": fact.debt_change.principal.rappen,
        "reminder_fees_rappen": fact.debt_change.reminder_fees.rappen,
        "interest_rappen": fact.debt_change.interest.rappen,
        "costs_rappen": fact.debt_change.costs.rappen,
        "factor_owes_rappen": fact.factor_change.rappen,
        "entry_id": fact.entry_id,
        "order_id": fact.order_id,
        "deb_file_id": fact.deb_file_id,
        "deb_line": fact.deb_line,
        "note": fact.note,
        "reverses": fact.reverses,
        "reversal_round": fact.reversal_round,
    }
