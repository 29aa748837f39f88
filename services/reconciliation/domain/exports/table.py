"""Writes a journal as CSV for spreadsheets: one line per posting, no formulas.

Semicolons, as Excel here expects; the byte order mark is for the first line's writer to add.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from services.reconciliation.domain.exports.entries import ExportedEntry, Journal
from shared.kernel.money import CURRENCY, Money

HEADER = (
    "entry_date",
    "number",
    "line",
    "kind",
    "text",
    "account",
    "role",
    "account_name",
    "debit",
    "credit",
    "currency",
    "invoice_number",
    "deb_line",
    "entry_id",
    "entry_hash",
)
BYTE_ORDER_MARK = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CsvLedger:
    """A journal as a table."""

    def __init__(self, journal: Journal) -> None:
        self._accounts = {account.number: account for account in journal.accounts}

    def opening(self) -> str:
        """Return the line of the columns' names."""
        return BYTE_ORDER_MARK + _lines([HEADER])

    def entry(self, entry: ExportedEntry) -> str:
        """Return a line for each posting; of debit and credit one is empty."""
        return _lines(self._line(entry, place) for place in range(len(entry.postings)))

    def _line(self, entry: ExportedEntry, place: int) -> Sequence[str]:
        posting = entry.postings[place]
        account = self._accounts[posting.account]
        is_credit = posting.amount.rappen < 0
        return (
            entry.entry_date.isoformat(),
            str(entry.number),
            str(place + 1),
            plain(entry.kind),
            plain(entry.label),
            account.number,
            account.role,
            plain(account.name),
            "" if is_credit else str(posting.amount),
            str(Money(-posting.amount.rappen)) if is_credit else "",
            CURRENCY,
            plain(posting.invoice_number),
            plain(entry.source),
            str(entry.entry_id),
            entry.entry_hash,
        )


def plain(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before it."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue()
