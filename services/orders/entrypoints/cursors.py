"""Opaque cursors: where the next page of a list begins, in a form that nobody should read."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from shared.kernel.errors import DomainError

CURSOR_CHARACTERS_MAX = 400


def text_cursor(place: str) -> str:
    """Return the cursor that stands behind this place of a list."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_text_cursor(cursor: str) -> str:
    """Return the place that a cursor stands behind.

    Raises:
        DomainError: it was not made here.
    """
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _not_ours() from None
    if "\x00" in place:
        raise _not_ours()
    return place


def order_cursor(prepared_at: datetime, order_id: UUID) -> str:
    """Return the cursor that stands behind an order in the list of orders."""
    return text_cursor(f"{prepared_at.isoformat()}/{order_id}")


def read_order_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return instant of preparation and id of the order that a cursor stands behind.

    Raises:
        DomainError: it was not made here.
    """
    at, _, order_id = read_text_cursor(cursor).partition("/")
    try:
        place = datetime.fromisoformat(at), UUID(order_id)
    except ValueError:
        raise _not_ours() from None
    if place[0].tzinfo is None:
        raise _not_ours()
    return place


def line_cursor(place: int) -> str:
    """Return the cursor that stands behind a line of an order."""
    return text_cursor(str(place))


def read_line_cursor(cursor: str) -> int:
    """Return the place in the order that a cursor stands behind.

    Raises:
        DomainError: it was not made here.
    """
    place = read_text_cursor(cursor)
    if not (place.isascii() and place.isdigit() and len(place) <= 5):
        raise _not_ours()
    return int(place)


def _not_ours() -> DomainError:
    return DomainError(
        "This page does not exist. Start again with the first page of the list.",
        code="cursor-invalid",
        field="after",
    )
