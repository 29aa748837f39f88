"""The collection stage of invoices in PostgreSQL: read their histories, fold, write the stage."""

from __future__ import annotations

from collections.abc import Collection as Ids
from itertools import groupby
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.domain.collection import Collection, CollectionFact, collection_of
from services.invoicing.domain.invoice import InvoiceState
from shared.kernel.money import Money

_HISTORIES = text(
    """
    SELECT i.invoice_id, i.state, i.order_id AS in_order, i.with_factor,
      h.kind, h.occurred_on, h.position AS arrival, h.amount_rappen, h.level, h.reverses,
      h.order_id, h.deb_file_id
    FROM invoice i
    JOIN invoice_history h ON h.practice_id = i.practice_id AND h.invoice_id = i.invoice_id
    WHERE i.invoice_id = ANY (CAST(:invoice_ids AS uuid[]))
    ORDER BY i.invoice_id
    """
)
_WRITE = text(
    """
    UPDATE invoice i
    SET collection_stage = n.stage, collection_since = n.since, reminder_level = n.level
    FROM unnest(CAST(:invoice_ids AS uuid[]), CAST(:stages AS text[]), CAST(:since AS date[]),
      CAST(:levels AS integer[])) AS n (invoice_id, stage, since, level)
    WHERE i.invoice_id = n.invoice_id
      AND (i.collection_stage, i.collection_since, i.reminder_level)
        IS DISTINCT FROM (n.stage, n.since, n.level)
    """
)
_SAME = ("kind", "occurred_on", "arrival", "level", "reverses", "order_id", "deb_file_id")


async def fold_collections(connection: AsyncConnection, invoice_ids: Ids[UUID]) -> None:
    """Write the stages that follow from the histories of these invoices, which are locked."""
    if not invoice_ids:
        return
    rows = (await connection.execute(_HISTORIES, {"invoice_ids": list(invoice_ids)})).mappings()
    folded: dict[UUID, Collection] = {}
    for invoice_id, lines in groupby(rows, key=lambda row: row["invoice_id"]):
        folded[invoice_id] = _folded(list(lines))
    await connection.execute(
        _WRITE,
        {
            "invoice_ids": list(folded),
            "stages": [one.stage.value for one in folded.values()],
            "since": [one.since for one in folded.values()],
            "levels": [one.reminder_level for one in folded.values()],
        },
    )


def _folded(lines: list[RowMapping]) -> Collection:
    return collection_of(
        InvoiceState(lines[0]["state"]),
        order_id=lines[0]["in_order"],
        with_factor=lines[0]["with_factor"],
        facts=[_fact(line) for line in lines],
    )


def _fact(row: RowMapping) -> CollectionFact:
    rappen = row["amount_rappen"]
    return CollectionFact(
        **{name: row[name] for name in _SAME}, amount=None if rappen is None else Money(rappen)
    )
