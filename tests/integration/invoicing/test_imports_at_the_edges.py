"""Uploads whose files meet each other, corrected records, the house's numbers, and odd values."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from services.invoicing.domain.numbers import qr_reference
from services.invoicing.handlers.import_invoices import CHUNK_FILES
from shared.kernel.errors import TransientError
from shared.objectstore.store import ObjectStore
from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_imports import ZIP, a_file, gln_of, outcomes, report, send
from tests.unit.invoicing.bodies import A_CONTRACT
from tests.unit.invoicing.requests import ISSUED, a_request, a_zip, changed, reference

_NOT_SENT = {"patient_id", "version"}


async def test_two_files_of_one_archive_may_be_in_conflict_with_each_other(
    office: Office,
) -> None:
    gln = await gln_of(office)
    archive = a_zip(
        {
            "1.xml": a_request(practice=gln),
            "2.xml": a_request(practice=gln, note="Autre prestation"),
            "3.xml": a_request(number="C", reference=reference(3), practice=gln),
        }
    )
    answer = await report(office, archive, kind=ZIP)
    assert outcomes(answer) == ["imported", "conflict", "imported"]
    assert answer["files"][1]["invoice_id"] == answer["files"][0]["invoice_id"]
    (shown,) = (await office.get("invoice-import-conflicts", state="open"))["items"]
    assert shown["conflict_id"] == answer["files"][1]["conflict_id"]


async def test_a_patient_whose_record_was_corrected_is_found_by_the_old_data(
    office: Office,
) -> None:
    who = {"given": "Alma", "ssn": "7561234567897", "born": "1990-03-04"}
    first = await report(office, await a_file(office, **who))
    invoice = await office.get(f"invoices/{first['files'][0]['invoice_id']}")
    path = f"{office.path}/patients/{invoice['patient_id']}"
    read = await office.api.request("GET", path)
    data = {name: value for name, value in read.json.items() if name not in _NOT_SENT}
    corrected = data | {"family_name": "Corrigée", "ssn": None, "birth_date": "1981-06-02"}
    changed_record = await office.api.request(
        "PUT", path, body=corrected, headers={"If-Match": read.headers["ETag"]}
    )
    assert changed_record.status == 200
    again = await a_file(office, number="LATER", reference=reference(7), **who)
    second = await report(office, again)
    assert outcomes(second) == ["imported"]
    later = await office.get(f"invoices/{second['files'][0]['invoice_id']}")
    assert later["patient_id"] == invoice["patient_id"]


async def test_a_date_beyond_all_calendars_refuses_its_file_alone(office: Office) -> None:
    gln = await gln_of(office)
    odd = changed(
        a_request(number="B", practice=gln),
        f'request_date="{ISSUED}"',
        'request_date="9999-12-31T23:30:00Z"',
    )
    good = a_request(number="C", reference=reference(3), practice=gln)
    answer = await report(office, a_zip({"1.xml": odd, "2.xml": good}), kind=ZIP)
    assert outcomes(answer) == ["refused", "imported"]
    assert answer["files"][0]["faults"][0]["code"] == "unreadable-value"


async def test_a_reference_that_the_house_will_need_is_refused(office: Office) -> None:
    contract = await office.get(f"contracts/{office.contract_id}")
    of_house = qr_reference(
        account_number=contract["account_number"],
        practice_gln=await gln_of(office),
        year=2026,
        serial=1,
    )
    answer = await report(office, await a_file(office, number="X-1", reference=of_house))
    assert outcomes(answer) == ["refused"]
    assert answer["files"][0]["faults"][0]["code"] == "reference-of-the-house"
    fitting = await a_file(office, number="2026-000001", reference=of_house)
    assert outcomes(await report(office, fitting)) == ["imported"]
    assert (await office.invoice())["invoice_number"] == "2026-000002"


async def another_account(office: Office, account_number: str) -> tuple[str, str]:
    """Add a contract; return its id, and the reference of its first invoice of the year."""
    contract = await office.post("contracts", A_CONTRACT | {"account_number": account_number})
    of_house = qr_reference(
        account_number=account_number, practice_gln=await gln_of(office), year=2026, serial=1
    )
    return str(contract["contract_id"]), of_house


async def test_a_reference_that_another_contract_will_give_is_refused(office: Office) -> None:
    _, of_house = await another_account(office, "4711.77")
    answer = await report(office, await a_file(office, number="X-1", reference=of_house))
    assert outcomes(answer) == ["refused"]
    assert answer["files"][0]["faults"][0]["code"] == "reference-of-the-house"


async def test_a_reference_that_was_taken_before_the_contract_came_is_named_at_issue(
    office: Office,
) -> None:
    of_house = qr_reference(
        account_number="4711.77", practice_gln=await gln_of(office), year=2026, serial=1
    )
    taken = await report(office, await a_file(office, number="X-1", reference=of_house))
    assert outcomes(taken) == ["imported"]
    contract, _ = await another_account(office, "4711.77")
    treatment = await office.treatment()
    body = {"treatment_ids": [treatment], "contract_id": contract}
    problem = await office.post("invoices", body, status=409)
    assert (problem["code"], problem["facts"]["invoice_number"]) == ("reference-taken", "X-1")
    cancelled = f"invoices/{taken['files'][0]['invoice_id']}/cancel"
    await office.post(cancelled, {"reason_code": "other"}, status=200)
    assert (await office.post("invoices", body))["invoice_number"] == "2026-000001"


async def test_what_no_position_can_say_is_corrected_outside(office: Office) -> None:
    data = await a_file(office)
    data = changed(data, 'unit="50" unit_factor', 'unit="100" external_factor="0.5" unit_factor')
    answer = await report(office, data)
    assert outcomes(answer) == ["imported"]
    one = f"invoices/{answer['files'][0]['invoice_id']}"
    problem = await office.post(f"{one}/correct", {"reason_code": "other"}, status=409)
    assert problem["code"] == "came-from-outside"
    assert (await office.get(one))["state"] == "issued"


async def test_what_is_in_stays_in_when_the_rest_fails_and_is_known_when_it_is_sent_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    gln = await gln_of(office)
    count = CHUNK_FILES + 3
    files = {
        f"{n:03}.xml": a_request(number=f"RE-{n}", reference=reference(n + 1), practice=gln)
        for n in range(count)
    }
    put_all, puts = ObjectStore.put_all, itertools.count()
    first = -(-CHUNK_FILES // 32)

    async def failing(self: ObjectStore, **of: Any) -> Any:
        if next(puts) >= first:
            raise TransientError("the power is out")
        return await put_all(self, **of)

    monkeypatch.setattr(ObjectStore, "put_all", failing)
    refused = await send(office, a_zip(files), kind=ZIP)
    assert refused.status == 503
    assert (await office.get("invoices"))["totals"]["count"] == CHUNK_FILES
    monkeypatch.setattr(ObjectStore, "put_all", put_all)
    answer = await report(office, a_zip(files), kind=ZIP)
    assert outcomes(answer) == ["already-known"] * CHUNK_FILES + ["imported"] * 3
