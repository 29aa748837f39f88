"""Writes a journal for hledger (1.25 and later): https://hledger.org/hledger.html#journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.reconciliation.domain.exports.entries import (
    ExportedEntry,
    ExportedPosting,
    Journal,
    account_kind,
    account_name,
    account_names,
    one_line,
)
from shared.kernel.money import CURRENCY

_TYPES: Mapping[str, str] = {"Assets": "A", "Liabilities": "L", "Income": "R", "Expenses": "X"}


class HledgerLedger:
    """A journal as an hledger file: commodity, accounts with their types, transactions."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._names = account_names(journal.accounts)

    def opening(self) -> str:
        """Return the commodity and the accounts."""
        return "".join(f"{line}\n" for line in self._opening())

    def entry(self, entry: ExportedEntry) -> str:
        """Return a transaction; its code is the number in the journal."""
        lines = [
            "",
            f"{entry.entry_date} * ({entry.number}) {_words(entry.label)}",
            f"    ; kind: {_value(entry.kind)}",
            f"    ; entry-id: {entry.entry_id}",
            f"    ; entry-hash: {_value(entry.entry_hash)}",
        ]
        if entry.source is not None:
            lines.append(f"    ; deb-line: {_value(entry.source)}")
        lines += [self._posting(posting) for posting in entry.postings]
        return "".join(f"{line}\n" for line in lines)

    def _opening(self) -> Iterator[str]:
        journal = self._journal
        yield f"; {journal.title}"
        yield f"; chain: entry {journal.head.number}, {journal.head.entry_hash}"
        yield "decimal-mark ."
        yield f"commodity 1000.00 {CURRENCY}"
        yield ""
        for account in journal.accounts:
            tags = {
                "type": _TYPES[account_kind(account)],
                "role": account.role,
                "name": _value(account.name),
            }
            words = ", ".join(f"{tag}: {value}" for tag, value in tags.items())
            yield f"account {account_name(account)}  ; {words}"

    def _posting(self, posting: ExportedPosting) -> str:
        line = f"    {self._names[posting.account]}  {posting.amount} {CURRENCY}"
        if posting.invoice_number is None:
            return line
        return f"{line}  ; invoice: {_value(posting.invoice_number)}"


def _words(text: str) -> str:
    """Return a description: a semicolon would begin a comment, a bar part it in two."""
    return one_line(text).replace(";", ",").replace("|", "/")


def _value(text: str) -> str:
    """Return a tag's value: a comma would end it."""
    return one_line(text).replace(",", " ")
