"""Opaque cursors: where the next page of a list begins, in a form that nobody should read."""

from __future__ import annotations

import base64
import binascii
import re

from shared.kernel.errors import DomainError

CURSOR_CHARACTERS_MAX = 400
_NUMBERS = re.compile(r"[0-9]{1,15}(/[0-9]{1,9})?")


def text_cursor(place: str) -> str:
    """Return the cursor that stands behind this place of a list."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_text_cursor(cursor: str | None) -> str:
    """Return the place that a cursor stands behind; the beginning, "", without one.

    Raises:
        DomainError: it was not made here.
    """
    if cursor is None:
        return ""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _not_ours() from None
    if "\x00" in place:
        raise _not_ours()
    return place


def number_cursor(*numbers: int) -> str:
    """Return the cursor that stands behind one number, or a number within another."""
    return text_cursor("/".join(str(number) for number in numbers))


def read_number_cursor(cursor: str | None) -> int | None:
    """Return the number that a cursor stands behind, or None without one.

    Raises:
        DomainError: it was not made here.
    """
    return None if cursor is None else _numbers(cursor)[0]


def read_pair_cursor(cursor: str | None) -> tuple[int, int]:
    """Return the two numbers that a cursor stands behind; the beginning without one.

    Raises:
        DomainError: it was not made here.
    """
    if cursor is None:
        return (-1, -1)
    numbers = _numbers(cursor)
    if len(numbers) != 2:
        raise _not_ours()
    return (numbers[0], numbers[1])


def _numbers(cursor: str) -> list[int]:
    place = read_text_cursor(cursor)
    if not _NUMBERS.fullmatch(place):
        raise _not_ours()
    return [int(number) for number in place.split("/")]


def _not_ours() -> DomainError:
    return DomainError(
        "This page does not exist. Start again with the first page of the list.",
        code="cursor-invalid",
        field="after",
    )
