"""What the handlers about the bank need: accounts, statements, entries and decisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.reconciliation.domain.bank import (
    BankAccount,
    EntryGroup,
    ImportedBy,
    KnownGroup,
    Statement,
    StatementReceipt,
)


@dataclass(frozen=True, slots=True)
class EntryDecision:
    """What a person says of an entry that explains itself to nobody else.

    Attributes:
        payout_reference: the payout that it is; None: it is none of ours.
    """

    entry_id: UUID
    payout_reference: str | None
    reason: str
    decided_by: str
    decided_at: datetime


class BankRepository(Protocol):
    """Bank accounts and what the bank says of them; each is seen whole or not at all."""

    async def known_practices(self, practice_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return those of the practices whose books are kept here and that are in scope."""

    async def add_account(self, account: BankAccount, *, at: datetime) -> bool:
        """Store an account; False where the IBAN is taken, in scope or not."""

    async def account(self, account_id: UUID) -> BankAccount | None:
        """Return an account locked for this transaction, or None."""

    async def account_of(self, iban: str) -> BankAccount | None:
        """Return the account of this IBAN locked for this transaction, or None."""

    async def change_account(self, account: BankAccount, *, at: datetime) -> None:
        """Store the account in place of what it was."""

    async def receipt(self, account_id: UUID, message_id: str, sha256: str) -> UUID | None:
        """Return the statement that was imported from these very bytes, or None."""

    async def known_groups(
        self, account_id: UUID, keys: Collection[str]
    ) -> Mapping[str, KnownGroup]:
        """Return the entries that are stored already, by key."""

    async def add_statement(
        self,
        account: BankAccount,
        statement: Statement,
        receipt: StatementReceipt,
        *,
        sha256: str,
        by: ImportedBy,
    ) -> None:
        """Store that a statement came in."""

    async def add_groups(
        self, account: BankAccount, statement_id: UUID, groups: Sequence[EntryGroup], *, again: bool
    ) -> None:
        """Store entries.

        Args:
            again: they say in detail what was known as a lump, which they take the place of.
        """

    async def entry_exists(self, entry_id: UUID) -> bool:
        """Whether the entry is in scope and still stands; it is locked then."""

    async def payout_exists(self, account_id: UUID, payout_reference: str) -> bool:
        """Whether a DEB row of the account's practices names this payout."""

    async def account_of_entry(self, entry_id: UUID) -> UUID:
        """Return the account of an entry that exists."""

    async def decide(self, decision: EntryDecision) -> bool:
        """Keep a decision; False where one was made before."""
