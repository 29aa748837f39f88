"""The API about one position: why it is what it is, its DEB rows, and what it was on a past day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping

from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.deb_file_replies import rule
from services.reconciliation.entrypoints.schemas import BalancesQuery, DebRowList, DebRowTotals
from services.reconciliation.entrypoints.schemas_positions import (
    FactEvidence,
    FactPerson,
    FactReply,
    FactSource,
    HistoryQuery,
    PositionAt,
    PositionDetail,
    PositionsAt,
)
from services.reconciliation.views import books, past_positions, why
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFoundError
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply
from shared.web.paging import (
    CURSOR_PROBLEM,
    PageQuery,
    cursor,
    read_cursor,
    split_page,
    whole_number,
)
from shared.web.totals import totals_of

_PRACTICE = "/v1/practices/{practice_id}"
_INVOICE = f"{_PRACTICE}/positions/{{invoice_id}}"


class PositionsApi:
    """The operations about one position, each on the open connection of its call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def get_position(self, call: Call) -> Reply:
        """Answer one position with what led to it, fact by fact."""
        query = call.query_as(HistoryQuery)
        (after,) = read_cursor(query.after, whole_number) or (0,)
        row = await _position(call)
        facts = await why.history(
            call.connection, call.practice_id, row["invoice_id"], after=after, limit=query.limit + 1
        )
        page, more = split_page(facts, query.limit)
        entries = [fact["entry_id"] for fact in page if fact["entry_id"] is not None]
        postings = await books.postings_of(call.connection, entries)
        history = [_fact(fact, row, postings.get(fact["entry_id"], ())) for fact in page]
        following = cursor(page[-1]["place"]) if more else None
        return Reply(
            PositionDetail(**replies.position_fields(row), history=history, next=following)
        )

    async def list_position_rows(self, call: Call) -> Reply:
        """Answer the DEB rows that name an invoice, whatever became of them."""
        query = call.query_as(PageQuery)
        after = read_cursor(query.after, whole_number, whole_number) or (-1, -1)
        position = await _position(call)
        numbers = [position["invoice_number"], position["document_number"]]
        wanted = {
            "practice_id": call.practice_id,
            "invoice_id": position["invoice_id"],
            "numbers": [number for number in numbers if number is not None],
        }
        rows = await why.naming_rows(
            call.connection, **wanted, after=(after[0], after[1]), limit=query.limit + 1
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["arrival"], page[-1]["line"]) if more else None
        totals = await totals_of(call.connection, query, DebRowTotals, why.NAMING_ROWS, wanted)
        items = [replies.deb_row(row) for row in page]
        return Reply(DebRowList(items=items, next=following, totals=totals))

    async def get_position_at(self, call: Call) -> Reply:
        """Answer what was owed on an invoice at the end of a day."""
        on = call.query_as(BalancesQuery).day or self._clock.today()
        row = await past_positions.position_at(
            call.connection, call.practice_id, call.path_id("invoice_id"), on=on
        )
        if row is None:
            raise _unknown()
        return Reply(
            PositionAt(
                invoice_id=row["invoice_id"],
                invoice_number=row["invoice_number"],
                on=on,
                debtor_owes=replies.debt(row),
                factor_owes=replies.money(row["factor_owes_rappen"]),
            )
        )

    async def get_positions_at(self, call: Call) -> Reply:
        """Answer what was owed on all invoices at the end of a day."""
        on = call.query_as(BalancesQuery).day or self._clock.today()
        row = await past_positions.all_positions_at(call.connection, call.practice_id, on=on)
        return Reply(
            PositionsAt(
                on=on,
                invoices=row["invoices"],
                debtor_owes=replies.debt(row),
                factor_owes=replies.money(row["factor_owes_rappen"]),
            )
        )


def position_endpoints(clock: Clock) -> list[Endpoint]:
    """Return the table of these operations."""
    api = PositionsApi(clock)
    return [
        Endpoint(
            method="GET",
            path=_INVOICE,
            operation_id="getPosition",
            summary="One position, and why: each fact with rule, postings, evidence and person",
            handler=api.get_position,
            roles=EVERY_ROLE,
            query=HistoryQuery,
            response=PositionDetail,
            problem_codes=(CURSOR_PROBLEM, "invoice-not-found"),
        ),
        Endpoint(
            method="GET",
            path=f"{_INVOICE}/rows",
            operation_id="listPositionRows",
            summary="DEB rows that name an invoice, booked or not, oldest file first",
            handler=api.list_position_rows,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=DebRowList,
            problem_codes=(CURSOR_PROBLEM, "invoice-not-found"),
        ),
        Endpoint(
            method="GET",
            path=f"{_INVOICE}/balance",
            operation_id="getPositionAt",
            summary="What debtor and factor owed on an invoice at a day's end",
            handler=api.get_position_at,
            roles=EVERY_ROLE,
            query=BalancesQuery,
            response=PositionAt,
            problem_codes=("invoice-not-found",),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/balances/positions",
            operation_id="getPositionsAt",
            summary="What debtors and factor owed on all invoices at a day's end",
            handler=api.get_positions_at,
            roles=EVERY_ROLE,
            query=BalancesQuery,
            response=PositionsAt,
        ),
    ]


async def _position(call: Call) -> RowMapping:
    row = await books.position(call.connection, call.practice_id, call.path_id("invoice_id"))
    if row is None:
        raise _unknown()
    return row


def _unknown() -> NotFoundError:
    return NotFoundError("this practice has no such invoice", code="invoice-not-found")


def _fact(row: Mapping[str, Any], position: RowMapping, lines: Sequence[RowMapping]) -> FactReply:
    amount = row["amount_rappen"]
    postings = [replies.posting(line) for line in lines]
    return FactReply(
        kind=row["kind"],
        event_date=row["fact_date"],
        amount=None if amount is None else replies.money(amount),
        debtor_change=replies.debt(row),
        factor_change=replies.money(row["factor_owes_rappen"]),
        order_id=row["order_id"],
        order_number=row["order_number"],
        journal_entry_id=row["entry_id"],
        journal_number=row["journal_number"],
        entry_date=row["entry_date"],
        source=_source(row),
        note=row["note"],
        rule=rule(row["kind"], postings),
        postings=postings,
        evidence=_evidence(row, position["invoice_number"]),
        person=_person(row),
    )


def _source(row: Mapping[str, Any]) -> FactSource | None:
    if row["deb_file_id"] is None:
        return None
    return FactSource(
        deb_file_id=row["deb_file_id"],
        file_id=row["file_id"],
        portal_file_id=row["portal_file_id"],
        line=row["deb_line"],
        record_id=row["record_id"],
    )


def _evidence(row: Mapping[str, Any], invoice_number: str) -> FactEvidence:
    if row["deb_file_id"] is not None:
        file = row["file_id"] or row["portal_file_id"]
        reference = f"{file}, line {row['deb_line']}"
        return FactEvidence(kind="deb-file", reference=reference, observed_at=row["fetched_at"])
    if row["evidence_kind"] is not None:
        return FactEvidence(
            kind=row["evidence_kind"],
            reference=row["evidence_reference"],
            observed_at=row["evidence_observed_at"],
        )
    return FactEvidence(kind="invoice", reference=invoice_number, observed_at=None)


def _person(row: Mapping[str, Any]) -> FactPerson | None:
    if row["person"] is None:
        return None
    return FactPerson(
        decision=row["person_decision"],
        by=row["person"],
        at=row["person_at"],
        reason=row["person_reason"],
    )
