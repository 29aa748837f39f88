"""Writes what the bank API answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping

from services.reconciliation.domain.bank import BankAccount
from services.reconciliation.entrypoints.replies import money
from services.reconciliation.entrypoints.schemas_bank import (
    BankAccountReply,
    BankEntryReply,
    PayoutPartReply,
    PayoutPartsReply,
    PayoutReply,
    PracticeShare,
)


def account_of(account: BankAccount) -> BankAccountReply:
    """Write an account as the domain has it."""
    return BankAccountReply(
        account_id=account.account_id,
        iban=account.iban,
        holder=account.holder,
        practice_ids=sorted(account.practice_ids),
        factor_ibans=sorted(account.factor_ibans),
        version=account.version,
    )


def account(row: RowMapping) -> BankAccountReply:
    """Write an account as it is stored."""
    return BankAccountReply(
        account_id=row["account_id"],
        iban=row["iban"],
        holder=row["holder"],
        practice_ids=row["practice_ids"],
        factor_ibans=row["factor_ibans"],
        version=row["version"],
    )


def payout(row: RowMapping) -> PayoutReply:
    """Write a payout with its three sides."""
    return PayoutReply(
        payout_reference=row["payout_reference"],
        paid_on=row["paid_on"],
        state=row["state"],
        announced=money(row["announced_rappen"]),
        booked=money(row["booked_rappen"]),
        received=money(row["received_rappen"]),
        waiting_rows=row["waiting_rows"],
        invoices=row["invoices"],
        practices=row["practices"],
        entries=row["entries"],
        value_on=row["value_on"],
    )


def split(reference: str, rows: Sequence[RowMapping]) -> PayoutPartsReply:
    """Write a payout's parts, and what of it is whose."""
    sums: dict[UUID, int] = defaultdict(int)
    counts: dict[UUID, int] = defaultdict(int)
    for row in rows:
        sums[row["practice_id"]] += row["amount_rappen"] or 0
        counts[row["practice_id"]] += 1
    return PayoutPartsReply(
        payout_reference=reference,
        total=money(sum(sums.values())),
        shares=[
            PracticeShare(practice_id=one, amount=money(sums[one]), rows=counts[one])
            for one in sums
        ],
        parts=[
            PayoutPartReply(
                **{key: row[key] for key in _PART_FIELDS},
                amount=None if row["amount_rappen"] is None else money(row["amount_rappen"]),
            )
            for row in rows
        ],
    )


_PART_FIELDS = (
    "practice_id",
    "invoice_id",
    "invoice_number",
    "deb_file_id",
    "line",
    "kind",
    "status",
    "reason_code",
)


def entry(row: RowMapping) -> BankEntryReply:
    """Write an entry that no payout explains."""
    return BankEntryReply(
        entry_id=row["entry_id"],
        booked_on=row["booked_on"],
        value_on=row["value_on"],
        amount=money(row["amount_rappen"]),
        references=row["tokens"],
        from_factor=row["from_factor"],
        is_reversal=row["is_reversal"],
        suggestions=row["suggestions"],
    )
