"""Writes previews, undo reports and explanations as the bodies of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.booking import Booked, Decision, Parked, Repeat
from services.reconciliation.domain.explaining import rule_behind
from services.reconciliation.domain.model import Position
from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.deb_file_schemas import (
    BookPosition,
    CollidingRow,
    FileDecisionReply,
    PreviewAccount,
    PreviewKind,
    PreviewPosting,
    PreviewReply,
    PreviewRow,
    PreviewTotals,
    RowExplanation,
    RowFact,
    RowRule,
    RowUndoing,
    UndoReport,
    UndoRow,
)
from services.reconciliation.entrypoints.schemas import DebRowTotals, PostingReply
from services.reconciliation.handlers.preview_deb_file import Preview
from services.reconciliation.translate import debtor_balance
from shared.contracts.envelope import WireMoney
from shared.kernel.money import Money

_UNDO_ROW_AS_IS = UndoRow.model_fields.keys() - {"amount"}
_UNDO_AS_IS = UndoReport.model_fields.keys() - {
    "items",
    "next",
    "totals",
    "debtor_change",
    "factor_change",
}
_SIGNS = {1: "+", 0: "0", -1: "-"}


def preview(deb_file_id: UUID, found: Preview, following: str | None) -> PreviewReply:
    """Write a preview."""
    counts, effect = found.counts, found.effect
    return PreviewReply(
        deb_file_id=deb_file_id,
        rows_read=counts.rows_read,
        booked=counts.booked,
        repeats=counts.repeats,
        parked=counts.parked,
        accounts=[
            PreviewAccount(
                account=one.account,
                role=one.role,
                debit=WireMoney.of(one.debit),
                credit=WireMoney.of(one.credit),
            )
            for one in effect.accounts
        ],
        kinds=[
            PreviewKind(
                kind=one.kind,
                rows=one.rows,
                amount=WireMoney.of(one.amount),
                debtor_change=WireMoney.of(one.debtor_change),
                factor_change=WireMoney.of(one.factor_change),
            )
            for one in effect.kinds
        ],
        items=[_preview_row(decision) for decision in found.rows],
        next=following,
        totals=PreviewTotals(
            count=counts.rows_read,
            exact=True,
            amount=WireMoney.of(Money.total(one.amount for one in effect.kinds)),
        ),
    )


def _preview_row(decision: Decision) -> PreviewRow:
    row = decision.row
    values: dict[str, Any] = dict.fromkeys(PreviewRow.model_fields)
    values |= {
        "line": row.line,
        "record_id": row.record_id,
        "kind": row.kind,
        "invoice_number": row.invoice_number,
        "amount": None if row.amount is None else WireMoney.of(row.amount),
        "postings": [],
    }
    return PreviewRow(**values | _outcome(decision))


def _outcome(decision: Decision) -> dict[str, Any]:
    if isinstance(decision, Repeat):
        first = decision.first
        return {
            "outcome": "repeat",
            "repeat_of_file": first.deb_file_id,
            "repeat_of_line": first.line,
        }
    if isinstance(decision, Parked):
        return {
            "outcome": "parked",
            "reason_code": decision.reason,
            "reason_detail": decision.detail,
        }
    return {
        "outcome": "booked",
        "before": _position(decision.before),
        "after": _position(decision.position),
        "postings": _postings(decision),
    }


def _postings(decision: Booked) -> list[PreviewPosting]:
    return [
        PreviewPosting(
            account=posting.account, role=posting.role.value, amount=WireMoney.of(posting.amount)
        )
        for posting in (decision.entry.postings if decision.entry else ())
    ]


def _position(position: Position | None) -> BookPosition | None:
    if position is None:
        return None
    return BookPosition(
        debtor_owes=debtor_balance(position.debt),
        factor_owes=WireMoney.of(position.factor_owes),
        with_factor=position.with_factor,
    )


def undo_report(
    found: RowMapping,
    rows: Sequence[RowMapping],
    following: str | None,
    totals: DebRowTotals | None,
) -> UndoReport:
    """Write the report of an undoing."""
    return UndoReport(
        **{name: found[name] for name in _UNDO_AS_IS},
        debtor_change=replies.money(found["debtor_rappen"]),
        factor_change=replies.money(found["factor_rappen"]),
        items=[_undo_row(row) for row in rows],
        next=following,
        totals=totals,
    )


def _undo_row(row: RowMapping) -> UndoRow:
    amount = row["amount_rappen"]
    return UndoRow(
        **{name: row[name] for name in _UNDO_ROW_AS_IS},
        amount=None if amount is None else replies.money(amount),
    )


def explanation(
    row: RowMapping,
    *,
    facts: Sequence[RowMapping],
    postings: Mapping[UUID, Sequence[RowMapping]],
    collides_with: RowMapping | None,
    undoings: Sequence[RowMapping],
    decisions: Sequence[RowMapping],
) -> RowExplanation:
    """Write why a row is what it is."""
    written = [_fact(fact, postings.get(fact["entry_id"], ())) for fact in facts]
    return RowExplanation(
        row=replies.deb_row(row),
        portal_file_id=row["portal_file_id"],
        occurrence=row["occurrence"],
        rule=rule(written[0].kind, written[0].postings) if written else None,
        collides_with=None if collides_with is None else _colliding(collides_with),
        facts=written,
        undoings=[RowUndoing(**one) for one in undoings],
        file_decisions=[FileDecisionReply(**one) for one in decisions],
    )


def rule(kind: str, postings: Iterable[PostingReply]) -> RowRule | None:
    """Write the line of the posting table behind a fact; None for a kind that it does not know."""
    found = rule_behind(kind, {AccountRole(one.role) for one in postings})
    if found is None:
        return None
    held = found.beneficiary or found.case
    return RowRule(
        kind=found.kind,
        case=None if held is None else held.value,
        label=found.label,
        amount=found.amount.value,
        debtor=found.debtor.value,
        factor=_SIGNS[found.factor],
    )


def _fact(row: RowMapping, postings: Sequence[RowMapping]) -> RowFact:
    return RowFact(
        fact_id=row["fact_id"],
        kind=row["kind"],
        fact_date=row["fact_date"],
        note=row["note"],
        debtor_change=replies.debt(row),
        factor_change=replies.money(row["factor_owes_rappen"]),
        entry_id=row["entry_id"],
        journal_number=row["number"],
        entry_date=row["entry_date"],
        postings=[replies.posting(one) for one in postings],
    )


def _colliding(row: RowMapping) -> CollidingRow:
    return CollidingRow(**dict(row) | {"raw": replies.printable(row["raw"])})
