"""What an export says: accounts, entries in the order of their days, and where accounts belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from services.reconciliation.domain.accounts import AccountRole, LedgerAccount
from services.reconciliation.domain.journal import Head
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class ExportedPosting:
    """One line of an entry.

    Attributes:
        amount: debit positive, credit negative.
    """

    account: str
    amount: Money
    invoice_number: str | None


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    """One entry of the journal; its postings sum to zero.

    Attributes:
        source: DEB file and line that it was read from ("F-0001:6"), or None.
    """

    number: int
    entry_id: UUID
    entry_date: date
    kind: str
    label: str
    source: str | None
    entry_hash: str
    postings: tuple[ExportedPosting, ...]

    @property
    def invoice_numbers(self) -> tuple[str, ...]:
        """The invoices that it is about, each once."""
        numbers = (posting.invoice_number for posting in self.postings)
        return tuple(dict.fromkeys(number for number in numbers if number is not None))


@dataclass(frozen=True, slots=True)
class Journal:
    """The head of an export: whose journal, which days, and the chain that the entries are from.

    Attributes:
        first_day, last_day: of the span that was asked for; None: no bound.
        opened_on: a day that no entry of the export is before.
        head: end of the practice's chain when the export was made.
    """

    practice_id: UUID
    first_day: date | None
    last_day: date | None
    opened_on: date
    head: Head
    accounts: Sequence[LedgerAccount]

    @property
    def title(self) -> str:
        """What the export is, in one line."""
        first = self.first_day or "the beginning"
        last = self.last_day or "the end"
        return f"Journal of practice {self.practice_id}, from {first} to {last}"


class Ledger(Protocol):
    """A way to write a journal down, piece by piece."""

    def opening(self) -> str:
        """Return what comes before the entries."""

    def entry(self, entry: ExportedEntry) -> str:
        """Return one entry."""


@dataclass(frozen=True, slots=True)
class _Place:
    kind: str
    group: str


_PLACES: Mapping[AccountRole, _Place] = {
    AccountRole.BANK: _Place("Assets", "Bank"),
    AccountRole.FACTOR: _Place("Assets", "Factor"),
    AccountRole.RECEIVABLES: _Place("Assets", "Receivables"),
    AccountRole.DEPOSITS: _Place("Liabilities", "Deposits"),
    AccountRole.FEES: _Place("Income", "Fees"),
    AccountRole.FEE_INCOME: _Place("Income", "Fee-Income"),
    AccountRole.LOSSES: _Place("Expenses", "Losses"),
    AccountRole.FACTOR_CHARGES: _Place("Expenses", "Factor-Charges"),
    AccountRole.FACTOR_CURRENT: _Place("Liabilities", "Factor-Current"),
}


def account_name(account: LedgerAccount) -> str:
    """Return the name that both programmes know an account by: "Assets:Receivables:1100"."""
    place = _PLACES[account.role]
    return f"{place.kind}:{place.group}:{account.number}"


def account_kind(account: LedgerAccount) -> str:
    """Return what sort of account it is: Assets, Liabilities, Income or Expenses."""
    return _PLACES[account.role].kind


def account_names(accounts: Sequence[LedgerAccount]) -> Mapping[str, str]:
    """Return the name of each account, by number."""
    return {account.number: account_name(account) for account in accounts}


def one_line(text: str) -> str:
    """Return a text without line ends and other signs that do not print; they become spaces."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
