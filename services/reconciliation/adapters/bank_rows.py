"""Bank accounts, statements and entries in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.bank import (
    BankAccount,
    BankEntry,
    EntryGroup,
    ImportedBy,
    KnownGroup,
    Statement,
    StatementReceipt,
    entry_id_of,
    token,
)
from services.reconciliation.ports.bank import EntryDecision
from shared.kernel.money import Money

_PRACTICES = text("SELECT practice_id FROM practice WHERE practice_id = ANY(:practice_ids)")
_ADD_ACCOUNT = text(
    """
    INSERT INTO bank_account
      (account_id, iban, holder, practice_ids, factor_ibans, version, changed_at)
    VALUES (:account_id, :iban, :holder, :practice_ids, :factor_ibans, :version, :at)
    ON CONFLICT ON CONSTRAINT bank_account_iban_once DO NOTHING
    """
)
_ACCOUNT = text("SELECT * FROM bank_account WHERE account_id = :key FOR UPDATE")
_ACCOUNT_OF = text("SELECT * FROM bank_account WHERE iban = :key FOR UPDATE")
_CHANGE = text(
    """
    UPDATE bank_account SET holder = :holder, practice_ids = :practice_ids,
      factor_ibans = :factor_ibans, version = :version, changed_at = :at
    WHERE account_id = :account_id
    """
)
_RECEIPT = text(
    "SELECT statement_id FROM bank_statement WHERE account_id = :account_id"
    " AND message_id = :message_id AND content_sha256 = :sha256"
)
_GROUPS = text(
    """
    SELECT group_key, sum(amount_rappen)::bigint AS rappen,
      count(*) = 1 AND bool_and(cardinality(tokens) = 0) AS is_lump
    FROM bank_entry
    WHERE account_id = :account_id AND group_key = ANY(CAST(:keys AS text[])) AND NOT superseded
    GROUP BY group_key
    """
)
_ADD_STATEMENT = text(
    """
    INSERT INTO bank_statement (statement_id, account_id, practice_ids, message_type, message_id,
      content_sha256, new_entries, known_entries, imported_by, imported_at)
    VALUES (:statement_id, :account_id, :practice_ids, :message_type, :message_id, :sha256,
      :new, :known, :person, :at)
    """
)
_SUPERSEDE = text(
    "UPDATE bank_entry SET superseded = true WHERE account_id = :account_id"
    " AND group_key = ANY(CAST(:keys AS text[])) AND NOT superseded"
)
_ADD_ENTRIES = text(
    """
    INSERT INTO bank_entry (entry_id, account_id, practice_ids, statement_id, group_key, ordinal,
      booked_on, value_on, amount_rappen, tokens, from_factor, is_reversal)
    SELECT e.entry_id, :account_id, CAST(:practice_ids AS uuid[]), :statement_id, e.group_key,
      e.ordinal, e.booked_on, e.value_on, e.rappen, e.tokens, e.from_factor, e.is_reversal
    FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS e (entry_id uuid, group_key text,
      ordinal integer, booked_on date, value_on date, rappen bigint, tokens text[],
      from_factor boolean, is_reversal boolean)
    """
)
_ENTRY = text("SELECT 1 FROM bank_entry WHERE entry_id = :entry_id AND NOT superseded FOR SHARE")
_ACCOUNT_OF_ENTRY = text("SELECT account_id FROM bank_entry WHERE entry_id = :entry_id")
_PAYOUT = text(
    """
    SELECT EXISTS (
      SELECT FROM deb_row r JOIN bank_account a ON r.practice_id = ANY (a.practice_ids)
      WHERE a.account_id = :account_id AND r.payout_token = :token)
    """
)
_DECIDE = text(
    """
    INSERT INTO bank_entry_decision
      (entry_id, practice_ids, decision, payout_reference, reason, decided_by, decided_at)
    SELECT entry_id, practice_ids, :decision, :payout_reference, :reason, :decided_by, :decided_at
    FROM bank_entry WHERE entry_id = :entry_id
    ON CONFLICT DO NOTHING
    """
)


class PostgresBankRepository:
    """`BankRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def known_practices(self, practice_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return those of the practices whose books are kept here and that are in scope."""
        result = await self._connection.execute(_PRACTICES, {"practice_ids": list(practice_ids)})
        return frozenset(result.scalars())

    async def add_account(self, account: BankAccount, *, at: datetime) -> bool:
        """Store an account; False where the IBAN is taken, in scope or not."""
        result = await self._connection.execute(_ADD_ACCOUNT, _account_values(account, at))
        return result.rowcount == 1

    async def account(self, account_id: UUID) -> BankAccount | None:
        """Return an account locked for this transaction, or None."""
        return await self._account(_ACCOUNT, account_id)

    async def account_of(self, iban: str) -> BankAccount | None:
        """Return the account of this IBAN locked for this transaction, or None."""
        return await self._account(_ACCOUNT_OF, iban)

    async def change_account(self, account: BankAccount, *, at: datetime) -> None:
        """Store the account in place of what it was."""
        await self._connection.execute(_CHANGE, _account_values(account, at))

    async def receipt(self, account_id: UUID, message_id: str, sha256: str) -> UUID | None:
        """Return the statement that was imported from these very bytes, or None."""
        found: UUID | None = await self._connection.scalar(
            _RECEIPT, {"account_id": account_id, "message_id": message_id, "sha256": sha256}
        )
        return found

    async def known_groups(
        self, account_id: UUID, keys: Collection[str]
    ) -> Mapping[str, KnownGroup]:
        """Return the entries that are stored already, by key."""
        result = await self._connection.execute(
            _GROUPS, {"account_id": account_id, "keys": list(keys)}
        )
        return {
            row["group_key"]: KnownGroup(Money(row["rappen"]), row["is_lump"])
            for row in result.mappings()
        }

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
        await self._connection.execute(
            _ADD_STATEMENT,
            {
                "statement_id": receipt.statement_id,
                "account_id": account.account_id,
                "practice_ids": sorted(account.practice_ids),
                "message_type": statement.message_type,
                "message_id": statement.message_id,
                "sha256": sha256,
                "new": receipt.new,
                "known": receipt.known,
                "person": by.person,
                "at": by.at,
            },
        )

    async def add_groups(
        self, account: BankAccount, statement_id: UUID, groups: Sequence[EntryGroup], *, again: bool
    ) -> None:
        """Store entries; see the port."""
        if not groups:
            return
        if again:
            await self._connection.execute(
                _SUPERSEDE,
                {"account_id": account.account_id, "keys": [group.key for group in groups]},
            )
        # One statement, so that the payouts are made anew once for all of them.
        await self._connection.execute(
            _ADD_ENTRIES,
            {
                "account_id": account.account_id,
                "practice_ids": sorted(account.practice_ids),
                "statement_id": statement_id,
                "entries": json.dumps(
                    [
                        _entry_values(account, group, entry, detailed=again)
                        for group in groups
                        for entry in group.entries
                    ]
                ),
            },
        )

    async def entry_exists(self, entry_id: UUID) -> bool:
        """Whether the entry is in scope and still stands; it is locked then."""
        return await self._connection.scalar(_ENTRY, {"entry_id": entry_id}) is not None

    async def account_of_entry(self, entry_id: UUID) -> UUID:
        """Return the account of an entry that exists."""
        result = await self._connection.execute(_ACCOUNT_OF_ENTRY, {"entry_id": entry_id})
        found: UUID = result.scalar_one()
        return found

    async def payout_exists(self, account_id: UUID, payout_reference: str) -> bool:
        """Whether a DEB row of the account's practices names this payout."""
        values = {"account_id": account_id, "token": token(payout_reference)}
        return bool(await self._connection.scalar(_PAYOUT, values))

    async def decide(self, decision: EntryDecision) -> bool:
        """Keep a decision; False where one was made before."""
        result = await self._connection.execute(
            _DECIDE,
            {
                "entry_id": decision.entry_id,
                "decision": "leave" if decision.payout_reference is None else "is-payout",
                "payout_reference": decision.payout_reference,
                "reason": decision.reason,
                "decided_by": decision.decided_by,
                "decided_at": decision.decided_at,
            },
        )
        return result.rowcount == 1

    async def _account(self, statement: TextClause, key: object) -> BankAccount | None:
        result = await self._connection.execute(statement, {"key": key})
        row = result.mappings().one_or_none()
        return None if row is None else account_of_row(row)


def _entry_values(
    account: BankAccount, group: EntryGroup, entry: BankEntry, *, detailed: bool
) -> dict[str, object]:
    return {
        "entry_id": str(entry_id_of(account.account_id, group, entry, detailed=detailed)),
        "group_key": group.key,
        "ordinal": entry.ordinal,
        "booked_on": entry.booked_on.isoformat(),
        "value_on": entry.value_on.isoformat(),
        "rappen": entry.amount.rappen,
        "tokens": list(entry.tokens),
        "from_factor": entry.counterparty_iban in account.factor_ibans,
        "is_reversal": entry.is_reversal,
    }


def account_of_row(row: RowMapping) -> BankAccount:
    """Return the account that a row of its table holds."""
    return BankAccount(
        account_id=row["account_id"],
        iban=row["iban"],
        holder=row["holder"],
        practice_ids=frozenset(row["practice_ids"]),
        factor_ibans=frozenset(row["factor_ibans"]),
        version=row["version"],
    )


def _account_values(account: BankAccount, at: datetime) -> dict[str, object]:
    return {
        "account_id": account.account_id,
        "iban": account.iban,
        "holder": account.holder,
        "practice_ids": sorted(account.practice_ids),
        "factor_ibans": sorted(account.factor_ibans),
        "version": account.version,
        "at": at,
    }
