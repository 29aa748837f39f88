"""Documents that were written anew, in PostgreSQL: appended, never changed."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.domain.invoice import StoredDocument
from services.invoicing.domain.rendition import Rendition

_ADD = text(
    """
    INSERT INTO invoice_rendition (practice_id, invoice_id, place, document_key, document_sha256,
      document_size_bytes, document_media_type, document_format, rendered_at, rendered_by)
    SELECT :practice_id, :invoice_id, 1 + count(*), :document_key, :document_sha256,
      :document_size_bytes, :document_media_type, :document_format, :rendered_at, :rendered_by
    FROM invoice_rendition WHERE practice_id = :practice_id AND invoice_id = :invoice_id
    RETURNING place
    """
)
_LAST = text(
    "SELECT * FROM invoice_rendition WHERE practice_id = :practice_id AND invoice_id = :invoice_id"
    " ORDER BY place DESC LIMIT 1"
)
_OUTSIDE = text(
    "SELECT invoice_id FROM imported_invoice"
    " WHERE practice_id = :practice_id AND invoice_id = ANY (CAST(:invoice_ids AS uuid[]))"
)


class SqlRenditionRepository:
    """See services.invoicing.ports.RenditionRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, rendition: Rendition) -> int:
        """Keep a rendition; return how many the invoice has by now."""
        values = {
            "practice_id": rendition.practice_id,
            "invoice_id": rendition.invoice_id,
            "document_key": rendition.document.key,
            "document_sha256": rendition.document.sha256,
            "document_size_bytes": rendition.document.size_bytes,
            "document_media_type": rendition.document.media_type,
            "document_format": rendition.document_format,
            "rendered_at": rendition.rendered_at,
            "rendered_by": rendition.rendered_by,
        }
        return int((await self._connection.execute(_ADD, values)).scalar_one())

    async def came_from_outside(
        self, practice_id: UUID, invoice_ids: Collection[UUID]
    ) -> frozenset[UUID]:
        """Return those of the practice's invoices that were imported."""
        wanted = {"practice_id": practice_id, "invoice_ids": list(invoice_ids)}
        found = await self._connection.execute(_OUTSIDE, wanted)
        return frozenset(found.scalars())


async def last_rendition(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> Rendition | None:
    """Return the newest rendition of an invoice, or None."""
    wanted = {"practice_id": practice_id, "invoice_id": invoice_id}
    found = await connection.execute(_LAST, wanted)
    row = found.mappings().one_or_none()
    if row is None:
        return None
    return Rendition(
        practice_id=row["practice_id"],
        invoice_id=row["invoice_id"],
        document=StoredDocument(
            key=row["document_key"],
            sha256=row["document_sha256"],
            size_bytes=row["document_size_bytes"],
            media_type=row["document_media_type"],
        ),
        document_format=row["document_format"],
        rendered_at=row["rendered_at"],
        rendered_by=row["rendered_by"],
    )
