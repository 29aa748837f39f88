"""Where somebody lives abroad: written, read, printed and compared with the country."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import iso3166
import pytest
from lxml import etree

from services.invoicing.adapters import pdf_slip
from services.invoicing.adapters.forum_comparison import ForumDocumentReader
from services.invoicing.adapters.forum_opening import NotOpenedError
from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.countries import BY_THREE_LETTERS, COUNTRIES
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.known_patients import derived_patient_numbers
from services.invoicing.domain.practice import Address
from services.invoicing.domain.taking_over import new_debtor
from shared.kernel.errors import DomainError
from tests.unit.invoicing.builders import (
    HOME,
    a_contract,
    a_document,
    a_guarantor,
    a_patient,
    a_practice,
)
from tests.unit.invoicing.import_desk import Desk
from tests.unit.invoicing.requests import a_request, changed, reference
from tests.unit.invoicing.test_forum_xml import ORACLES
from tests.unit.invoicing.test_invoice_pdf import pages_of

VENDORED = Path(__file__).resolve().parents[3] / "shared/forum/schemas"
KNOWN_PRACTICE = UUID("00000000-0000-4000-8000-000000000007")
# What they were before an address had a country.
KNOWN_PATIENT, KNOWN_DEBTOR = "IMPFD7E365D5BD152", "IMPF64B27180F655E"
BOTH = pytest.mark.parametrize("version", ["5.0", "4.5"])
ABROAD = {
    "DE": Address("Baslerstrasse", "12", "79539", "Lörrach", "DE"),
    "LI": Address("Städtle", "7", "9490", "Vaduz", "LI"),
    "FR": Address("Rue Haute", None, "01210", "Ferney-Voltaire", "FR"),
    "GB": Address("High Street", "1", "SW1A 1AA", "London", "GB"),
    "XK": Address("Rruga", "1", "10000", "Prishtina", "XK"),
}
EVERYWHERE = pytest.mark.parametrize("address", [HOME, *ABROAD.values()], ids=lambda one: one.zip)


def living_at(address: Address, version: str = "5.0", *, debtor: bool = False) -> InvoiceDocument:
    """Return an invoice to somebody, or to a guarantor, who lives there."""
    practice = a_practice()
    guarantor = a_guarantor(address=address) if debtor else None
    return a_document(
        practice=practice,
        patient=a_patient(practice, address=HOME if debtor else address, guarantor=guarantor),
        contract=a_contract(practice, invoice_format=version),
    )


def said_of_all(data: bytes, version: str, country: str) -> bytes:
    """Return a file in which everybody lives in a country, as the version says it."""
    if version == "4.5":
        return changed(data, "<i:zip>1020<", f'<i:zip countrycode="{country}">1020<')
    return changed(
        data,
        "<i:city>Renens</i:city>",
        f'<i:city>Renens</i:city><i:country country_code="{country}">x</i:country>',
    )


def named(text: str) -> bytes:
    """Return a file of 5.0 in which everybody's country is a name without a code."""
    city = "<i:city>Renens</i:city>"
    return changed(a_request(), city, f"{city}<i:country>{text}</i:country>")


def test_the_countries_are_those_of_the_norm() -> None:
    norm = iso3166.countries_by_alpha2
    assert set(norm) == COUNTRIES
    assert {one.alpha3: one.alpha2 for one in norm.values()} == BY_THREE_LETTERS


@BOTH
@EVERYWHERE
@pytest.mark.parametrize("debtor", [True, False])
def test_an_address_that_is_written_is_read_as_the_same_address(
    version: str, address: Address, debtor: bool
) -> None:
    data = ForumInvoiceRenderer().render(living_at(address, version, debtor=debtor))
    for folder in (VENDORED, ORACLES):
        for schema in folder.rglob(f"generalInvoiceRequest_{version.replace('.', '')}0.xsd"):
            etree.XMLSchema(etree.parse(schema)).assertValid(etree.fromstring(data))
    incoming = read_request(data)
    read = incoming.debtor.address
    assert read is not None
    one_line = replace(address, street=address.street_line, house_no=None)
    assert read == (address if address.house_no and version == "5.0" else one_line)
    assert incoming.patient.address == (incoming.debtor.address if not debtor else at(version))


def at(version: str) -> Address:
    """Return the address at home as a version says it."""
    return HOME if version == "5.0" else Address("Rue Haute 2", None, "1020", "Renens")


@BOTH
def test_at_home_a_document_names_no_country(version: str) -> None:
    data = ForumInvoiceRenderer().render(living_at(HOME, version))
    assert b"country" not in data


@BOTH
@pytest.mark.parametrize(
    ("said", "country"), [("DE", "DE"), ("LI", "LI"), ("AT", "AT"), ("CH", "CH")]
)
def test_a_country_code_is_read_in_either_version(version: str, said: str, country: str) -> None:
    address = read_request(said_of_all(a_request(version), version, said)).debtor.address
    assert address == Address("Rue Haute 2", None, "1020", "Renens", country)


@pytest.mark.parametrize(
    ("said", "country"),
    [("D", "DE"), ("F", "FR"), ("FL", "LI"), ("DEU", "DE"), ("PRT", "PT"), ("de", "DE")],
)
def test_the_older_version_takes_three_letters_and_the_letters_of_cars(
    said: str, country: str
) -> None:
    address = read_request(said_of_all(a_request("4.5"), "4.5", said)).debtor.address
    assert address is not None
    assert address.country == country


@pytest.mark.parametrize(
    ("said", "country"),
    [("Deutschland", "DE"), ("FRANCE", "FR"), (" Österreich ", "AT"), ("suisse", "CH")],
)
def test_a_neighbour_is_known_by_name_where_there_is_no_code(said: str, country: str) -> None:
    address = read_request(named(said)).debtor.address
    assert address is not None
    assert address.country == country


@pytest.mark.parametrize(
    "data", [named("Atlantis"), said_of_all(a_request("4.5"), "4.5", "ZZ")], ids=["5.0", "4.5"]
)
def test_what_is_no_country_is_refused_with_its_line_rather_than_taken_for_switzerland(
    data: bytes,
) -> None:
    with pytest.raises(NotOpenedError) as refused:
        read_request(data)
    (fault,) = refused.value.faults
    assert (fault.code, fault.field, fault.line is not None) == ("unknown-country", "postal", True)
    with pytest.raises(DomainError) as unprintable:
        read_sheet(data, cancelled=False)
    assert unprintable.value.code == "document-not-printable"


@BOTH
@EVERYWHERE
def test_letter_and_slip_name_the_country_of_the_debtor(
    version: str, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    bills: list[dict[str, Any]] = []
    draw = pdf_slip.QRBill

    def remember(**values: Any) -> Any:
        bills.append(values)
        return draw(**values)

    monkeypatch.setattr(pdf_slip, "QRBill", remember)
    (page,) = pages_of(living_at(address, version, debtor=True))
    (bill,) = bills
    assert (bill["debtor"]["country"], bill["creditor"]["country"]) == (address.country, "CH")
    place = f"{address.zip} {address.city}"
    abroad = place if address.country == "CH" else f"{address.country}-{place}"
    assert abroad in page.split("\n")
    assert f"{address.country}-{place}" in page


def test_the_same_place_in_another_country_is_another_content() -> None:
    abroad = replace(HOME, country="DE")
    here, there, old = (
        ForumInvoiceRenderer().render(living_at(address, version))
        for address, version in ((HOME, "5.0"), (abroad, "5.0"), (abroad, "4.5"))
    )
    assert not ForumDocumentReader().agree(here, there)
    assert ForumDocumentReader().agree(there, old)


async def test_who_lives_at_one_address_in_two_countries_may_be_two_people() -> None:
    desk = Desk()
    own = {"ssn": "0000"}
    first = await desk.one(a_request(number="RE-1", reference=reference(1), **own))
    abroad = said_of_all(a_request(number="RE-2", reference=reference(2), **own), "5.0", "DE")
    second = await desk.one(abroad)
    assert len(desk.uow.patients.by_id) == 2
    assert [one.patient_number for one in second.namesakes] == [desk.invoice(first).patient_number]
    third = a_request(number="RE-3", reference=reference(3), **own)
    again = await desk.one(said_of_all(third, "5.0", "DE"))
    assert desk.invoice(again).patient_id == desk.invoice(second).patient_id
    record = desk.uow.patients.by_id[desk.invoice(second).patient_id]
    assert record.address == Address("Rue Haute 2", None, "1020", "Renens", "DE")


def test_derived_numbers_stay_at_home_and_differ_abroad() -> None:
    practice_id = KNOWN_PRACTICE
    here = read_request(a_request(ssn="0000"))
    there = read_request(said_of_all(a_request(ssn="0000"), "5.0", "DE"))
    assert derived_patient_numbers(practice_id, here.patient)[0] == KNOWN_PATIENT
    assert new_debtor(practice_id, here.debtor).debtor_number == KNOWN_DEBTOR
    assert derived_patient_numbers(practice_id, there.patient)[0] != KNOWN_PATIENT
    assert new_debtor(practice_id, there.debtor).debtor_number != KNOWN_DEBTOR
