"""A person says what a bank entry is that names no payout, or not one alone."""

from __future__ import annotations

from services.reconciliation.ports.bank import BankRepository, EntryDecision
from shared.kernel.errors import ConflictError, NotFoundError


async def decide_bank_entry(decision: EntryDecision, bank: BankRepository) -> None:
    """Keep the decision; once.

    Raises:
        NotFoundError: there is no such entry, or no such payout on its account.
        ConflictError: it was decided before.
    """
    if not await bank.entry_exists(decision.entry_id):
        raise NotFoundError("There is no such bank entry.", code="bank-entry-not-found")
    reference = decision.payout_reference
    if reference is not None:
        account_id = await bank.account_of_entry(decision.entry_id)
        if not await bank.payout_exists(account_id, reference):
            raise NotFoundError(
                "No DEB row of this account's practices names this payout.",
                code="payout-not-found",
                field="payout_reference",
            )
    if not await bank.decide(decision):
        raise ConflictError("This entry is decided.", code="bank-entry-already-decided")
