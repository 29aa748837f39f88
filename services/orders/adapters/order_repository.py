"""Orders in PostgreSQL: the gate and the rule of one live order per invoice are its indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.rows import (
    broken_constraint,
    content_values,
    fact_of,
    line_of,
    notices_text,
    order_of,
)
from services.orders.domain.arrival_clock import running_clock, starts_clock
from services.orders.domain.errors import (
    InvoiceInLiveOrderError,
    OrderBeingPreparedError,
    OrderInFlightError,
)
from services.orders.domain.model import ConfirmedLine, InFlight, Observation, OrderLine
from services.orders.domain.order import IN_FLIGHT, Confirmation, Fact, Order, Step
from shared.db.engine import sqlstate
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money

_LOCK_NOT_AVAILABLE = "55P03"
_GATE = "one_order_in_flight"
_LIVE_LINE = "one_live_order_per_invoice"

_NEXT_COUNT = text(
    """
    INSERT INTO order_count AS known (practice_id, factor, year, last)
    VALUES (:practice_id, :factor, :year, 1)
    ON CONFLICT (practice_id, factor, year) DO UPDATE SET last = known.last + 1
    RETURNING last
    """
)
_IN_FLIGHT = text(
    """
    SELECT order_id, order_number, state, state_since FROM orders
    WHERE practice_id = :practice_id AND contract_id = :contract_id
      AND state = ANY (CAST(:states AS text[]))
    """
)
_ADD = text(
    """
    INSERT INTO orders (order_id, practice_id, contract_id, order_number, state, state_since,
      communication, notices, invoice_count, total_rappen, package_key, package_sha256,
      package_size_bytes, package_media_type, lines_key, lines_sha256, lines_size_bytes,
      lines_media_type, prepared_at)
    VALUES (:order_id, :practice_id, :contract_id, :order_number, :state, :state_since,
      :communication, CAST(:notices AS jsonb), :invoice_count, :total_rappen,
      :package_key, :package_sha256, :package_size_bytes, :package_media_type, :lines_key,
      :lines_sha256, :lines_size_bytes, :lines_media_type, :prepared_at)
    """
)
_ADD_LINES = text(
    """
    INSERT INTO order_line (practice_id, order_id, place, invoice_id, invoice_number,
      debtor_number, amount_rappen, document_key, document_sha256, document_size_bytes,
      document_media_type, notices)
    SELECT :practice_id, :order_id, line.*
    FROM unnest(CAST(:places AS integer[]), CAST(:invoice_ids AS uuid[]),
                CAST(:numbers AS text[]), CAST(:debtors AS text[]), CAST(:amounts AS bigint[]),
                CAST(:keys AS text[]), CAST(:hashes AS text[]), CAST(:sizes AS bigint[]),
                CAST(:media_types AS text[]), CAST(:notices AS jsonb[])) AS line
    """
)
_ADD_FACT = text(
    """
    INSERT INTO order_fact
      (practice_id, order_id, kind, attempt, at, reason_code, reference, next_attempt_at)
    VALUES
      (:practice_id, :order_id, :kind, :attempt, :at, :reason_code, :reference, :next_attempt_at)
    """
)
_ORDER = text(
    "SELECT * FROM orders WHERE practice_id = :practice_id AND order_id = :order_id FOR UPDATE"
)
_FACTS = text("SELECT * FROM order_fact WHERE order_id = :order_id ORDER BY position")
_MOVE = text(
    """
    UPDATE orders SET state = :state, state_since = :state_since, overdue_since = :overdue_since,
      arrival_deadline = CASE WHEN :keeps_deadline THEN arrival_deadline END
    WHERE order_id = :order_id
    """
)
_CONFIRM = text(
    """
    UPDATE orders SET state = :state, state_since = :state_since, overdue_since = NULL,
      arrival_deadline = NULL, accepted_count = :accepted_count, accepted_rappen = :accepted_rappen,
      refused_count = :refused_count, confirmation_key = :confirmation_key,
      confirmation_sha256 = :confirmation_sha256,
      confirmation_size_bytes = :confirmation_size_bytes,
      confirmation_media_type = :confirmation_media_type, evidence_kind = :evidence_kind,
      evidence_reference = :evidence_reference, evidence_observed_at = :evidence_observed_at
    WHERE order_id = :order_id
    """
)
_LINES = text("SELECT * FROM order_line WHERE order_id = :order_id ORDER BY place")
_CONFIRMED_LINES = text(
    """
    SELECT invoice_id, invoice_number, amount_rappen, refusal_code FROM order_line
    WHERE order_id = :order_id AND outcome <> 'open' ORDER BY place
    """
)
_SETTLE_LINES = text(
    """
    UPDATE order_line SET
      outcome = CASE WHEN settled.refusal_code IS NULL THEN 'accepted' ELSE 'refused' END,
      refusal_code = settled.refusal_code
    FROM unnest(CAST(:invoice_ids AS uuid[]), CAST(:codes AS text[]))
      AS settled (invoice_id, refusal_code)
    WHERE order_line.order_id = :order_id AND order_line.invoice_id = settled.invoice_id
    """
)
_REFUSE_LINES = text(
    """
    UPDATE order_line SET outcome = 'refused', refusal_code = :refusal_code
    WHERE order_id = :order_id
    """
)
_FREE_LINES = text("UPDATE order_line SET outcome = 'withdrawn' WHERE order_id = :order_id")
_WANT_BACK = text(
    """
    UPDATE order_line SET wanted_back = true
    WHERE order_id = :order_id AND invoice_id = :invoice_id
    """
)
_REST = text(
    "SELECT * FROM order_line WHERE order_id = :order_id AND NOT wanted_back ORDER BY place"
)
_ADD_OBSERVATION = text(
    """
    INSERT INTO arrival_observation
      (practice_id, order_id, seen_by, observed_at, reference, seen, recorded_at)
    VALUES (:practice_id, :order_id, :seen_by, :observed_at, :reference, :seen, :recorded_at)
    """
)


class SqlOrderRepository:
    """Orders, their lines and their facts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_count(self, practice_id: PracticeId, *, factor: str, year: int) -> int:
        """Take the next order count of practice, factor and year; hold it until the end.

        Raises:
            OrderBeingPreparedError: another transaction has held it for longer than a request
                may wait.
        """
        wanted = {"practice_id": practice_id, "factor": factor, "year": year}
        try:
            return int((await self._connection.execute(_NEXT_COUNT, wanted)).scalar_one())
        except DBAPIError as error:
            if sqlstate(error) == _LOCK_NOT_AVAILABLE:
                raise OrderBeingPreparedError from error
            raise

    async def in_flight(self, practice_id: PracticeId, contract_id: ContractId) -> InFlight | None:
        """Return the order that closes the gate of practice and contract, or None."""
        wanted = {
            "practice_id": practice_id,
            "contract_id": contract_id,
            "states": [state.value for state in IN_FLIGHT],
        }
        row = (await self._connection.execute(_IN_FLIGHT, wanted)).one_or_none()
        if row is None:
            return None
        return InFlight(OrderId(row.order_id), row.order_number, row.state, row.state_since)

    async def add(self, order: Order, lines: Sequence[OrderLine]) -> None:
        """Store a new order with its lines and facts.

        Raises:
            OrderInFlightError: the gate is closed by another order (P2).
            InvoiceInLiveOrderError: another live order holds one of the invoices (P3).
        """
        try:
            # A savepoint, so that the order that was faster can still be named.
            async with self._connection.begin_nested():
                await self._connection.execute(_ADD, _order_values(order))
                await self._connection.execute(_ADD_LINES, _line_values(order, lines))
                await self._add_facts(order, order.facts)
        except IntegrityError as error:
            constraint = broken_constraint(error)
            if constraint == _LIVE_LINE:
                raise InvoiceInLiveOrderError from error
            if constraint == _GATE:
                winner = await self.in_flight(order.practice_id, order.contract_id)
                if winner is not None:
                    raise OrderInFlightError(winner) from error
                raise OrderBeingPreparedError from error
            raise

    async def get_for_update(self, practice_id: PracticeId, order_id: OrderId) -> Order | None:
        """Return the order and hold it against concurrent moves, or None."""
        wanted = {"practice_id": practice_id, "order_id": order_id}
        row = (await self._connection.execute(_ORDER, wanted)).mappings().one_or_none()
        if row is None:
            return None
        facts = await self._connection.execute(_FACTS, {"order_id": order_id})
        return order_of(row, [fact_of(fact) for fact in facts.mappings()])

    async def save(self, step: Step) -> None:
        """Store a move: the added facts, the state, and the confirmation if there is one now."""
        if step.already_done:
            return
        order = step.order
        await self._add_facts(order, step.added)
        moved = _state_values(order)
        if order.confirmation is None:
            await self._connection.execute(_MOVE, {**moved, **_clock_values(step)})
        else:
            await self._connection.execute(
                _CONFIRM, {**moved, **_confirmation_values(order.confirmation)}
            )

    async def lines(self, order_id: OrderId) -> list[OrderLine]:
        """Return all lines, in package order."""
        rows = await self._connection.execute(_LINES, {"order_id": order_id})
        return [line_of(row) for row in rows.mappings()]

    async def confirmed_lines(self, order_id: OrderId) -> list[ConfirmedLine]:
        """Return what became of each line of a confirmed order, in package order."""
        rows = await self._connection.execute(_CONFIRMED_LINES, {"order_id": order_id})
        return [
            ConfirmedLine(
                invoice_id=InvoiceId(row.invoice_id),
                invoice_number=row.invoice_number,
                amount=Money(row.amount_rappen),
                refusal_code=row.refusal_code,
            )
            for row in rows
        ]

    async def settle_lines(self, order_id: OrderId, lines: Sequence[ConfirmedLine]) -> None:
        """Store what became of each line; a refused one leaves the order."""
        values = {
            "order_id": order_id,
            "invoice_ids": [line.invoice_id for line in lines],
            "codes": [line.refusal_code for line in lines],
        }
        await self._connection.execute(_SETTLE_LINES, values)

    async def refuse_lines(self, order_id: OrderId, *, refusal_code: str) -> None:
        """Let every line leave the order with the same code."""
        values = {"order_id": order_id, "refusal_code": refusal_code}
        await self._connection.execute(_REFUSE_LINES, values)

    async def free_lines(self, order_id: OrderId) -> None:
        """Let every line leave an order that was withdrawn."""
        await self._connection.execute(_FREE_LINES, {"order_id": order_id})

    async def want_line_back(self, order_id: OrderId, invoice_id: UUID) -> None:
        """Note that this invoice shall not stay in the order."""
        wanted = {"order_id": order_id, "invoice_id": invoice_id}
        await self._connection.execute(_WANT_BACK, wanted)

    async def rest_of(self, order_id: OrderId) -> list[OrderLine]:
        """Return the lines for which the order was not taken back, in package order."""
        rows = await self._connection.execute(_REST, {"order_id": order_id})
        return [line_of(row) for row in rows.mappings()]

    async def add_observation(
        self, order: Order, observation: Observation, *, recorded_at: datetime
    ) -> None:
        """Keep what a person said to have seen of the order's arrival; once per order."""
        values = {
            "practice_id": order.practice_id,
            "order_id": order.order_id,
            "seen_by": observation.by,
            "observed_at": observation.observed_at,
            "reference": observation.reference,
            "seen": observation.seen,
            "recorded_at": recorded_at,
        }
        await self._connection.execute(_ADD_OBSERVATION, values)

    async def _add_facts(self, order: Order, facts: Sequence[Fact]) -> None:
        await self._connection.execute(_ADD_FACT, [_fact_values(order, fact) for fact in facts])


def _order_values(order: Order) -> Mapping[str, object]:
    return {
        **_state_values(order),
        "practice_id": order.practice_id,
        "contract_id": order.contract_id,
        "order_number": order.number,
        "communication": order.communication,
        "notices": notices_text(order.notices),
        "invoice_count": order.invoice_count,
        "total_rappen": order.total.rappen,
        "prepared_at": order.prepared_at,
        **content_values(order.package, "package"),
        **content_values(order.lines, "lines"),
    }


def _state_values(order: Order) -> dict[str, object]:
    return {
        "order_id": order.order_id,
        "state": order.state.value,
        "state_since": order.since,
    }


def _clock_values(step: Step) -> dict[str, object]:
    clock = running_clock(step.order)
    return {
        "overdue_since": None if clock is None else clock.overdue_since,
        "keeps_deadline": clock is not None and not starts_clock(step),
    }


def _confirmation_values(confirmation: Confirmation) -> Mapping[str, object]:
    return {
        "accepted_count": confirmation.accepted_count,
        "accepted_rappen": confirmation.accepted_total.rappen,
        "refused_count": confirmation.refused_count,
        "evidence_kind": confirmation.evidence.kind,
        "evidence_reference": confirmation.evidence.reference,
        "evidence_observed_at": confirmation.evidence.observed_at,
        **content_values(confirmation.content, "confirmation"),
    }


def _line_values(order: Order, lines: Sequence[OrderLine]) -> Mapping[str, object]:
    return {
        "practice_id": order.practice_id,
        "order_id": order.order_id,
        "places": [line.place for line in lines],
        "invoice_ids": [line.invoice_id for line in lines],
        "numbers": [line.invoice_number for line in lines],
        "debtors": [line.debtor_number for line in lines],
        "amounts": [line.amount.rappen for line in lines],
        "keys": [line.document.key for line in lines],
        "hashes": [line.document.sha256 for line in lines],
        "sizes": [line.document.size_bytes for line in lines],
        "media_types": [line.document.media_type for line in lines],
        "notices": [notices_text(line.notices) for line in lines],
    }


def _fact_values(order: Order, fact: Fact) -> dict[str, object]:
    return {
        "practice_id": order.practice_id,
        "order_id": order.order_id,
        "kind": fact.kind.value,
        "attempt": fact.attempt,
        "at": fact.at,
        "reason_code": fact.reason_code,
        "reference": fact.reference,
        "next_attempt_at": fact.next_attempt_at,
    }
