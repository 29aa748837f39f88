"""The part of the reconciliation API with which persons decide about parked rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.schemas import (
    DebRowReply,
    RowDecisionRequest,
    SuggestionList,
)
from services.reconciliation.handlers.decide_parked_row import (
    LEAVE,
    DecideParkedRow,
    decide_parked_row,
)
from services.reconciliation.handlers.reopen_left_row import REOPEN, reopen_left_row
from services.reconciliation.handlers.suggest_invoices import SuggestInvoices, suggest_invoices
from services.reconciliation.ports import UnitOfWork
from services.reconciliation.views import deb_files
from shared.kernel.clock import Clock
from shared.web.changes import Changed, changed
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply, UserRole

_ROW = "/v1/practices/{practice_id}/parked-rows/{row_id}"
DECIDING_ROLES = frozenset({UserRole.BILLING_OFFICE, UserRole.CONTROLLER})
"""Those who answer for the books."""
UnitOnConnection = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


class ParkedRowOperations:
    """Decisions and suggestions, each on the open connection of its call."""

    def __init__(self, unit_on: UnitOnConnection, clock: Clock) -> None:
        self._unit_on = unit_on
        self._clock = clock

    async def decide(self, call: Call) -> Changed:
        """Carry out what a person decides about a parked row."""
        body = call.body_as(RowDecisionRequest)
        command = DecideParkedRow(
            practice_id=call.practice_id,
            row_id=call.path_id("row_id"),
            decision=body.decision,
            invoice_id=body.invoice_id,
            reason=body.reason.strip(),
            by=call.principal.subject,
        )
        reopens = command.decision == REOPEN
        async with self._unit_on(call.connection) as uow:
            decide = reopen_left_row if reopens else decide_parked_row
            await decide(command, uow, self._clock)
        row = await deb_files.row(call.connection, call.practice_id, command.row_id)
        assert row is not None  # noqa: S101 - it was decided in this transaction
        parked_because = row["reason_code"] if reopens else row["parked_because"]
        before = {
            "status": "parked",
            "reason_code": parked_because,
            "decision": LEAVE if reopens else None,
        }
        after = {
            "status": row["status"],
            "reason_code": row["reason_code"],
            "decision": command.decision,
            "invoice_id": command.invoice_id,
            "reason": command.reason,
        }
        return changed(Reply(replies.deb_row(row)), before, after)

    async def suggest(self, call: Call) -> Reply:
        """Answer the invoices that a parked row may mean."""
        command = SuggestInvoices(call.practice_id, call.path_id("row_id"))
        async with self._unit_on(call.connection) as uow:
            found = await suggest_invoices(command, uow)
        return Reply(SuggestionList(items=[replies.suggestion(one) for one in found]))


def parked_row_endpoints(unit_on: UnitOnConnection, clock: Clock) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = ParkedRowOperations(unit_on, clock)
    return [
        Endpoint(
            method="POST",
            path=f"{_ROW}/decision",
            operation_id="decideParkedRow",
            summary="Book a parked row on an invoice, leave it, or reopen a left one; with reason",
            handler=operations.decide,
            roles=DECIDING_ROLES,
            request=RowDecisionRequest,
            response=DebRowReply,
            problem_codes=(
                "decision-incomplete",
                "invoice-not-found",
                "row-already-decided",
                "row-cannot-be-booked",
                "row-not-found",
                "row-not-left",
                "row-not-parked",
            ),
        ),
        Endpoint(
            method="GET",
            path=f"{_ROW}/suggestions",
            operation_id="suggestInvoices",
            summary="Invoices that a parked row may mean, best first; nothing is booked",
            handler=operations.suggest,
            roles=EVERY_ROLE,
            response=SuggestionList,
            problem_codes=("row-not-found",),
        ),
    ]
