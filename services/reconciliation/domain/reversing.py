"""What a reversal undoes: the one booked row that it names by record id, exactly and once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.journal import Posting
from services.reconciliation.domain.model import Debt, Position
from services.reconciliation.domain.rules import RECOURSE, REVERSAL
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Original:
    """A booked row, as far as its reversal needs it.

    Attributes:
        invoice_id: None for a movement of the factor's current account.
        amount: as the row stated it; None for information.
        reversal_round: how many reversals of it were undone before.
        order_id: through which the invoice was with the factor then.
    """

    fact_id: UUID
    kind: str
    invoice_id: UUID | None
    amount: Money | None
    debt_change: Debt
    factor_change: Money
    order_id: UUID | None
    postings: tuple[Posting, ...]
    is_reversed: bool = False
    reversal_round: int = 0

    @property
    def moves_receivables(self) -> bool:
        """Whether it is about a claim that is the practice's own again."""
        return any(posting.role is AccountRole.RECEIVABLES for posting in self.postings)

    def opposite_postings(self) -> tuple[Posting, ...]:
        """Return the postings that undo its own."""
        return tuple(replace(posting, amount=-posting.amount) for posting in self.postings)


def refusal(row: DebRow, original: Original | None) -> tuple[str, str] | None:
    """Return (reason, detail) if there is nothing that the row could undo."""
    if row.reverses is None:
        return "reversed-record-unknown", "the row names no record"
    if original is None:
        return "reversed-record-unknown", f"no row {row.reverses} is booked"
    if original.kind == REVERSAL:
        return "reversal-of-reversal", f"record {row.reverses} is itself a reversal"
    if original.is_reversed:
        return "already-reversed", f"record {row.reverses} was reversed before"
    stated = original.amount or Money.zero()
    if row.amount != stated:
        return "impossible-amount", f"record {row.reverses} is about {stated}, not {row.amount}"
    return None


def refusal_by_position(original: Original, position: Position) -> tuple[str, str] | None:
    """Return (reason, detail) if the invoice stands where the row cannot be undone."""
    if position.invoice_id != original.invoice_id:
        return "order-mismatch", "the record that it names is about another invoice"
    if original.debt_change == Debt() and not original.moves_receivables:
        return None
    if original.kind == RECOURSE:
        return _refusal_of_recourse(original, position)
    if original.moves_receivables and position.acquittal is not None:
        return "acquitted-again", "the invoice has gone back to the factor since"
    if not original.moves_receivables and position.acquittal is None:
        return "not-acquitted", "the factor gave the invoice back since"
    return None


def _refusal_of_recourse(original: Original, position: Position) -> tuple[str, str] | None:
    ended = position.ended
    if position.acquittal is not None or ended is None or ended.order_id != original.order_id:
        return "acquitted-again", "the invoice has gone back to the factor since"
    if position.debt.total != original.amount:
        return "open-amount-differs", f"{position.debt.total} is open, not {original.amount}"
    return None


def restored(original: Original, position: Position) -> Position:
    """Return the position with the acquittal that the reversed recourse had ended."""
    if original.kind != RECOURSE:
        return position
    return replace(position, acquittal=position.ended, ended=None)
