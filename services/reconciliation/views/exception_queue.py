"""Reads the queue of exceptions: everything that is open, over all practices in scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from services.reconciliation.domain.exceptions import HistoryEvent, ItemId, KnownItem
from services.reconciliation.views.exception_kind import COLUMNS, ExceptionKind
from services.reconciliation.views.exception_kinds import KINDS, KINDS_BY_NAME

OLDEST, AMOUNT = "oldest", "amount"
"""In which order the list is given."""

_CHOSEN = """
    SELECT item.*, desk.assignee, coalesce(item.amount_rappen, 0) AS stake
    FROM ({items}) AS item
    LEFT JOIN exception_desk desk ON desk.kind = item.kept_as AND desk.key = item.key
    WHERE (desk.closed_at IS NULL OR desk.closed_at < item.since)
      AND (CAST(:reason_codes AS text[]) IS NULL OR item.reason_code = ANY (:reason_codes))
      AND (CAST(:assignee AS text) IS NULL OR desk.assignee = :assignee)
      AND (NOT :unassigned OR desk.assignee IS NULL)
      AND (CAST(:minimum AS bigint) IS NULL OR item.amount_rappen >= :minimum)
      AND (CAST(:until AS timestamptz) IS NULL OR item.since <= :until)
"""
_BEHIND = {
    OLDEST: "(since, kind, key) > (CAST(:after_place AS timestamptz), :after_kind, :after_key)",
    AMOUNT: "(stake < CAST(:after_place AS bigint)"
    " OR (stake = :after_place AND (kind, key) > (:after_kind, :after_key)))",
}
_ORDER = {OLDEST: "since, kind, key", AMOUNT: "stake DESC, kind, key"}
_EVENTS = text(
    """
    SELECT event, at, by_person, why, assignee FROM exception_event
    WHERE kind = ANY (CAST(:kinds AS text[])) AND key = :key ORDER BY place
    """
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which items.

    Attributes:
        practice_ids: items of one of these; None: of every practice in scope.
        kinds, reason_codes: only these; empty: all.
        minimum_rappen: items at whose stake is at least this; None: also those of no known amount.
        until: items that are open since this moment or earlier.
    """

    practice_ids: Collection[UUID] | None = None
    kinds: Collection[str] = ()
    reason_codes: Collection[str] = ()
    assignee: str | None = None
    unassigned: bool = False
    minimum_rappen: int | None = None
    until: datetime | None = None

    def values(self) -> dict[str, object]:
        """Return what the statements are given."""
        return {
            "practices": None if self.practice_ids is None else list(self.practice_ids),
            "reason_codes": list(self.reason_codes) or None,
            "assignee": self.assignee,
            "unassigned": self.unassigned,
            "minimum": self.minimum_rappen,
            "until": self.until,
        }


@dataclass(frozen=True, slots=True)
class Lateness:
    """By when a payout is too late.

    Attributes:
        today: in Zurich.
        payout_days: how many days after its day the bank has to show it.
    """

    today: date
    payout_days: int

    def values(self) -> dict[str, object]:
        """Return what the statements are given."""
        return {"today": self.today, "payout_days": self.payout_days}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: since or stake, and the item."""

    sort_key: datetime | int
    kind: str
    key: UUID


async def page(
    connection: AsyncConnection,
    choice: Choice,
    late: Lateness,
    *,
    by: str,
    after: Place | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return open items, the oldest or the largest first."""
    behind = "true" if after is None else _BEHIND[by]
    chosen = _chosen(choice)
    sql = f"SELECT * FROM ({chosen}) AS chosen WHERE {behind} ORDER BY {_ORDER[by]} LIMIT :limit"  # noqa: S608 - constants of ours
    place: dict[str, object] = {}
    if after is not None:
        place = {
            "after_place": after.sort_key,
            "after_kind": after.kind,
            "after_key": after.key,
        }
    values = choice.values() | late.values() | place | {"limit": limit}
    result = await connection.execute(_statement(sql), values)
    return result.mappings().all()


async def totals(
    connection: AsyncConnection, choice: Choice, late: Lateness
) -> Sequence[RowMapping]:
    """Return count and sum of the whole choice by kind; kinds without an item are left out."""
    sql = f"""SELECT kind, count(*) AS items, sum(stake)::bigint AS amount_rappen
    FROM ({_chosen(choice)}) AS chosen GROUP BY kind ORDER BY kind"""  # noqa: S608 - as above
    result = await connection.execute(_statement(sql), choice.values() | late.values())
    return result.mappings().all()


async def open_counts(connection: AsyncConnection, late: Lateness) -> dict[str, int]:
    """Return how many items of each kind are open; 0 where there is none."""
    found = {row["kind"]: int(row["items"]) for row in await totals(connection, Choice(), late)}
    return {kind.name: found.get(kind.name, 0) for kind in KINDS}


async def one(connection: AsyncConnection, item: ItemId, late: Lateness) -> RowMapping | None:
    """Return an item that is or was open, with `is_open`; None where none is in scope."""
    kind = KINDS_BY_NAME.get(item.kind)
    if kind is None:
        return None
    sql = f"""SELECT item.*, desk.assignee,
      item.is_open AND (desk.closed_at IS NULL OR desk.closed_at < item.since) AS in_queue
    FROM ({_items(kind, one=True)}) AS item
    LEFT JOIN exception_desk desk ON desk.kind = item.kept_as AND desk.key = item.key"""  # noqa: S608 - as above
    result = await connection.execute(text(sql), {"key": item.key} | late.values())
    return result.mappings().one_or_none()


async def known_item(connection: AsyncConnection, item: ItemId, late: Lateness) -> KnownItem | None:
    """Return what the commands of persons need to know of an item; None as `one`."""
    row = await one(connection, item, late)
    if row is None:
        return None
    kind = KINDS_BY_NAME[item.kind]
    practice_ids = row["practice_ids"]
    return KnownItem(
        item=item,
        kept_as=ItemId(kind.kept_as, item.key),
        practice_ids=None if practice_ids is None else frozenset(practice_ids),
        is_open=bool(row["in_queue"]),
        may_be_closed=kind.closable,
    )


async def history(connection: AsyncConnection, row: RowMapping) -> list[HistoryEvent]:
    """Return what happened to an item of `one`, oldest first.

    Its own facts and what persons did; that it opened, or opened again, where nothing else says it.
    """
    kind, key = KINDS_BY_NAME[row["kind"]], row["key"]
    kept = {"kinds": [kind.name, kind.kept_as], "key": key}
    events = await connection.execute(_EVENTS, kept)
    found = [
        HistoryEvent(one.event, one.at, one.by_person, one.why, one.assignee) for one in events
    ]
    if kind.history is not None:
        facts = await connection.execute(text(kind.history), {"key": key})
        found += [HistoryEvent(one.event, one.at, one.by_person, one.why) for one in facts]
    since = row["since"]
    if not any(one.event in {"opened", "reopened"} and one.at == since for one in found):
        ended = any(one.event in {"resolved", "closed"} and one.at < since for one in found)
        found.insert(0, HistoryEvent("reopened" if ended else "opened", since, None, ""))
    return sorted(found, key=lambda one: one.at)


def _chosen(choice: Choice) -> str:
    wanted = [kind for kind in KINDS if not choice.kinds or kind.name in choice.kinds]
    return _CHOSEN.format(items=" UNION ALL ".join(_items(kind) for kind in wanted))


def _items(kind: ExceptionKind, *, one: bool = False) -> str:
    """Return the statement of a kind's open items, or of one item that is or was open."""
    columns: Mapping[str, str] = kind.columns
    said = ", ".join(
        f"CAST({columns.get(name, 'NULL')} AS {sql_type}) AS {name}"
        for name, sql_type in COLUMNS.items()
    )
    practice_ids = kind.practice if kind.shared else _array_of(kind.practice)
    if one:
        which = f"{kind.key} = :key"
        said = f"{said}, ({kind.is_open}) AS is_open"
    else:
        match = (
            f"{kind.practice} && :practices"
            if kind.shared
            else f"{kind.practice} = ANY (:practices)"
        )
        which = f"{kind.is_open} AND (CAST(:practices AS uuid[]) IS NULL OR {match})"
    return f"""SELECT '{kind.name}'::text AS kind, '{kind.kept_as}'::text AS kept_as,
      {kind.key} AS key,
      {practice_ids} AS practice_ids, {said},
      CAST({kind.never or "NULL"} AS text[]) AS never FROM {kind.source} AND {which}"""  # noqa: S608 - as above


def _array_of(practice: str) -> str:
    return f"CASE WHEN {practice} IS NOT NULL THEN ARRAY[{practice}] END"


def _statement(sql: str) -> TextClause:
    return text(sql).bindparams(bindparam("practices", type_=ARRAY(Uuid)))
