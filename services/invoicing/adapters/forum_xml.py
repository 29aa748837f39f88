"""Writes an invoice as generalInvoiceRequest 5.0 (Forum Datenaustausch) and checks the schema.

The element order and the names are those of the official schema in `forum_schemas/`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from lxml import etree

from services.invoicing.adapters.forum_elements import NAMESPACE, add, decimal_text
from services.invoicing.adapters.forum_parties import add_company, add_parties
from services.invoicing.domain.document import DocumentLine, InvoiceDocument
from services.invoicing.domain.numbers import NO_ELECTRONIC_RECIPIENT
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import DomainError
from shared.kernel.money import Money

_SCHEMA_FILE = Path(__file__).parent / "forum_schemas" / "generalInvoiceRequest_500.xsd"
_GENERATOR = {"name": "Quittance", "version": "1"}


class ForumInvoiceRenderer:
    """See services.invoicing.ports.InvoiceRenderer.

    Args:
        modus: "production", or "test" so that no recipient takes the invoice for a real one.
    """

    def __init__(self, *, modus: Literal["production", "test"] = "production") -> None:
        self._modus = modus

    def render(self, document: InvoiceDocument) -> bytes:
        """Return the document's bytes: UTF-8, with an XML declaration, valid against the schema.

        Raises:
            DomainError: the schema refuses the document; the message says where.
        """
        root = self._request(document)
        try:
            invoice_schema().assertValid(root)
        except etree.DocumentInvalid as error:
            raise _refused(error) from None
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

    def _request(self, document: InvoiceDocument) -> etree._Element:
        root = etree.Element(
            etree.QName(NAMESPACE, "request"),
            {
                "language": document.language.value,
                "modus": self._modus,
                "guid": document.guid,
            },
            nsmap={"invoice": NAMESPACE},
        )
        _add_processing(root, document)
        payload = add(root, "payload", request_type="invoice", request_subtype="normal")
        issued_at = document.issued_at.astimezone(SWISS_TIME)
        add(
            payload,
            "invoice",
            request_timestamp=str(int(issued_at.timestamp())),
            request_date=issued_at.isoformat(timespec="seconds"),
            request_id=document.number,
        )
        _add_body(payload, document)
        return root


def _refused(error: etree.DocumentInvalid) -> DomainError:
    # libxml's message quotes the value, which may be personal; the path says where it stands.
    faults: Any = error.error_log
    where = next((fault.path.replace("invoice:", "") for fault in faults), "")
    return DomainError(
        f"The invoice does not fit the official format at {where or 'an unknown place'}.",
        code="document-not-valid",
    )


@lru_cache(maxsize=1)
def invoice_schema() -> etree.XMLSchema:
    """Return the official schema, loaded once, without network and without entities."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.XMLSchema(etree.parse(_SCHEMA_FILE, parser))


def _add_processing(root: etree._Element, document: InvoiceDocument) -> None:
    processing = add(root, "processing")
    transport = add(
        processing, "transport", **{"from": document.practice.gln, "to": NO_ELECTRONIC_RECIPIENT}
    )
    if document.contract is not None:
        add(transport, "via", via=document.contract.factor_gln, sequence_id="1")


def _add_body(payload: etree._Element, document: InvoiceDocument) -> None:
    body = add(payload, "body", role="dentist", place="practice")
    add(add(body, "prolog"), "generator", **_GENERATOR)
    tiers = add(body, "tiers_garant")
    add_parties(tiers, document)
    _add_balance(tiers, document)
    _add_payment_slip(body, document)
    add(body, "law", type="ORG")
    add(
        body,
        "treatment",
        date_begin=document.begun_on.isoformat(),
        date_end=document.ended_on.isoformat(),
        canton=document.practice.canton,
        reason=document.reason.value,
    )
    services = add(body, "services")
    for record_id, line in enumerate(document.lines(), start=1):
        _add_service(services, line, record_id)


def _add_balance(tiers: etree._Element, document: InvoiceDocument) -> None:
    balance = add(
        tiers,
        "balance",
        currency="CHF",
        amount=str(document.total),
        amount_reminder="0.00",
        amount_prepaid=str(document.deposit),
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


def _add_payment_slip(body: etree._Element, document: InvoiceDocument) -> None:
    practice, contract = document.practice, document.contract
    period = f"P{document.payment_period_days}D"
    if contract is None:
        slip = add(
            body,
            "esrQRRed",
            iban=practice.iban,
            payment_reason=document.number,
            payment_period=period,
        )
        add_company(add(slip, "creditor"), practice.name, practice.address)
        return
    slip = add(
        body,
        "esrQR",
        iban=contract.qr_iban,
        reference_number=document.qr_reference,
        payment_period=period,
    )
    add_company(add(slip, "creditor"), contract.factor_name, contract.factor_address)


def _add_service(services: etree._Element, line: DocumentLine, record_id: int) -> None:
    position = line.position
    service = add(
        services,
        "service",
        record_id=str(record_id),
        tariff_type=position.tariff_type,
        code=position.code,
        name=position.text,
        quantity=decimal_text(position.quantity),
        date_begin=f"{position.performed_on.isoformat()}T00:00:00",
        provider_id=line.provider_gln,
        responsible_id=line.provider_gln,
        unit=decimal_text(position.points),
        unit_factor=decimal_text(position.point_value),
        amount=str(position.amount),
        vat_rate=decimal_text(position.vat_rate),
        remark=line.remark,
    )
    if position.tooth is not None:
        add(service, "xtra_service", token="tooth", value=position.tooth)  # noqa: S106 - no secret
