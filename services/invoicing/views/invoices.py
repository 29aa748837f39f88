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

SEARCH_WORDS_MAX = 5
_SERIAL_DIGITS_MAX = 7
_BALANCE = "(i.principal_rappen + i.reminder_fees_rappen + i.interest_rappen + i.costs_rappen)"
_PAGE = f"""
    SELECT i.*, o.order_number, {_BALANCE} AS balance_rappen,
      p.family_name AS patient_family_name, p.given_name AS patient_given_name,
      coalesce(p.debtor_family_name, p.family_name) AS debtor_family_name,
      coalesce(p.debtor_given_name, p.given_name) AS debtor_given_name
    FROM invoice i
    JOIN patient p ON p.practice_id = i.practice_id AND p.patient_id = i.patient_id
    LEFT JOIN known_order o ON o.practice_id = i.practice_id AND o.order_id = i.order_id
    WHERE {{conditions}}
    ORDER BY i.year, i.serial LIMIT {{limit:d}}
    """  # noqa: S608 - built of constants
_SUMS = f"""
    SELECT count(*) AS total_count,
      coalesce(sum(i.total_rappen), 0)::bigint AS sum_total_rappen,
      coalesce(sum({_BALANCE}), 0)::bigint AS sum_balance_rappen,
      coalesce(sum(i.factor_owes_rappen), 0)::bigint AS sum_factor_owes_rappen
    FROM invoice i WHERE {{conditions}}
    """  # noqa: S608 - built of constants
_CONDITIONS = {
    "invoice_id": "i.invoice_id = :invoice_id",
    "state": "i.state = :state",
    "contract_id": "i.contract_id = :contract_id",
    "patient_id": "i.patient_id = :patient_id",
    "issued_from": "i.issued_on >= :issued_from",
    "issued_to": "i.issued_on <= :issued_to",
    "total_from_rappen": "i.total_rappen >= :total_from_rappen",
    "total_to_rappen": "i.total_rappen <= :total_to_rappen",
    "not_ordered": "i.order_id IS NULL",
    "not_printed": "i.printed_at IS NULL",
    "exclude_zero_balance": f"{_BALANCE} <> 0",
}
# A word is the beginning of a number or a name; the comparison is a range, which an index serves.
_STARTS = "{column} >= search_form(:{word}) AND {column} < search_form(:{word}) || chr(1114111)"
_OF_INVOICE = "SELECT s.invoice_id FROM invoice s WHERE s.practice_id = :practice_id AND "
_OF_PATIENT = """SELECT s.invoice_id FROM patient q
      JOIN invoice s ON s.practice_id = q.practice_id AND s.patient_id = q.patient_id
      WHERE q.practice_id = :practice_id AND """
_HISTORY = text(
    """
    SELECT h.*, o.order_number
    FROM invoice_history h
    LEFT JOIN known_order o ON o.practice_id = h.practice_id AND o.order_id = h.order_id
    WHERE h.practice_id = :practice_id AND h.invoice_id = :invoice_id
    ORDER BY h.position DESC LIMIT :limit
    """
)
_TREATMENTS = text(
    """
    SELECT treatment_id FROM invoice_treatment
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id ORDER BY treatment_id
    """
)
_CREDIT_NOTES = text(
    """
    SELECT * FROM credit_note
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id ORDER BY year, serial
    """
)


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices to show; None and False mean: no matter.

    Attributes:
        issued_from, issued_to: days of issue, both included.
        total_from_rappen, total_to_rappen: range of the invoice's total, both included.
        words: each must be the beginning of the invoice number, the debtor number or one of the
            patient's names, whatever its case and accents; or be the serial number.
    """

    state: str | None = None
    contract_id: UUID | None = None
    patient_id: UUID | None = None
    invoice_id: UUID | None = None
    exclude_zero_balance: bool = False
    not_ordered: bool = False
    not_printed: bool = False
    issued_from: date | None = None
    issued_to: date | None = None
    total_from_rappen: int | None = None
    total_to_rappen: int | None = None
    words: tuple[str, ...] = ()


async def invoice_page(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    wanted: InvoiceFilter,
    limit: int,
    after: tuple[int, int] | None = None,
) -> Sequence[RowMapping]:
    """Return invoices by number, after (year, serial)."""
    conditions, values = _selection(practice_id, wanted)
    if after is not None:
        conditions.append(
            "(i.year, i.serial) > (CAST(:after_year AS bigint), CAST(:after_serial AS bigint))"
        )
        values |= {"after_year": after[0], "after_serial": after[1]}
    # Without the number, PostgreSQL would plan for a tenth of the list and sort what it need not.
    statement = text(_PAGE.format(conditions=" AND ".join(conditions), limit=limit))
    found = await connection.execute(statement, values)
    return found.mappings().all()


async def invoice_sums(
    connection: AsyncConnection, practice_id: UUID, *, wanted: InvoiceFilter
) -> RowMapping:
    """Return count and sums of a whole selection."""
    conditions, values = _selection(practice_id, wanted)
    statement = text(_SUMS.format(conditions=" AND ".join(conditions)))
    return (await connection.execute(statement, values)).mappings().one()


async def invoice(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> RowMapping | None:
    """Return one invoice, or None."""
    wanted = InvoiceFilter(invoice_id=invoice_id)
    rows = await invoice_page(connection, practice_id, wanted=wanted, limit=1)
    return rows[0] if rows else None


def _selection(practice_id: UUID, wanted: InvoiceFilter) -> tuple[list[str], dict[str, object]]:
    values: dict[str, object] = {"practice_id": practice_id}
    conditions = ["i.practice_id = :practice_id"]
    for name, condition in _CONDITIONS.items():
        given = getattr(wanted, name)
        if given is None or given is False:
            continue
        conditions.append(condition)
        if given is not True:
            values[name] = given
    for place, word in enumerate(wanted.words):
        conditions.append(_word_condition(f"word_{place}", word))
        values[f"word_{place}"] = word
        if _is_serial(word):
            values[f"word_{place}_serial"] = int(word)
    return conditions, values


def _word_condition(name: str, word: str) -> str:
    sources = [
        _OF_INVOICE + _STARTS.format(column="s.number_search", word=name),
        _OF_INVOICE + _STARTS.format(column="s.debtor_search", word=name),
        _OF_PATIENT + _STARTS.format(column="q.family_search", word=name),
        _OF_PATIENT + _STARTS.format(column="q.given_search", word=name),
    ]
    if _is_serial(word):
        sources.append(f"{_OF_INVOICE} s.serial = :{name}_serial")
    return f"i.invoice_id IN ({' UNION ALL '.join(sources)})"


def _is_serial(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= _SERIAL_DIGITS_MAX


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


async def treatment_ids(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> Sequence[UUID]:
    """Return the treatments that an invoice bills."""
    found = await connection.execute(
        _TREATMENTS, {"practice_id": practice_id, "invoice_id": invoice_id}
    )
    return found.scalars().all()


async def credit_notes(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> Sequence[RowMapping]:
    """Return the credit notes of an invoice by number."""
    found = await connection.execute(
        _CREDIT_NOTES, {"practice_id": practice_id, "invoice_id": invoice_id}
    )
    return found.mappings().all()
