"""What the API shows of patients and their treatments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.views.search import STARTS

_PATIENTS = "SELECT * FROM patient WHERE practice_id = :practice_id"
_PATIENT_CONDITIONS = {
    "patient_id": "patient_id = :patient_id",
    "patient_number": "patient_number = :patient_number",
    "birth_date": "birth_date = :birth_date",
}
# Each source has its own index.
_WITH_WORD = " UNION ALL ".join(
    f"SELECT q.patient_id FROM {table} q WHERE q.practice_id = :practice_id AND "  # noqa: S608
    + STARTS.format(column=f"q.{column}", word="{word}")
    for table, column in (
        ("patient", "family_search"),
        ("patient", "given_search"),
        ("debtor_word", "word"),
    )
)
TREATMENTS = """
    SELECT t.*, i.invoice_id, i.invoice_number
    FROM treatment t
    LEFT JOIN invoice_treatment b
      ON b.practice_id = t.practice_id AND b.treatment_id = t.treatment_id AND NOT b.released
    LEFT JOIN invoice i ON i.practice_id = b.practice_id AND i.invoice_id = b.invoice_id
    WHERE t.practice_id = :practice_id
      AND (CAST(:treatment_id AS uuid) IS NULL OR t.treatment_id = :treatment_id)
      AND (CAST(:patient_id AS uuid) IS NULL OR t.patient_id = :patient_id)
      AND (CAST(:billed AS boolean) IS NULL OR (b.invoice_id IS NOT NULL) = :billed)
"""
_TREATMENTS_PAGE = text(
    f"""{TREATMENTS}
      AND (CAST(:after_day AS date) IS NULL
           OR (t.begun_on, t.treatment_id) > (CAST(:after_day AS date), CAST(:after_id AS uuid)))
    ORDER BY t.begun_on, t.treatment_id LIMIT :limit
    """
)
_POSITIONS = text(
    """
    SELECT * FROM treatment_position
    WHERE practice_id = :practice_id AND treatment_id = ANY (CAST(:treatment_ids AS uuid[]))
    ORDER BY treatment_id, place
    """
)


@dataclass(frozen=True, slots=True)
class PatientFilter:
    """Which patients to show; None means: no matter.

    Attributes:
        words: each must be the beginning of one of the patient's names or of a word of the
            guarantor's name, whatever its case and accents.
    """

    patient_id: UUID | None = None
    patient_number: str | None = None
    birth_date: date | None = None
    words: tuple[str, ...] = ()


def patient_selection(practice_id: UUID, wanted: PatientFilter) -> tuple[str, dict[str, object]]:
    """Return the SELECT of a whole selection of patients with its values."""
    conditions, values = [_PATIENTS], dict[str, object](practice_id=practice_id)
    for name, condition in _PATIENT_CONDITIONS.items():
        given = getattr(wanted, name)
        if given is not None:
            conditions.append(condition)
            values[name] = given
    for place, word in enumerate(wanted.words):
        conditions.append(f"patient_id IN ({_WITH_WORD.format(word=f'word_{place}')})")
        values[f"word_{place}"] = word
    return " AND ".join(conditions), values


async def patients(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    limit: int,
    wanted: PatientFilter,
    after: str | None = None,
) -> Sequence[RowMapping]:
    """Return patients of a practice by patient number, after the number given."""
    selection, values = patient_selection(practice_id, wanted)
    if after is not None:
        selection += " AND patient_number > :after"
        values["after"] = after
    statement = text(f"{selection} ORDER BY patient_number LIMIT :limit")
    return (await connection.execute(statement, values | {"limit": limit})).mappings().all()


async def treatments(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    limit: int,
    treatment_id: UUID | None = None,
    patient_id: UUID | None = None,
    billed: bool | None = None,
    after: tuple[date, UUID] | None = None,
) -> Sequence[RowMapping]:
    """Return treatments of a practice by first day, after (day, id), with their invoice if any."""
    day, last_id = after or (None, None)
    found = await connection.execute(
        _TREATMENTS_PAGE,
        {
            "practice_id": practice_id,
            "treatment_id": treatment_id,
            "patient_id": patient_id,
            "billed": billed,
            "after_day": day,
            "after_id": last_id,
            "limit": limit,
        },
    )
    return found.mappings().all()


async def positions(
    connection: AsyncConnection, practice_id: UUID, treatment_ids: Collection[UUID]
) -> dict[UUID, list[RowMapping]]:
    """Return the positions of treatments in their order, by treatment."""
    found = await connection.execute(
        _POSITIONS, {"practice_id": practice_id, "treatment_ids": list(treatment_ids)}
    )
    by_treatment: dict[UUID, list[RowMapping]] = defaultdict(list)
    for row in found.mappings():
        by_treatment[row["treatment_id"]].append(row)
    return by_treatment
