"""Builders of what orders works with; each value may be overridden, the rest is invented."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID, uuid4, uuid5

from services.orders.domain.credit_note import CreditNote, PackedCreditNote
from services.orders.domain.model import (
    Arrival,
    ArrivalAnswer,
    ArrivalEvidence,
    Contract,
    Invoice,
    OrderLine,
    Practice,
    StoredContent,
)
from services.orders.domain.order import Confirmation, Fact, FactKind, Order
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money

PRACTICE = PracticeId(UUID("11111111-1111-4111-8111-111111111111"))
CONTRACT = ContractId(UUID("22222222-2222-4222-8222-222222222222"))
ORDER = OrderId(UUID("33333333-3333-4333-8333-333333333333"))
PRICE = Money(12000)
PRICE_OF_TWO = Money(24000)
NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def chf(francs: int) -> Money:
    """Whole francs."""
    return Money(francs * 100)


def an_invoice_id(number: str) -> InvoiceId:
    """The id that an invoice number always has in these tests."""
    return InvoiceId(uuid5(PRACTICE, number))


def document_bytes(number: str) -> bytes:
    """The stored document of an invoice."""
    return f"<invoice number={number!r}/>".encode()


def stored(
    data: bytes, *, practice_id: UUID = PRACTICE, kind: str = "invoice-document"
) -> StoredContent:
    """Where these bytes rest."""
    digest = hashlib.sha256(data).hexdigest()
    return StoredContent(f"{practice_id}/{kind}/{digest}", digest, len(data), "application/xml")


def a_practice(practice_id: UUID = PRACTICE, *, gln: str = "7601000000019") -> Practice:
    """A practice."""
    return Practice(PracticeId(practice_id), gln)


def a_contract(
    contract_id: UUID = CONTRACT,
    *,
    practice_id: UUID = PRACTICE,
    version: int = 1,
    active: bool = True,
    factor: str = "CMD",
    working_days: int = 1,
) -> Contract:
    """A contract with CMD."""
    return Contract(
        ContractId(contract_id),
        PracticeId(practice_id),
        version,
        active,
        factor,
        "4711-1",
        working_days,
    )


def an_invoice(
    number: str = "2026-000001",
    *,
    invoice_id: UUID | None = None,
    practice_id: UUID = PRACTICE,
    contract_id: UUID | None = CONTRACT,
    balance: Money = PRICE,
    unfit_codes: Sequence[str] = (),
    document: StoredContent | None = None,
) -> Invoice:
    """An issued invoice that may be ordered."""
    return Invoice(
        invoice_id=InvoiceId(invoice_id or an_invoice_id(number)),
        practice_id=PracticeId(practice_id),
        contract_id=None if contract_id is None else ContractId(contract_id),
        number=number,
        debtor_number="10001",
        issued_on=date(2026, 11, 2),
        due_on=date(2026, 12, 2),
        total=balance,
        balance=balance,
        document=document or stored(document_bytes(number), practice_id=practice_id),
        unfit_codes=tuple(unfit_codes),
    )


def a_line(place: int = 1, number: str | None = None, *, amount: Money = PRICE) -> OrderLine:
    """A line of an order."""
    number = number or f"2026-{place:06d}"
    return OrderLine(
        place, an_invoice_id(number), number, "10001", amount, stored(document_bytes(number))
    )


def credit_note_bytes(number: str) -> bytes:
    """The stored document of a credit note."""
    return f"<credit-note number={number!r}/>".encode()


def a_credit_note(
    number: str = "CN-2026-000001",
    *,
    invoice_number: str = "2026-000001",
    contract_id: UUID = CONTRACT,
) -> CreditNote:
    """A credit note of CHF 20.00 as invoicing issued it."""
    return CreditNote(
        credit_note_id=uuid5(PRACTICE, number),
        practice_id=PRACTICE,
        contract_id=ContractId(contract_id),
        invoice_id=an_invoice_id(invoice_number),
        number=number,
        debtor_number="10001",
        amount=Money(2000),
        document=stored(credit_note_bytes(number), kind="credit-note-document"),
        issued_on=date(2026, 11, 20),
    )


def a_packed_credit_note(place: int = 1, invoice_number: str = "2025-000009") -> PackedCreditNote:
    """A credit note of CHF 20.00 in a package."""
    number = f"CN-2026-{place:06d}"
    return PackedCreditNote(
        place=place,
        credit_note_id=uuid5(PRACTICE, number),
        number=number,
        invoice_number=invoice_number,
        debtor_number="10001",
        amount=Money(2000),
        document=stored(credit_note_bytes(number), kind="credit-note-document"),
    )


def an_order(
    order_id: UUID = ORDER,
    *,
    practice_id: UUID = PRACTICE,
    contract_id: UUID = CONTRACT,
    number: str = "CMD-2026-0001",
    invoice_count: int = 2,
    total: Money = PRICE_OF_TWO,
    prepared_at: datetime = NOON,
) -> Order:
    """A freshly prepared order."""
    return Order(
        order_id=OrderId(order_id),
        practice_id=PracticeId(practice_id),
        contract_id=ContractId(contract_id),
        number=number,
        communication="",
        invoice_count=invoice_count,
        total=total,
        package=stored(b"package", kind="order-package"),
        lines=stored(b"lines", kind="order-lines"),
        prepared_at=prepared_at,
        facts=(Fact(FactKind.PREPARED, prepared_at),),
    )


def evidence(kind: str = "portal-status", reference: str = "DBD-1") -> ArrivalEvidence:
    """What was seen of an arrival."""
    return ArrivalEvidence(kind, reference, NOON)


def a_confirmation(*, accepted: int = 2, refused: int = 0) -> Confirmation:
    """A confirmation of lines of CHF 120.00 each."""
    content = stored(b"confirmation", kind="order-confirmation")
    return Confirmation(accepted, Money(12000 * accepted), refused, content, evidence())


def an_answer(number: str, refusal_code: str | None = None) -> ArrivalAnswer:
    """The portal's word on one invoice."""
    return ArrivalAnswer(number, refusal_code is None, refusal_code)


def an_arrival(*answers: ArrivalAnswer, order_id: UUID = ORDER) -> Arrival:
    """The portal's answer to an order."""
    return Arrival(order_id, PRACTICE, answers)


def other_id() -> UUID:
    """An id that nothing else has."""
    return uuid4()
