"""Pages of a list: a limit, and an opaque cursor that says where the last page ended (keyset)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from shared.kernel.errors import DomainError
from shared.web.endpoints import ApiModel

CURSOR_CHARACTERS_MAX = 400
CURSOR_PROBLEM = "cursor-invalid"
_WHOLE_NUMBER_MAX = 2**63 - 1
R = TypeVar("R")
V = TypeVar("V")
Several = Annotated[
    list[V],
    Field(
        default_factory=list,
        max_length=30,
        description="One of these; give it once for each. None: whichever",
    ),
]
"""A filter that takes several values, each as a parameter of its own."""


class PageQuery(ApiModel):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[
        str | None,
        Field(max_length=CURSOR_CHARACTERS_MAX, description="`next` of the page before"),
    ] = None
    totals: Annotated[
        Literal["first-page", "exact", "none"],
        Field(
            description="Count and sums of the whole selection: with its first page, up to a bound;"
            " or of all of it on any page, however long that takes; or not at all"
        ),
    ] = "first-page"


class Totals(ApiModel):
    """How many rows a whole selection has; lists whose rows carry money add its sums."""

    count: int
    exact: Annotated[
        bool,
        Field(description="false: there are more than `count`, and sums are null; ask for `exact`"),
    ]


class Page(ApiModel):
    """What every list answers beside its items."""

    next: Annotated[
        str | None, Field(description="Give it as `after` for the next page; null: the last one")
    ]
    totals: Annotated[
        Totals | None, Field(description="Of the whole selection; null on further pages")
    ]


def several(values: Sequence[str]) -> list[str] | None:
    """Return what a `Several` filter is given to a statement as: None if no value was given."""
    return list(dict.fromkeys(str(value) for value in values)) or None


def cursor(*place: object) -> str:
    """Return the opaque cursor that stands behind the item with this sort key."""
    parts = [part.isoformat() if isinstance(part, datetime) else str(part) for part in place]
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str | None, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """Return the sort key behind a cursor, each part read by its kind; None without a cursor.

    Args:
        kinds: one per part of the key: `str`, `UUID`, `date.fromisoformat`, `instant`,
            `whole_number`, or any function that raises ValueError for what it cannot read.

    Raises:
        DomainError: no page of this list gave this cursor.
    """
    if text is None:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise not_ours()
        return tuple(_read(part, kind) for part, kind in zip(parts, kinds, strict=True))
    except (binascii.Error, ValueError, RecursionError):
        raise not_ours() from None


def instant(text: str) -> datetime:
    """Read an aware instant out of a cursor, in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant has a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("before or after all time") from None


def whole_number(text: str) -> int:
    """Read a number out of a cursor, 0 to what a PostgreSQL bigint holds."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise ValueError("not a whole number")
    number = int(text)
    if number > _WHOLE_NUMBER_MAX:
        raise ValueError("too large a number")
    return number


def split_page(rows: Sequence[R], limit: int) -> tuple[Sequence[R], bool]:
    """Return the page, and whether there is another one: `limit` + 1 rows were asked for."""
    return rows[:limit], len(rows) > limit


def not_ours() -> DomainError:
    """Return the error for a cursor that no page gave."""
    return DomainError(
        "This page does not exist. Start again with the first page of the list.",
        code=CURSOR_PROBLEM,
        field="after",
    )


def _read(part: object, kind: Callable[[str], Any]) -> Any:
    # What our pages give is printable; a NUL, say, no query could take.
    if not isinstance(part, str) or not part.isprintable():
        raise ValueError("not a part of a cursor")
    return kind(part)
