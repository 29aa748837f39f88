"""CSV for spreadsheets: semicolons and a byte order mark, as Excel here expects; no formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return the table as UTF-8; the caller bounds the number of rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def plain(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before it."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_FORMULA) else text
