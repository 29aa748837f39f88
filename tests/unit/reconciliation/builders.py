"""Builders for tests of the books: what events bring, a position, a batch in hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.reconciliation.domain.accounts import DEFAULT_CHART, AccountRole, Chart, LedgerAccount
from services.reconciliation.domain.booking import BatchBook, FileInHand
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.matching import Known
from services.reconciliation.domain.model import (
    AcquittalMode,
    Beneficiary,
    Confirmation,
    ConfirmationLine,
    Content,
    Contract,
    Debt,
    FetchedFile,
    LiveAcquittal,
    NewInvoice,
    Position,
    Practice,
)
from shared.kernel.money import Money

PRACTICE, CONTRACT, ORDER, FILE = (UUID(int=number) for number in range(1, 5))
CHART = Chart((*DEFAULT_CHART, LedgerAccount("1088", AccountRole.FACTOR, "Account with CMD")))
ORDER_NUMBER = "CMD-2026-0001"
NOON = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


def a_practice(**values: Any) -> Practice:
    """A practice in the canton of Vaud."""
    given = {"practice_id": PRACTICE, "gln": "7601000000002", "canton": "VD", "language": "fr"}
    return Practice(**{"registered_at": NOON} | given | values)


def a_new_invoice(number: str = "2026-000001", rappen: int = 12_000, **values: Any) -> NewInvoice:
    """An invoice without a deposit; its id follows from its number."""
    given: dict[str, Any] = {
        "invoice_id": UUID(int=1000 + int(number[-6:])),
        "practice_id": PRACTICE,
        "invoice_number": number,
        "contract_id": CONTRACT,
        "debtor_number": "10001",
        "issued_on": date(2026, 3, 2),
        "due_on": date(2026, 4, 1),
        "total": Money(rappen),
        "deposit": Money(0),
        "balance": Money(rappen),
    }
    return NewInvoice(**given | values)


def confirmation_lines(*invoices: NewInvoice, refused: int = 0) -> list[ConfirmationLine]:
    """The lines of a confirmation of these invoices; the last ones are refused."""
    accepted = len(invoices) - refused
    return [
        ConfirmationLine(
            line=place,
            invoice_id=invoice.invoice_id,
            invoice_number=invoice.invoice_number,
            amount=invoice.balance,
            accepted=place <= accepted,
            refusal_code=None if place <= accepted else "address-incomplete",
        )
        for place, invoice in enumerate(invoices, 1)
    ]


def a_confirmation(lines: Sequence[ConfirmationLine], **values: Any) -> Confirmation:
    """A confirmation that says what its lines say."""
    accepted = [line.amount for line in lines if line.accepted]
    given: dict[str, Any] = {
        "order_id": ORDER,
        "practice_id": PRACTICE,
        "order_number": ORDER_NUMBER,
        "contract_id": CONTRACT,
        "accepted_count": len(accepted),
        "accepted_total": Money.total(accepted),
        "refused_count": len(lines) - len(accepted),
        "evidence_kind": "portal-status",
        "evidence_reference": "P-1",
        "evidence_observed_at": NOON,
        "content_sha256": "c" * 64,
        "confirmed_at": NOON,
    }
    return Confirmation(**given | values)


def a_fetched_file(**values: Any) -> FetchedFile:
    """A DEB file of the contract, as the gateway told of it."""
    given: dict[str, Any] = {
        "deb_file_id": FILE,
        "practice_id": PRACTICE,
        "contract_id": CONTRACT,
        "portal_file_id": "f1",
        "layout": "quittance-v1",
        "content": Content("key", "d" * 64, 100, "text/plain"),
        "fetched_at": NOON,
    }
    return FetchedFile(**given | values)


def a_contract(**terms: Any) -> Contract:
    """A contract with CMD."""
    values: dict[str, Any] = {
        "contract_id": CONTRACT,
        "practice_id": PRACTICE,
        "version": 1,
        "active": True,
        "factor": "CMD",
        "account_number": "CMD-77",
        "ledger_account": "1088",
        "acquittal_label": "Transmis CMD",
        "acquittal": AcquittalMode.AUTOMATIC,
        "payout_basis": "gross",
        "reminder_fee_beneficiary": Beneficiary.FACTOR,
        "loss_cover": False,
        "deb_layout": "quittance-v1",
    }
    return Contract(**values | terms)


def a_position(number: str = "2026-000001", rappen: int = 12_000, **values: Any) -> Position:
    """An acquitted invoice of which nothing is paid."""
    given: dict[str, Any] = {
        "invoice_id": UUID(int=1000 + int(number[-6:])),
        "invoice_number": number,
        "contract_id": CONTRACT,
        "debtor_number": "10001",
        "issued_on": date(2026, 3, 2),
        "debt": Debt(principal=Money(rappen)),
        "factor_owes": Money(rappen),
        "acquittal": LiveAcquittal(ORDER, CONTRACT, "1088"),
    }
    return Position(**given | values)


def a_row(record_id: str = "R-1", kind: str = "payout", rappen: int = 0, **values: Any) -> DebRow:
    """A readable row about the first invoice."""
    given: dict[str, Any] = {
        "line": 2,
        "raw": b"R",
        "record_id": record_id,
        "kind": kind,
        "invoice_number": "2026-000001",
        "order_number": ORDER_NUMBER,
        "debtor_number": "10001",
        "event_date": date(2026, 3, 10),
        "amount": Money(rappen),
        "currency": "CHF",
    }
    return DebRow(**given | values)


def a_book(*positions: Position, **terms: Any) -> BatchBook:
    """A batch in hand that knows these positions, all accepted in one order."""
    return BatchBook(
        file=FileInHand(FILE, PRACTICE, a_contract(**terms), date(2026, 4, 1)),
        chart=CHART,
        known=Known(
            by_number={position.invoice_number: position for position in positions},
            orders_of={position.invoice_id: frozenset({ORDER_NUMBER}) for position in positions},
            order_numbers=frozenset({ORDER_NUMBER}),
            debtor_numbers=frozenset({"10001"}),
        ),
    )


def as_text(position: Position) -> str:
    """A position as text: "D 120.00 (20.00 reminder_fees) P 100.00"."""
    parts = [
        f"{getattr(position.debt, name)} {name}"
        for name in ("reminder_fees", "interest", "costs")
        if getattr(position.debt, name)
    ]
    detail = f" ({', '.join(parts)})" if parts else ""
    return f"D {position.debt.total}{detail} P {position.factor_owes}"
