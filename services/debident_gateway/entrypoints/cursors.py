"""Opaque cursors: where the next page of a list begins, in a form that nobody should read."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from shared.kernel.errors import DomainError

CURSOR_CHARACTERS_MAX = 200


def cursor_behind(at: datetime, identity: UUID) -> str:
    """Return the cursor that stands behind an item of a list."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}/{identity}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the place that a cursor stands behind.

    Raises:
        DomainError: it was not made here.
    """
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        at, _, identity = place.partition("/")
        behind = datetime.fromisoformat(at), UUID(identity)
    except (binascii.Error, ValueError):
        raise _not_ours() from None
    if behind[0].tzinfo is None:
        raise _not_ours()
    return behind


def _not_ours() -> DomainError:
    return DomainError(
        "This page does not exist. Start again with the first page of the list.",
        code="cursor-invalid",
        field="after",
    )
