"""A person says onto which bank account a factor pays which practices."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from services.reconciliation.domain.bank import BankAccount
from services.reconciliation.ports.bank import BankRepository
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError, StaleError


@dataclass(frozen=True, slots=True)
class AddBankAccount:
    """Look at this account from now on."""

    account: BankAccount


@dataclass(frozen=True, slots=True)
class ChangeBankAccount:
    """These are the account's holder, practices and payers now; `account.version` was read."""

    account: BankAccount


async def add_bank_account(command: AddBankAccount, bank: BankRepository, clock: Clock) -> None:
    """Store an account.

    Raises:
        NotFoundError: a practice is unknown here, or not open to the caller.
        ConflictError: the IBAN is kept already.
    """
    account = command.account
    await _check_practices(account.practice_ids, bank)
    if not await bank.add_account(account, at=clock.now()):
        raise ConflictError(
            "This bank account is kept already.", code="bank-account-exists", field="iban"
        )


async def change_bank_account(
    command: ChangeBankAccount, bank: BankRepository, clock: Clock
) -> BankAccount:
    """Change an account, and return what it was; entries that came before stay with whom they had.

    Raises:
        NotFoundError: the account, or a practice, is unknown or not open to the caller.
        StaleError: somebody changed it meanwhile.
        ConflictError: the IBAN differs; another account is another account.
    """
    wanted = command.account
    before = await bank.account(wanted.account_id)
    if before is None:
        raise bank_account_not_found()
    if before.version != wanted.version:
        raise StaleError("The account was changed since it was read.", code="bank-account-changed")
    if before.iban != wanted.iban:
        raise ConflictError(
            "An account keeps its IBAN; add the other one as an account of its own.",
            code="bank-account-keeps-its-iban",
            field="iban",
        )
    await _check_practices(wanted.practice_ids, bank)
    await bank.change_account(replace(wanted, version=before.version + 1), at=clock.now())
    return before


def bank_account_not_found() -> NotFoundError:
    """Return the error for an account that is unknown, or not open to the caller."""
    return NotFoundError(
        "There is no such bank account, or it also serves practices that are not open to you.",
        code="bank-account-not-found",
    )


async def _check_practices(practice_ids: Collection[UUID], bank: BankRepository) -> None:
    if await bank.known_practices(practice_ids) != frozenset(practice_ids):
        raise NotFoundError(
            "One of the practices does not exist, or is not open to you.",
            code="practice-not-found",
            field="practice_ids",
        )
