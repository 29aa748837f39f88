"""Takes over both positions of an invoice from the books, and the facts that moved them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.invoicing.domain.invoice import DebtorBalance, Fact, HistoryEntry, Outcome
from services.invoicing.handlers.expected import expected_standings
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class ChangePosition:
    """The books moved this invoice; the positions are those after the booking.

    Attributes:
        sequence: number of the statement among the books' statements about this invoice.
    """

    practice_id: UUID
    invoice_id: UUID
    balance: DebtorBalance
    factor_owes: Money
    with_factor: bool
    deb_file_id: UUID | None
    facts: tuple[Fact, ...]
    sequence: int
    event_id: UUID


async def change_position(command: ChangePosition, uow: UnitOfWork) -> Outcome:
    """Show the new balances and append the facts to the history; an older statement does nothing.

    Raises:
        TooEarlyError: the invoice, or its acquittal, is not known yet.
    """
    standings = await expected_standings(uow, [command.invoice_id])
    standing = standings[command.invoice_id]
    newer = command.sequence > standing.ledger_sequence
    if newer and command.with_factor and not standing.was_acquitted:
        raise TooEarlyError(
            f"the acquittal of invoice {standing.invoice_number} is not known yet",
            waits_for=str(command.invoice_id),
        )
    moved, outcome = standing.repositioned(
        command.balance,
        factor_owes=command.factor_owes,
        with_factor=command.with_factor,
        facts=command.facts,
        sequence=command.sequence,
    )
    if outcome is Outcome.ALREADY_DONE:
        return outcome
    if moved.given_back_by != standing.given_back_by:
        # An order that took the invoice along after a recourse may have been told of before it.
        placements = await uow.orders.placements([command.invoice_id])
        moved = moved.placed(placements[command.invoice_id])
    await uow.invoices.save_standings([moved])
    for fact in command.facts:
        if fact.credit_note_id is not None:
            await uow.corrections.settle_credit_note(
                command.practice_id, fact.credit_note_id, on=fact.event_date
            )
    entries = [
        HistoryEntry(
            command.invoice_id,
            fact.kind,
            fact.event_date,
            cause_id=command.event_id,
            place=place,
            amount=fact.amount,
            deb_file_id=command.deb_file_id,
            level=fact.level,
            reverses=fact.reverses,
        )
        for place, fact in enumerate(command.facts)
    ]
    await uow.invoices.add_history(command.practice_id, entries)
    return outcome
