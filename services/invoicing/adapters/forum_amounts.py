"""What both versions of the Forum format say the same way: sums, and the lines of the invoice."""

from __future__ import annotations

from typing import Final

from lxml import etree

from services.invoicing.adapters.forum_elements import add, decimal_text
from services.invoicing.domain.document import DocumentLine, InvoiceDocument
from shared.kernel.money import Money

GENERATOR: Final = {"name": "Quittance", "version": "1"}


def add_balance(tiers: etree._Element, document: InvoiceDocument) -> None:
    """Append the sums of an invoice and its tax by rate."""
    balance = add(
        tiers,
        "balance",
        currency="CHF",
        amount=str(document.total),
        amount_reminder="0.00",
        amount_prepaid=str(document.deposit) if document.insurance is None else None,
        amount_due=str(document.balance),
    )
    lines = document.vat
    taxed = Money.total(line.vat for line in lines)
    vat = add(balance, "vat", vat=str(taxed), vat_number=document.practice.uid if taxed else None)
    for line in lines:
        add(
            vat,
            "vat_rate",
            vat_rate=decimal_text(line.rate),
            amount=str(line.amount),
            vat=str(line.vat),
        )


def service_attributes(
    line: DocumentLine, record_id: int, *, remark: str | None = None
) -> dict[str, str | None]:
    """Return the attributes of one line; `remark` stands instead of the line's own."""
    position = line.position
    return {
        "record_id": str(record_id),
        "tariff_type": position.tariff_type,
        "code": position.code,
        "name": position.text,
        "quantity": decimal_text(position.quantity),
        "date_begin": f"{position.performed_on.isoformat()}T00:00:00",
        "provider_id": line.provider_gln,
        "responsible_id": line.provider_gln,
        "unit": decimal_text(position.points),
        "unit_factor": decimal_text(position.point_value),
        "amount": str(position.amount),
        "vat_rate": decimal_text(position.vat_rate),
        "remark": remark or line.remark,
    }
