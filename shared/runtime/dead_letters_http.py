"""The part of every service's API about its dead letters: look at one, send it again, drop it.

The same as `python -m shared.messaging.dead_letters`, by a person with a name and a reason, within
the practices of the person's token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from shared.db.engine import set_scope
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError
from shared.messaging import dead_letters
from shared.web.changes import Changed, between, changed_all
from shared.web.endpoints import ApiModel, Call, Endpoint, Reply, UserRole

Noted = Callable[[Call, UUID, str], Awaitable[None]]
"""Keeps in a service's own history what a person did about an event: the event, and in words."""
_ROLES = frozenset({UserRole.BILLING_OFFICE, UserRole.ADMIN})
_LETTER = "/v1/dead-letters/{event_id}"
# The practice of a letter decides who sees it; what nobody's is, the system's scope alone shows.
_FIND = text(
    """
    SELECT d.event_id, d.practice_id, d.topic, i.source, i.subject, i.sequence, i.type, i.status,
      d.reason AS reason_code, d.detail, d.died_at, d.replayed_at, i.reason AS outcome
    FROM dead_letter d JOIN inbox i USING (event_id) WHERE d.event_id = :event_id
    """
)


class DeadLetterReply(ApiModel):
    """An event that the service could not work, and where it stands now."""

    event_id: UUID
    practice_id: Annotated[UUID | None, Field(description="Null: nobody knows whose it is")]
    topic: str
    source: str
    subject: str
    sequence: Annotated[int | None, Field(description="Null: it can only be dropped")]
    type: str
    status: Annotated[
        Literal["pending", "waiting", "done", "repeat", "skipped", "dead"],
        Field(description="Of the event; dead: it waits for a person"),
    ]
    reason_code: Annotated[str, Field(description="Why it could not be worked")]
    detail: str
    died_at: datetime
    replayed_at: datetime | None
    outcome: Annotated[str | None, Field(description="Of one that is dropped, by whom and why")]
    by: Annotated[str | None, Field(description="Who asked for this change; null: nobody")] = None
    why: Annotated[str | None, Field(description="The reason that they gave")] = None


class DeadLetterRequest(ApiModel):
    """Why it is sent through again, or dropped."""

    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]


class DeadLetterOperations:
    """The operations, each on the open connection of its call."""

    def __init__(self, clock: Clock, noted: Noted | None) -> None:
        self._clock = clock
        self._noted = noted

    async def show(self, call: Call) -> Reply:
        """Answer one dead letter."""
        return Reply(await _letter(call))

    async def replay(self, call: Call) -> Changed:
        """Send one through the processor again."""
        before, why = await _open_letter(call), _why(call)
        if before.sequence is None:
            raise ConflictError(
                "This has no readable place in any order; it can only be dropped.",
                code="dead-letter-has-no-place",
            )
        await set_scope(call.connection, Scope.everything())
        replayed = await dead_letters.replay(
            call.connection,
            now=self._clock.now(),
            maximum=1,
            event_id=before.event_id,
            by=call.principal.subject,
            why=why,
        )
        await set_scope(call.connection, call.principal.scope())
        if not replayed:
            raise _not_open()
        return await self._changed(call, before, f"sent through again: {why}")

    async def drop(self, call: Call) -> Changed:
        """Give one up for good, so that its aggregate goes on without it."""
        before, why = await _open_letter(call), _why(call)
        # The order of an aggregate is the system's: an event may claim a practice that is not its.
        await set_scope(call.connection, Scope.everything())
        await dead_letters.drop(
            call.connection,
            before.event_id,
            person=call.principal.subject,
            why=why,
            now=self._clock.now(),
        )
        await set_scope(call.connection, call.principal.scope())
        return await self._changed(call, before, f"dropped: {why}")

    async def _changed(self, call: Call, before: DeadLetterReply, words: str) -> Changed:
        """Answer how it stands now; the difference, with name and reason, is for the audit log."""
        if self._noted is not None:
            await self._noted(call, before.event_id, words)
        after = await _letter(call)
        done = {"by": call.principal.subject, "why": _why(call)}
        told = after.model_copy(update=done)
        return changed_all(Reply(told), [between(before, told, practice_id=before.practice_id)])


async def _letter(call: Call) -> DeadLetterReply:
    found = await call.connection.execute(_FIND, {"event_id": call.path_id("event_id")})
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFoundError("There is no such dead letter.", code="dead-letter-not-found")
    return DeadLetterReply(**row)


async def _open_letter(call: Call) -> DeadLetterReply:
    letter = await _letter(call)
    if letter.status != "dead":
        raise _not_open()
    return letter


def _not_open() -> ConflictError:
    return ConflictError("Somebody has seen to this already.", code="dead-letter-not-open")


def _why(call: Call) -> str:
    return call.body_as(DeadLetterRequest).reason.strip()


def dead_letter_endpoints(clock: Clock, *, noted: Noted | None = None) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = DeadLetterOperations(clock, noted)
    return [
        Endpoint(
            method="GET",
            path=_LETTER,
            operation_id="getDeadLetter",
            summary="An event that this service could not work, and where it stands",
            handler=operations.show,
            roles=_ROLES,
            response=DeadLetterReply,
            problem_codes=("dead-letter-not-found",),
        ),
        Endpoint(
            method="POST",
            path=f"{_LETTER}/replay",
            operation_id="replayDeadLetter",
            summary="Send an event through again that could not be worked, with a reason",
            handler=operations.replay,
            roles=_ROLES,
            request=DeadLetterRequest,
            response=DeadLetterReply,
            problem_codes=(
                "dead-letter-has-no-place",
                "dead-letter-not-found",
                "dead-letter-not-open",
            ),
        ),
        Endpoint(
            method="POST",
            path=f"{_LETTER}/drop",
            operation_id="dropDeadLetter",
            summary="Give an event up that could not be worked, with a reason; never taken back",
            handler=operations.drop,
            roles=_ROLES,
            request=DeadLetterRequest,
            response=DeadLetterReply,
            problem_codes=("dead-letter-not-found", "dead-letter-not-open"),
        ),
    ]
