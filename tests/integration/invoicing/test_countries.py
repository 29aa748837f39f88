"""The country of an address: kept, shown, at home where nobody says otherwise, and on paper."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.domain.practice import Address
from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_edits_and_prices import document, own_data, put
from tests.integration.invoicing.test_imports import gln_of, report
from tests.unit.invoicing.bodies import A_CONTRACT, A_PATIENT
from tests.unit.invoicing.requests import a_request, changed

IN_GERMANY = {
    "street": "Baslerstrasse",
    "house_no": "12",
    "zip": "79539",
    "city": "Lörrach",
    "country": "DE",
}
VADUZ = {"street": "Städtle", "house_no": "7", "zip": "9490", "city": "Vaduz", "country": "LI"}


def without_country(address: dict[str, Any]) -> dict[str, Any]:
    """Return an address as it was sent before it had a country."""
    return {name: value for name, value in address.items() if name != "country"}


async def test_an_address_is_at_home_unless_it_says_otherwise(office: Office) -> None:
    home = without_country(IN_GERMANY)
    silent = await office.patient(address=home, guarantor=None)
    abroad = await office.patient(address=IN_GERMANY, guarantor=None)
    shown = [await office.get(f"patients/{one}") for one in (silent, abroad)]
    assert [one["address"] for one in shown] == [home | {"country": "CH"}, IN_GERMANY]
    listed = (await office.get("patients"))["items"]
    by_id = {one["patient_id"]: one["address"] for one in listed}
    assert (by_id[silent]["country"], by_id[abroad]["country"]) == ("CH", "DE")


async def test_practice_factor_and_guarantor_have_a_country_too(office: Office) -> None:
    data = await own_data(office)
    assert data["address"]["country"] == "CH"
    moved = await put(office, "", data | {"address": VADUZ}, '"1"')
    assert (moved.status, moved.json["address"]) == (200, VADUZ)
    contract = await put(
        office,
        f"/contracts/{office.contract_id}",
        A_CONTRACT | {"factor_address": VADUZ},
        '"1"',
    )
    assert contract.json["factor_address"] == VADUZ
    guarantor = A_PATIENT["guarantor"] | {"address": IN_GERMANY}
    changed_patient = await put(
        office, f"/patients/{office.patient_id}", A_PATIENT | {"guarantor": guarantor}, '"1"'
    )
    assert changed_patient.json["guarantor"]["address"] == IN_GERMANY
    written = await document(office, await office.invoice())
    assert read_request(written).debtor.address == Address(
        "Baslerstrasse", "12", "79539", "Lörrach", "DE"
    )
    sheet = read_sheet(written, cancelled=False)
    assert sheet.slip is not None
    assert (sheet.practice.country, sheet.slip.creditor.country) == ("LI", "LI")
    assert "DE-79539 Lörrach" in sheet.debtor.lines


@pytest.mark.parametrize("country", ["ZZ", "de", "DEU", "", None])
async def test_what_is_no_country_is_refused_with_its_field(
    office: Office, country: str | None
) -> None:
    address = IN_GERMANY | {"country": country}
    body = A_PATIENT | {"patient_number": "9", "address": address}
    problem = await office.post("patients", body, status=422)
    assert [one["field"] for one in problem["errors"]] == ["address.country"]


async def test_a_file_from_abroad_keeps_its_country_in_the_record_and_on_paper(
    office: Office,
) -> None:
    data = a_request(practice=await gln_of(office), zip="79539", ssn="0000")
    city = "<i:city>Renens</i:city>"
    data = changed(data, city, f'{city}<i:country country_code="DE">Deutschland</i:country>')
    (file,) = (await report(office, data))["files"]
    assert file["outcome"] == "imported", file
    invoice = await office.get(f"invoices/{file['invoice_id']}")
    patient = await office.get(f"patients/{invoice['patient_id']}")
    assert (patient["address"]["zip"], patient["address"]["country"]) == ("79539", "DE")
    pdf = await office.api.request("GET", f"{office.path}/invoices/{file['invoice_id']}/pdf")
    assert (pdf.status, pdf.raw[:5]) == (200, b"%PDF-")


async def test_the_database_takes_two_capital_letters_and_gives_switzerland_where_none_are_told(
    office: Office,
) -> None:
    kept = await office.rows(
        "SELECT country, debtor_country FROM patient WHERE patient_id = :id", id=office.patient_id
    )
    assert [tuple(row.values()) for row in kept] == [("CH", "CH")]
    with pytest.raises(IntegrityError, match="patient_country"):
        await office.rows("UPDATE patient SET country = 'de' RETURNING 1")
    defaults = await office.rows(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE column_name LIKE '%country' AND column_default = '''CH''::text'"
        " AND is_nullable = 'NO' ORDER BY 1, 2"
    )
    assert [tuple(row.values()) for row in defaults] == [
        ("contract", "factor_country"),
        ("invoice", "insurer_country"),
        ("patient", "country"),
        ("patient", "debtor_country"),
        ("practice", "country"),
    ]
