"""Edits name the version that was read; price lists give positions their text and price."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.integration.invoicing.office import Office
from tests.support.web import ApiAnswer
from tests.unit.invoicing.bodies import A_CONTRACT, A_PATIENT, A_POSITION, chf

CSV = (
    "code;text_de;text_fr;points;vat_rate\nC.1;Kontrolle;Contrôle;12.50;\nC.2;Nur deutsch;;7;8.1\n"
)
BARE = {"tariff_type": "222", "code": "C.1", "performed_on": "2026-02-27"}


async def put(office: Office, path: str, body: Any, etag: str) -> ApiAnswer:
    """PUT below the practice with an If-Match header; "" sends none."""
    return await office.api.request(
        "PUT", f"{office.path}{path}", body=body, headers={"If-Match": etag}
    )


async def load(office: Office, data: str = CSV, **query: str) -> ApiAnswer:
    """Load a price list of tariff 222 at 1.20 francs a point from the first of January."""
    given = {"name": "2026", "tariff_type": "222", "point_value": "1.20"}
    given |= {"valid_from": "2026-01-01"}
    return await office.api.request(
        "POST",
        f"{office.path}/price-lists",
        body=data.encode(),
        query=given | query,
        headers={"Content-Type": "text/csv"},
    )


async def test_a_rate_alone_that_is_left_out_comes_from_the_list_of_its_day_too(
    office: Office,
) -> None:
    assert (await load(office)).status == 201
    said = {"text": "Sagt alles", "points": "5", "point_value": "1"}
    known = BARE | {"code": "C.2"} | said
    unknown = BARE | {"code": "X.9"} | said
    given = known | {"vat_rate": "2.6"}
    early = known | {"performed_on": "2025-12-31"}
    treatment = await office.treatment(
        begun_on="2025-12-31",
        ended_on="2026-02-27",
        positions=[known, unknown, given, early],
    )
    shown = await office.get(f"treatments/{treatment}")
    assert [one["vat_rate"] for one in shown["positions"]] == ["8.1", "0", "2.6", "0"]
    assert {(one["text"], one["amount"]["amount"]) for one in shown["positions"]} == {
        ("Sagt alles", "5.00")
    }


async def test_a_contract_is_changed_under_its_next_version_and_told(office: Office) -> None:
    path = f"/contracts/{office.contract_id}"
    read = await office.api.request("GET", f"{office.path}{path}")
    assert read.headers["ETag"] == '"1"'
    changed = A_CONTRACT | {"payout_term_days": 30, "acquittal": "manual", "active": False}
    answer = await put(office, path, changed, '"1"')
    assert answer.status == 200
    assert answer.headers["ETag"] == '"2"'
    assert (answer.json["contract_version"], answer.json["active"]) == (2, False)
    rows = await office.rows("SELECT body FROM outbox WHERE type = 'contract-changed'")
    told = [json.loads(row["body"]) for row in rows][-1]
    assert (told["contract_version"], told["payout_term_days"]) == (2, 30)
    assert (told["acquittal"], told["active"]) == ("manual", False)


async def test_the_same_terms_again_change_and_tell_nothing(office: Office) -> None:
    answer = await put(office, f"/contracts/{office.contract_id}", A_CONTRACT, '"1"')
    assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    rows = await office.rows("SELECT 1 FROM outbox WHERE type = 'contract-changed'")
    assert len(rows) == 1


async def test_of_two_who_read_the_same_version_one_changes_it(office: Office) -> None:
    path = f"/contracts/{office.contract_id}"
    wanted = [A_CONTRACT | {"payout_term_days": days} for days in (20, 25, 30, 35)]
    answers = await asyncio.gather(*(put(office, path, body, '"1"') for body in wanted))
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412]
    assert {answer.code for answer in answers} == {None, "changed-meanwhile"}


@pytest.mark.parametrize(
    ("etag", "status", "code"),
    [
        ("", 428, "precondition-required"),
        ('"2"', 412, "changed-meanwhile"),
        ("*", 412, "changed-meanwhile"),
    ],
)
async def test_an_edit_must_name_what_was_read(
    office: Office, etag: str, status: int, code: str
) -> None:
    for path, body in (("", {}), (f"/contracts/{office.contract_id}", A_CONTRACT)):
        sent = body or await own_data(office)
        answer = await put(office, path, sent, etag)
        assert (answer.status, answer.code) == (status, code)


async def own_data(office: Office) -> dict[str, Any]:
    """Return a practice's data as they are sent."""
    _, practice = await office.api.get(office.path)
    return {k: v for k, v in practice.items() if k not in {"practice_id", "version"}}


async def test_a_practice_is_changed_but_for_what_others_know_it_by(office: Office) -> None:
    data = await own_data(office)
    answer = await put(office, "", data | {"name": "Autre nom", "round_to_five": True}, '"1"')
    assert answer.status == 200
    assert (answer.json["name"], answer.json["version"]) == ("Autre nom", 2)
    assert answer.headers["ETag"] == '"2"'
    moved = await put(office, "", data | {"canton": "GE"}, '"2"')
    assert (moved.status, moved.code, moved.json["field"]) == (422, "fixed-field", "canton")


async def test_a_moved_patients_next_invoice_has_the_new_address_and_the_old_one_the_old(
    office: Office,
) -> None:
    old = await office.invoice()
    address = {"street": "Chemin Neuf", "house_no": "7", "zip": "1000", "city": "Lausanne"}
    path = f"/patients/{office.patient_id}"
    moved = await put(office, path, A_PATIENT | {"address": address, "guarantor": None}, '"1"')
    assert (moved.status, moved.headers["ETag"]) == (200, '"2"')
    assert (moved.json["address"]["street"], moved.json["version"]) == ("Chemin Neuf", 2)
    new = await office.invoice()
    assert b"Chemin Neuf" in await document(office, new)
    assert b"Chemin Neuf" not in await document(office, old)
    again = await put(office, path, A_PATIENT | {"address": address, "guarantor": None}, '"2"')
    assert (again.status, again.json["version"]) == (200, 2)


async def document(office: Office, invoice: dict[str, Any]) -> bytes:
    """Return the XML of an invoice."""
    path = f"{office.path}/invoices/{invoice['invoice_id']}/document"
    return (await office.api.request("GET", path)).raw


async def test_of_two_who_changed_a_patient_the_second_reads_again(office: Office) -> None:
    path = f"/patients/{office.patient_id}"
    wanted = [A_PATIENT | {"given_name": name} for name in ("Anne", "Berthe", "Cécile")]
    answers = await asyncio.gather(*(put(office, path, body, '"1"') for body in wanted))
    assert sorted(answer.status for answer in answers) == [200, 412, 412]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"patient_number": "P-99"}, 422, "fixed-field"),
        ({"birth_date": "2999-01-01"}, 422, "birth-date"),
    ],
)
async def test_a_patient_keeps_number_and_a_birth_date_that_can_be(
    office: Office, change: dict[str, str], status: int, code: str
) -> None:
    path = f"/patients/{office.patient_id}"
    answer = await put(office, path, A_PATIENT | change, '"1"')
    assert (answer.status, answer.code) == (status, code)
    unknown = await put(office, f"/patients/{office.contract_id}", A_PATIENT, '"1"')
    assert (unknown.status, unknown.code) == (404, "patient-not-found")


async def test_the_audit_log_says_what_an_edit_changed_and_what_it_was_before(
    office: Office,
) -> None:
    path = f"/contracts/{office.contract_id}"
    before = (await office.api.request("GET", f"{office.path}{path}")).json
    await put(office, path, A_CONTRACT | {"payout_term_days": 45}, '"1"')
    await put(office, path, A_CONTRACT | {"payout_term_days": 45}, '"2"')
    await put(office, path, A_CONTRACT | {"payout_term_days": 50}, '"1"')
    rows = await office.rows(
        "SELECT status, fields_before, fields_after FROM audit_log"
        " WHERE operation_id = 'changeContract' ORDER BY id"
    )
    assert [(row["status"], row["fields_before"], row["fields_after"]) for row in rows] == [
        (
            200,
            {"payout_term_days": before["payout_term_days"], "contract_version": 1},
            {"payout_term_days": 45, "contract_version": 2},
        ),
        (412, None, None),
    ]


async def test_a_contract_names_the_order_in_which_payments_settle(office: Office) -> None:
    path = f"/contracts/{office.contract_id}"
    usual = ["costs", "interest", "reminder_fees", "principal"]
    assert (await office.get(path.strip("/")))["payment_order"] == usual
    twice = A_CONTRACT | {"payment_order": [*usual[:3], "costs"]}
    refused = await put(office, path, twice, '"1"')
    assert (refused.status, refused.json["field"]) == (422, "payment_order")
    other = usual[::-1]
    answer = await put(office, path, A_CONTRACT | {"payment_order": other}, '"1"')
    assert answer.json["payment_order"] == other
    rows = await office.rows(
        "SELECT body FROM outbox WHERE type = 'contract-changed' ORDER BY position DESC LIMIT 1"
    )
    assert json.loads(rows[0]["body"])["payment_order"] == other


async def test_the_account_of_another_contract_is_refused(office: Office) -> None:
    await office.post("contracts", A_CONTRACT | {"account_number": "99"})
    path = f"/contracts/{office.contract_id}"
    answer = await put(office, path, A_CONTRACT | {"account_number": "99"}, '"1"')
    assert (answer.status, answer.code) == (409, "contract-exists")
    unknown = await put(office, f"/contracts/{office.patient_id}", A_CONTRACT, '"1"')
    assert (unknown.status, unknown.code) == (404, "contract-not-found")


async def test_an_invoice_is_rounded_where_the_practice_wants_it(office: Office) -> None:
    data = await own_data(office)
    await put(office, "", data | {"round_to_five": True}, '"1"')
    position = A_POSITION | {"points": "10.03", "point_value": "1"}
    invoice = await office.invoice(await office.treatment(positions=[position]))
    assert invoice["total"] == chf("10.05")


async def test_a_price_list_is_loaded_once_and_shown(office: Office) -> None:
    loaded = await load(office)
    assert loaded.status == 201
    assert (loaded.json["lines"], loaded.json["point_value"]) == (2, "1.2")
    assert (await load(office)).code == "price-list-exists"
    shown = await office.get("price-lists")
    assert shown["items"] == [loaded.json]
    path = f"price-lists/{loaded.json['price_list_id']}/lines"
    page = await office.get(path, limit="1")
    assert page["items"][0]["text_fr"] == "Contrôle"
    last = await office.get(path, limit="1", after=page["next"])
    assert [(one["code"], one["vat_rate"]) for one in last["items"]] == [("C.2", "8.1")]
    assert last["next"] is None


async def test_a_file_with_faults_loads_nothing_and_names_every_line(office: Office) -> None:
    answer = await load(office, CSV + "C.3;;;x;\n")
    assert (answer.status, answer.code) == (422, "price-list-faults")
    assert {(one["line"], one["column"]) for one in answer.json["facts"]["faults"]} == {
        (4, "text"),
        (4, "points"),
    }
    assert (await office.get("price-lists"))["items"] == []
    backwards = await load(office, valid_to="2025-12-31")
    assert (backwards.code, backwards.json["field"]) == ("price-list-days", "valid_to")


async def test_a_position_takes_text_and_price_of_its_day_from_the_list(office: Office) -> None:
    await load(office)
    later = CSV.replace("12.50", "20")
    assert (await load(office, later, valid_from="2026-02-27", valid_to="2026-02-27")).status == 201
    days = ("2026-02-26", "2026-02-27", "2026-02-28")
    treatment = await office.treatment(
        begun_on=days[0],
        ended_on=days[2],
        positions=[BARE | {"performed_on": day} for day in days],
    )
    shown = (await office.get(f"treatments/{treatment}"))["positions"]
    assert [one["points"] for one in shown] == ["12.5", "20", "12.5"]
    assert {(one["text"], one["point_value"]) for one in shown} == {("Contrôle", "1.2")}
    assert [one["amount"] for one in shown] == [chf("15.00"), chf("24.00"), chf("15.00")]


async def test_what_is_given_goes_before_the_list_and_a_missing_text_before_none(
    office: Office,
) -> None:
    await load(office)
    given = BARE | {"code": "C.2", "points": "3", "point_value": "2"}
    shown = await office.get(f"treatments/{await office.treatment(positions=[given])}")
    (position,) = shown["positions"]
    assert position["text"] == "Nur deutsch"
    assert (position["vat_rate"], position["amount"]) == ("8.1", chf("6.00"))


@pytest.mark.parametrize(
    "changes",
    [{"code": "C.9"}, {"tariff_type": "322"}, {"performed_on": "2025-12-31"}],
)
async def test_a_code_without_a_price_is_refused_by_its_place(
    office: Office, changes: dict[str, str]
) -> None:
    await load(office)
    body = {
        "patient_id": office.patient_id,
        "provider_id": office.provider_id,
        "begun_on": "2025-12-31",
        "ended_on": "2026-02-27",
        "reason": "disease",
        "positions": [A_POSITION, BARE | changes],
    }
    problem = await office.post("treatments", body, status=422)
    assert (problem["code"], problem["field"]) == ("unknown-code", "positions.1.code")
