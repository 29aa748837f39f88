"""Real documents for packages: rendered by invoicing, of the numbers that a package announces."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from services.invoicing.adapters.forum_credit_note import ForumCreditNoteRenderer
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.correction import CreditNoteDraft
from services.invoicing.domain.document import InvoiceDocument
from services.orders.domain.credit_note import PackedCreditNote
from services.orders.domain.model import OrderLine
from services.orders.domain.package import PackageBuilder, PackageHead
from shared.kernel.money import Money
from tests.unit.invoicing.builders import NOW
from tests.unit.orders.builders import (
    ORDER,
    a_contract,
    a_line,
    a_packed_credit_note,
    a_practice,
    stored,
)


def lines_of(*documents: InvoiceDocument) -> tuple[list[OrderLine], list[bytes]]:
    """Return the lines of an order with these invoices, and their documents' bytes."""
    rendered = [ForumInvoiceRenderer().render(each) for each in documents]
    lines = [
        replace(
            a_line(place, document.number, amount=max(document.balance, Money(1))),
            document=stored(data),
        )
        for place, (document, data) in enumerate(zip(documents, rendered, strict=True), start=1)
    ]
    return lines, rendered


def note_on(invoice: InvoiceDocument, data: bytes) -> tuple[PackedCreditNote, bytes]:
    """Return a credit note of CHF 20.00 on an invoice, and its document's bytes."""
    packed = a_packed_credit_note(1, invoice.number)
    draft = CreditNoteDraft(
        packed.credit_note_id,
        invoice.practice.practice_id,
        invoice.invoice_id,
        2026,
        1,
        packed.amount,
        "error",
        NOW,
        "somebody",
    )
    written = ForumCreditNoteRenderer().render(draft, data)
    return replace(packed, document=stored(written)), written


def package_of(
    lines: list[OrderLine],
    documents: list[bytes],
    *,
    invoice_format: str = "5.0",
    notes: list[PackedCreditNote] | None = None,
) -> bytes:
    """Return the package of these lines; a line's hash is that of the bytes that are given."""
    announced = [
        replace(line, document=replace(line.document, sha256=hashlib.sha256(data).hexdigest()))
        for line, data in zip(lines, documents, strict=False)
    ]
    contract = replace(a_contract(), invoice_format=invoice_format)
    head = PackageHead(str(ORDER), "CMD-2026-0001", a_practice(), contract, "")
    builder = PackageBuilder(head, announced, notes or [])
    builder.add_all(documents)
    return bytes(builder.finish())
