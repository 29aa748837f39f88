"""The printed credit note: what its document says, in the patient's language, without a slip."""

from __future__ import annotations

import pytest

from services.invoicing.adapters.forum_credit_note import ForumCreditNoteRenderer
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.adapters.invoice_pdf import PdfInvoicePrinter
from services.invoicing.domain.practice import Language
from shared.kernel.errors import DomainError
from tests.unit.invoicing.builders import a_contract, a_document, a_patient, a_practice
from tests.unit.invoicing.test_credit_note_document import a_note
from tests.unit.invoicing.test_invoice_pdf import text_of

LANGUAGES = {
    Language.GERMAN: ("Gutschrift CN-2026-000001", "zur Rechnung", "Zu Ihren Gunsten (CHF)"),
    Language.FRENCH: ("Note de crédit CN-2026-000001", "sur la facture", "En votre faveur (CHF)"),
    Language.ITALIAN: ("Nota di credito CN-2026-000001", "sulla fattura", "A suo favore (CHF)"),
}
OF_A_SLIP = ("Récépissé", "Empfangsschein", "Ricevuta", "CH44", "Payable jusqu'au", "Zahlbar bis")


def a_written_note(language: Language, version: str = "5.0") -> bytes:
    """Return the document of a credit note of CHF 20.00 for a patient of this language."""
    practice = a_practice()
    invoice = a_document(
        practice=practice,
        patient=a_patient(practice, language=language),
        contract=a_contract(practice, invoice_format=version),
    )
    return ForumCreditNoteRenderer().render(a_note(invoice), ForumInvoiceRenderer().render(invoice))


@pytest.mark.parametrize("version", ["5.0", "4.5"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_which_invoice_is_reduced_by_how_much_and_asks_for_nothing(
    language: Language, version: str
) -> None:
    data = PdfInvoicePrinter().print_credit_note(a_written_note(language, version))
    (page,) = text_of(data)
    title, of_invoice, in_favour = LANGUAGES[language]
    for words in (title, f"{of_invoice} 2026-000123", in_favour, "20.00", "-20.00"):
        assert words in page
    assert [words for words in OF_A_SLIP if words in page] == []


def test_the_same_credit_note_is_printed_with_the_same_bytes() -> None:
    document = a_written_note(Language.FRENCH)
    printer = PdfInvoicePrinter()
    assert printer.print_credit_note(document) == printer.print_credit_note(document)


def test_an_invoice_is_not_printed_as_a_credit_note() -> None:
    with pytest.raises(DomainError) as refused:
        PdfInvoicePrinter().print_credit_note(ForumInvoiceRenderer().render(a_document()))
    assert refused.value.code == "document-not-printable"
