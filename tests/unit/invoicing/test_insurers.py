"""An insurer owes: by every law, in both versions, on paper, in credit notes, and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest
from lxml import etree

from services.invoicing.adapters import pdf_slip
from services.invoicing.adapters.forum_comparison import ForumDocumentReader
from services.invoicing.adapters.forum_credit_note import ForumCreditNoteRenderer
from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import InvoiceDocument, check_document
from services.invoicing.domain.incoming import IncomingInsurance
from services.invoicing.domain.incoming_rules import Setting, faults_of, unfit_codes_of
from services.invoicing.domain.insurance import Insurance, Insurer, Law, Tiers
from services.invoicing.domain.people import OfficeName, PersonName
from services.invoicing.domain.practice import Language
from services.invoicing.domain.taking_over import debtor_number_of, new_insurance
from services.invoicing.entrypoints.schemas.invoices import InvoiceRequest
from shared.forum import checking
from shared.kernel.errors import DomainError
from shared.web.problems import ProblemError
from shared.web.validation import parse_body
from tests.unit.invoicing.bodies import AN_INSURER, AN_INVOICE, AN_UVG_CASE
from tests.unit.invoicing.builders import (
    HOME,
    INSURER_GLN,
    a_contract,
    a_document,
    a_guarantor,
    a_patient,
    a_practice,
    an_insurance,
)
from tests.unit.invoicing.requests import a_request, changed, to_insurer
from tests.unit.invoicing.test_credit_note_document import NUMBER, a_note
from tests.unit.invoicing.test_forum_xml import ORACLES, VENDORED, count, found
from tests.unit.invoicing.test_invoice_pdf import pages_of

EVERY = [("5.0", Tiers.PAYANT), ("5.0", Tiers.SOLDANT), ("4.5", Tiers.PAYANT)]
WAYS = pytest.mark.parametrize(("version", "tiers"), EVERY)
NOTHING_SAID = {"insured_number": None, "case_number": None, "case_date": None}


def owed(insurance: Insurance, version: str = "5.0", **changes: object) -> InvoiceDocument:
    """Return the content of an invoice that an insurer owes, under a contract for this version."""
    practice = a_practice()
    contract = a_contract(practice, invoice_format=version)
    return a_document(practice=practice, contract=contract, insurance=insurance, **changes)


def schemas(version: str) -> list[etree.XMLSchema]:
    """Return the schema that is shipped, and the original where it is at hand."""
    name = f"generalInvoiceRequest_{version.replace('.', '')}0.xsd"
    folders = [VENDORED, *([ORACLES] if ORACLES.is_dir() else [])]
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return [etree.XMLSchema(etree.parse(folder / name, parser)) for folder in folders]


LOADED = {version: schemas(version) for version in ("5.0", "4.5")}


@pytest.mark.parametrize(("law", "way", "numbered"), [*product(Law, EVERY, [True, False])], ids=str)
def test_an_invoice_by_any_law_is_valid_and_read_again_as_the_same(
    law: Law, way: tuple[str, Tiers], numbered: bool
) -> None:
    version, tiers = way
    insurance = an_insurance(tiers, law=law, **({} if numbered else NOTHING_SAID))
    if (law, version) == (Law.IVG, "4.5"):
        insurance = replace(insurance, case_number="32020261234567", insured_number=None)
    document = owed(insurance, version)
    check_document(document)
    data = ForumInvoiceRenderer().render(document)
    for schema in LOADED[version]:
        schema.assertValid(etree.fromstring(data))
    assert checking.check_document(data, invoice_number=document.number).faults == ()
    incoming = read_request(data)
    setting = Setting(document.practice, document.contract, date(2026, 3, 2))
    assert faults_of(incoming, setting) == ()
    assert unfit_codes_of(incoming, setting) == document.unfit_codes() == ()
    # 4.5 writes the street and its number as one line.
    read = new_insurance(incoming)
    address = insurance.insurer.address
    assert read is not None
    assert address is not None
    assert read.insurer.address is not None
    assert read.insurer.address.street_line == address.street_line
    assert replace(read, insurer=replace(read.insurer, address=address)) == insurance
    assert debtor_number_of(incoming, document.patient) == (INSURER_GLN, ())


@WAYS
def test_the_insurer_owes_and_gets_it_and_the_guarantor_stays_who_it_was(
    version: str, tiers: Tiers
) -> None:
    practice = a_practice()
    patient = a_patient(practice, guarantor=a_guarantor())
    document = owed(an_insurance(tiers), version, patient=patient)
    root = etree.fromstring(ForumInvoiceRenderer().render(document))
    gln = "gln" if version == "5.0" else "ean_party"
    assert found(root, f"//i:debitor/@{gln}") == INSURER_GLN
    assert found(root, "//i:debitor//i:companyname/text()") == "Assurance Exemple SA"
    assert found(root, "//i:debitor//i:department/text()") == "Sinistres"
    assert found(root, "//i:guarantor//i:givenname/text()") == "Claude"
    assert found(root, "//i:transport/@to") == INSURER_GLN
    assert count(root, "//i:balance/@amount_prepaid") == 0
    assert (document.debtor.debtor_number, document.guarantor) == (INSURER_GLN, patient.guarantor)
    allowed = {Tiers.PAYANT: "@allowModification", Tiers.SOLDANT: "@allowTS"}[tiers]
    said = {Tiers.PAYANT: "false", Tiers.SOLDANT: "true"}[tiers]
    if version == "5.0":
        assert found(root, f"//i:tiers_{tiers}/{allowed}") == said


def test_what_is_unfit_is_judged_by_the_insurer_and_a_child_needs_no_guarantor() -> None:
    practice = a_practice()
    child = a_patient(practice, birth_date=date(2015, 5, 1), address=None)
    assert owed(an_insurance(), patient=child).unfit_codes() == ()
    nowhere = replace(an_insurance().insurer, address=None)
    assert owed(an_insurance(insurer=nowhere)).unfit_codes() == ("missing-debtor-address",)
    homeless = replace(nowhere, address=replace(HOME, street=None))
    assert owed(an_insurance(insurer=homeless)).unfit_codes() == ("missing-debtor-street",)


@pytest.mark.parametrize("gln", ["7601003000017", "2000000000008", "2006666666008"])
def test_an_insurer_without_a_gln_of_its_own_cannot_be_billed(gln: str) -> None:
    insurance = an_insurance(insurer=replace(an_insurance().insurer, gln=gln))
    with pytest.raises(DomainError, match="the insurer's GLN is not valid"):
        check_document(owed(insurance))


@pytest.mark.parametrize(
    ("law", "number", "ssn", "code"),
    [
        (Law.IVG, None, "7569217076985", "case-number-missing"),
        (Law.IVG, "26.00017.8", "7569217076985", "case-number-missing"),
        (Law.IVG, "320202", None, "ssn-missing"),
        (Law.MVG, None, None, "ssn-missing"),
    ],
)
def test_the_older_version_demands_numbers_that_the_newer_leaves_open(
    law: Law, number: str | None, ssn: str | None, code: str
) -> None:
    patient = a_patient(a_practice(), ssn=ssn)
    insurance = an_insurance(law=law, case_number=number)
    ForumInvoiceRenderer().render(owed(insurance, "5.0", patient=patient))
    with pytest.raises(DomainError) as refused:
        ForumInvoiceRenderer().render(owed(insurance, "4.5", patient=patient))
    assert refused.value.code == code


@pytest.mark.parametrize("law", Law)
def test_either_version_says_the_same_and_another_case_or_insurer_is_seen(law: Law) -> None:
    insurance = an_insurance(law=law, case_number="320202")
    new = ForumInvoiceRenderer().render(owed(insurance, "5.0"))
    old = ForumInvoiceRenderer().render(owed(insurance, "4.5"))
    reader = ForumDocumentReader()
    assert reader.agree(new, old)
    other = Insurer("7601003000023", OfficeName("Autre assurance"), HOME)
    another_law = Law.KVG if law is Law.VVG else Law.VVG
    for changes in ({"case_number": "320203"}, {"insurer": other}, {"law": another_law}):
        changed_one = replace(insurance, **changes)  # type: ignore[arg-type]
        assert not reader.agree(ForumInvoiceRenderer().render(owed(changed_one)), old)
    assert not reader.agree(ForumInvoiceRenderer().render(a_document()), old)


@WAYS
def test_a_credit_note_goes_to_the_insurer_too(version: str, tiers: Tiers) -> None:
    invoice = owed(an_insurance(tiers), version)
    written = ForumCreditNoteRenderer().render(
        a_note(invoice), ForumInvoiceRenderer().render(invoice)
    )
    checked = checking.check_document(
        written, invoice_number=invoice.number, credit_note_number=NUMBER
    )
    assert (checked.version, checked.faults) == (version, ())
    root = etree.fromstring(written)
    for schema in LOADED[version]:
        schema.assertValid(root)
    assert count(root, f"//i:tiers_{tiers}/i:insurance") == 1
    assert found(root, "//i:balance/@amount_due") == "-20.00"


@pytest.mark.parametrize(
    ("language", "line", "insured"),
    [
        (Language.FRENCH, "Tiers payant, LAA, cas n° 26.00017.8, du 20.02.2026", "Assuré(e) n°"),
        (Language.GERMAN, "Tiers payant, UVG, Fall-Nr. 26.00017.8, vom 20.02.2026", "Versicherten"),
        (Language.ITALIAN, "Tiers payant, LAINF, caso n. 26.00017.8, del 20.02.2026", "Assicurato"),
    ],
)
def test_the_letter_and_the_slip_are_addressed_to_the_insurer(
    monkeypatch: pytest.MonkeyPatch, language: Language, line: str, insured: str
) -> None:
    practice = a_practice()
    patient = a_patient(practice, language=language, guarantor=a_guarantor())
    document = owed(an_insurance(), patient=patient)
    bills: list[dict[str, Any]] = []
    draw = pdf_slip.QRBill

    def remember(**values: Any) -> Any:
        bills.append(values)
        return draw(**values)

    monkeypatch.setattr(pdf_slip, "QRBill", remember)
    (page,) = pages_of(document)
    to = "Assurance Exemple SA\nSinistres\nM. Modèle\nRue du Rhône 9\n1204 Genève"
    assert to in page
    assert line in page
    assert insured in page
    assert "Claude" not in page
    assert [one["debtor"]["name"] for one in bills] == ["Assurance Exemple SA"]
    assert (bills[0]["amount"], bills[0]["reference_number"]) == ("120.00", document.qr_reference)


@pytest.mark.parametrize("version", ["5.0", "4.5"])
def test_paper_says_nothing_of_an_insurer_tiers_garant(version: str) -> None:
    practice = a_practice()
    document = a_document(contract=a_contract(practice, invoice_format=version))
    sheet = read_sheet(ForumInvoiceRenderer().render(document), cancelled=False)
    assert sheet.insurance is None
    assert "Tiers" not in pages_of(document)[0]


@WAYS
def test_a_file_of_other_software_to_an_insurer_is_taken_over(version: str, tiers: Tiers) -> None:
    practice = a_practice()
    setting = Setting(practice, a_contract(practice, invoice_format=version), date(2026, 3, 2))
    incoming = read_request(to_insurer(a_request(version), tiers))
    assert faults_of(incoming, setting) == ()
    assert unfit_codes_of(incoming, setting) == ()
    insurance = new_insurance(incoming)
    assert insurance is not None
    assert (insurance.tiers, insurance.law) == (tiers, Law.UVG)
    assert insurance.insurer.name == OfficeName("Assurance Exemple SA")
    assert (insurance.case_number, insurance.case_date) == ("26.00017.8", date(2026, 2, 20))
    assert insurance.insured_number == "99.1234-5"
    assert incoming.debtor_is_patient()


@WAYS
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"gln": "7601003000017", "debtor_gln": "7601003000017"}, "insurer-gln"),
        ({"gln": "2000000000008", "debtor_gln": "2000000000008"}, "insurer-gln"),
        ({"debtor_gln": "2000000000008"}, "other-debtor-than-insurer"),
        ({"name": PersonName("Exemple", "Jeanne")}, "insurer-no-office"),
    ],
)
def test_a_file_that_does_not_say_which_insurer_owes_is_refused(
    version: str, tiers: Tiers, changes: dict[str, Any], code: str
) -> None:
    practice = a_practice()
    setting = Setting(practice, a_contract(practice, invoice_format=version), date(2026, 3, 2))
    incoming = read_request(to_insurer(a_request(version), tiers))
    assert isinstance(incoming.insurance, IncomingInsurance)
    wrong = replace(incoming, insurance=replace(incoming.insurance, **changes))
    (fault,) = faults_of(wrong, setting)
    assert fault.code == code
    assert fault.line in {incoming.lines["insurance"], incoming.lines["owes"]}


def test_an_insurer_whose_address_a_file_does_not_know_keeps_it_from_the_factor() -> None:
    practice = a_practice()
    setting = Setting(practice, a_contract(practice), date(2026, 3, 2))
    data = to_insurer(a_request()).replace(b"<i:zip>1204", b"<i:zip>0000")
    incoming = read_request(data)
    assert faults_of(incoming, setting) == ()
    assert unfit_codes_of(incoming, setting) == ("missing-debtor-address",)
    child = read_request(changed(to_insurer(a_request()), "1980-05-01", "2015-05-01"))
    assert unfit_codes_of(child, setting) == ()


def parsed(**changes: Any) -> InvoiceRequest:
    """Read a request that bills an insurer; None leaves a part out."""
    body = AN_INVOICE | {"tiers": "payant", "insurer": AN_INSURER, "law": AN_UVG_CASE} | changes
    left_out = {name for name, value in changes.items() if value is None}
    given = {name: value for name, value in body.items() if name not in left_out}
    return parse_body(InvoiceRequest, json.dumps(given).encode())


def test_a_request_names_tiers_insurer_and_law() -> None:
    assert parsed().insurance() == an_insurance()
    assert parsed(tiers="soldant").insurance() == an_insurance(Tiers.SOLDANT)
    assert parsed(tiers=None, insurer=None, law=None).insurance() is None
    assert parsed(tiers="garant", insurer=None, law=None).says_who_owes()
    assert not parsed(tiers=None, insurer=None, law=None).says_who_owes()


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"insurer": None}, "insurer-missing", "insurer"),
        ({"law": None}, "law-missing", "law"),
        ({"tiers": "garant"}, "insurer-with-garant", "insurer"),
        ({"tiers": None, "insurer": None}, "law-with-garant", "law"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(
    changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        parsed(**changes).insurance()
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("insurer", "field"),
    [
        ({"gln": "7601003000017"}, "insurer.gln"),
        ({"gln": "2000000000008"}, "insurer.gln"),
        ({"company_name": ""}, "insurer.company_name"),
        ({"address": None}, "insurer.address"),
    ],
)
def test_a_request_with_half_an_insurer_is_refused(insurer: dict[str, Any], field: str) -> None:
    with pytest.raises(ProblemError) as refused:
        parsed(insurer=AN_INSURER | insurer)
    assert [one.field for one in refused.value.problem.errors] == [field]
