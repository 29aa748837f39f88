"""Patients are found by their names and birth dates, providers by names, contracts by force."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.invoicing.office import Office, fresh_gln, open_office
from tests.integration.invoicing.test_edits_and_prices import put
from tests.unit.invoicing.bodies import A_CONTRACT, A_PROVIDER

NAMES = {
    "200": ("Müller", "Anna", "1980-02-03"),
    "201": ("Muller", "Béatrice", "1980-02-03"),
    "202": ("van Dam", "Anna", "1991-12-31"),
    "203": ("Lecœur", "Zoé", "2001-01-01"),
}


@pytest.fixture
async def furnished(office: Office) -> Office:
    """An office with some more patients."""
    for number, (family, given, born) in NAMES.items():
        await office.patient(
            patient_number=number,
            family_name=family,
            given_name=given,
            birth_date=born,
            ssn=None,
            guarantor=None,
        )
    return office


async def found(office: Office, path: str, name: str, **query: str) -> list[Any]:
    """Return one field of all that a list shows; its count must be theirs."""
    page = await office.get(path, **query)
    assert page["totals"]["count"] == len(page["items"])
    return [item[name] for item in page["items"]]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"text": "muller"}, ["200", "201"]),
        ({"text": "MÜL an"}, ["200"]),
        ({"text": "beatrice"}, ["201"]),
        ({"text": "anna"}, ["200", "202"]),
        ({"text": "van"}, ["202"]),
        ({"text": "lecoeur zo"}, ["203"]),
        ({"text": "claude"}, ["10001"]),
        ({"text": "uller"}, []),
        ({"text": "%"}, []),
        ({"birth_date": "1980-02-03"}, ["200", "201"]),
        ({"birth_date": "1980-02-03", "text": "anna"}, ["200"]),
        ({"birth_date": "1980-02-03", "patient_number": "202"}, []),
    ],
)
async def test_patients_are_found_by_the_beginnings_of_names_and_by_birth_date(
    furnished: Office, query: dict[str, str], numbers: list[str]
) -> None:
    assert await found(furnished, "patients", "patient_number", **query) == numbers


async def test_a_search_goes_on_from_page_to_page_and_stays_within_the_practice(
    furnished: Office,
) -> None:
    first = await furnished.get("patients", text="mul", limit="1")
    last = await furnished.get("patients", text="mul", limit="1", after=first["next"])
    assert [page["items"][0]["patient_number"] for page in (first, last)] == ["200", "201"]
    assert (first["totals"]["count"], last["next"]) == (2, None)
    stranger = await open_office(furnished.api, furnished.database)
    assert await found(stranger, "patients", "patient_number", text="mul") == []


async def test_a_search_has_few_words(office: Office) -> None:
    for path in ("patients", "providers"):
        status, problem = await office.api.get(f"{office.path}/{path}", text="a b c d e f")
        assert (status, problem["code"]) == (422, "invalid-request"), problem


async def test_providers_are_found_by_name_and_gln(office: Office) -> None:
    gln = fresh_gln()
    other = A_PROVIDER | {"gln": gln, "family_name": "Zürcher", "given_name": "Éric"}
    await office.post("providers", other)
    for words in ("zurcher", "eric", f"{gln[:12]} zur"):
        assert await found(office, "providers", "gln", text=words) == [gln]
    assert await found(office, "providers", "gln", text="urcher") == []
    assert len(await found(office, "providers", "gln")) == 2


async def test_contracts_are_found_by_whether_they_are_in_force(office: Office) -> None:
    second = (await office.post("contracts", A_CONTRACT | {"account_number": "9-9"}))["contract_id"]
    ended = A_CONTRACT | {"account_number": "9-9", "active": False}
    assert (await put(office, f"/contracts/{second}", ended, '"1"')).status == 200
    assert await found(office, "contracts", "contract_id", active="true") == [office.contract_id]
    assert await found(office, "contracts", "contract_id", active="false") == [second]
    assert len(await found(office, "contracts", "contract_id")) == 2
