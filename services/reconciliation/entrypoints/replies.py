"""Writes rows as the bodies of the reconciliation API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from services.reconciliation.domain.releasing import hold_reason
from services.reconciliation.domain.suggesting import Suggestion
from services.reconciliation.entrypoints.schemas import (
    AcquittalReply,
    BalanceReply,
    DebFileReply,
    DebRowReply,
    EntryReply,
    PositionReply,
    PostingReply,
    ReleaseReply,
    RowDecisionReply,
    RowPlaceReply,
    SuggestionReply,
)
from services.reconciliation.translate import debtor_balance
from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import DebtorBalance
from shared.kernel.money import Money

_DEB_FILE_AS_IS = DebFileReply.model_fields.keys() - {"size_bytes", "release"}
_DEB_ROW_AS_IS = DebRowReply.model_fields.keys() - {"raw", "amount", "repeat_of", "decision"}


def money(rappen: int) -> WireMoney:
    """Write an amount."""
    return WireMoney.of(Money(rappen))


def acquittal(row: RowMapping) -> AcquittalReply:
    """Write an acquittal."""
    return AcquittalReply(
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        order_id=row["order_id"],
        order_number=row["order_number"],
        contract_id=row["contract_id"],
        amount=money(row["amount_rappen"]),
        ledger_account=row["ledger_account"],
        label=row["label"],
        acquitted_on=row["acquitted_on"],
        journal_entry_id=row["entry_id"],
        journal_number=row["number"],
        live=row["live"],
        decided_by=row["decided_by"],
    )


def position(row: RowMapping) -> PositionReply:
    """Write a position."""
    return PositionReply(**position_fields(row))


def entry(row: RowMapping, postings: Iterable[RowMapping]) -> EntryReply:
    """Write a journal entry."""
    as_is = EntryReply.model_fields.keys() - {"postings"}
    return EntryReply(
        **{name: row[name] for name in as_is}, postings=[posting(line) for line in postings]
    )


def balance(row: RowMapping) -> BalanceReply:
    """Write an account's balance."""
    return BalanceReply(
        account=row["number"],
        role=row["role"],
        name=row["name"],
        debit=money(row["debit_rappen"]),
        credit=money(row["credit_rappen"]),
        balance=money(row["balance_rappen"]),
    )


def deb_file(row: RowMapping) -> DebFileReply:
    """Write a DEB file."""
    return DebFileReply(
        **{name: row[name] for name in _DEB_FILE_AS_IS},
        size_bytes=row["content_size_bytes"],
        release=_release(row["reason_code"]) if row["status"] == "held" else None,
    )


def _release(reason_code: str | None) -> ReleaseReply | None:
    if reason_code is None:
        return None
    reason = hold_reason(reason_code)
    return ReleaseReply(release=reason.release.value, explanation=reason.explanation)


def deb_row(row: RowMapping) -> DebRowReply:
    """Write a row; bytes of the raw line that are no printable characters are shown escaped."""
    repeat_of = None
    if row["repeat_of_file"] is not None:
        repeat_of = RowPlaceReply(deb_file_id=row["repeat_of_file"], line=row["repeat_of_line"])
    amount = row["amount_rappen"]
    return DebRowReply(
        **{name: row[name] for name in _DEB_ROW_AS_IS},
        raw=printable(row["raw"]),
        amount=None if amount is None else money(amount),
        repeat_of=repeat_of,
        decision=_decision(row),
    )


def suggestion(found: Suggestion) -> SuggestionReply:
    """Write an invoice that a row may mean."""
    position = found.position
    return SuggestionReply(
        invoice_id=position.invoice_id,
        invoice_number=position.invoice_number,
        debtor_number=position.debtor_number,
        debtor_owes=debtor_balance(position.debt),
        factor_owes=WireMoney.of(position.factor_owes),
        with_factor=position.with_factor,
        because=list(found.because),
    )


def _decision(row: RowMapping) -> RowDecisionReply | None:
    if row["decision"] is None:
        return None
    return RowDecisionReply(
        decision=row["decision"],
        invoice_id=row["decision_invoice_id"],
        reason=row["decision_reason"],
        parked_because=row["parked_because"],
        decided_by=row["decided_by"],
        decided_at=row["person_decided_at"],
    )


def printable(raw: bytes) -> str:
    """Write bytes of a file, those that are no printable characters escaped."""
    return "".join(
        sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in raw.decode("iso-8859-1")
    )


def position_fields(row: RowMapping) -> Mapping[str, Any]:
    """Return the fields of a position."""
    owed = debt(row)
    return {
        "invoice_id": row["invoice_id"],
        "invoice_number": row["invoice_number"],
        "debtor_number": row["debtor_number"],
        "contract_id": row["present_contract_id"],
        "order_id": row["order_id"],
        "order_number": row["order_number"],
        "issued_on": row["issued_on"],
        "due_on": row["due_on"],
        "total": money(row["total_rappen"]),
        "deposit": money(row["deposit_rappen"]),
        "debtor_owes": owed,
        "factor_owes": money(row["factor_owes_rappen"]),
        "with_factor": row["with_factor"],
        "paid": owed.total.to_money().is_zero,
    }


def debt(row: RowMapping | Mapping[str, Any]) -> DebtorBalance:
    """Write D, or a change of it."""
    parts = [row[f"{name}_rappen"] for name in ("principal", "reminder_fees", "interest", "costs")]
    principal, reminder_fees, interest, costs = (money(part) for part in parts)
    return DebtorBalance(
        principal=principal,
        reminder_fees=reminder_fees,
        interest=interest,
        costs=costs,
        total=money(sum(parts)),
    )


def posting(row: RowMapping) -> PostingReply:
    """Write a posting."""
    return PostingReply(
        line=row["line"],
        account=row["account"],
        role=row["role"],
        amount=money(row["amount_rappen"]),
        invoice_id=row["invoice_id"],
        confirmed_order_id=row["confirmed_order_id"],
    )
