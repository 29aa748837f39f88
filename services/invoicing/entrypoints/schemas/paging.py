"""Pages of a list: a limit, and a cursor that says where the last page ended."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated

from pydantic import Field

from shared.kernel.errors import DomainError
from shared.web.endpoints import ApiModel


class PageQuery(ApiModel):
    """Which part of a list to show."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[
        str | None,
        Field(max_length=400, description="`next_after` of the page before", default=None),
    ]


class Page(ApiModel):
    """What every list answers beside its items."""

    next_after: Annotated[
        str | None, Field(description="Give it as `after` for the next page; null: the last one")
    ]


def cursor(*key: object) -> str:
    """Return the opaque cursor behind an item with this sort key."""
    text = json.dumps([str(part) for part in key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursor_key(after: str | None, *, parts: int) -> list[str] | None:
    """Return the sort key in a cursor, or None without one.

    Raises:
        DomainError: this is no cursor of this list.
    """
    if after is None:
        return None
    try:
        padded = after + "=" * (-len(after) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid_cursor() from error
    whole = isinstance(key, list) and len(key) == parts
    # What our pages give is printable; a NUL, say, no query could take.
    if not whole or not all(isinstance(part, str) and part.isprintable() for part in key):
        raise invalid_cursor()
    return [str(part) for part in key]


def invalid_cursor() -> DomainError:
    """Return the error for a cursor that none of our pages gave."""
    return DomainError(
        "This is not where a page of this list ended.", code="cursor-invalid", field="after"
    )
