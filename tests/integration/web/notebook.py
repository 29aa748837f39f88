"""A service small enough to test the web layer with: practices keep notes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.db.rls import practice_scope_ddl
from shared.kernel.errors import ConflictError, DomainError, NotFoundError, TransientError
from shared.web.changes import Changed, changed
from shared.web.endpoints import (
    EVERY_ROLE,
    WORKING_ROLES,
    ApiModel,
    Call,
    Endpoint,
    Reply,
    UserRole,
)
from shared.web.schema import WEB_TABLES_V1, WEB_TABLES_V2

NOTE_TABLES = (
    """CREATE TABLE note (
  id uuid PRIMARY KEY,
  practice_id uuid NOT NULL,
  words text NOT NULL,
  CONSTRAINT note_words_once UNIQUE (practice_id, words)
)""",
    *practice_scope_ddl("note"),
)


class NewNote(ApiModel):
    words: Annotated[str, Field(min_length=1, max_length=1000)]
    stars: Annotated[int, Field(ge=0)] = 0
    parts: tuple[NotePart, ...] = ()


class NotePart(ApiModel):
    quantity: Annotated[int, Field(ge=1)]


class Note(ApiModel):
    id: UUID
    words: str


class Notes(ApiModel):
    notes: tuple[Note, ...]


class NoteFilter(ApiModel):
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    words: list[str] | None = None


class Gate:
    """Holds a handler until the test opens it, and tells how often it ran."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.runs = 0
        self.fail_first = False


async def add_note(call: Call) -> Changed:
    assert isinstance(call.body, NewNote)
    note = Note(id=uuid4(), words=call.body.words)
    await _insert(call, note, call.practice_id)
    return changed(Reply(note, headers={"Location": f"/notes/{note.id}"}), None, {"id": note.id})


async def list_notes(call: Call) -> Reply:
    assert isinstance(call.query, NoteFilter)
    rows = await call.connection.execute(
        text("SELECT id, words FROM note ORDER BY words LIMIT :limit"),
        {"limit": call.query.limit},
    )
    wanted = call.query.words
    notes = [Note(id=row.id, words=row.words) for row in rows]
    return Reply(Notes(notes=tuple(n for n in notes if wanted is None or n.words in wanted)))


async def show_note(call: Call) -> Reply:
    return Reply(await _find(call))


async def change_note(call: Call) -> Changed:
    assert isinstance(call.body, NewNote)
    note = await _find(call)
    await call.connection.execute(
        text("UPDATE note SET words = :words WHERE id = :id"),
        {"words": call.body.words, "id": note.id},
    )
    new = Note(id=note.id, words=call.body.words)
    return changed(Reply(new), note, new)


async def count_notes(call: Call) -> Reply:
    rows = (await call.connection.execute(text("SELECT id, words FROM note"))).all()
    return Reply(Notes(notes=tuple(Note(id=row.id, words=row.words) for row in rows)))


async def summarise(call: Call) -> Changed:
    return changed(await count_notes(call), None, {"summaries": 1})


async def tell_nothing(call: Call) -> Reply:
    await _insert(call, Note(id=uuid4(), words="untold"), call.practice_id)
    return Reply()


async def close_year(call: Call) -> Changed:
    assert call.body is None
    return changed(Reply(), {"closed": False}, {"closed": True})


async def upload(call: Call) -> Changed:
    assert call.raw_body is not None
    reply = Reply(call.raw_body[::-1], headers={"Content-Disposition": "attachment"})
    return changed(reply, None, {"size_bytes": len(call.raw_body)})


async def write_while_reading(call: Call) -> Reply:
    await _insert(call, Note(id=uuid4(), words="sly"), call.practice_id)
    return Reply()


async def trip(call: Call) -> Reply:
    """Write, then fail in the way that the path names."""
    await _insert(call, Note(id=uuid4(), words="lost"), call.practice_id)
    raise FAILURES[str(call.path["kind"])]


async def reach_into_another_practice(call: Call) -> Reply:
    await _insert(call, Note(id=uuid4(), words="smuggled"), uuid4())
    return Reply()


async def reply_with_a_refusal(call: Call) -> Reply:
    return Reply(status=409)


FAILURES: dict[str, Exception] = {
    "rule": DomainError("Not like this.", code="not-like-this", field="parts.0", limit=3),
    "conflict": ConflictError("An order is in flight.", code="order-in-flight"),
    "missing": NotFoundError("There is no such note.", code="note-not-found"),
    "passing": TransientError("host=db password=hunter2 did not answer"),
    "fault": RuntimeError("patient Erika Muster, AHV 756.1234.5678.97"),
}


def gated(gate: Gate) -> Callable[[Call], Awaitable[Reply]]:
    """Return a handler that adds a note once the gate opens."""

    async def add_slowly(call: Call) -> Changed:
        gate.runs += 1
        run = gate.runs
        gate.entered.set()
        await asyncio.wait_for(gate.open.wait(), 20)
        if gate.fail_first and run == 1:
            raise ConflictError("Not the first time.", code="not-yet")
        note = Note(id=uuid4(), words=f"slow {run}")
        await _insert(call, note, call.practice_id)
        return changed(Reply(note), None, {"id": note.id})

    return add_slowly


async def _insert(call: Call, note: Note, practice_id: UUID) -> None:
    await call.connection.execute(
        text("INSERT INTO note (id, practice_id, words) VALUES (:id, :practice_id, :words)"),
        {"id": note.id, "practice_id": practice_id, "words": note.words},
    )


async def _find(call: Call) -> Note:
    found = await call.connection.execute(
        text("SELECT id, words FROM note WHERE id = :id"), {"id": call.path_id("note_id")}
    )
    row = found.first()
    if row is None:
        raise NotFoundError("There is no such note.", code="note-not-found", field="note_id")
    return Note(id=row.id, words=row.words)


_NOTES = "/v1/practices/{practice_id}/notes"


def endpoints(gate: Gate | None = None) -> list[Endpoint]:
    """Return the notebook's table."""
    return [*_notes(), *_beyond_notes(), *_faulty(gate or Gate())]


def _notes() -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            _NOTES,
            "addNote",
            "Add a note",
            add_note,
            WORKING_ROLES,
            request=NewNote,
            response=Note,
            status=201,
            problem_codes=("note-known",),
            max_body_bytes=20_000,
        ),
        Endpoint(
            "GET",
            _NOTES,
            "listNotes",
            "List the notes",
            list_notes,
            EVERY_ROLE,
            query=NoteFilter,
            response=Notes,
        ),
        Endpoint(
            "GET",
            _NOTES + "/{note_id}",
            "showNote",
            "Show a note",
            show_note,
            EVERY_ROLE,
            response=Note,
        ),
        Endpoint(
            "PUT",
            _NOTES + "/{note_id}",
            "changeNote",
            "Change a note",
            change_note,
            WORKING_ROLES,
            request=NewNote,
            response=Note,
        ),
        Endpoint(
            "GET",
            "/v1/notes",
            "countNotes",
            "Notes of all my practices",
            count_notes,
            EVERY_ROLE,
            response=Notes,
        ),
    ]


def _beyond_notes() -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            "/v1/summaries",
            "summarise",
            "Write down the notes of all my practices",
            summarise,
            WORKING_ROLES,
            response=Notes,
        ),
        Endpoint(
            "POST",
            "/v1/year-ends",
            "closeYear",
            "Close the year",
            close_year,
            WORKING_ROLES,
            status=204,
        ),
        Endpoint(
            "POST",
            "/v1/practices",
            "registerPractice",
            "For all practices only",
            close_year,
            frozenset({UserRole.ADMIN}),
            status=204,
            all_practices_only=True,
        ),
        Endpoint(
            "POST",
            "/v1/practices/{practice_id}/uploads",
            "upload",
            "Upload a file",
            upload,
            WORKING_ROLES,
            request_media_type="application/octet-stream",
            response_media_type="application/octet-stream",
            max_body_bytes=200_000,
        ),
    ]


def _faulty(gate: Gate) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            "/v1/practices/{practice_id}/slyness",
            "writeWhileReading",
            "A faulty read",
            write_while_reading,
            EVERY_ROLE,
            status=204,
        ),
        Endpoint(
            "POST",
            "/v1/practices/{practice_id}/secrecy",
            "tellNothing",
            "A faulty command",
            tell_nothing,
            WORKING_ROLES,
            status=204,
        ),
        Endpoint(
            "POST",
            "/v1/practices/{practice_id}/trips/{kind}",
            "trip",
            "Fail",
            trip,
            WORKING_ROLES,
            status=204,
        ),
        Endpoint(
            "POST",
            "/v1/practices/{practice_id}/smuggling",
            "smuggle",
            "Reach too far",
            reach_into_another_practice,
            WORKING_ROLES,
            status=204,
        ),
        Endpoint(
            "POST",
            "/v1/practices/{practice_id}/refusals",
            "refuse",
            "Reply with a refusal",
            reply_with_a_refusal,
            WORKING_ROLES,
            status=204,
        ),
        Endpoint(
            "POST",
            "/v1/practices/{practice_id}/slow-notes",
            "addSlowly",
            "Add slowly",
            gated(gate),
            WORKING_ROLES,
            response=Note,
        ),
    ]


async def create_tables(owner_url: str) -> None:
    """Create the web layer's and the notebook's tables as their owner."""
    engine = create_async_engine(owner_url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            for statement in (*WEB_TABLES_V1, *WEB_TABLES_V2, *NOTE_TABLES):
                await connection.execute(text(statement))
    finally:
        await engine.dispose()
