"""Invoicing's HTTP API, from the practice to the document of an invoice."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from lxml import etree

from shared.forum.schema import invoice_schema
from shared.runtime.definition import ServiceDefinition
from shared.web.endpoints import UserRole
from shared.web.paging import cursor
from tests.integration.invoicing.office import Office, fresh_gln, open_office
from tests.support.web import ApiClient, assert_every_route_is_guarded
from tests.unit.invoicing.bodies import (
    A_CONTRACT,
    A_PATIENT,
    A_POSITION,
    A_PRACTICE,
    A_PROVIDER,
    A_TREATMENT,
    AN_INVOICE,
    chf,
)


async def test_every_route_is_guarded(definition: ServiceDefinition, api: ApiClient) -> None:
    await assert_every_route_is_guarded(definition.endpoints, api)


async def test_what_is_sent_comes_back_with_its_id(office: Office) -> None:
    _, practice = await office.api.get(office.path)
    assert practice == A_PRACTICE | {
        "gln": practice["gln"],
        "practice_id": str(office.practice_id),
        "round_to_five": False,
        "version": 1,
    }
    contract = await office.get(f"contracts/{office.contract_id}")
    assert contract["contract_version"] == 1
    assert contract["active"] is True
    assert contract["portal"] == {
        "adapter": "http",
        "arrival_check_after_seconds": 14400,
        "arrival_poll_interval_seconds": 900,
        "arrival_deadline_working_days": 1,
        "deb_poll_interval_seconds": 3600,
        "deb_layout": "quittance-v1",
    }
    same = set(A_CONTRACT) - {"portal", "factor_address"}
    assert {name: contract[name] for name in same} == {name: A_CONTRACT[name] for name in same}
    patient = await office.get(f"patients/{office.patient_id}")
    no_office = dict.fromkeys(("company_name", "department", "contact_person"))
    guarantor = A_PATIENT["guarantor"] | no_office
    of_the_service = {"patient_id": office.patient_id, "version": 1, "guarantor": guarantor}
    assert patient == A_PATIENT | of_the_service
    treatment = await office.get(f"treatments/{await office.treatment()}")
    assert treatment["total"] == chf("120.00")
    assert treatment["positions"] == [A_POSITION | {"amount": chf("120.00"), "point_value": "1.2"}]
    (provider,) = (await office.get("providers"))["items"]
    assert provider == A_PROVIDER | {"provider_id": office.provider_id, "version": 1}


async def test_an_invoice_is_shown_with_number_balance_and_history(office: Office) -> None:
    invoice = await office.invoice(deposit=chf("20.00"))
    assert invoice["invoice_number"] == "2026-000001"
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert shown == invoice
    expected: dict[str, Any] = {
        "state": "issued",
        "total": chf("120.00"),
        "deposit": chf("20.00"),
        "balance": chf("100.00"),
        "balance_text": "100.00",
        "with_factor": False,
        "paid": False,
        "factor_owes": chf("0.00"),
        "issued_on": "2026-03-02",
        "due_on": "2026-04-01",
        "debtor_number": "D-77",
        "debtor_name": "Exemple Claude",
        "patient_name": "Exemple Jeanne",
        "unfit_codes": [],
        "order_id": None,
        "refusal_code": None,
    }
    assert {name: shown[name] for name in expected} == expected
    assert [line["kind"] for line in shown["history"]] == ["issued"]
    assert shown["debtor_owes"]["principal"] == chf("100.00")
    assert shown["debtor_owes"]["total"] == chf("100.00")


async def test_the_document_is_what_was_stored_and_announced(office: Office) -> None:
    invoice = await office.invoice()
    path = f"{office.path}/invoices/{invoice['invoice_id']}/document"
    answer = await office.api.request("GET", path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/xml"
    assert hashlib.sha256(answer.raw).hexdigest() == invoice["document_sha256"]
    root = etree.fromstring(answer.raw)
    invoice_schema().assertValid(root)
    (event,) = await office.rows(
        "SELECT body FROM outbox WHERE type = 'invoice-issued' AND subject = :id",
        id=invoice["invoice_id"],
    )
    told = json.loads(event["body"])
    assert told["document"]["sha256"] == invoice["document_sha256"]
    assert told["invoice_number"] == invoice["invoice_number"]
    assert told["balance"] == {"amount": "120.00", "currency": "CHF"}
    assert "Exemple" not in event["body"].decode()


async def test_practice_and_contract_events_leave_in_order(office: Office) -> None:
    events = await office.rows("SELECT type, sequence, topic FROM outbox ORDER BY position")
    assert [(one["type"], one["sequence"]) for one in events] == [
        ("practice-registered", 1),
        ("contract-changed", 2),
    ]
    assert {one["topic"] for one in events} == {"practice-events"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("contracts", A_CONTRACT | {"qr_iban": A_PRACTICE["iban"]}, "qr_iban"),
        ("providers", A_PROVIDER | {"gln": "7601000000027"}, "gln"),
        ("patients", A_PATIENT | {"ssn": "7569217076984"}, "ssn"),
        ("treatments", A_TREATMENT | {"positions": []}, "positions"),
        ("invoices", AN_INVOICE | {"deposit": chf("1")}, "deposit.amount"),
        ("invoices", AN_INVOICE | {"discount_percent": "101"}, "discount_percent"),
        ("invoices", AN_INVOICE, "treatment_ids.0"),
        ("treatments", A_TREATMENT, "patient_id"),
    ],
)
async def test_a_bad_request_is_answered_with_the_field_and_leaves_nothing(
    office: Office, path: str, body: dict[str, Any], field: str
) -> None:
    before = await office.rows("SELECT count(*) AS n FROM outbox")
    problem = await office.post(path, body, status=422)
    assert problem["field"] == field
    assert await office.rows("SELECT count(*) AS n FROM outbox") == before


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("contracts", A_CONTRACT, "contract-exists"),
        ("providers", A_PROVIDER, "provider-exists"),
        ("patients", A_PATIENT, "patient-exists"),
    ],
)
async def test_the_same_again_is_a_conflict(
    office: Office, path: str, body: dict[str, Any], code: str
) -> None:
    problem = await office.post(path, body, status=409)
    assert problem["code"] == code


async def test_the_same_practice_again_is_a_conflict(api: ApiClient) -> None:
    body = A_PRACTICE | {"gln": fresh_gln()}
    assert (await api.as_user().post("/v1/practices", body))[0] == 201
    status, problem = await api.as_user().post("/v1/practices", body)
    assert (status, problem["code"], problem["field"]) == (409, "practice-exists", "gln")


async def test_a_repeated_request_issues_one_invoice(office: Office) -> None:
    body = AN_INVOICE | {"treatment_ids": [await office.treatment()], "contract_id": None}
    answers = [await office.api.post(f"{office.path}/invoices", body, key="the-same") for _ in "ab"]
    assert answers[0] == answers[1]
    assert answers[0][0] == 201
    assert (await office.get("invoices"))["totals"]["count"] == 1


async def test_a_billed_treatment_is_refused_with_its_invoice(office: Office) -> None:
    treatment = await office.treatment()
    invoice = await office.invoice(treatment)
    body = AN_INVOICE | {"treatment_ids": [treatment]}
    problem = await office.post("invoices", body, status=409)
    assert problem["code"] == "treatment-billed"
    assert problem["facts"] == {
        "treatment_id": treatment,
        "invoice_number": invoice["invoice_number"],
    }
    (billed,) = (await office.get("treatments", state="billed"))["items"]
    assert billed["invoice_number"] == invoice["invoice_number"]


async def test_treatments_are_found_by_patient_and_state(office: Office) -> None:
    other = await office.patient()
    mine, theirs = await office.treatment(), await office.treatment(patient_id=other)
    await office.invoice(mine)

    async def ids(**query: str) -> set[str]:
        return {one["treatment_id"] for one in (await office.get("treatments", **query))["items"]}

    assert await ids() == {mine, theirs}
    assert await ids(state="open") == {theirs}
    assert await ids(patient_id=other, state="billed") == set()
    assert await ids(patient_id=office.patient_id) == {mine}


async def test_invoices_are_filtered_counted_and_summed(office: Office) -> None:
    other = await office.patient()
    await office.invoice()
    await office.invoice(deposit=chf("120.00"))
    own = await office.invoice(await office.treatment(patient_id=other), contract_id=None)

    async def listed(**query: str) -> tuple[list[str], int, str, str]:
        page = await office.get("invoices", **query)
        numbers = [one["invoice_number"][-1] for one in page["items"]]
        sums = page["totals"]["total"]["amount"], page["totals"]["balance"]["amount"]
        return numbers, page["totals"]["count"], *sums

    assert await listed() == (["1", "2", "3"], 3, "360.00", "240.00")
    assert await listed(exclude_zero_balance="true") == (["1", "3"], 2, "240.00", "240.00")
    assert await listed(contract_id=office.contract_id) == (["1", "2"], 2, "240.00", "120.00")
    assert await listed(patient_id=other) == (["3"], 1, "120.00", "120.00")
    assert await listed(state="acquitted") == ([], 0, "0.00", "0.00")
    assert await listed(not_ordered="true") == (["1", "2", "3"], 3, "360.00", "240.00")
    assert own["qr_reference"] is None


async def test_pages_follow_each_other_without_gap_or_repeat(office: Office) -> None:
    for _ in range(5):
        await office.invoice()
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in range(3):
        page = await office.get("invoices", limit="2", **after)
        assert page["totals"] is None if after else page["totals"]["count"] == 5
        seen += [one["invoice_number"] for one in page["items"]]
        after = {"after": page["next"]} if page["next"] else {}
    assert seen == [f"2026-00000{n}" for n in range(1, 6)]
    assert after == {}
    assert (await office.get("invoices", limit="5"))["next"] is None
    pages: list[str] = []
    following: dict[str, str] = {}
    while True:
        page = await office.get("treatments", limit="2", **following)
        pages += [one["treatment_id"] for one in page["items"]]
        if page["next"] is None:
            break
        following = {"after": page["next"]}
    assert len(pages) == len(set(pages)) == 5


@pytest.mark.parametrize("path", ["invoices", "treatments", "patients", "contracts", "providers"])
async def test_a_strange_cursor_is_refused(office: Office, path: str) -> None:
    for after in (
        "nonsense",
        cursor("x", "y"),
        cursor("\x00"),
        cursor(),
        cursor(2**63 - 1, 2**63 - 1),
    ):
        answer = await office.api.request("GET", f"{office.path}/{path}", query={"after": after})
        assert answer.status in {200, 422}
        if answer.status == 422:
            assert answer.json["field"] == "after"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("invoices/{}", "invoice-not-found"),
        ("invoices/{}/document", "invoice-not-found"),
        ("patients/{}", "patient-not-found"),
        ("treatments/{}", "treatment-not-found"),
        ("contracts/{}", "contract-not-found"),
    ],
)
async def test_what_is_not_there_is_not_found(office: Office, path: str, code: str) -> None:
    missing = path.format("00000000-0000-4000-8000-000000000000")
    answer = await office.api.request("GET", f"{office.path}/{missing}")
    assert (answer.status, answer.code) == (404, code)


async def test_a_controller_reads_and_does_not_write(office: Office) -> None:
    reader = office.api.as_user([UserRole.CONTROLLER], [office.practice_id])
    assert (await reader.get(f"{office.path}/invoices"))[0] == 200
    status, problem = await reader.post(f"{office.path}/invoices", AN_INVOICE)
    assert (status, problem["code"]) == (403, "role-not-allowed")


async def test_a_practice_sees_nothing_of_another(office: Office, api: ApiClient) -> None:
    stranger = await open_office(api, office.database)
    invoice = await office.invoice()
    for path in (
        f"invoices/{invoice['invoice_id']}",
        f"invoices/{invoice['invoice_id']}/document",
        f"patients/{office.patient_id}",
        f"contracts/{office.contract_id}",
    ):
        assert (await stranger.api.get(f"{stranger.path}/{path}"))[0] == 404
        assert (await stranger.api.get(f"{office.path}/{path}"))[0] == 404
    assert (await stranger.get("invoices"))["totals"]["count"] == 0
    _, listed = await stranger.api.get("/v1/practices")
    assert [one["practice_id"] for one in listed["items"]] == [str(stranger.practice_id)]
    treatment = await office.treatment()
    refused = await stranger.post(
        "invoices", AN_INVOICE | {"treatment_ids": [treatment]}, status=422
    )
    assert refused["code"] == "unknown-treatment"
    refused = await stranger.post(
        "treatments",
        A_TREATMENT | {"patient_id": office.patient_id, "provider_id": stranger.provider_id},
        status=422,
    )
    assert refused["code"] == "unknown-patient"
