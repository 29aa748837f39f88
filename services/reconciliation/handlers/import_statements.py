"""Takes in what the bank says of an account: each entry once, whatever file brings it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.reconciliation.domain.bank import (
    BankAccount,
    EntryGroup,
    ImportedBy,
    Statement,
    StatementReceipt,
    StatementRefusedError,
    grouped,
)
from services.reconciliation.handlers.keep_bank_account import bank_account_not_found
from services.reconciliation.ports.bank import BankRepository
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class ImportStatements:
    """Take in every statement of one file.

    Attributes:
        sha256: of the file's bytes.
    """

    statements: Sequence[Statement]
    sha256: str
    by: ImportedBy


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A statement's entries by what is to be done with them."""

    new: list[EntryGroup]
    detailed: list[EntryGroup]
    known: int


async def import_statements(
    command: ImportStatements, bank: BankRepository
) -> list[StatementReceipt]:
    """Store what is new; the same file again changes nothing.

    An entry that was known as a lump is replaced by its parts when they come (camt.053 before
    camt.054); one whose amount differs from what the bank said before is refused with the file.

    Raises:
        NotFoundError: an account is not kept, or not open to the caller.
        StatementRefusedError: the bank contradicts itself.
    """
    return [await _import(statement, command, bank) for statement in command.statements]


async def _import(
    statement: Statement, command: ImportStatements, bank: BankRepository
) -> StatementReceipt:
    account = await bank.account_of(statement.iban)
    if account is None:
        raise bank_account_not_found()
    earlier = await bank.receipt(account.account_id, statement.message_id, command.sha256)
    if earlier is not None:
        known = len(statement.entries)
        return StatementReceipt(earlier, account.iban, 0, known, 0, already=True)
    found = await _sorted(account, statement, bank)
    receipt = StatementReceipt(
        statement_id=new_id(),
        iban=account.iban,
        new=sum(len(group.entries) for group in found.new),
        known=found.known,
        detailed=len(found.detailed),
        already=False,
    )
    await bank.add_statement(account, statement, receipt, sha256=command.sha256, by=command.by)
    await bank.add_groups(account, receipt.statement_id, found.new, again=False)
    await bank.add_groups(account, receipt.statement_id, found.detailed, again=True)
    return receipt


async def _sorted(account: BankAccount, statement: Statement, bank: BankRepository) -> _Sorted:
    groups = grouped(statement.entries)
    stored = await bank.known_groups(account.account_id, [group.key for group in groups])
    new, detailed, known = [], [], 0
    for group in groups:
        before = stored.get(group.key)
        if before is None:
            new.append(group)
        elif before.total != group.total:
            raise StatementRefusedError(
                f"An entry of {before.total} comes again with {group.total}.",
                code="statement-contradicts-another",
            )
        elif before.is_lump and not group.is_lump:
            detailed.append(group)
        else:
            known += len(group.entries)
    return _Sorted(new, detailed, known)
