"""A document written anew: the same invoice, in another version of the official format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.invoicing.domain.invoice import StoredDocument


@dataclass(frozen=True, slots=True)
class Rendition:
    """The document that an invoice has from now on; the one of its issue is kept.

    Attributes:
        document_format: version of the official format ("5.0").
        rendered_by: who asked for it.
    """

    practice_id: UUID
    invoice_id: UUID
    document: StoredDocument
    document_format: str
    rendered_at: datetime
    rendered_by: str


@dataclass(frozen=True, slots=True)
class NotRendered:
    """An invoice whose document stays as it is: a stable code, and why, for a person."""

    invoice_id: UUID
    invoice_number: str
    code: str
    reason: str
