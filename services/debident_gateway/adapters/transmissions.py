"""Transmissions, their attempts and their polls in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.tables import ARRIVAL_POLL, SEND_ATTEMPT, TRANSMISSION
from services.debident_gateway.domain.model import StoredContent
from services.debident_gateway.domain.transmission import (
    ASKABLE,
    IN_FLIGHT,
    Transmission,
    TransmissionState,
)
from services.debident_gateway.ports import DueOrder
from shared.kernel.context import current_work

_MUTABLE = (
    "state",
    "attempts",
    "failures",
    "polls",
    "held",
    "reason_code",
    "portal_reference",
    "already_had_it",
    "sent_at",
    "settled_at",
    "evidence",
    "next_action_at",
    "lease_until",
    "may_have_left",
    "withdrawal_asked",
    "overdue",
    "waits_for_portal",
)
_CONTENT = ("key", "sha256", "size_bytes", "media_type")


class SqlTransmissionRepository:
    """Transmissions with their attempts and polls."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, transmission: Transmission) -> bool:
        """Store a new one; False where the order is known already."""
        values: dict[str, Any] = {
            name: getattr(transmission, name)
            for name in (
                "order_id",
                "practice_id",
                "contract_id",
                "order_number",
                "invoice_count",
                "prepared_at",
                *_MUTABLE,
            )
        }
        work = current_work()
        values["correlation_id"] = work.correlation_id if work else None
        for role, content in (("package", transmission.package), ("lines", transmission.lines)):
            values |= {f"{role}_{name}": getattr(content, name) for name in _CONTENT}
        statement = insert(TRANSMISSION).values(values)
        result = await self._connection.execute(
            statement.on_conflict_do_nothing(index_elements=["order_id"]).returning(
                TRANSMISSION.c.order_id
            )
        )
        return result.first() is not None

    async def lock(self, order_id: UUID) -> Transmission | None:
        """Return it locked for this unit of work, or None where it is unknown."""
        return await self._one(_of(order_id).with_for_update())

    async def lock_if_free(self, order_id: UUID) -> Transmission | None:
        """Like `lock`, but None too when another worker has it locked."""
        return await self._one(_of(order_id).with_for_update(skip_locked=True))

    async def _one(self, query: Select[Any]) -> Transmission | None:
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _transmission(row)

    async def save(self, transmission: Transmission) -> None:
        """Store its present state."""
        await self._connection.execute(
            update(TRANSMISSION)
            .where(TRANSMISSION.c.order_id == transmission.order_id)
            .values({name: getattr(transmission, name) for name in _MUTABLE})
        )

    async def contract_in_flight(self, contract_id: UUID, *, apart_from: UUID) -> bool:
        """Whether another order of the contract may be at the portal without an answer."""
        query = (
            select(TRANSMISSION.c.order_id)
            .where(
                TRANSMISSION.c.contract_id == contract_id,
                TRANSMISSION.c.order_id != apart_from,
                TRANSMISSION.c.state.in_(sorted(IN_FLIGHT)),
            )
            .limit(1)
        )
        return (await self._connection.execute(query)).first() is not None

    async def release_held(self, *, now: datetime) -> int:
        """Make every held transmission in scope due now; return how many."""
        result = await self._connection.execute(
            update(TRANSMISSION)
            .where(TRANSMISSION.c.held, TRANSMISSION.c.state == TransmissionState.INTENDED)
            .values(held=False, next_action_at=now)
        )
        return result.rowcount

    async def add_attempt(self, transmission: Transmission, *, began_at: datetime) -> None:
        """Record the intent of an attempt, before anything leaves."""
        await self._connection.execute(
            insert(SEND_ATTEMPT).values(
                order_id=transmission.order_id,
                number=transmission.attempts,
                practice_id=transmission.practice_id,
                began_at=began_at,
            )
        )

    async def finish_attempt(
        self,
        transmission: Transmission,
        *,
        number: int,
        outcome: str,
        reason_code: str | None,
        ended_at: datetime,
    ) -> None:
        """Record how an attempt ended, once; a later report of the same attempt changes nothing."""
        await self._connection.execute(
            update(SEND_ATTEMPT)
            .where(
                SEND_ATTEMPT.c.order_id == transmission.order_id,
                SEND_ATTEMPT.c.number == number,
                SEND_ATTEMPT.c.outcome.is_(None),
            )
            .values(outcome=outcome, reason_code=reason_code, ended_at=ended_at)
        )

    async def add_poll(
        self, transmission: Transmission, *, answer: str, reason_code: str | None, at: datetime
    ) -> None:
        """Record one ask and its answer; the number is the transmission's `polls`."""
        await self._connection.execute(
            insert(ARRIVAL_POLL).values(
                order_id=transmission.order_id,
                number=transmission.polls,
                practice_id=transmission.practice_id,
                at=at,
                answer=answer,
                reason_code=reason_code,
            )
        )

    async def due_to_send(self, *, now: datetime, limit: int) -> list[DueOrder]:
        """Return intended transmissions whose time has come, the longest due first.

        An order whose contract has another one in flight is left out, so that it takes no place
        in the batch while it cannot be sent.
        """
        other = TRANSMISSION.alias("other")
        in_flight = (
            select(other.c.order_id)
            .where(
                other.c.contract_id == TRANSMISSION.c.contract_id,
                other.c.state.in_(sorted(IN_FLIGHT)),
            )
            .exists()
        )
        wanted = and_(
            TRANSMISSION.c.state == TransmissionState.INTENDED,
            TRANSMISSION.c.next_action_at <= now,
            ~in_flight,
        )
        return await self._due(wanted, limit)

    async def due_to_ask(self, *, now: datetime, limit: int) -> list[DueOrder]:
        """Return sent and unknown transmissions that are to be asked about."""
        wanted = and_(
            TRANSMISSION.c.state.in_(sorted(ASKABLE)),
            TRANSMISSION.c.next_action_at <= now,
            or_(TRANSMISSION.c.lease_until.is_(None), TRANSMISSION.c.lease_until <= now),
        )
        return await self._due(wanted, limit)

    async def abandoned(self, *, now: datetime, limit: int) -> list[DueOrder]:
        """Return transmissions left sending by a worker that did not come back."""
        wanted = and_(
            TRANSMISSION.c.state == TransmissionState.SENDING, TRANSMISSION.c.lease_until <= now
        )
        return await self._due(wanted, limit)

    async def _due(self, wanted: ColumnElement[bool], limit: int) -> list[DueOrder]:
        query = (
            select(
                TRANSMISSION.c.order_id,
                TRANSMISSION.c.practice_id,
                TRANSMISSION.c.correlation_id,
            )
            .where(wanted)
            .order_by(TRANSMISSION.c.next_action_at, TRANSMISSION.c.order_id)
            .limit(limit)
        )
        rows = await self._connection.execute(query)
        return [DueOrder(row.order_id, row.practice_id, row.correlation_id) for row in rows]


def _of(order_id: UUID) -> Select[Any]:
    return select(TRANSMISSION).where(TRANSMISSION.c.order_id == order_id)


def _transmission(row: RowMapping) -> Transmission:
    plain = ("order_id", "practice_id", "contract_id", "order_number", "invoice_count")
    values = {name: row[name] for name in (*plain, "prepared_at", *_MUTABLE)}
    values["state"] = TransmissionState(row["state"])
    return Transmission(
        package=_content(row, "package"),
        lines=_content(row, "lines"),
        **values,
    )


def _content(row: RowMapping, role: str) -> StoredContent:
    return StoredContent(**{name: row[f"{role}_{name}"] for name in _CONTENT})
