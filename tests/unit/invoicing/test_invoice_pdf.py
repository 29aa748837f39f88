"""The printed invoice: what its document says, in the patient's language, with the QR slip."""

from __future__ import annotations

import base64
import re
import zlib
from datetime import date, timedelta
from decimal import Decimal

import pytest

from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.adapters.invoice_pdf import PdfInvoicePrinter
from services.invoicing.adapters.pdf_slip import printable
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.practice import Language
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from tests.unit.invoicing.builders import (
    a_document,
    a_guarantor,
    a_patient,
    a_position,
    a_practice,
    a_provider,
    a_treatment,
)
from tests.unit.invoicing.requests import ISSUED, a_request, changed


def a_bill(*, positions: int = 1, deposit: str = "0.00", **changes: object) -> InvoiceDocument:
    """Return the content of an invoice in French, owed by a parent."""
    practice = a_practice()
    provider = a_provider(practice)
    patient = a_patient(practice, guarantor=a_guarantor(family_name="Petrović"))
    lines = [a_position(tooth="36") for _ in range(positions)]
    values: dict[str, object] = {
        "practice": practice,
        "patient": patient,
        "providers": {provider.provider_id: provider},
        "treatments": (a_treatment(patient, provider, *lines),),
        "deposit": Money.parse(deposit),
    }
    return a_document(**(values | changes))


def pages_of(document: InvoiceDocument, *, cancelled: bool = False) -> list[str]:
    """Return the text of each page of the printed document."""
    rendered = ForumInvoiceRenderer().render(document)
    return text_of(PdfInvoicePrinter().print(rendered, cancelled=cancelled))


def text_of(data: bytes) -> list[str]:
    """Return the text of each page of a PDF."""
    assert data.startswith(b"%PDF-")
    streams = re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)
    drawn = [zlib.decompress(base64.a85decode(b"<~" + one.strip(), adobe=True)) for one in streams]
    return [_text(page) for page in drawn if b" Tj" in page]


def _text(page: bytes) -> str:
    shown = re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", page)
    plain = [
        re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), one) for one in shown
    ]
    return "\n".join(re.sub(r"\\(.)", r"\1", one.decode("cp1252")) for one in plain)


def test_the_page_says_who_owes_what_to_whom_and_how_to_pay_it() -> None:
    (page,) = pages_of(a_bill(deposit="20.00"))
    for words in (
        "Facture 2026-000123",
        "Cabinet dentaire Exemple SA",
        "Petrovic Claude",
        "Patient: Exemple Jeanne, né(e) le 01.05.1980",
        "Payable jusqu'au: 01.04.2026",
        "SAMPLE.1",
        "Acompte reçu",
        "À payer (CHF)",
        "100.00",
        "Récépissé",
        "Caisse Exemple SA",
        "CH44 3199 9123 0008 8901 2",
    ):
        assert words in page, words
    reference = "".join(re.findall(r"^[0-9 ]{32}$", page, re.MULTILINE)[0].split())
    assert reference == a_bill().qr_reference


@pytest.mark.parametrize(
    ("language", "title", "slip"),
    [
        (Language.GERMAN, "Rechnung 2026-000123", "Empfangsschein"),
        (Language.FRENCH, "Facture 2026-000123", "Récépissé"),
        (Language.ITALIAN, "Fattura 2026-000123", "Ricevuta"),
    ],
)
def test_invoice_and_slip_are_in_the_language_of_the_patient(
    language: Language, title: str, slip: str
) -> None:
    patient = a_patient(a_practice(), language=language)
    (page,) = pages_of(a_document(patient=patient))
    assert title in page
    assert slip in page


def test_an_address_that_nobody_knows_is_left_for_the_debtor_to_write() -> None:
    patient = a_patient(a_practice(), address=None, guarantor=None)
    (page,) = pages_of(a_bill(patient=patient))
    assert "Exemple Jeanne" in page
    assert "inconnu" not in page
    assert "Payable par (nom/adresse)" in page


def test_the_same_document_is_printed_to_the_same_bytes() -> None:
    rendered = ForumInvoiceRenderer().render(a_bill())
    printer = PdfInvoicePrinter()
    assert printer.print(rendered, cancelled=False) == printer.print(rendered, cancelled=False)


def test_a_long_invoice_has_one_slip_on_its_last_page() -> None:
    pages = pages_of(a_bill(positions=60))
    assert len(pages) > 1
    assert ["Récépissé" in page for page in pages] == [False] * (len(pages) - 1) + [True]
    assert f"Page {len(pages)}" in pages[-1]
    assert sum(page.count("SAMPLE.1") for page in pages) == 60


def test_what_is_paid_or_cancelled_has_no_slip() -> None:
    (paid,) = pages_of(a_bill(deposit="120.00"))
    assert "Récépissé" not in paid
    (cancelled,) = pages_of(a_bill(), cancelled=True)
    assert "Récépissé" not in cancelled
    assert "ANNULÉE" in cancelled
    assert "ANNULÉE" not in paid


def test_without_a_factor_the_practice_is_the_creditor() -> None:
    document = a_bill(contract=None)
    sheet = read_sheet(ForumInvoiceRenderer().render(document), cancelled=False)
    assert sheet.slip is not None
    assert (sheet.slip.iban, sheet.slip.reference) == ("CH9300762011623852957", None)
    assert "CH93 0076 2011 6238 5295 7" in pages_of(document)[0]


def test_tax_is_shown_by_rate() -> None:
    practice = a_practice()
    provider, patient = a_provider(practice), a_patient(practice)
    lines = (a_position(), a_position(vat_rate=Decimal("8.1")))
    document = a_document(
        practice=practice,
        patient=patient,
        providers={provider.provider_id: provider},
        treatments=(a_treatment(patient, provider, *lines),),
    )
    (page,) = pages_of(document)
    assert "dont TVA 8.1 %" in page
    assert "8.99" in page
    assert "CHE100155212" in page


@pytest.mark.parametrize("version", ["5.0", "4.5"])
@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-02-27T23:30:00Z", date(2026, 2, 28)),
        ("2026-02-27T22:59:59Z", date(2026, 2, 27)),
        ("2026-02-27T23:30:00", date(2026, 2, 27)),
        ("2026-02-28T08:30:00+09:00", date(2026, 2, 28)),
        ("2026-02-28T07:30:00+09:00", date(2026, 2, 27)),
    ],
)
def test_the_page_and_the_list_name_the_same_days_in_switzerland(
    version: str, written: str, day: date
) -> None:
    data = changed(a_request(version), ISSUED, written)
    if version == "4.5":
        data = changed(data, '"1980-05-01T00:00:00"', '"1980-04-30T23:00:00Z"')
    performed = 'date_begin="{}" provider_id'
    data = changed(
        data, performed.format("2026-02-27T00:00:00"), performed.format("2026-02-26T23:00:00Z")
    )
    incoming, sheet = read_request(data), read_sheet(data, cancelled=False)
    assert sheet.issued_on == incoming.issued_on == day
    assert sheet.due_on == incoming.due_on == day + timedelta(days=30)
    assert sheet.patient_birth_date == incoming.patient.birth_date == date(1980, 5, 1)
    days = [service.performed_on for service in incoming.services]
    assert [line.day for line in sheet.lines] == days == [date(2026, 2, 27)] * 2


def test_text_of_a_position_is_never_markup() -> None:
    practice = a_practice()
    provider, patient = a_provider(practice), a_patient(practice)
    position = a_position(text="<b>A</b> & <font color='red'>B")
    document = a_document(
        practice=practice,
        patient=patient,
        providers={provider.provider_id: provider},
        treatments=(a_treatment(patient, provider, position),),
    )
    assert "<b>A</b> & <font color='red'>B" in pages_of(document)[0].replace("\n", "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Müller", "Müller"),
        ("Petrović", "Petrovic"),
        ("Łukasz Đ", "Lukasz D"),
        ("Cœur", "Coeur"),
        ("李", "?"),
    ],
)
def test_letters_that_the_slip_cannot_take_lose_their_marks(given: str, expected: str) -> None:
    assert printable(given) == expected


@pytest.mark.parametrize("name", ["李", "Іванов", "Παπαδόπουλος", "Li 李"])
def test_a_name_that_has_no_latin_form_is_not_printed_as_question_marks(name: str) -> None:
    patient = a_patient(a_practice(), guarantor=a_guarantor(family_name=name))
    with pytest.raises(DomainError) as refused:
        pages_of(a_bill(patient=patient))
    assert (refused.value.code, refused.value.field) == ("unprintable-text", "debtor")


def test_what_is_no_invoice_is_not_printed() -> None:
    with pytest.raises(DomainError) as refused:
        PdfInvoicePrinter().print(b"<request language='fr'/>", cancelled=False)
    assert refused.value.code == "document-not-printable"
