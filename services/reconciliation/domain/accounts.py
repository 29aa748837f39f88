"""The chart of accounts: Swiss SME numbers, and the role each account plays in the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.kernel.errors import PermanentError


class AccountRole(StrEnum):
    """What an account is for; rules name roles, the chart gives the number."""

    BANK = "bank"
    FACTOR = "factor"
    RECEIVABLES = "receivables"
    DEPOSITS = "deposits"
    FEES = "fees"
    FEE_INCOME = "fee-income"
    LOSSES = "losses"
    FACTOR_CHARGES = "factor-charges"
    FACTOR_CURRENT = "factor-current"


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """One account of a practice's chart."""

    number: str
    role: AccountRole
    name: str


DEFAULT_CHART: tuple[LedgerAccount, ...] = (
    LedgerAccount("1020", AccountRole.BANK, "Bank"),
    LedgerAccount("1100", AccountRole.RECEIVABLES, "Patient receivables"),
    LedgerAccount("2009", AccountRole.FACTOR_CURRENT, "Current account with the factor"),
    LedgerAccount("2030", AccountRole.DEPOSITS, "Deposits received"),
    LedgerAccount("3400", AccountRole.FEES, "Fees"),
    LedgerAccount("3409", AccountRole.FEE_INCOME, "Reminder fees and interest earned"),
    LedgerAccount("3805", AccountRole.LOSSES, "Losses on receivables"),
    LedgerAccount("6940", AccountRole.FACTOR_CHARGES, "Charges of the factor"),
)
"""Every practice starts with these; a contract adds its factor account (1088)."""


class AccountTakenError(PermanentError):
    """A contract names a ledger account that already plays another role in the chart."""


class Chart:
    """A practice's accounts, looked up by number and by role."""

    def __init__(self, accounts: Iterable[LedgerAccount]) -> None:
        self._by_number: Mapping[str, LedgerAccount] = {
            account.number: account for account in accounts
        }
        self._by_role: Mapping[AccountRole, str] = {
            account.role: account.number
            for account in self._by_number.values()
            if account.role is not AccountRole.FACTOR
        }

    def number(self, role: AccountRole) -> str:
        """Return the number of the one account with this role (the factor role has several)."""
        return self._by_role[role]

    def opening(self, number: str, *, factor: str) -> LedgerAccount | None:
        """Return the factor account to open under `number`, or None when it is already there.

        Raises:
            AccountTakenError: the number plays another role.
        """
        present = self._by_number.get(number)
        if present is None:
            return LedgerAccount(number, AccountRole.FACTOR, f"Account with {factor}")
        if present.role is not AccountRole.FACTOR:
            raise AccountTakenError(
                f"account {number} is already used for {present.role} and cannot be the account"
                f" of {factor}; choose another ledger account in the contract"
            )
        return None
