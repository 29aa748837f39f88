"""Namesakes in a real database: the report names them, tells again, and a clerk decides."""

from __future__ import annotations

from typing import Any

from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_edits_and_prices import put
from tests.integration.invoicing.test_imports import ZIP, a_file, outcomes, report
from tests.unit.invoicing.requests import a_zip, changed, reference

ELSEWHERE = {"street": "Chemin Neuf 7", "zip": "1000"}
NEW_HOME = {"street": "Chemin Neuf", "house_no": "7", "zip": "1000", "city": "Renens"}


async def a_namesake(office: Office, serial: int, **changes: str) -> bytes:
    """Return a file about somebody of the known name and birth date, without an AHV number."""
    own = {"number": f"RE-{serial}", "reference": reference(serial), "ssn": "0000"}
    return await a_file(office, **(own | changes))


async def known_patient(office: Office) -> Any:
    """Return the patient on record, who lives at Rue Haute 2."""
    return await office.get(f"patients/{office.patient_id}")


async def patient_of(office: Office, file: Any) -> Any:
    """Return the patient of an imported file's invoice."""
    invoice = await office.get(f"invoices/{file['invoice_id']}")
    return await office.get(f"patients/{invoice['patient_id']}")


async def test_a_namesake_is_a_patient_of_its_own_and_the_known_one_is_named_each_time(
    office: Office,
) -> None:
    known = await known_patient(office)
    data = await a_namesake(office, 1, **ELSEWHERE)
    (file,) = (await report(office, data))["files"]
    (notice,) = file["notices"]
    assert (notice["code"], notice["patient_id"], notice["patient_number"]) == (
        "other-address-on-record",
        known["patient_id"],
        known["patient_number"],
    )
    assert f"Exemple Jeanne, patient {known['patient_number']}" in notice["reason"]
    new = await patient_of(office, file)
    assert new["patient_number"].startswith("IMP")
    assert new["address"]["zip"] == "1000"
    before = await office.rows("SELECT count(*) AS n FROM patient")
    again = await report(office, data)
    assert outcomes(again) == ["already-known"]
    assert again["files"][0]["notices"] == [notice]
    assert await office.rows("SELECT count(*) AS n FROM patient") == before


async def test_at_the_known_address_it_is_the_known_patient_and_nothing_is_told(
    office: Office,
) -> None:
    (file,) = (await report(office, await a_namesake(office, 1)))["files"]
    assert (await patient_of(office, file))["patient_id"] == office.patient_id
    assert file["notices"] == []


async def test_of_two_in_one_archive_the_second_names_the_first(office: Office) -> None:
    files = {
        "a.xml": await a_namesake(office, 1, given="Lou"),
        "b.xml": await a_namesake(office, 2, given="Lou", **ELSEWHERE),
    }
    first, second = (await report(office, a_zip(files), kind=ZIP))["files"]
    lou = await patient_of(office, first)
    assert first["notices"] == []
    assert [one["patient_id"] for one in second["notices"]] == [lou["patient_id"]]


async def test_a_clerk_who_knows_that_the_patient_moved_brings_the_invoice_to_the_record(
    office: Office,
) -> None:
    data = await a_namesake(office, 1, **ELSEWHERE)
    (file,) = (await report(office, data))["files"]
    known = await known_patient(office)
    body = {k: v for k, v in known.items() if k not in {"patient_id", "version"}}
    moved = await put(office, f"/patients/{office.patient_id}", body | {"address": NEW_HOME}, '"1"')
    assert moved.status == 200
    path = f"invoices/{file['invoice_id']}/cancel"
    await office.post(path, {"reason_code": "wrong-patient"}, status=200)
    (again,) = (await report(office, data))["files"]
    path = f"invoice-import-conflicts/{again['conflict_id']}/decision"
    decided = await office.post(path, {"decision": "replace"}, status=200)
    assert decided["notices"] == []
    successor = {"invoice_id": decided["replacement_id"]}
    assert (await patient_of(office, successor))["patient_id"] == office.patient_id


async def test_a_decided_conflict_names_the_namesakes_of_its_new_patient(office: Office) -> None:
    await report(office, await a_namesake(office, 1))
    other = changed(await a_namesake(office, 1, **ELSEWHERE), "SAMPLE.1", "SAMPLE.9")
    (file,) = (await report(office, other))["files"]
    assert (file["outcome"], file["notices"]) == ("conflict", [])
    path = f"invoice-import-conflicts/{file['conflict_id']}/decision"
    decided = await office.post(path, {"decision": "replace"}, status=200)
    assert [one["patient_id"] for one in decided["notices"]] == [office.patient_id]
    listed = await office.get("invoice-import-conflicts")
    assert [one["notices"] for one in listed["items"]] == [decided["notices"]]
