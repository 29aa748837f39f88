"""What the API shows of invoices: how they stand, the sums of a selection, and their history.

A condition is written only for a filter that was given, so that PostgreSQL may choose an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.views.invoice_words import is_serial, word_condition

_BALANCE = "(i.principal_rappen + i.reminder_fees_rappen + i.interest_rappen + i.costs_rappen)"
# The page is cut before names are looked up, so that never more than a page is joined and sorted.
# The limit is written out: a parameter is taken for a tenth of the list, and the first page would
# be sorted out of all. A cursor is compared through sub-selects: the planner looks into a plain
# value, takes what is behind it for one row, joins by another way than for the first page, and
# plans each page anew instead of keeping its plan.
_PAGE = f"""
    WITH page AS MATERIALIZED ({{rows}})
    SELECT i.*, r.name AS practice_name, o.order_number, {_BALANCE} AS balance_rappen,
      l.notices,
      p.family_name AS patient_family_name, p.given_name AS patient_given_name,
      CASE WHEN i.insurer_company_name IS NOT NULL
        THEN concat_ws(', ', i.insurer_company_name, i.insurer_department)
        WHEN p.debtor_company_name IS NULL
        THEN coalesce(p.debtor_family_name, p.family_name) || ' '
          || coalesce(p.debtor_given_name, p.given_name)
        ELSE concat_ws(', ', p.debtor_company_name, p.debtor_department) END AS debtor_name
    FROM page i
    JOIN practice r ON r.practice_id = i.practice_id
    JOIN patient p ON p.practice_id = i.practice_id AND p.patient_id = i.patient_id
    LEFT JOIN known_order o ON o.practice_id = i.practice_id AND o.order_id = i.order_id
    LEFT JOIN placement l ON l.practice_id = i.practice_id AND l.order_id = i.order_id
      AND l.invoice_id = i.invoice_id
    ORDER BY i.practice_id, i.year, i.serial
    """  # noqa: S608 - built of constants
_ROWS = """
    SELECT i.* FROM invoice i WHERE {conditions}
    ORDER BY i.practice_id, i.year, i.serial LIMIT {limit:d}
    """
# No index has the rows of several states, or stages, in the order of the list. So each of them is
# read up to the limit by itself, and a page of a few of many costs what a page of one does.
_MERGED = """
    SELECT * FROM ({branches}) AS branch
    ORDER BY branch.practice_id, branch.year, branch.serial LIMIT {limit:d}
    """
_SELECTION = f"""
    SELECT i.total_rappen, {_BALANCE} AS balance_rappen, i.factor_owes_rappen
    FROM invoice i WHERE {{conditions}}
    """  # noqa: S608 - built of constants
_CONDITIONS = {
    "invoice_id": "i.invoice_id = :invoice_id",
    "states": "i.state = ANY (CAST(:states AS text[]))",
    "collection_stages": "i.collection_stage = ANY (CAST(:collection_stages AS text[]))",
    "contract_id": "i.contract_id = :contract_id",
    "patient_id": "i.patient_id = :patient_id",
    "issued_from": "i.issued_on >= :issued_from",
    "issued_to": "i.issued_on <= :issued_to",
    "total_from_rappen": "i.total_rappen >= :total_from_rappen",
    "total_to_rappen": "i.total_rappen <= :total_to_rappen",
    "balance_from_rappen": f"{_BALANCE} >= :balance_from_rappen",
    "balance_to_rappen": f"{_BALANCE} <= :balance_to_rappen",
    "without_contract": "i.contract_id IS NULL",
    "not_ordered": "i.order_id IS NULL",
    "not_printed": "i.printed_at IS NULL",
    "tiers": "i.tiers = :tiers",
    "is_to_insurer": "i.tiers <> 'garant'",
    "leaves_out_zero": f"{_BALANCE} <> 0",
}
_BRANCHING = {"states": "i.state", "collection_stages": "i.collection_stage"}
_HISTORY = text(
    """
    SELECT h.*, o.order_number
    FROM invoice_history h
    LEFT JOIN known_order o ON o.practice_id = h.practice_id AND o.order_id = h.order_id
    WHERE h.practice_id = :practice_id AND h.invoice_id = :invoice_id
    ORDER BY h.position DESC LIMIT :limit
    """
)
_CANCELLATION = text(
    """
    SELECT w.*, o.order_number FROM cancellation_wish w
    LEFT JOIN known_order o ON o.practice_id = w.practice_id AND o.order_id = w.order_id
    WHERE w.practice_id = :practice_id AND w.invoice_id = :invoice_id
    """
)
_INVOICE_STANDING = text(
    """
    SELECT i.state, i.total_rappen, w.state AS cancellation FROM invoice i
    LEFT JOIN cancellation_wish w
      ON w.practice_id = i.practice_id AND w.invoice_id = i.invoice_id
    WHERE i.practice_id = :practice_id AND i.invoice_id = :invoice_id FOR UPDATE OF i
    """
)
# Numbers follow the days but for what was imported, so the list cannot begin at a day. The first
# number of each day is one step in the index; the least of them is where the list begins.
_FIRST_FROM = text(
    """
    WITH RECURSIVE day AS (
      (SELECT s.issued_on, s.year, s.serial FROM invoice s
       WHERE s.practice_id = :practice_id AND s.issued_on >= :issued_from
       ORDER BY s.issued_on, s.year, s.serial LIMIT 1)
      UNION ALL
      SELECT n.issued_on, n.year, n.serial FROM day CROSS JOIN LATERAL (
        SELECT s.issued_on, s.year, s.serial FROM invoice s
        WHERE s.practice_id = :practice_id AND s.issued_on > day.issued_on
        ORDER BY s.issued_on, s.year, s.serial LIMIT 1) AS n
    )
    SELECT year, serial FROM day ORDER BY year, serial LIMIT 1
    """
)
_RENDITION = text(
    """
    SELECT document_key, document_sha256, document_size_bytes, document_media_type, document_format
    FROM invoice_rendition WHERE practice_id = :practice_id AND invoice_id = :invoice_id
    ORDER BY place DESC LIMIT 1
    """
)
_TREATMENTS = text(
    """
    SELECT treatment_id FROM invoice_treatment
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id ORDER BY treatment_id
    """
)
CREDIT_NOTES = """
    SELECT n.*, s.settled_on FROM credit_note n
    LEFT JOIN credit_note_settlement s
      ON s.practice_id = n.practice_id AND s.credit_note_id = n.credit_note_id
    WHERE n.practice_id = :practice_id AND n.invoice_id = :invoice_id
      AND (CAST(:credit_note_id AS uuid) IS NULL OR n.credit_note_id = :credit_note_id)
"""
_CREDIT_NOTES_PAGE = text(
    f"""{CREDIT_NOTES}
      AND (year, serial) > (CAST(:after_year AS bigint), CAST(:after_serial AS bigint))
    ORDER BY year, serial LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices to show; None and False mean: no matter.

    Attributes:
        states, collection_stages: one of which it must be in, and at; each is named once.
        issued_from, issued_to: days of issue, both included.
        total_from_rappen, total_to_rappen: range of the invoice's total, both included.
        balance_from_rappen, balance_to_rappen: range of what the debtor owes, both included.
        words: each must be the beginning of the invoice number, the debtor number, one of the
            patient's names or a word of the guarantor's or insurer's name, whatever its case and
            accents; or be the serial number.
    """

    states: Sequence[str] | None = None
    collection_stages: Sequence[str] | None = None
    contract_id: UUID | None = None
    patient_id: UUID | None = None
    invoice_id: UUID | None = None
    exclude_zero_balance: bool = False
    without_contract: bool = False
    not_ordered: bool = False
    not_printed: bool = False
    issued_from: date | None = None
    issued_to: date | None = None
    total_from_rappen: int | None = None
    total_to_rappen: int | None = None
    balance_from_rappen: int | None = None
    balance_to_rappen: int | None = None
    tiers: str | None = None
    words: tuple[str, ...] = ()

    @property
    def is_to_insurer(self) -> bool:
        """Whether an insurer must owe it; there is an index of those."""
        return self.tiers not in {None, "garant"}

    @property
    def leaves_out_zero(self) -> bool:
        """Whether nothing without a balance is meant, whatever said so; there is an index of it."""
        least, most = self.balance_from_rappen, self.balance_to_rappen
        outside = (least is not None and least > 0) or (most is not None and most < 0)
        return self.exclude_zero_balance or outside


async def invoice_page(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    wanted: InvoiceFilter,
    limit: int,
    after: tuple[int, int] | None = None,
) -> Sequence[RowMapping]:
    """Return invoices by number, after (year, serial)."""
    conditions, values = _selection([practice_id], wanted)
    if after is not None:
        conditions.append(
            "(i.year, i.serial) > ((SELECT CAST(:after_year AS bigint)),"
            " (SELECT CAST(:after_serial AS bigint)))"
        )
        values |= {"after_year": after[0], "after_serial": after[1]}
    elif wanted.issued_from is not None:
        found = await connection.execute(
            _FIRST_FROM, {"practice_id": practice_id, "issued_from": wanted.issued_from}
        )
        begin = found.one_or_none()
        if begin is None:
            return []
        conditions.append(
            "(i.year, i.serial) >= ((SELECT CAST(:begin_year AS bigint)),"
            " (SELECT CAST(:begin_serial AS bigint)))"
        )
        values |= {"begin_year": begin.year, "begin_serial": begin.serial}
    return await _page(connection, conditions, values, limit)


async def page_of_practices(
    connection: AsyncConnection,
    practice_ids: Sequence[UUID],
    *,
    wanted: InvoiceFilter,
    limit: int,
    after: tuple[UUID, int, int] | None = None,
) -> Sequence[RowMapping]:
    """Return invoices of several practices, by practice and number; of none: of all in scope."""
    conditions, values = _selection(practice_ids, wanted)
    if after is not None:
        conditions.append(
            "(i.practice_id, i.year, i.serial) > ((SELECT CAST(:after_practice AS uuid)),"
            " (SELECT CAST(:after_year AS bigint)), (SELECT CAST(:after_serial AS bigint)))"
        )
        names = ("after_practice", "after_year", "after_serial")
        values |= dict(zip(names, after, strict=True))
    return await _page(connection, conditions, values, limit)


async def _page(
    connection: AsyncConnection, conditions: list[str], values: dict[str, object], limit: int
) -> Sequence[RowMapping]:
    rows = _rows(conditions, values, limit)
    found = await connection.execute(text(_PAGE.format(rows=rows)), values)
    return found.mappings().all()


def _rows(conditions: list[str], values: dict[str, object], limit: int) -> str:
    """Return the SELECT of a page's rows, and put the values of its branches to the others."""
    for name, column in _BRANCHING.items():
        wanted = values.get(name)
        if not isinstance(wanted, list):
            continue
        others = [one for one in conditions if one != _CONDITIONS[name]]
        branches = []
        for place, value in enumerate(wanted):
            values[f"branch_{place}"] = value
            chosen = " AND ".join([*others, f"{column} = :branch_{place}"])
            branches.append(f"({_ROWS.format(conditions=chosen, limit=limit)})")
        del values[name]
        return _MERGED.format(branches=" UNION ALL ".join(branches), limit=limit)
    return _ROWS.format(conditions=" AND ".join(conditions), limit=limit)


def invoice_selection(
    practice_ids: Sequence[UUID], wanted: InvoiceFilter
) -> tuple[str, dict[str, object]]:
    """Return the SELECT of a whole selection's amounts with its values; of no practice: of all."""
    conditions, values = _selection(practice_ids, wanted)
    return _SELECTION.format(conditions=" AND ".join(conditions)), values


async def invoice(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> RowMapping | None:
    """Return one invoice, or None."""
    wanted = InvoiceFilter(invoice_id=invoice_id)
    rows = await invoice_page(connection, practice_id, wanted=wanted, limit=1)
    return rows[0] if rows else None


def _selection(
    practice_ids: Sequence[UUID], wanted: InvoiceFilter
) -> tuple[list[str], dict[str, object]]:
    # Row-level security keeps the rest out; the condition is for the index.
    within, values = "true", dict[str, object]()
    if len(practice_ids) == 1:
        within, values = "{of}.practice_id = :practice_id", {"practice_id": practice_ids[0]}
    elif practice_ids:
        within = "{of}.practice_id = ANY (CAST(:practice_ids AS uuid[]))"
        values = {"practice_ids": list(practice_ids)}
    conditions = [within.format(of="i")]
    for name, condition in _CONDITIONS.items():
        given = getattr(wanted, name)
        if given is None or given is False:
            continue
        conditions.append(condition)
        if given is not True:
            values[name] = list(given) if name in _BRANCHING else given
    for place, word in enumerate(wanted.words):
        conditions.append(word_condition(f"word_{place}", word, within))
        values[f"word_{place}"] = word
        if is_serial(word):
            values[f"word_{place}_serial"] = int(word)
    return conditions, values


async def history(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID, *, limit: int
) -> Sequence[RowMapping]:
    """Return the lines of an invoice's history that were learnt last, in the order of their days.

    What was learnt late stands where it belongs.
    """
    found = await connection.execute(
        _HISTORY, {"practice_id": practice_id, "invoice_id": invoice_id, "limit": limit}
    )
    return sorted(found.mappings(), key=lambda row: (row["occurred_on"], row["position"]))


async def cancellation(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> RowMapping | None:
    """Return the last cancellation that asked for the invoice's order, or None."""
    wanted = {"practice_id": practice_id, "invoice_id": invoice_id}
    return (await connection.execute(_CANCELLATION, wanted)).mappings().one_or_none()


async def document(connection: AsyncConnection, row: RowMapping) -> RowMapping:
    """Return where the present document of an invoice rests, as a row with its columns."""
    wanted = {"practice_id": row["practice_id"], "invoice_id": row["invoice_id"]}
    return (await connection.execute(_RENDITION, wanted)).mappings().one_or_none() or row


async def treatment_ids(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> Sequence[UUID]:
    """Return the treatments that an invoice bills."""
    found = await connection.execute(
        _TREATMENTS, {"practice_id": practice_id, "invoice_id": invoice_id}
    )
    return found.scalars().all()


async def credit_notes(
    connection: AsyncConnection,
    practice_id: UUID,
    invoice_id: UUID,
    *,
    limit: int,
    credit_note_id: UUID | None = None,
    after: tuple[int, int] = (0, 0),
) -> Sequence[RowMapping]:
    """Return credit notes of an invoice by number, after (year, serial)."""
    found = await connection.execute(
        _CREDIT_NOTES_PAGE,
        {
            "practice_id": practice_id,
            "invoice_id": invoice_id,
            "credit_note_id": credit_note_id,
            "after_year": after[0],
            "after_serial": after[1],
            "limit": limit,
        },
    )
    return found.mappings().all()


async def standing(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> RowMapping | None:
    """Return how an invoice stands, for a move: others wait until the transaction ends."""
    wanted = {"practice_id": practice_id, "invoice_id": invoice_id}
    found = await connection.execute(_INVOICE_STANDING, wanted)
    return found.mappings().one_or_none()
