"""Writes a journal for Beancount (version 3): https://beancount.github.io/docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from services.reconciliation.domain.exports.entries import (
    ExportedEntry,
    ExportedPosting,
    Journal,
    account_name,
    account_names,
    one_line,
)
from shared.kernel.money import CURRENCY

_LINK = re.compile(r"[A-Za-z0-9_/.-]+")


class BeancountLedger:
    """A journal as a Beancount file: options, an open directive per account, transactions."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._names = account_names(journal.accounts)

    def opening(self) -> str:
        """Return the options and the accounts."""
        return "".join(f"{line}\n" for line in self._opening())

    def entry(self, entry: ExportedEntry) -> str:
        """Return a transaction; what an invoice is called links all that is about it."""
        links = "".join(f" ^{number}" for number in _linkable(entry.invoice_numbers))
        lines = [
            "",
            f"{entry.entry_date} * {_string(entry.label)}{links}",
            f"  journal-number: {entry.number}",
            f"  kind: {_string(entry.kind)}",
            f"  entry-id: {_string(str(entry.entry_id))}",
            f"  entry-hash: {_string(entry.entry_hash)}",
        ]
        if entry.source is not None:
            lines.append(f"  deb-line: {_string(entry.source)}")
        for posting in entry.postings:
            lines += self._posting(posting)
        return "".join(f"{line}\n" for line in lines)

    def _opening(self) -> Iterator[str]:
        journal = self._journal
        yield f'option "title" {_string(journal.title)}'
        yield f'option "operating_currency" "{CURRENCY}"'
        yield f"; chain: entry {journal.head.number}, {journal.head.entry_hash}"
        yield ""
        for account in journal.accounts:
            yield f"{journal.opened_on} open {account_name(account)} {CURRENCY}"
            yield f"  role: {_string(account.role)}"
            yield f"  name: {_string(account.name)}"

    def _posting(self, posting: ExportedPosting) -> list[str]:
        lines = [f"  {self._names[posting.account]}  {posting.amount} {CURRENCY}"]
        if posting.invoice_number is not None:
            lines.append(f"    invoice: {_string(posting.invoice_number)}")
        return lines


def _linkable(numbers: Sequence[str]) -> list[str]:
    return [number for number in numbers if _LINK.fullmatch(number)]


def _string(text: str) -> str:
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
