"""Idempotency keys: a repeated request gets the answer of the first one, and does nothing again.

The key's row is written first and in the transaction of the work. So its lock makes a second
request with the same key wait until the first has committed (then it replays) or rolled back (then
it is worked itself); a refused request leaves no row.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.engine import Database, set_scope
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.errors import TransientError
from shared.web.problems import Problem, ProblemError

_LOG = logging.getLogger(__name__)
HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?")
_FORGET_EVERY_SECONDS = 3600.0
_CLAIM = text(
    """
    INSERT INTO idempotency_key (subject, route, key, practice_id, request_sha256, created_at)
    VALUES (:subject, :route, :key, :practice_id, :request_sha256, :created_at)
    ON CONFLICT (subject, route, key) DO NOTHING
    RETURNING key
    """
)
_STORED = text(
    """
    SELECT request_sha256, status, response_headers, response_body FROM idempotency_key
    WHERE subject = :subject AND route = :route AND key = :key
    """
)
_KEEP = text(
    """
    UPDATE idempotency_key
    SET status = :status, response_headers = :headers, response_body = :body
    WHERE subject = :subject AND route = :route AND key = :key
    """
).bindparams(bindparam("headers", type_=JSONB))
_FORGET = text("DELETE FROM idempotency_key WHERE created_at < :before")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request with an idempotency key is known by."""

    subject: str
    route: str
    key: str
    practice_id: UUID | None
    request_sha256: str

    @property
    def primary_key(self) -> dict[str, str]:
        """The columns that identify the stored row."""
        return {"subject": self.subject, "route": self.route, "key": self.key}


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, as it is kept and replayed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def key_from(header: str | None) -> str:
    """Return the key of a request.

    Raises:
        ProblemError: 400, the header is missing or has another form.
    """
    if header is None or not _KEY.fullmatch(header):
        detail = "Send the header Idempotency-Key: 1 to 200 printable ASCII characters."
        raise ProblemError(Problem(400, "idempotency-key-missing", detail, field=HEADER))
    return header


async def claim(
    connection: AsyncConnection, wanted: Claim, *, scope: Scope, now: datetime
) -> Answer | None:
    """Take the key for this transaction, or return the answer that is stored under it.

    Waits while another transaction works under the same key. `scope` is the transaction's own.

    Raises:
        ProblemError: 422, the key was used for another request.
    """
    parameters = {
        **wanted.primary_key,
        "practice_id": wanted.practice_id,
        "request_sha256": wanted.request_sha256,
        "created_at": now,
    }
    async with beyond_one_practice(connection, wanted.practice_id, scope):
        taken = (await connection.execute(_CLAIM, parameters)).first()
        if taken is not None:
            return None
        row = (await connection.execute(_STORED, wanted.primary_key)).first()
    if row is None:
        # The stored answer was forgotten for its age between the two statements.
        raise TransientError("the stored answer has just been forgotten")
    if row.request_sha256 != wanted.request_sha256:
        detail = "This Idempotency-Key was already used for another request."
        raise ProblemError(Problem(422, "idempotency-key-reused", detail, field=HEADER))
    return Answer(row.status, row.response_headers, row.response_body)


async def keep(connection: AsyncConnection, wanted: Claim, answer: Answer, *, scope: Scope) -> None:
    """Store the answer under the key that this transaction took."""
    parameters = {
        **wanted.primary_key,
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
    }
    async with beyond_one_practice(connection, wanted.practice_id, scope):
        await connection.execute(_KEEP, parameters)


@asynccontextmanager
async def beyond_one_practice(
    connection: AsyncConnection, practice_id: UUID | None, scope: Scope
) -> AsyncIterator[None]:
    """Widen the open transaction's scope for a row of no single practice, then narrow it again.

    Rows of no practice are the system's alone, but a request that is about no single practice may
    come from a token of a few. After an error the transaction is lost, and its scope with it.
    """
    if practice_id is not None or scope.system:
        yield
        return
    await set_scope(connection, Scope.everything())
    yield
    await set_scope(connection, scope)


async def forget_old_answers(
    database: Database, clock: Clock, *, kept_seconds: int, stop: asyncio.Event
) -> None:
    """Delete stored answers past their age, every hour until `stop` is set."""
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), _FORGET_EVERY_SECONDS)
        except TimeoutError:
            await forget(database, clock.now() - timedelta(seconds=kept_seconds))


async def forget(database: Database, before: datetime) -> None:
    """Delete the stored answers from before this instant; try again later when that fails."""
    try:
        async with database.transaction(Scope.everything()) as connection:
            await connection.execute(_FORGET, {"before": before})
    except TransientError:
        _LOG.warning("old answers could not be forgotten now; the next hour tries again")
