"""The bank's side of a payout: accounts, statements (camt.054, camt.053) and their entries.

Nothing here books anything. DEB rows book a payout; the bank's entry is the proof that it came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from stdnum import iban

from shared.kernel.errors import DomainError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


class StatementRefusedError(DomainError):
    """The bank's file is not one that may be relied on; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A bank account onto which a factor pays one or several practices.

    Attributes:
        iban: without blanks.
        practice_ids: whose payouts come onto it; who sees the account sees all of them.
        factor_ibans: accounts from which the factor pays; an entry from there must be explained.
        version: counts the changes, from 1.
    """

    account_id: UUID
    iban: str
    holder: str
    practice_ids: frozenset[UUID]
    factor_ibans: frozenset[str] = frozenset()
    version: int = 1


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One movement on the account; of a batch, one of its transactions.

    Attributes:
        entry_reference: the bank's reference of the whole entry; None where it gives none.
        ordinal: place within the entry, from 1.
        amount: signed; positive came in.
        tokens: every reference the movement carries, as `token` writes them.
        counterparty_iban: who paid, or was paid; None where the bank does not say.
        is_reversal: whether the bank takes an earlier movement back.
    """

    entry_reference: str | None
    ordinal: int
    booked_on: date
    value_on: date
    amount: Money
    tokens: tuple[str, ...]
    counterparty_iban: str | None = None
    is_reversal: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """What one notification (camt.054) or statement (camt.053) says of one account."""

    message_type: str
    message_id: str
    iban: str
    entries: tuple[BankEntry, ...]


@dataclass(frozen=True, slots=True)
class EntryGroup:
    """The movements of one entry: the unit in which an entry is known, new or in contradiction.

    Attributes:
        key: unique within the account; the same entry in another file has the same key.
    """

    key: str
    entries: tuple[BankEntry, ...]

    @property
    def total(self) -> Money:
        """What the entry moves."""
        return Money.total(entry.amount for entry in self.entries)

    @property
    def is_lump(self) -> bool:
        """Whether it says nothing of what it is made of."""
        return len(self.entries) == 1 and not self.entries[0].tokens


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """An entry that is stored already."""

    total: Money
    is_lump: bool


@dataclass(frozen=True, slots=True)
class StatementReceipt:
    """What the import of one statement came to.

    Attributes:
        new, known: movements that were stored now, and that were here before.
        detailed: entries that were known as a lump and are now known in detail.
    """

    statement_id: UUID
    iban: str
    new: int
    known: int
    detailed: int
    already: bool


@dataclass(frozen=True, slots=True)
class ImportedBy:
    """Who brought a statement in, and when."""

    person: str
    at: datetime


def is_iban(text: str) -> bool:
    """Whether it is an IBAN without blanks, its check digits right."""
    return text.isascii() and text == text.upper() and bool(iban.is_valid(text))


def token(text: str) -> str:
    """Return a reference as references are compared: without blanks, in capitals."""
    return "".join(text.split()).upper()


def tokens_of(references: Iterable[str], texts: Iterable[str]) -> tuple[str, ...]:
    """Return the tokens of structured references and of every word of free texts, once each."""
    found = [token(one) for one in references]
    for text in texts:
        found.extend(token(word.strip(",;:()")) for word in text.split())
    return tuple(dict.fromkeys(one for one in found if one))


def grouped(entries: Sequence[BankEntry]) -> list[EntryGroup]:
    """Return the entries by what identifies them at the bank.

    Where the bank gives no reference, day, amount and references do, with a count: two equal
    movements in one file are two movements.
    """
    by_reference: dict[str, list[BankEntry]] = {}
    seen: Counter[str] = Counter()
    for entry in entries:
        if entry.entry_reference is not None:
            key = f"ref:{entry.entry_reference}"
        else:
            likeness = "|".join(
                (str(entry.booked_on), str(entry.value_on), str(entry.amount), *entry.tokens)
            )
            seen[likeness] += 1
            key = f"like:{likeness}|{seen[likeness]}"
        by_reference.setdefault(key, []).append(entry)
    return [
        EntryGroup(key, tuple(replace(one, ordinal=place) for place, one in enumerate(group, 1)))
        for key, group in by_reference.items()
    ]


def entry_id_of(account_id: UUID, group: EntryGroup, entry: BankEntry, *, detailed: bool) -> UUID:
    """Return the id of a movement: the same movement never gets a second one."""
    form = "detail" if detailed else "first"
    return derived_id("bank-entry", account_id, group.key, form, entry.ordinal)
