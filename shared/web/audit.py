"""The audit log: who asked for which change, when, and what came of it.

A command that worked is written in its own transaction with what it changed: the log cannot miss
it, and cannot name one that was rolled back. A refused one is written after its transaction has
gone. A repeat, which changes nothing, is not written: the line of the first one holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.scope import Scope
from shared.web.changes import Change
from shared.web.endpoints import Principal
from shared.web.idempotency import beyond_one_practice

_INSERT = text(
    """
    INSERT INTO audit_log (practice_id, at, subject, roles, operation_id, path_params,
                           request_sha256, status, problem_code, correlation_id,
                           remote_address, fields_before, fields_after)
    VALUES (:practice_id, :at, :subject, :roles, :operation_id, :path_params,
            :request_sha256, :status, :problem_code, :correlation_id, :remote_address,
            :fields_before, :fields_after)
    """
).bindparams(
    bindparam("path_params", type_=JSONB),
    bindparam("fields_before", type_=JSONB(none_as_null=True)),
    bindparam("fields_after", type_=JSONB(none_as_null=True)),
)


@dataclass(slots=True)
class Attempt:
    """One try at an operation by a known principal; filled as the request goes on.

    Attributes:
        practice_id: the practice of the path once the token was found to open it, else None. So a
            stranger's attempt is told to the system, and does not appear among the practice's own.
        request_sha256: hash of the body, once it was read.
        remote_address: from where, as far back as trusted proxies tell it.
    """

    principal: Principal
    operation_id: str
    correlation_id: str
    remote_address: str | None
    path: Mapping[str, UUID | str] = field(default_factory=dict)
    practice_id: UUID | None = None
    request_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended; one that was worked has changed something."""

    status: int
    problem_code: str | None = None
    change: Change | None = None


async def write(
    connection: AsyncConnection,
    attempt: Attempt,
    outcome: Outcome,
    *,
    scope: Scope,
    at: datetime,
) -> None:
    """Add one line to the audit log in the open transaction, whose scope is `scope`."""
    change = outcome.change
    practice_id = attempt.practice_id or (None if change is None else change.practice_id)
    parameters = {
        "practice_id": practice_id,
        "at": at,
        "subject": attempt.principal.subject,
        "roles": sorted(attempt.principal.roles),
        "operation_id": attempt.operation_id,
        "path_params": {name: str(value) for name, value in attempt.path.items()},
        "request_sha256": attempt.request_sha256,
        "status": outcome.status,
        "problem_code": outcome.problem_code,
        "correlation_id": attempt.correlation_id,
        "remote_address": attempt.remote_address,
        "fields_before": change and dict(change.before),
        "fields_after": change and dict(change.after),
    }
    async with beyond_one_practice(connection, practice_id, scope):
        await connection.execute(_INSERT, parameters)
