"""Imported invoices, and conflicts between files and known invoices, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.sets import insert_rows
from services.invoicing.adapters.tables import import_conflict, imported_invoice
from services.invoicing.domain.incoming import Namesake
from services.invoicing.domain.invoice import StoredDocument
from services.invoicing.domain.taking_over import (
    OUTSIDE_SERIALS_FROM,
    ImportConflict,
    ImportedInvoice,
    KnownInvoice,
)

# The same lock as that of the house's own numbers (see invoice_rows).
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('invoice-numbers ' || :lock, 0))")
# The two look-ups come first, each by its index; the rest follows by key.
_KNOWN = text(
    """
    WITH meant AS MATERIALIZED (
      SELECT invoice_id FROM invoice
      WHERE practice_id = :practice_id AND invoice_number = ANY (CAST(:numbers AS text[]))
      UNION
      SELECT invoice_id FROM imported_invoice
      WHERE practice_id = :practice_id AND document_number = ANY (CAST(:numbers AS text[]))
    )
    SELECT i.invoice_id, i.invoice_number, m.document_number, i.document_sha256,
      m.content_sha256, i.state = 'cancelled' AS cancelled,
      (SELECT jsonb_agg(to_jsonb(n) ORDER BY n.patient_number COLLATE "C")
       FROM (SELECT patient_id, patient_number, family_name, given_name FROM patient
             WHERE practice_id = :practice_id AND patient_id = ANY (m.namesake_ids)) AS n
      ) AS namesakes
    FROM meant w
    JOIN invoice i ON i.practice_id = :practice_id AND i.invoice_id = w.invoice_id
    LEFT JOIN imported_invoice m ON m.practice_id = :practice_id AND m.invoice_id = w.invoice_id
    ORDER BY i.state <> 'cancelled', m.imported_at NULLS FIRST, i.year, i.serial
    """
)
_REFERENCES = text(
    """
    SELECT qr_reference, invoice_number FROM invoice
    WHERE practice_id = :practice_id AND cancelled_at IS NULL
      AND qr_reference = ANY (CAST(:wanted AS text[]))
    """
)
_DRAW_SERIALS = text(
    """
    INSERT INTO import_counter AS c (practice_id, last) VALUES (:practice_id, :first)
    ON CONFLICT (practice_id) DO UPDATE SET last = c.last + :count
    RETURNING last
    """
)


class SqlImportRepository:
    """See services.invoicing.ports.ImportRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, practice_id: UUID) -> None:
        """Let nobody else import or number invoices of the practice until the transaction ends."""
        await self._connection.execute(_LOCK, {"lock": str(practice_id)})

    async def known(self, practice_id: UUID, numbers: Collection[str]) -> dict[str, KnownInvoice]:
        """Return, by number, the invoices with these numbers, here or on their documents."""
        rows = await self._connection.execute(
            _KNOWN, {"practice_id": practice_id, "numbers": list(numbers)}
        )
        found: dict[str, KnownInvoice] = {}
        for row in rows.mappings():
            told = tuple(
                Namesake(**(each | {"patient_id": UUID(each["patient_id"])}))
                for each in row["namesakes"] or ()
            )
            one = KnownInvoice(**(dict(row) | {"namesakes": told}))
            found[one.invoice_number] = one
            if one.document_number is not None:
                found[one.document_number] = one
        return found

    async def taken_references(
        self, practice_id: UUID, references: Collection[str]
    ) -> dict[str, str]:
        """Return, by QR reference, the number of the invoice that has it and is not cancelled."""
        rows = await self._connection.execute(
            _REFERENCES, {"practice_id": practice_id, "wanted": list(references)}
        )
        return {row.qr_reference: row.invoice_number for row in rows}

    async def draw_serials(self, practice_id: UUID, count: int) -> range:
        """Draw so many serials for numbers that are not of the house's form."""
        first = OUTSIDE_SERIALS_FROM + count - 1
        drawn = await self._connection.execute(
            _DRAW_SERIALS, {"practice_id": practice_id, "first": first, "count": count}
        )
        last = int(drawn.scalar_one())
        return range(last - count + 1, last + 1)

    async def add(
        self, import_id: UUID, invoices: Sequence[ImportedInvoice], *, at: datetime
    ) -> None:
        """Keep where imported invoices came from."""
        await insert_rows(
            self._connection,
            imported_invoice,
            [
                {
                    "practice_id": one.invoice.practice_id,
                    "invoice_id": one.invoice.invoice_id,
                    "import_id": import_id,
                    "document_number": one.document_number,
                    "file_name": one.file_name,
                    "version": one.version,
                    "content_sha256": one.content_sha256,
                    "imported_at": at,
                    "namesake_ids": [each.patient_id for each in one.namesakes],
                }
                for one in invoices
            ],
        )

    async def conflict_over(
        self, invoice_id: UUID, document_sha256: str, *, cancelled: bool
    ) -> ImportConflict | None:
        """Return the conflict over this invoice and this very file, decided or not, or None."""
        table = import_conflict.c
        rows = await self._connection.execute(
            select(import_conflict)
            .where(
                table.invoice_id == invoice_id,
                table.document_sha256 == document_sha256,
                table.decision.is_(None) | (table.over_cancelled == cancelled),
            )
            .order_by(table.decision.is_(None).desc())
            .limit(1)
        )
        row = rows.mappings().one_or_none()
        return None if row is None else _conflict(row)

    async def add_conflict(self, conflict: ImportConflict) -> None:
        """Keep a new conflict."""
        await self._connection.execute(insert(import_conflict).values(_columns(conflict)))

    async def lock_conflict(self, practice_id: UUID, conflict_id: UUID) -> ImportConflict | None:
        """Return a conflict of the practice, locked until the transaction ends, or None."""
        rows = await self._connection.execute(
            select(import_conflict)
            .where(
                import_conflict.c.practice_id == practice_id,
                import_conflict.c.conflict_id == conflict_id,
            )
            .with_for_update()
        )
        row = rows.mappings().one_or_none()
        return None if row is None else _conflict(row)

    async def decide(self, conflict: ImportConflict) -> None:
        """Write a decision."""
        await self._connection.execute(
            update(import_conflict)
            .where(import_conflict.c.conflict_id == conflict.conflict_id)
            .values(
                decision=conflict.decision,
                decided_at=conflict.decided_at,
                decided_by=conflict.decided_by,
                replacement_id=conflict.replacement_id,
            )
        )


def _columns(conflict: ImportConflict) -> dict[str, object]:
    return {
        "practice_id": conflict.practice_id,
        "conflict_id": conflict.conflict_id,
        "invoice_id": conflict.invoice_id,
        "invoice_number": conflict.invoice_number,
        "contract_id": conflict.contract_id,
        "file_name": conflict.file_name,
        "document_key": conflict.document.key,
        "document_sha256": conflict.document.sha256,
        "document_size_bytes": conflict.document.size_bytes,
        "document_media_type": conflict.document.media_type,
        "found_at": conflict.found_at,
        "over_cancelled": conflict.over_cancelled,
    }


def _conflict(row: RowMapping) -> ImportConflict:
    same_names = (
        "conflict_id",
        "practice_id",
        "invoice_id",
        "invoice_number",
        "contract_id",
        "file_name",
        "found_at",
        "decision",
        "decided_at",
        "decided_by",
        "replacement_id",
        "over_cancelled",
    )
    return ImportConflict(
        **{name: row[name] for name in same_names},
        document=StoredDocument(
            key=row["document_key"],
            sha256=row["document_sha256"],
            size_bytes=row["document_size_bytes"],
            media_type=row["document_media_type"],
        ),
    )
