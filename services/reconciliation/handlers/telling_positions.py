"""Tells what rows of a DEB file did to an invoice: one event, or several where there is much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from services.reconciliation.domain.events import Change, InvoicePositionChanged
from services.reconciliation.domain.model import Position
from shared.kernel.clock import Clock

_CHANGES_PER_EVENT = 50


def position_events(
    position: Position,
    changes: Sequence[Change],
    *,
    practice_id: UUID,
    deb_file_id: UUID,
    clock: Clock,
) -> Iterator[InvoicePositionChanged]:
    """Return the events of one invoice and batch; each states the position after all of it."""
    for start in range(0, len(changes), _CHANGES_PER_EVENT):
        yield InvoicePositionChanged(
            practice_id=practice_id,
            invoice_id=position.invoice_id,
            contract_id=position.present_contract_id,
            debt=position.debt,
            factor_owes=position.factor_owes,
            with_factor=position.with_factor,
            given_back_by=position.given_back_by,
            deb_file_id=deb_file_id,
            changes=tuple(changes[start : start + _CHANGES_PER_EVENT]),
            changed_at=clock.now(),
        )
