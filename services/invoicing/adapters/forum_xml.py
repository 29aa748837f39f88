"""Writes an invoice as generalInvoiceRequest (Forum Datenaustausch) and checks the schema.

What the contract wants in 5.0 is written here. The element order and the names are those of the
official schemas in `shared/forum/schemas/`.
"""

from __future__ import annotations

from typing import Any, Literal

from lxml import etree

from services.invoicing.adapters.forum_450 import request_450
from services.invoicing.adapters.forum_amounts import GENERATOR, add_balance, service_attributes
from services.invoicing.adapters.forum_elements import NAMESPACE, add
from services.invoicing.adapters.forum_parties import add_company, add_parties
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.insurance import Insurance, Tiers
from services.invoicing.domain.numbers import NO_ELECTRONIC_RECIPIENT
from shared.forum.schema import invoice_schema
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import DomainError


class ForumInvoiceRenderer:
    """See services.invoicing.ports.InvoiceRenderer.

    Args:
        modus: "production", or "test" so that no recipient takes the invoice for a real one.
        own_format: version of invoices that are under no contract.
    """

    def __init__(
        self,
        *,
        modus: Literal["production", "test"] = "production",
        own_format: Literal["4.5", "5.0"] = "5.0",
    ) -> None:
        self._modus = modus
        self._own_format = own_format

    def render(self, document: InvoiceDocument) -> bytes:
        """Return the document's bytes: UTF-8, with an XML declaration, valid against the schema.

        Raises:
            DomainError: the schema refuses the document; the message says where.
        """
        contract = document.contract
        version = self._own_format if contract is None else contract.invoice_format
        is_old = version == "4.5"
        root = request_450(document, modus=self._modus) if is_old else self._request(document)
        try:
            invoice_schema(version).assertValid(root)
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


def _add_processing(root: etree._Element, document: InvoiceDocument) -> None:
    processing = add(root, "processing")
    insurance = document.insurance
    recipient = NO_ELECTRONIC_RECIPIENT if insurance is None else insurance.insurer.gln
    transport = add(processing, "transport", **{"from": document.practice.gln, "to": recipient})
    if document.contract is not None:
        add(transport, "via", via=document.contract.factor_gln, sequence_id="1")


def _add_body(payload: etree._Element, document: InvoiceDocument) -> None:
    body = add(payload, "body", role="dentist", place="practice")
    add(add(body, "prolog"), "generator", **GENERATOR)
    tiers = _add_tiers(body, document.insurance)
    add_parties(tiers, document)
    add_balance(tiers, document)
    _add_payment_slip(body, document)
    _add_law(body, document.insurance)
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
        service = add(services, "service", **service_attributes(line, record_id))
        tooth = line.position.tooth
        if tooth is not None:
            add(service, "xtra_service", token="tooth", value=tooth)  # noqa: S106 - no secret


def _add_tiers(body: etree._Element, insurance: Insurance | None) -> etree._Element:
    if insurance is None:
        return add(body, "tiers_garant")
    if insurance.tiers is Tiers.SOLDANT:
        return add(body, "tiers_soldant", allowTS="true")
    # The books hold what the insurer owes; another amount takes a credit note.
    return add(body, "tiers_payant", allowModification="false")


def _add_law(body: etree._Element, insurance: Insurance | None) -> None:
    if insurance is None:
        add(body, "law", type="ORG")
        return
    case_date = insurance.case_date
    add(
        body,
        "law",
        type=insurance.law.value,
        insured_id=insurance.insured_number,
        case_id=insurance.case_number,
        case_date=None if case_date is None else case_date.isoformat(),
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
