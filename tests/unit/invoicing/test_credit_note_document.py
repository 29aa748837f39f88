"""The document of a credit note, in both versions of the Forum format."""

from __future__ import annotations

import pytest
from lxml import etree

from services.invoicing.adapters.forum_credit_note import ForumCreditNoteRenderer
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.correction import CreditNoteDraft
from services.invoicing.domain.document import InvoiceDocument
from shared.forum.checking import check_document
from shared.forum.schema import NAMESPACE, invoice_schema
from shared.kernel.errors import DomainError
from shared.kernel.ids import new_id
from shared.kernel.money import Money
from tests.unit.invoicing.builders import NOW, a_contract, a_document, a_practice
from tests.unit.invoicing.requests import a_request

SPACE = {"i": NAMESPACE}
NUMBER = "CN-2026-000001"


def an_invoice(version: str) -> InvoiceDocument:
    """Return an invoice under a contract that wants this version."""
    practice = a_practice()
    return a_document(practice=practice, contract=a_contract(practice, invoice_format=version))


def a_note(invoice: InvoiceDocument) -> CreditNoteDraft:
    """Return a credit note of CHF 20.00."""
    practice_id, amount = invoice.practice.practice_id, Money.parse("20.00")
    return CreditNoteDraft(
        new_id(), practice_id, invoice.invoice_id, 2026, 1, amount, "error", NOW, "somebody"
    )


@pytest.mark.parametrize("version", ["5.0", "4.5"])
def test_a_credit_note_is_written_in_the_version_of_its_invoice(version: str) -> None:
    invoice = an_invoice(version)
    document = ForumInvoiceRenderer().render(invoice)
    written = ForumCreditNoteRenderer().render(a_note(invoice), document)
    checked = check_document(written, invoice_number=invoice.number, credit_note_number=NUMBER)
    assert (checked.version, checked.faults) == (version, ())
    root = etree.fromstring(written)
    assert root.xpath("string(//i:balance/@amount_due)", namespaces=SPACE) == "-20.00"
    assert root.xpath("string(//i:credit/@request_id)", namespaces=SPACE) == NUMBER


@pytest.mark.parametrize("version", ["5.0", "4.5"])
def test_an_invoice_is_no_credit_note_and_a_credit_note_no_other_ones(version: str) -> None:
    invoice = an_invoice(version)
    document = ForumInvoiceRenderer().render(invoice)
    asked = {"invoice_number": invoice.number, "credit_note_number": NUMBER}
    codes = {fault.code for fault in check_document(document, **asked).faults}
    assert codes == {"other-number", "not-an-invoice"}
    written = ForumCreditNoteRenderer().render(a_note(invoice), document)
    other = check_document(written, **(asked | {"credit_note_number": "CN-2026-000002"}))
    assert [fault.code for fault in other.faults] == ["other-number"]


@pytest.mark.parametrize("document", [b"", b"<request/>", b"<?xml version='1.0'?><a><b/></a>"])
def test_what_is_no_invoice_makes_no_credit_note(document: bytes) -> None:
    with pytest.raises(DomainError) as refused:
        ForumCreditNoteRenderer().render(a_note(an_invoice("5.0")), document)
    assert refused.value.code == "document-not-valid"


@pytest.mark.parametrize("version", ["5.0", "4.5"])
def test_a_service_of_two_parts_is_reduced_by_a_plain_one(version: str) -> None:
    root = etree.fromstring(a_request(version))
    for service in root.findall(".//i:services/*", SPACE):
        service.tag = f"{{{NAMESPACE}}}service_ex"
        for part in ("mt", "tt"):
            service.set(f"unit_{part}", service.get("unit", ""))
            service.set(f"unit_factor_{part}", service.get("unit_factor", ""))
        del service.attrib["unit"], service.attrib["unit_factor"]
    invoice_schema(version).assertValid(root)
    written = ForumCreditNoteRenderer().render(a_note(an_invoice(version)), etree.tostring(root))
    invoice_schema(version).assertValid(etree.fromstring(written))
    (line,) = etree.fromstring(written).findall(".//i:services/*", SPACE)
    assert (line.tag, line.get("unit"), line.get("external_factor")) == (
        f"{{{NAMESPACE}}}service",
        "-20.00",
        None,
    )
