"""The one page that a clerk sees; everything on it came from outside, so everything is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Debident (stand-in)</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1d2733; }
table { border-collapse: collapse; margin-bottom: 2rem; }
th, td { text-align: left; padding: .3rem .8rem; border-bottom: 1px solid #d5dce3; }
h2 { font-size: 1.1rem; }
</style></head><body>
<h1>Debident <small>(stand-in of the portal)</small></h1>
"""
_TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Accounts",
        "accounts",
        ("account_number", "client_id", "payout_term_days", "payout_basis", "factor_fee_permille"),
    ),
    (
        "Orders",
        "orders",
        (
            "account_number",
            "order_number",
            "reference",
            "state",
            "uploads",
            "received_at",
            "arrived_at",
            "accepted",
            "refused",
            "refusal_code",
            "communication",
        ),
    ),
    (
        "Credit notes",
        "credit_notes",
        ("account_number", "order_number", "credit_note_number", "invoice_number", "amount"),
    ),
    (
        "DEB files",
        "deb_files",
        ("account_number", "file_id", "created_at", "row_count", "size", "sha256"),
    ),
)


def render_page(overview: dict[str, object]) -> str:
    """Return the page as HTML."""
    parts = [_HEAD, f"<p>Simulated time: {escape(str(overview['simulated_now']))}</p>"]
    for title, key, columns in _TABLES:
        rows = overview[key]
        assert isinstance(rows, list), key  # noqa: S101 - our own overview
        parts.append(_table(title, columns, rows))
    return "\n".join([*parts, "</body></html>"])


def _table(title: str, columns: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    head = "".join(f"<th>{escape(column.replace('_', ' '))}</th>" for column in columns)
    body = "\n".join(f"<tr>{_cells(row, columns)}</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2>\n<table><tr>{head}</tr>\n{body}\n</table>"


def _cells(row: dict[str, object], columns: Sequence[str]) -> str:
    values = (row.get(column) for column in columns)
    return "".join(f"<td>{escape('' if value is None else str(value))}</td>" for value in values)
