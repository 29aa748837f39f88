"""Stores the confirmation of an arrived order and, where the contract says so, acquits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.reconciliation.domain.acquittal import AcceptedInvoice
from services.reconciliation.domain.model import AcquittalMode, Confirmation, ConfirmationLine
from services.reconciliation.domain.resuming import UNTIL_CONFIRMED
from services.reconciliation.handlers.acquit_order import acquit_accepted
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError, TooEarlyError
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class ConfirmOrder:
    """This order has arrived, line by line as stated."""

    confirmation: Confirmation
    lines: Sequence[ConfirmationLine]


class ConfirmResult(StrEnum):
    """What a confirmation led to."""

    ACQUITTED = "acquitted"
    WAITS_FOR_A_PERSON = "waits-for-a-person"
    ALREADY_KNOWN = "already-known"


async def confirm_order(command: ConfirmOrder, uow: UnitOfWork, clock: Clock) -> ConfirmResult:
    """Store the confirmation once; the very same one again changes nothing.

    Rows of DEB files that could not be matched before are then decided again.

    Raises:
        TooEarlyError: the practice, the contract or an invoice is not known yet.
        PermanentError: the confirmation contradicts itself or an earlier one.
    """
    confirmation = command.confirmation
    _check(confirmation, command.lines)
    practice = str(confirmation.practice_id)
    if not await uow.books.lock(confirmation.practice_id):
        raise TooEarlyError(f"practice {practice} is unknown", waits_for=practice)
    contract = await uow.practices.contract(confirmation.contract_id)
    if contract is None:
        raise TooEarlyError(f"contract {confirmation.contract_id} is unknown", waits_for=practice)
    known = await uow.confirmations.find(confirmation.order_id)
    if known is not None:
        if known.content_sha256 != confirmation.content_sha256:
            raise PermanentError(f"order {known.order_number} was confirmed with other content")
        return ConfirmResult.ALREADY_KNOWN
    accepted = await _accepted(command.lines, uow)
    await uow.confirmations.store(confirmation, command.lines)
    await uow.deb_files.resume_rows(
        confirmation.practice_id,
        [one.position for one in accepted],
        reasons=UNTIL_CONFIRMED,
        order_number=confirmation.order_number,
    )
    if contract.acquittal is AcquittalMode.MANUAL:
        return ConfirmResult.WAITS_FOR_A_PERSON
    await acquit_accepted(confirmation, contract, accepted, uow, clock)
    return ConfirmResult.ACQUITTED


def _check(confirmation: Confirmation, lines: Sequence[ConfirmationLine]) -> None:
    """Raise PermanentError if event and document do not say the same."""
    accepted = [line for line in lines if line.accepted]
    stated = (
        confirmation.accepted_count,
        confirmation.refused_count,
        confirmation.accepted_total,
    )
    found = (
        len(accepted),
        len(lines) - len(accepted),
        Money.total(line.amount for line in accepted),
    )
    if stated != found:
        raise PermanentError(
            f"order {confirmation.order_number}: the confirmation says {stated}, its lines {found}"
        )
    if len({line.invoice_id for line in lines}) != len(lines):
        raise PermanentError(f"order {confirmation.order_number} names an invoice twice")


async def _accepted(lines: Sequence[ConfirmationLine], uow: UnitOfWork) -> list[AcceptedInvoice]:
    """Check that all invoices are known; return the accepted ones, in order."""
    accepted = []
    positions = await uow.books.positions([line.invoice_id for line in lines])
    for line in lines:
        position = positions.get(line.invoice_id)
        if position is None:
            raise TooEarlyError(
                f"invoice {line.invoice_number} is not known yet", waits_for=str(line.invoice_id)
            )
        if line.invoice_number not in position.numbers:
            raise PermanentError(
                f"the confirmation calls invoice {position.invoice_number} {line.invoice_number}"
            )
        if line.accepted:
            accepted.append(AcceptedInvoice(position, line.amount))
    return accepted
