"""Read-only SQL for the HTTP API: what may be ordered, orders, their lines and their story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.domain.errors import OrderNotFoundError
from services.orders.domain.model import StoredContent
from services.orders.domain.order import Fact, FactKind

# The predicate `orderable` says in SQL what domain.selection.why_not says in Python; a test walks
# every combination through both.
_JUDGED = """
    SELECT invoice.*, orders.order_number AS live_order_number,
      CASE WHEN order_line.set_aside THEN 'confirmed' ELSE orders.state END AS live_order_state,
      (order_line.order_id IS NULL AND invoice.contract_id IS NOT NULL
       AND (CAST(:contract_id AS uuid) IS NULL OR invoice.contract_id = :contract_id)
       AND invoice.balance_rappen > 0 AND cardinality(invoice.unfit_codes) = 0
       AND NOT former.given_back
       AND (invoice.document_format IS NULL
            OR invoice.document_format = contract.invoice_format)) AS orderable,
      former.given_back, contract.invoice_format
    FROM invoice
    CROSS JOIN LATERAL (
      SELECT EXISTS (SELECT FROM order_line AS line
                     WHERE line.invoice_id = invoice.invoice_id AND line.given_back) AS given_back
    ) AS former
    LEFT JOIN contract ON contract.practice_id = invoice.practice_id
      AND contract.contract_id = invoice.contract_id
    LEFT JOIN order_line ON order_line.invoice_id = invoice.invoice_id AND order_line.live
    LEFT JOIN orders ON orders.order_id = order_line.order_id
    WHERE invoice.practice_id = :practice_id
      AND (NOT :exclude_zero_balance OR invoice.balance_rappen <> 0)
"""
ORDERABLE = f"""
    SELECT balance_rappen, orderable::integer AS orderable_count,
      CASE WHEN orderable THEN balance_rappen ELSE 0 END AS orderable_rappen
    FROM ({_JUDGED}) AS judged WHERE orderable OR NOT :only_orderable
"""  # noqa: S608 - put together from constants
_INVOICES = text(
    f"""
    SELECT judged.*, refusal.order_number AS refused_order_number, refusal.refusal_code
    FROM ({_JUDGED}) AS judged
    LEFT JOIN LATERAL (
      SELECT orders.order_number, order_line.refusal_code
      FROM order_line JOIN orders ON orders.order_id = order_line.order_id
      WHERE order_line.practice_id = judged.practice_id
        AND order_line.invoice_id = judged.invoice_id AND order_line.outcome = 'refused'
      ORDER BY orders.prepared_at DESC LIMIT 1
    ) AS refusal ON true
    WHERE (orderable OR NOT :only_orderable)
      AND (CAST(:after AS text) IS NULL OR judged.invoice_number > :after)
    ORDER BY judged.invoice_number LIMIT :limit
    """  # noqa: S608 - put together from constants
)
ORDERS = """
    SELECT * FROM orders
    WHERE practice_id = :practice_id
      AND (CAST(:states AS text[]) IS NULL OR state = ANY (:states))
      AND (CAST(:contract_id AS uuid) IS NULL OR contract_id = :contract_id)
      AND (CAST(:overdue AS boolean) IS NULL OR (overdue_since IS NOT NULL) = :overdue)
      AND (CAST(:prepared_from AS date) IS NULL OR prepared_at
           >= CAST(CAST(:prepared_from AS date) AS timestamp) AT TIME ZONE 'Europe/Zurich')
      AND (CAST(:prepared_to AS date) IS NULL OR prepared_at
           < CAST(CAST(:prepared_to AS date) + 1 AS timestamp) AT TIME ZONE 'Europe/Zurich')
"""
_ORDERS_PAGE = text(
    f"""{ORDERS}
      AND (CAST(:after_at AS timestamptz) IS NULL
           OR (prepared_at, order_id) < (:after_at, CAST(:after_id AS uuid)))
    ORDER BY prepared_at DESC, order_id DESC LIMIT :limit
    """
)
_OVERDUE_COUNT = text("SELECT count(*) FROM orders WHERE overdue_since IS NOT NULL")
_ORDER = text("SELECT * FROM orders WHERE practice_id = :practice_id AND order_id = :order_id")
_ORDER_STANDING = text(
    """
    SELECT state, accepted_count, refused_count, evidence_kind,
      EXISTS (SELECT FROM order_fact f
              WHERE f.order_id = orders.order_id AND f.kind = 'withdrawal-asked') AS asked_back
    FROM orders WHERE practice_id = :practice_id AND order_id = :order_id FOR UPDATE OF orders
    """
)
_FACTS = text("SELECT * FROM order_fact WHERE order_id = :order_id ORDER BY at, position")
LINES = """
    SELECT place, invoice_id, invoice_number, debtor_number, amount_rappen, document_sha256,
      outcome, refusal_code, notices
    FROM order_line
    WHERE practice_id = :practice_id AND order_id = :order_id
      AND (CAST(:outcomes AS text[]) IS NULL OR outcome = ANY (:outcomes))
"""
_LINES_PAGE = text(f"{LINES} AND place > CAST(:after AS bigint) ORDER BY place LIMIT :limit")
_LINES_WITH_NOTICES = text(
    """
    SELECT invoice_id, invoice_number, notices FROM order_line
    WHERE practice_id = :practice_id AND order_id = :order_id AND notices <> '[]'
    ORDER BY place LIMIT :limit
    """
)
_CREDIT_NOTES = text(
    """
    SELECT credit_note.credit_note_id, credit_note_number,
      coalesce(invoice.document_number, invoice.invoice_number) AS invoice_number,
      credit_note.debtor_number, amount_rappen, count(*) OVER () AS whole_count
    FROM order_credit_note
    JOIN credit_note ON credit_note.practice_id = order_credit_note.practice_id
      AND credit_note.credit_note_id = order_credit_note.credit_note_id
    JOIN invoice ON invoice.practice_id = credit_note.practice_id
      AND invoice.invoice_id = credit_note.invoice_id
    WHERE order_credit_note.practice_id = :practice_id AND order_credit_note.order_id = :order_id
    ORDER BY place LIMIT :limit
    """
)
LISTED_CREDIT_NOTES = """
    SELECT * FROM (
      SELECT credit_note.*, invoice.invoice_number, orders.order_number,
        CASE WHEN orders.order_id IS NULL THEN 'waiting'
          WHEN orders.state IN ('confirmed', 'acquitted', 'closed') THEN 'settled'
          ELSE 'in-order' END AS state
      FROM credit_note
      JOIN invoice ON invoice.practice_id = credit_note.practice_id
        AND invoice.invoice_id = credit_note.invoice_id
      LEFT JOIN orders ON orders.practice_id = credit_note.practice_id
        AND orders.order_id = credit_note.order_id
      WHERE credit_note.practice_id = :practice_id
    ) AS listed
    WHERE (CAST(:states AS text[]) IS NULL OR state = ANY (:states))
      AND (CAST(:contract_id AS uuid) IS NULL OR contract_id = :contract_id)
      AND (CAST(:invoice_id AS uuid) IS NULL OR invoice_id = :invoice_id)
      AND (CAST(:order_id AS uuid) IS NULL OR order_id = :order_id)
"""
_LISTED_CREDIT_NOTES_PAGE = text(
    f"""{LISTED_CREDIT_NOTES}
      AND (CAST(:after AS text) IS NULL OR credit_note_number > :after)
    ORDER BY credit_note_number LIMIT :limit
    """
)
_OBSERVATION = text(
    """
    SELECT seen_by, observed_at, reference, seen, recorded_at FROM arrival_observation
    WHERE practice_id = :practice_id AND order_id = :order_id
    """
)
_BATCH_COUNTS = text(
    """
    SELECT status, count(*) AS count FROM prepare_task
    WHERE batch_id = :batch_id GROUP BY status ORDER BY status
    """
)
_TASKS = """
    SELECT prepare_task.*, orders.order_number,
      CASE WHEN status = 'prepared' THEN orders.invoice_count END AS invoice_count,
      CASE WHEN status = 'prepared' THEN orders.total_rappen END AS total_rappen
    FROM prepare_task
    LEFT JOIN orders ON orders.order_id = prepare_task.order_id
"""
BATCH_TASKS = f"""{_TASKS} WHERE batch_id = :batch_id
      AND (CAST(:statuses AS text[]) IS NULL OR status = ANY (:statuses))
"""
_BATCH_TASKS_PAGE = text(
    f"""{BATCH_TASKS}
      AND (CAST(:after AS uuid) IS NULL OR task_id > CAST(:after AS uuid))
    ORDER BY task_id LIMIT :limit
    """
)
_POLICY = text(
    """
    SELECT order_policy.*, practice.canton FROM order_policy
    JOIN practice ON practice.practice_id = order_policy.practice_id
    WHERE order_policy.practice_id = :practice_id AND contract_id = :contract_id
    """
)
_POLICY_RUNS = text(
    f"""
    {_TASKS} WHERE prepare_task.practice_id = :practice_id
      AND prepare_task.contract_id = :contract_id AND slot IS NOT NULL
    ORDER BY slot DESC LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices to list.

    Attributes:
        contract_id: the contract of the order to be; None: each invoice's own.
        exclude_zero_balance: leave out what nobody owes anything on.
        only_orderable: leave out whatever cannot be ordered.
    """

    practice_id: UUID
    contract_id: UUID | None
    exclude_zero_balance: bool
    only_orderable: bool

    def values(self) -> dict[str, object]:
        """The filter as parameters of the statements."""
        return {
            "practice_id": self.practice_id,
            "contract_id": self.contract_id,
            "exclude_zero_balance": self.exclude_zero_balance,
            "only_orderable": self.only_orderable,
        }


async def invoices(
    connection: AsyncConnection, wanted: InvoiceFilter, *, after: str | None, limit: int
) -> list[RowMapping]:
    """Return the next invoices behind the number `after`, by number, with their last refusal."""
    values = {**wanted.values(), "after": after, "limit": limit}
    return list((await connection.execute(_INVOICES, values)).mappings())


async def orders(
    connection: AsyncConnection,
    wanted: Mapping[str, object],
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[RowMapping]:
    """Return the next orders behind `after` (instant of preparation and id), newest first.

    Args:
        wanted: the parameters of ORDERS.
    """
    values = {
        **wanted,
        "after_at": after[0] if after else None,
        "after_id": after[1] if after else None,
        "limit": limit,
    }
    return list((await connection.execute(_ORDERS_PAGE, values)).mappings())


async def overdue_count(connection: AsyncConnection) -> int:
    """Return how many orders in scope are overdue."""
    return int((await connection.execute(_OVERDUE_COUNT)).scalar_one())


async def order(connection: AsyncConnection, practice_id: UUID, order_id: UUID) -> RowMapping:
    """Return one order.

    Raises:
        OrderNotFoundError: the practice has no such order.
    """
    wanted = {"practice_id": practice_id, "order_id": order_id}
    row = (await connection.execute(_ORDER, wanted)).mappings().one_or_none()
    if row is None:
        raise OrderNotFoundError(order_id)
    return row


async def order_standing(
    connection: AsyncConnection, practice_id: UUID, order_id: UUID
) -> dict[str, object]:
    """Return how an order stands, for a move: others wait until the transaction ends.

    Nothing, if the practice has no such order.
    """
    wanted = {"practice_id": practice_id, "order_id": order_id}
    row = (await connection.execute(_ORDER_STANDING, wanted)).mappings().one_or_none()
    return {} if row is None else dict(row)


async def order_facts(connection: AsyncConnection, order_id: UUID) -> list[Fact]:
    """Return what is known about an order, in the order in which it happened."""
    rows = await connection.execute(_FACTS, {"order_id": order_id})
    return [
        Fact(
            kind=FactKind(row.kind),
            at=row.at,
            attempt=row.attempt,
            reason_code=row.reason_code,
            reference=row.reference,
            next_attempt_at=row.next_attempt_at,
        )
        for row in rows
    ]


async def order_lines(
    connection: AsyncConnection, wanted: Mapping[str, object], *, after: int, limit: int
) -> list[RowMapping]:
    """Return the next lines behind place `after`, in package order.

    Args:
        wanted: the parameters of LINES.
    """
    values = {**wanted, "after": after, "limit": limit}
    return list((await connection.execute(_LINES_PAGE, values)).mappings())


async def lines_with_notices(
    connection: AsyncConnection, practice_id: UUID, order_id: UUID, *, limit: int
) -> list[RowMapping]:
    """Return the first lines of an order of which the factor is told something."""
    wanted = {"practice_id": practice_id, "order_id": order_id, "limit": limit}
    return list((await connection.execute(_LINES_WITH_NOTICES, wanted)).mappings())


async def order_credit_notes(
    connection: AsyncConnection, practice_id: UUID, order_id: UUID, *, limit: int
) -> list[RowMapping]:
    """Return the first credit notes of an order's package; each row tells how many there are."""
    wanted = {"practice_id": practice_id, "order_id": order_id, "limit": limit}
    return list((await connection.execute(_CREDIT_NOTES, wanted)).mappings())


async def credit_notes(
    connection: AsyncConnection, wanted: Mapping[str, object], *, after: str | None, limit: int
) -> list[RowMapping]:
    """Return the next credit notes behind the number `after`, by number.

    Args:
        wanted: the parameters of LISTED_CREDIT_NOTES.
    """
    values = {**wanted, "after": after, "limit": limit}
    return list((await connection.execute(_LISTED_CREDIT_NOTES_PAGE, values)).mappings())


async def observation(
    connection: AsyncConnection, practice_id: UUID, order_id: UUID
) -> RowMapping | None:
    """Return what a person saw of an order's arrival, or None."""
    wanted = {"practice_id": practice_id, "order_id": order_id}
    return (await connection.execute(_OBSERVATION, wanted)).mappings().one_or_none()


def package_of(row: RowMapping) -> StoredContent:
    """Return where the frozen package of an order rests."""
    return StoredContent(
        key=row["package_key"],
        sha256=row["package_sha256"],
        size_bytes=row["package_size_bytes"],
        media_type=row["package_media_type"],
    )


async def batch_counts(connection: AsyncConnection, batch_id: UUID) -> list[RowMapping]:
    """Return how many tasks of a batch have which status, as far as they are in scope."""
    return list((await connection.execute(_BATCH_COUNTS, {"batch_id": batch_id})).mappings())


async def batch_tasks(
    connection: AsyncConnection,
    batch_id: UUID,
    *,
    statuses: list[str] | None,
    after: UUID | None,
    limit: int,
) -> list[RowMapping]:
    """Return the next tasks of a batch behind the task `after`, as far as they are in scope.

    Args:
        statuses: one of which a task must have; None: whichever.
    """
    values = {"batch_id": batch_id, "statuses": statuses, "after": after, "limit": limit}
    return list((await connection.execute(_BATCH_TASKS_PAGE, values)).mappings())


async def policy(
    connection: AsyncConnection, practice_id: UUID, contract_id: UUID
) -> RowMapping | None:
    """Return a contract's order policy with the canton of its practice, or None."""
    wanted = {"practice_id": practice_id, "contract_id": contract_id}
    return (await connection.execute(_POLICY, wanted)).mappings().one_or_none()


async def policy_runs(
    connection: AsyncConnection, practice_id: UUID, contract_id: UUID, *, limit: int
) -> list[RowMapping]:
    """Return the latest runs of a contract's policies, the newest first."""
    values = {"practice_id": practice_id, "contract_id": contract_id, "limit": limit}
    return list((await connection.execute(_POLICY_RUNS, values)).mappings())
