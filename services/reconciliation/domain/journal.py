"""The journal: balanced entries in one gapless chain per practice, each sealed by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.reconciliation.domain.accounts import AccountRole
from shared.kernel.money import Money

GENESIS_HASH = "0" * 64
"""What the first entry of every practice points back to."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry.

    Attributes:
        amount: debit positive, credit negative.
        confirmed_order_id: on the factor account, the order whose confirmation permits it.
    """

    account: str
    role: AccountRole
    amount: Money
    invoice_id: UUID | None
    confirmed_order_id: UUID | None = None

    @classmethod
    def read(cls, values: Sequence[Any]) -> Posting:
        """Return the posting kept as account, role, Rappen, invoice id and confirmed order's id."""
        account, role, rappen, invoice_id, order_id = values
        return cls(
            account=account,
            role=AccountRole(role),
            amount=Money(rappen),
            invoice_id=UUID(invoice_id) if invoice_id else None,
            confirmed_order_id=UUID(order_id) if order_id else None,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A booking that sums to zero; it names what caused it."""

    entry_id: UUID
    practice_id: UUID
    entry_date: date
    kind: str
    label: str
    postings: tuple[Posting, ...]
    order_id: UUID | None = None
    deb_file_id: UUID | None = None
    deb_line: int | None = None

    @property
    def is_balanced(self) -> bool:
        """Whether debits and credits are equal."""
        return Money.total(posting.amount for posting in self.postings).is_zero


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a practice's chain."""

    number: int
    entry_hash: str


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry with its place in the practice's chain."""

    number: int
    previous_hash: str
    entry_hash: str
    entry: Entry


def chained(head: Head, entries: Iterable[Entry]) -> tuple[list[ChainedEntry], Head]:
    """Number and seal entries after `head`; return them and the new head."""
    links: list[ChainedEntry] = []
    for entry in entries:
        number = head.number + 1
        digest = entry_hash(entry, number=number, previous_hash=head.entry_hash)
        links.append(ChainedEntry(number, head.entry_hash, digest, entry))
        head = Head(number, digest)
    return links, head


def entry_hash(entry: Entry, *, number: int, previous_hash: str) -> str:
    """Return the SHA-256 (hex) over the previous hash and everything that the entry says."""
    parts: list[object] = [
        previous_hash,
        number,
        entry.practice_id,
        entry.entry_id,
        entry.entry_date.isoformat(),
        entry.kind,
        entry.label,
        entry.order_id,
        entry.deb_file_id,
        entry.deb_line,
        *(_posting_text(posting) for posting in entry.postings),
    ]
    text = "\x1e".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def _posting_text(posting: Posting) -> str:
    invoice, order = posting.invoice_id or "", posting.confirmed_order_id or ""
    return "\x1f".join(
        (posting.account, posting.role, str(posting.amount.rappen), str(invoice), str(order))
    )


class ChainCheck:
    """Follows a practice's chain entry by entry and remembers the first place where it breaks."""

    def __init__(self) -> None:
        self._expected = Head(0, GENESIS_HASH)
        self.broken_at: int | None = None

    def follow(self, link: ChainedEntry) -> None:
        """Check the next link, in order of number."""
        whole = (
            link.number == self._expected.number + 1
            and link.previous_hash == self._expected.entry_hash
            and link.entry.is_balanced
            and link.entry_hash
            == entry_hash(link.entry, number=link.number, previous_hash=link.previous_hash)
        )
        if not whole and self.broken_at is None:
            self.broken_at = link.number
        self._expected = Head(link.number, link.entry_hash)

    def is_intact(self, head: Head) -> bool:
        """Whether the chain is whole and ends where the practice's head says it ends."""
        return self.broken_at is None and self._expected == head


def as_text(postings: Sequence[Posting]) -> str:
    """Write postings the way an accountant would: "1088 D 120.00, 1100 C 120.00"."""
    return ", ".join(
        f"{posting.account} {'C' if posting.amount.rappen < 0 else 'D'}"
        f" {Money(abs(posting.amount.rappen))}"
        for posting in postings
    )
