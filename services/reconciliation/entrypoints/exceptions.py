"""The part of the reconciliation API about the queue of exceptions, and its figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.exceptions import DEAD_LETTER, ItemId
from services.reconciliation.entrypoints import replies_exceptions as replies
from services.reconciliation.entrypoints.parked_rows import DECIDING_ROLES
from services.reconciliation.entrypoints.schemas_queue import (
    AssignRequest,
    CloseRequest,
    ExceptionDetail,
    ExceptionList,
    ExceptionsQuery,
    NoteRequest,
)
from services.reconciliation.handlers.keep_exception import (
    AssignException,
    CloseException,
    NoteException,
    assign_exception,
    close_exception,
    exception_not_found,
    note_exception,
)
from services.reconciliation.ports.exceptions import ExceptionDesk
from services.reconciliation.views import exception_queue as views
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.money import Money
from shared.web.changes import Changed, between, changed_all
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply, UserRole
from shared.web.paging import CURSOR_PROBLEM, cursor, split_page
from shared.web.totals import shows_totals

DeskOn = Callable[[AsyncConnection], ExceptionDesk]
LatenessNow = Callable[[], views.Lateness]
"""Says by when a payout is too late now."""
_EXCEPTIONS = "/v1/exceptions"
_ITEM = f"{_EXCEPTIONS}/{{item}}"


class ExceptionOperations:
    """The operations, each on the open connection of its call."""

    def __init__(self, desk_on: DeskOn, clock: Clock, late: LatenessNow) -> None:
        self._desk_on = desk_on
        self._clock = clock
        self._late = late

    async def list_items(self, call: Call) -> Reply:
        """Answer what is open over all practices of the token."""
        query, now, late = call.query_as(ExceptionsQuery), self._clock.now(), self._late()
        choice = views.Choice(
            practice_ids=query.practice_id,
            kinds=query.kind or (),
            reason_codes=query.reason_code,
            assignee=query.assignee,
            unassigned=query.unassigned,
            minimum_rappen=_rappen(query.minimum_amount),
            until=None
            if query.older_than_days is None
            else now - timedelta(days=query.older_than_days),
        )
        rows = await views.page(
            call.connection,
            choice,
            late,
            by=query.by,
            after=replies.place(query.by, query.after),
            limit=query.limit + 1,
        )
        shown, more = split_page(rows, query.limit)
        totals = await views.totals(call.connection, choice, late) if shows_totals(query) else None
        return Reply(
            ExceptionList(
                items=[replies.item(row, now, call.principal.roles) for row in shown],
                next=cursor(*replies.place_of(query.by, shown[-1])) if more else None,
                totals=None if totals is None else replies.totals(totals),
            )
        )

    async def show(self, call: Call) -> Reply:
        """Answer one item with its history, open or not."""
        return Reply(await self._detail(call, _item_of(call)))

    async def assign(self, call: Call) -> Changed:
        """Give an item to a person, or to nobody."""
        body, item = call.body_as(AssignRequest), _item_of(call)
        assignee = body.assignee and body.assignee.strip()
        command = AssignException(item, assignee, body.why.strip(), call.principal.subject)
        before = await self._standing(call, item)
        await assign_exception(command, self._desk_on(call.connection), self._clock)
        return await self._told(call, item, before, why=command.why)

    async def note(self, call: Call) -> Changed:
        """Add a note."""
        body, item = call.body_as(NoteRequest), _item_of(call)
        command = NoteException(item, body.note.strip(), call.principal.subject)
        before = await self._standing(call, item)
        await note_exception(command, self._desk_on(call.connection), self._clock)
        return await self._told(call, item, before)

    async def close(self, call: Call) -> Changed:
        """Close an item that nothing else can end."""
        body, item = call.body_as(CloseRequest), _item_of(call)
        command = CloseException(item, body.reason.strip(), call.principal.subject)
        before = await self._standing(call, item)
        await close_exception(command, self._desk_on(call.connection), self._clock)
        return await self._told(call, item, before, reason=command.reason)

    async def _standing(self, call: Call, item: ItemId) -> ExceptionDetail:
        """Return how an item stands, for a move: others wait until the transaction ends."""
        await self._desk_on(call.connection).find(item)
        return await self._detail(call, item)

    async def _told(
        self, call: Call, item: ItemId, before: ExceptionDetail, **why: object
    ) -> Changed:
        after = await self._detail(call, item)
        # An item of several practices may have some that are not open to the caller.
        practice_id = after.practice_ids[0] if len(after.practice_ids) == 1 else None
        told = between(_facts(before), {**_facts(after), **why}, practice_id=practice_id)
        return changed_all(Reply(after), [told])

    async def _detail(self, call: Call, item: ItemId) -> ExceptionDetail:
        row = await views.one(call.connection, item, self._late())
        if row is None:
            raise exception_not_found()
        history = await views.history(call.connection, row)
        return replies.detail(row, history, self._clock.now(), call.principal.roles)


def _facts(item: ExceptionDetail) -> dict[str, object]:
    """Return how an item stands; of what persons noted, how much there is."""
    return {"open": item.open, "assignee": item.assignee, "history_lines": len(item.history)}


def _item_of(call: Call) -> ItemId:
    item = ItemId.parse(str(call.path["item"]))
    if item is None:
        raise exception_not_found()
    return item


def _rappen(amount: str | None) -> int | None:
    return None if amount is None else Money.parse(amount).rappen


def exception_endpoints(desk_on: DeskOn, clock: Clock, late: LatenessNow) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = ExceptionOperations(desk_on, clock, late)
    return [
        Endpoint(
            method="GET",
            path=_EXCEPTIONS,
            operation_id="listExceptions",
            summary="All that waits for a person, over all practices, with totals by kind",
            handler=operations.list_items,
            roles=EVERY_ROLE,
            query=ExceptionsQuery,
            response=ExceptionList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=_ITEM,
            operation_id="getException",
            summary="One item with its history, whether it is open or not",
            handler=operations.show,
            roles=EVERY_ROLE,
            response=ExceptionDetail,
            problem_codes=("exception-not-found",),
        ),
        _changing(
            "assign",
            "Give an item to a person, or to nobody",
            operations.assign,
            AssignRequest,
            ("exception-not-open",),
        ),
        _changing("note", "Add a note to an item", operations.note, NoteRequest),
        _changing(
            "close",
            "Close an item that nothing else can end, with a reason",
            operations.close,
            CloseRequest,
            ("exception-not-closable", "exception-not-open"),
            roles=DECIDING_ROLES,
        ),
    ]


def _changing(
    verb: str,
    summary: str,
    handler: Callable[[Call], Awaitable[Reply]],
    request: type[BaseModel],
    codes: tuple[str, ...] = (),
    *,
    roles: frozenset[UserRole] = WORKING_ROLES,
) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"{_ITEM}/{verb}",
        operation_id=f"{verb}Exception",
        summary=summary,
        handler=handler,
        roles=roles,
        request=request,
        response=ExceptionDetail,
        problem_codes=("exception-not-found", *codes),
    )


def letter_noter(desk_on: DeskOn, clock: Clock) -> Callable[[Call, UUID, str], Awaitable[None]]:
    """Return what keeps in an item's history what a person did about a dead letter of our own."""

    async def note(call: Call, event_id: UUID, words: str) -> None:
        item = ItemId(DEAD_LETTER, event_id)
        command = NoteException(item, words, call.principal.subject)
        await note_exception(command, desk_on(call.connection), clock)

    return note


def exception_gauges(
    database: Database, late: LatenessNow
) -> Callable[[], Awaitable[dict[str, float]]]:
    """Return a provider that counts the open items of all practices by kind, when it is called."""

    async def read() -> dict[str, float]:
        async with database.transaction(Scope.everything()) as connection:
            counts = await views.open_counts(connection, late())
        return {
            f"exceptions_open_{kind.replace('-', '_')}": float(count)
            for kind, count in counts.items()
        }

    return read
