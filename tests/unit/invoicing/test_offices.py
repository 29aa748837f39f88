"""An office owes in a patient's place: in both versions of the format, on paper, and as a body."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from services.invoicing.adapters import pdf_slip
from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.people import Debtor, OfficeName, PersonName
from services.invoicing.domain.taking_over import new_debtor
from services.invoicing.entrypoints.schemas.people import PatientRequest
from shared.web.problems import ProblemError
from shared.web.validation import parse_body
from tests.unit.invoicing.bodies import A_PATIENT
from tests.unit.invoicing.builders import a_contract, a_document, a_patient, a_practice, an_office
from tests.unit.invoicing.requests import a_request
from tests.unit.invoicing.test_forum_xml import ORACLES, VENDORED, count, found
from tests.unit.invoicing.test_invoice_pdf import pages_of

BOTH = pytest.mark.parametrize("version", ["5.0", "4.5"])
LINE = st.text(st.characters(codec="latin-1", categories=["L", "N"]), min_size=1, max_size=35)
NAMES = {"company_name": "Sozialdienst", "department": "Alter", "contact_person": "Frau Muster"}
PERSON = {"family_name": "Exemple", "given_name": "Claude"}


def owed_by(debtor: Debtor, version: str = "5.0") -> InvoiceDocument:
    """Return the content of an invoice that this guarantor owes."""
    practice = a_practice()
    contract = replace(a_contract(practice), invoice_format=version)
    patient = a_patient(practice, guarantor=debtor)
    return a_document(practice=practice, patient=patient, contract=contract)


def rendered(document: InvoiceDocument, version: str) -> bytes:
    """Render a document in a version."""
    return ForumInvoiceRenderer(own_format=version).render(document)  # type: ignore[arg-type]


@BOTH
def test_an_office_is_a_company_in_the_document_which_fits_the_schema(version: str) -> None:
    root = etree.fromstring(rendered(owed_by(an_office(), version), version))
    for folder in (VENDORED, ORACLES):
        for schema in folder.rglob(f"generalInvoiceRequest_{version.replace('.', '')}0.xsd"):
            etree.XMLSchema(etree.parse(schema)).assertValid(root)
    for party in ("debitor", "guarantor"):
        company = f"//i:{party}/i:company"
        assert found(root, f"{company}/i:companyname/text()") == "Service social de Renens"
        assert found(root, f"{company}/i:department/text()") == "Curatelles"
        assert found(root, f"{company}/i:subaddressing/text()") == "Mme Exemple"
        assert found(root, f"{company}/i:postal/i:city/text()") == "Renens"
        assert count(root, f"//i:{party}/i:person") == 0
    assert found(root, "//i:patient/i:person/i:familyname/text()") == "Exemple"


@BOTH
@given(company=LINE, department=st.none() | LINE, contact=st.none() | LINE)
def test_an_office_that_was_written_is_read_as_the_same_office(
    version: str, company: str, department: str | None, contact: str | None
) -> None:
    name = OfficeName(company, department, contact)
    incoming = read_request(rendered(owed_by(replace(an_office(), name=name), version), version))
    assert incoming.debtor.name == name
    assert not incoming.debtor_is_patient()


@BOTH
def test_an_office_without_an_address_is_valid_but_unfit(version: str) -> None:
    document = owed_by(replace(an_office(department=None), address=None), version)
    incoming = read_request(rendered(document, version))
    assert incoming.debtor.name == OfficeName("Service social de Renens", None, "Mme Exemple")
    assert incoming.debtor.address is None
    assert document.unfit_codes() == ("missing-debtor-address",)


def test_an_office_of_the_patients_own_name_is_not_the_patient() -> None:
    incoming = read_request(a_request())
    office = replace(incoming.debtor, name=OfficeName("Exemple", "Jeanne"))
    assert incoming.debtor_is_patient()
    assert not replace(incoming, debtor=office).debtor_is_patient()


def test_an_office_keeps_the_number_that_its_import_gave_it_as_a_person() -> None:
    practice_id = a_practice().practice_id
    incoming = read_request(a_request()).debtor

    def number(name: OfficeName | PersonName) -> str:
        return new_debtor(practice_id, replace(incoming, name=name)).debtor_number

    office = number(OfficeName("Service social", "Renens", "M. Un"))
    assert office == number(PersonName("Service social", "Renens"))
    assert office == number(OfficeName("SERVICE SOCIAL", "Renens", "Mme Deux"))
    assert number(OfficeName("Service social")) == number(PersonName("Service social", "-"))
    assert office != number(OfficeName("Service social"))


def test_the_letter_names_office_department_and_contact_and_the_slip_the_office_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = owed_by(an_office())
    sheet = read_sheet(rendered(document, "5.0"), cancelled=False)
    assert sheet.debtor.lines == (
        "Service social de Renens",
        "Curatelles",
        "Mme Exemple",
        "Rue Haute 2",
        "1020 Renens",
    )
    bills: list[dict[str, Any]] = []
    draw = pdf_slip.QRBill

    def remember(**values: Any) -> Any:
        bills.append(values)
        return draw(**values)

    monkeypatch.setattr(pdf_slip, "QRBill", remember)
    (page,) = pages_of(document)
    assert "\n".join(sheet.debtor.lines) in page
    assert [bill["debtor"]["name"] for bill in bills] == ["Service social de Renens"]
    assert bills[0]["debtor"]["street"] == "Rue Haute"


def parsed(names: dict[str, str | None]) -> PatientRequest:
    """Read a patient whose guarantor has these names."""
    body = A_PATIENT | {"guarantor": {"debtor_number": "D-1"} | names}
    return parse_body(PatientRequest, json.dumps(body).encode())


@given(
    chosen=st.dictionaries(
        st.sampled_from(sorted(PERSON | NAMES)), st.sampled_from(["Un", "Deux", None])
    )
)
def test_a_guarantor_is_exactly_one_of_person_and_office(chosen: dict[str, str | None]) -> None:
    given_names = {name for name, value in chosen.items() if value is not None}
    is_person = given_names == set(PERSON)
    is_office = "company_name" in given_names and given_names.isdisjoint(PERSON)
    if not is_person and not is_office:
        with pytest.raises(ProblemError) as refused:
            parsed(chosen)
        problem = refused.value.problem
        assert problem.status == 422
        assert all(str(one.field).startswith("guarantor") for one in problem.errors)
        return
    guarantor = parsed(chosen).guarantor
    assert guarantor is not None
    name = guarantor.to_domain().name
    assert isinstance(name, PersonName if is_person else OfficeName)


@pytest.mark.parametrize(
    ("names", "field", "reason"),
    [
        (PERSON | NAMES, "guarantor", "not both"),
        ({}, "guarantor", "needs the names of a person"),
        ({"given_name": "Claude"}, "guarantor.family_name", ""),
        ({"department": "Alter"}, "guarantor.company_name", ""),
        ({"company_name": "x" * 36}, "guarantor.company_name", "35"),
    ],
)
def test_what_is_wrong_with_a_guarantor_is_told_at_its_field(
    names: dict[str, str | None], field: str, reason: str
) -> None:
    with pytest.raises(ProblemError) as refused:
        parsed(names)
    (error,) = refused.value.problem.errors
    assert error.field == field
    assert reason in error.reason
