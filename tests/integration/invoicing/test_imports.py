"""Importing over HTTP into a real database: the report, the numbers, conflicts and their end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shared.kernel.errors import TransientError
from shared.objectstore.store import ObjectStore
from shared.runtime.definition import ServiceDefinition
from shared.web.uploads import MULTIPART
from tests.integration.invoicing.office import Office, Voices, open_office
from tests.integration.invoicing.test_corrections import sent
from tests.support.web import ApiAnswer, ApiClient
from tests.unit.invoicing.requests import (
    NUMBER,
    REFERENCE,
    a_request,
    a_zip,
    changed,
    reference,
)

XML, ZIP = "application/xml", "application/zip"


async def gln_of(office: Office) -> str:
    """Return the practice's GLN."""
    _, practice = await office.api.get(office.path)
    return str(practice["gln"])


async def send(
    office: Office,
    data: bytes,
    *,
    kind: str = XML,
    contract: bool = True,
    key: str | None = None,
    **query: str,
) -> ApiAnswer:
    """Send an upload."""
    if contract:
        query["contract_id"] = office.contract_id
    return await office.api.request(
        "POST",
        f"{office.path}/invoice-imports",
        body=data,
        query=query,
        key=key,
        headers={"Content-Type": kind},
    )


async def report(office: Office, data: bytes, *, kind: str = XML, contract: bool = True) -> Any:
    """Send an upload that is worked; return its report."""
    answer = await send(office, data, kind=kind, contract=contract)
    assert answer.status == 200, answer.json
    return answer.json


def outcomes(answer: Any) -> list[str]:
    """Return what became of each file."""
    return [file["outcome"] for file in answer["files"]]


async def a_file(office: Office, version: str = "5.0", **changes: str) -> bytes:
    """Return a file of this office's practice."""
    return a_request(version, practice=await gln_of(office), **changes)


@pytest.mark.parametrize("version", ["5.0", "4.5"])
async def test_an_imported_invoice_is_shown_like_one_that_was_issued_here(
    office: Office, version: str
) -> None:
    data = await a_file(office, version)
    answer = await report(office, data)
    assert (answer["imported"], answer["refused"]) == (1, 0)
    (file,) = answer["files"]
    assert (file["name"], file["invoice_number"], file["faults"]) == ("upload.xml", NUMBER, [])
    invoice = await office.get(f"invoices/{file['invoice_id']}")
    assert (invoice["invoice_number"], invoice["qr_reference"]) == (NUMBER, REFERENCE)
    assert (invoice["total"]["amount"], invoice["balance"]["amount"]) == ("120.00", "100.00")
    assert (invoice["issued_on"], invoice["due_on"]) == ("2026-02-28", "2026-03-30")
    assert [line["kind"] for line in invoice["history"]] == ["issued", "imported"]
    stored = await office.api.request(
        "GET", f"{office.path}/invoices/{file['invoice_id']}/document"
    )
    assert stored.raw == data
    (treatment_id,) = invoice["treatment_ids"]
    treatment = await office.get(f"treatments/{treatment_id}")
    assert treatment["total"]["amount"] == "120.00"
    patient = await office.get(f"patients/{treatment['patient_id']}")
    assert patient["family_name"] == "Exemple"


async def test_the_other_services_are_told_of_an_imported_invoice(office: Office) -> None:
    answer = await report(office, await a_file(office))
    (event,) = await office.rows(
        "SELECT body FROM outbox WHERE type = 'invoice-issued' AND subject = :id",
        id=answer["files"][0]["invoice_id"],
    )
    told = json.loads(event["body"])
    assert (told["invoice_number"], told["qr_reference"]) == (NUMBER, REFERENCE)
    assert told["unfit_codes"] == ["other-debtor-on-record"]
    assert b"Exemple" not in bytes(event["body"])


async def test_an_archive_is_imported_with_its_bad_file_refused_and_twice_changes_nothing(
    office: Office,
) -> None:
    gln = await gln_of(office)
    archive = a_zip(
        {
            "1.xml": a_request(number="A", reference=reference(1), practice=gln),
            "2.xml": changed(a_request(number="B", practice=gln), 'unit="50"', 'unit="60"'),
            "3.xml": a_request(number="C", reference=reference(3)),
            "4.xml": b"<html/>",
            "5.xml": a_request("4.5", number="D", reference=reference(4), practice=gln),
        }
    )
    first = await report(office, archive, kind=ZIP)
    assert outcomes(first) == ["imported", "refused", "refused", "refused", "imported"]
    assert [file["faults"][0]["code"] for file in first["files"][1:4]] == [
        "service-amount",
        "other-practice",
        "not-a-request",
    ]
    assert first["files"][1]["faults"][0]["line"] > 10
    counted = """
      SELECT (SELECT count(*) FROM invoice) AS invoices, (SELECT count(*) FROM patient) AS patients,
        (SELECT count(*) FROM treatment) AS treatments, (SELECT count(*) FROM outbox) AS events,
        (SELECT count(*) FROM invoice_history) AS lines,
        (SELECT count(*) FROM imported_invoice) AS imported
    """
    counts = await office.rows(counted)
    second = await report(office, archive, kind=ZIP)
    assert outcomes(second) == ["already-known", *["refused"] * 3, "already-known"]
    assert await office.rows(counted) == counts


async def test_a_repeated_request_gets_the_first_report(office: Office) -> None:
    data = await a_file(office)
    answers = [await send(office, data, key="the-same") for _ in "ab"]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"x", "text/csv", 415, "unsupported-media-type"),
        (b"PK\x03\x04nothing", ZIP, 422, "archive-damaged"),
        (a_zip({}), ZIP, 422, "archive-entries"),
    ],
)
async def test_an_upload_that_is_none_is_refused_as_a_whole(
    office: Office, data: bytes, kind: str, status: int, code: str
) -> None:
    answer = await send(office, data, kind=kind)
    assert (answer.status, answer.code) == (status, code)


async def test_an_unknown_contract_or_name_is_refused_by_field(office: Office) -> None:
    other = await send(office, b"<a/>", contract=False, contract_id=str(office.practice_id))
    assert (other.status, other.code, other.json["field"]) == (
        422,
        "unknown-contract",
        "contract_id",
    )
    named = await send(office, b"<a/>", file_name="a\nb")
    assert (named.status, named.json["field"]) == (422, "file_name")


async def test_the_counter_passes_over_imported_numbers_and_makes_no_gap(office: Office) -> None:
    assert (await office.invoice())["invoice_number"] == "2026-000001"
    gln = await gln_of(office)
    files = {
        f"{n}.xml": a_request(number=f"2026-{n:06}", reference=reference(n), practice=gln)
        for n in (2, 3, 5)
    }
    assert outcomes(await report(office, a_zip(files), kind=ZIP)) == ["imported"] * 3
    numbers = [(await office.invoice())["invoice_number"] for _ in range(3)]
    assert numbers == ["2026-000004", "2026-000006", "2026-000007"]
    page = await office.get("invoices")
    assert [one["invoice_number"] for one in page["items"]] == [
        f"2026-00000{n}" for n in range(1, 8)
    ]


async def test_imports_and_invoices_at_the_same_time_share_no_number(office: Office) -> None:
    gln = await gln_of(office)
    treatments = [await office.treatment() for _ in range(8)]
    files = [
        a_request(number=f"2026-{n:06}", reference=reference(n), practice=gln) for n in range(1, 9)
    ]
    answers = await asyncio.gather(
        *(report(office, file) for file in files),
        *(office.invoice(treatment) for treatment in treatments),
    )
    imported = {
        one["files"][0]["invoice_number"]
        for one in answers[:8]
        if one["files"][0]["outcome"] == "imported"
    }
    issued = {one["invoice_number"] for one in answers[8:]}
    assert len(issued) == 8
    assert imported.isdisjoint(issued)
    last = max(int(number[-6:]) for number in issued)
    assert {f"2026-{n:06}" for n in range(1, last + 1)} <= imported | issued


async def test_a_number_that_was_issued_here_is_a_conflict_for_a_file(office: Office) -> None:
    mine = await office.invoice()
    answer = await report(office, await a_file(office, number=mine["invoice_number"]))
    assert outcomes(answer) == ["conflict"]
    assert answer["files"][0]["invoice_id"] == mine["invoice_id"]


async def test_the_houses_own_document_is_known_when_it_comes_back(office: Office) -> None:
    mine = await office.invoice()
    document = await office.api.request(
        "GET", f"{office.path}/invoices/{mine['invoice_id']}/document"
    )
    assert outcomes(await report(office, document.raw)) == ["already-known"]


async def a_conflict(office: Office) -> tuple[str, str]:
    """Import an invoice and a file in conflict with it; return (invoice id, conflict id)."""
    first = await report(office, await a_file(office))
    second = await report(office, await a_file(office, note="Autre prestation"))
    assert outcomes(second) == ["conflict"]
    return first["files"][0]["invoice_id"], second["files"][0]["conflict_id"]


async def decide(office: Office, conflict_id: str, decision: str, *, status: int = 200) -> Any:
    """Decide a conflict."""
    path = f"invoice-import-conflicts/{conflict_id}/decision"
    return await office.post(path, {"decision": decision}, status=status)


async def test_a_conflict_is_listed_with_its_file_and_can_be_kept(office: Office) -> None:
    invoice_id, conflict_id = await a_conflict(office)
    (shown,) = (await office.get("invoice-import-conflicts", state="open"))["items"]
    assert (shown["conflict_id"], shown["invoice_id"]) == (conflict_id, invoice_id)
    assert (shown["invoice_number"], shown["invoice_state"]) == (NUMBER, "issued")
    document = await office.api.request(
        "GET", f"{office.path}/invoice-import-conflicts/{conflict_id}/document"
    )
    assert document.raw == await a_file(office, note="Autre prestation")
    decided = await decide(office, conflict_id, "keep")
    assert decided["decision"] == "keep"
    assert decided["decided_by"] == f"office-{office.practice_id}"
    assert await decide(office, conflict_id, "keep") == decided
    problem = await decide(office, conflict_id, "replace", status=409)
    assert problem["code"] == "conflict-decided"
    assert (await office.get("invoice-import-conflicts", state="open"))["items"] == []


async def test_replacing_takes_the_files_invoice_in_place_of_the_known_one(office: Office) -> None:
    invoice_id, conflict_id = await a_conflict(office)
    decided = await decide(office, conflict_id, "replace")
    old = await office.get(f"invoices/{invoice_id}")
    new = await office.get(f"invoices/{decided['replacement_id']}")
    assert (old["state"], old["replaced_by"]) == ("cancelled", new["invoice_id"])
    assert (new["state"], new["replaces"]) == ("issued", invoice_id)
    assert (new["invoice_number"], new["qr_reference"]) == (f"{NUMBER}.2", REFERENCE)
    (body,) = await office.rows(
        "SELECT body FROM outbox WHERE type = 'invoice-issued' ORDER BY position DESC LIMIT 1"
    )
    issued = json.loads(body["body"])
    assert (issued["invoice_number"], issued["document_number"]) == (f"{NUMBER}.2", NUMBER)
    told = await office.rows("SELECT type, subject FROM outbox ORDER BY position DESC LIMIT 2")
    assert {(one["type"], str(one["subject"])) for one in told} == {
        ("invoice-cancelled", invoice_id),
        ("invoice-issued", new["invoice_id"]),
    }


async def test_a_cancelled_number_is_taken_over_by_a_person_and_only_once(office: Office) -> None:
    first = await report(office, await a_file(office))
    invoice_id = first["files"][0]["invoice_id"]
    await office.post(f"invoices/{invoice_id}/cancel", {"reason_code": "mistake"}, status=200)
    again = await report(office, await a_file(office))
    assert outcomes(again) == ["conflict"]
    (shown,) = (await office.get("invoice-import-conflicts", state="open"))["items"]
    assert (shown["invoice_id"], shown["invoice_state"]) == (invoice_id, "cancelled")
    decided = await decide(office, shown["conflict_id"], "replace")
    old = await office.get(f"invoices/{invoice_id}")
    new = await office.get(f"invoices/{decided['replacement_id']}")
    assert (old["state"], old["replaced_by"]) == ("cancelled", new["invoice_id"])
    assert (new["state"], new["replaces"]) == ("issued", invoice_id)
    assert outcomes(await report(office, await a_file(office))) == ["already-known"]


async def test_a_cancelled_number_may_be_refused_after_the_living_one_was_kept(
    office: Office,
) -> None:
    invoice_id, conflict_id = await a_conflict(office)
    await decide(office, conflict_id, "keep")
    await office.post(f"invoices/{invoice_id}/cancel", {"reason_code": "mistake"}, status=200)
    again = await report(office, await a_file(office, note="Autre prestation"))
    assert outcomes(again) == ["conflict"]
    await decide(office, again["files"][0]["conflict_id"], "keep")
    again = await report(office, await a_file(office, note="Autre prestation"))
    assert outcomes(again) == ["already-known"]


async def test_an_invoice_in_a_sent_order_cannot_be_replaced(
    office: Office, voices: Voices
) -> None:
    invoice_id, conflict_id = await a_conflict(office)
    order = await voices.prepared(office, await office.get(f"invoices/{invoice_id}"))
    await voices.say(order)
    await voices.say(sent(order))
    problem = await decide(office, conflict_id, "replace", status=409)
    assert problem["code"] == "needs-credit-note"
    assert (await office.get(f"invoices/{invoice_id}"))["state"] == "ordered"
    assert (await decide(office, conflict_id, "keep"))["decision"] == "keep"


async def test_conflicts_are_paged_without_gap_or_repeat(office: Office) -> None:
    await report(office, await a_file(office))
    for number in range(3):
        await report(office, await a_file(office, note=f"Autre {number}"))
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = await office.get("invoice-import-conflicts", limit="2", **after)
        seen += [one["conflict_id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert len(seen) == len(set(seen)) == 3


async def test_a_stranger_sees_no_conflict_of_this_practice(office: Office, api: ApiClient) -> None:
    _, conflict_id = await a_conflict(office)
    stranger = await open_office(api, office.database)
    for method, rest in (("GET", "document"), ("POST", "decision")):
        path = f"{stranger.path}/invoice-import-conflicts/{conflict_id}/{rest}"
        body = {"decision": "keep"} if method == "POST" else None
        answer = await stranger.api.request(method, path, body=body)
        assert (answer.status, answer.code) == (404, "import-conflict-not-found")


async def test_a_store_that_is_away_leaves_nothing_half_imported(
    office: Office, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object, **_more: object) -> None:
        raise TransientError("the object store does not answer")

    data = await a_file(office)
    with monkeypatch.context() as patched:
        patched.setattr(type(store), "put_all", away)
        assert (await send(office, data)).status == 503
    assert await office.rows("SELECT invoice_id FROM imported_invoice") == []
    assert outcomes(await report(office, data)) == ["imported"]


async def test_a_contract_says_in_which_format_its_invoices_are_written(
    office: Office, definition: ServiceDefinition
) -> None:
    contract = await office.get(f"contracts/{office.contract_id}")
    assert contract["invoice_format"] == "5.0"
    body = {name: contract[name] for name in contract}
    for name in ("contract_id", "practice_id", "contract_version", "active"):
        body.pop(name)
    older = await office.post(
        "contracts", body | {"account_number": "OLD", "invoice_format": "4.5"}
    )
    assert older["invoice_format"] == "4.5"
    invoice = await office.invoice(contract_id=older["contract_id"])
    document = await office.api.request(
        "GET", f"{office.path}/invoices/{invoice['invoice_id']}/document"
    )
    assert b'type="invoice" storno="false"' in document.raw
    (event,) = await office.rows(
        "SELECT body FROM outbox WHERE type = 'contract-changed' ORDER BY position DESC LIMIT 1"
    )
    assert json.loads(event["body"])["invoice_format"] == "4.5"
    (line,) = [one for one in definition.endpoints if one.operation_id == "importInvoices"]
    assert (line.request_media_type, *line.further_media_types) == (XML, ZIP, MULTIPART)
