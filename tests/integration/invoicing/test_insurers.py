"""Tiers payant and soldant over HTTP: billed, listed, corrected, credited, imported, refused."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.views.invoices import InvoiceFilter, invoice_selection
from shared.contracts.envelope import ContentRef
from shared.db import Database, Scope
from shared.db.engine import set_scope
from shared.forum.checking import check_document
from shared.forum.schema import invoice_schema
from shared.objectstore.store import ObjectStore
from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_corrections import WHY, sent, told, withdrawn
from tests.integration.invoicing.test_edits_and_prices import put
from tests.integration.invoicing.test_imports import NUMBER, a_file, decide, outcomes, report
from tests.support import audit
from tests.unit.invoicing.bodies import A_CONTRACT, AN_INSURER, AN_UVG_CASE, chf
from tests.unit.invoicing.requests import changed, to_insurer

PAYANT: dict[str, Any] = {"tiers": "payant", "insurer": AN_INSURER, "law": AN_UVG_CASE}
SOLDANT = PAYANT | {"tiers": "soldant"}
GLN = AN_INSURER["gln"]
IN_LIECHTENSTEIN = {"street": "Städtle", "house_no": "1", "zip": "9490", "city": "Vaduz"}
ABROAD = PAYANT | {"insurer": AN_INSURER | {"address": IN_LIECHTENSTEIN | {"country": "LI"}}}
OTHER_INSURER = AN_INSURER | {"gln": "7601003000023", "company_name": "Autre assurance"}


def who_owes(invoice: Any) -> dict[str, Any]:
    """Return the parts of an answer that say who owes."""
    return {name: invoice[name] for name in PAYANT}


async def document(office: Office, invoice: Any, kind: str = "document") -> bytes:
    """Return the invoice's XML, or PDF."""
    path = f"{office.path}/invoices/{invoice['invoice_id']}/{kind}"
    return (await office.api.request("GET", path)).raw


async def refused(office: Office, **changes: Any) -> tuple[str, str]:
    """Return code and field of the answer to an invoice that cannot be billed."""
    body = {"treatment_ids": [await office.treatment()], "contract_id": office.contract_id}
    problem = await office.post("invoices", body | changes, status=422)
    return problem["code"], problem["field"]


@pytest.mark.parametrize(
    "wanted", [PAYANT, SOLDANT, ABROAD], ids=["payant", "soldant", "an insurer abroad"]
)
async def test_an_invoice_that_an_insurer_owes_is_billed_shown_and_written(
    office: Office, wanted: dict[str, Any]
) -> None:
    invoice = await office.invoice(**wanted, discount_percent="10")
    assert who_owes(invoice) == wanted
    assert (invoice["debtor_number"], invoice["total"]) == (GLN, chf("108.00"))
    assert invoice["debtor_name"] == "Assurance Exemple SA, Sinistres"
    assert invoice["unfit_codes"] == []
    data = await document(office, invoice)
    checked = check_document(data, invoice_number=invoice["invoice_number"])
    assert (checked.version, checked.faults) == ("5.0", ())
    incoming = read_request(data)
    assert incoming.insurance is not None
    assert (incoming.insurance.tiers, incoming.insurance.gln) == (wanted["tiers"], GLN)
    assert incoming.insurance.address is not None
    assert incoming.insurance.address.country == wanted["insurer"]["address"]["country"]
    assert (await document(office, invoice, "pdf"))[:5] == b"%PDF-"
    (event,) = await told(office, "invoice-issued")
    assert (event["debtor_number"], event["balance"]) == (GLN, chf("108.00"))
    ((_, _, after),) = await audit.told(office.database, office.practice_id, "issueInvoice")
    assert (after["tiers"], after["debtor_number"]) == (wanted["tiers"], GLN)


async def test_without_a_word_an_invoice_is_tiers_garant(office: Office) -> None:
    invoice = await office.invoice()
    assert who_owes(invoice) == {"tiers": "garant", "insurer": None, "law": None}
    assert invoice["debtor_number"] == "D-77"


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        (PAYANT | {"deposit": chf("0.05")}, ("deposit-with-insurer", "deposit.amount")),
        (SOLDANT | {"deposit": chf("0.05")}, ("deposit-with-insurer", "deposit.amount")),
        (PAYANT | {"insurer": None}, ("insurer-missing", "insurer")),
        (PAYANT | {"law": None}, ("law-missing", "law")),
        (PAYANT | {"tiers": "garant"}, ("insurer-with-garant", "insurer")),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(
    office: Office, changes: dict[str, Any], answer: tuple[str, str]
) -> None:
    assert await refused(office, **changes) == answer


async def test_the_older_format_has_no_tiers_soldant(office: Office) -> None:
    older = A_CONTRACT | {"factor": "Alt", "account_number": "77", "invoice_format": "4.5"}
    older |= {"ledger_account": "1089"}
    contract_id = (await office.post("contracts", older))["contract_id"]
    body = {"treatment_ids": [await office.treatment()], "contract_id": contract_id}
    problem = await office.post("invoices", body | SOLDANT, status=422)
    assert problem["code"] == "tiers-not-in-format"
    invoice = await office.post("invoices", body | PAYANT)
    data = await document(office, invoice)
    checked = check_document(data, invoice_number=invoice["invoice_number"])
    assert (checked.version, checked.faults) == ("4.5", ())
    assert (invoice["document_format"], who_owes(invoice)) == ("4.5", PAYANT)


async def test_lists_sums_csv_and_words_tell_them_apart(office: Office) -> None:
    numbers = {}
    for name, body in {"garant": {}, "payant": PAYANT, "soldant": SOLDANT}.items():
        numbers[(await office.invoice(**body))["invoice_number"]] = name
    for tiers in ("garant", "payant", "soldant"):
        page = await office.get("invoices", tiers=tiers)
        assert [numbers[one["invoice_number"]] for one in page["items"]] == [tiers]
        assert {one["tiers"] for one in page["items"]} == {tiers}
        assert (page["totals"]["count"], page["totals"]["total"]) == (1, chf("120.00"))
    cases = {"assurance": 2, "EXEMPLE sinis": 2, "modele": 2, GLN: 2, "claude": 3, "surance": 0}
    for words, expected in cases.items():
        assert len((await office.get("invoices", text=words))["items"]) == expected, words
    answer = await office.api.request("GET", f"{office.path}/invoices.csv")
    rows = csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")), delimiter=";")
    assert [row["tiers"] for row in rows] == ["garant", "payant", "soldant"]
    status, problem = await office.api.get(f"{office.path}/invoices", tiers="payante")
    assert (status, problem["errors"][0]["field"]) == (422, "tiers")


@pytest.mark.parametrize("tiers", ["payant", "soldant"])
async def test_a_list_of_what_insurers_owe_has_an_index_of_its_own_whatever_the_plan(
    office: Office, database: Database, tiers: str
) -> None:
    selection, values = invoice_selection([office.practice_id], InvoiceFilter(tiers=tiers))
    assert list(values) == ["practice_id", "tiers"]
    numbered = selection.replace(":practice_id", "$1").replace(":tiers", "$2")
    async with database.engine.connect() as connection:
        await set_scope(connection, Scope.of(office.practice_id))
        for setting in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            await connection.execute(text(f"SET LOCAL {setting} = off"))
        # A plan that is kept for every value knows nothing of the one that is asked for.
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        order = "ORDER BY i.practice_id, i.year, i.serial LIMIT 5"
        await connection.execute(text(f"PREPARE listed (uuid, text) AS {numbered} {order}"))
        asked = f"EXPLAIN EXECUTE listed ('{office.practice_id}', '{tiers}')"
        plan = await connection.execute(text(asked))
        lines = "\n".join(plan.scalars())
        await connection.rollback()
    assert "invoice_to_insurer" in lines


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, PAYANT),
        ({}, PAYANT),
        ({"tiers": "garant"}, {"tiers": "garant", "insurer": None, "law": None}),
        (SOLDANT | {"insurer": OTHER_INSURER}, SOLDANT | {"insurer": OTHER_INSURER}),
    ],
)
@pytest.mark.parametrize("in_order", [False, True])
async def test_a_correction_keeps_the_insurer_unless_it_says_who_owes(
    office: Office,
    voices: Voices,
    content: dict[str, Any] | None,
    expected: dict[str, Any],
    in_order: bool,
) -> None:
    wrong = await office.invoice(**PAYANT)
    body: dict[str, Any] = dict(WHY)
    if content is not None:
        billed = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.contract_id}
        body["invoice"] = billed | content
    one = f"invoices/{wrong['invoice_id']}"
    if in_order:
        order = await voices.prepared(office, wrong)
        await voices.say(order)
        waiting = await office.post(f"{one}/correct", body, status=202)
        await voices.say(withdrawn(order), sequence=2)
        new = await office.get(f"invoices/{waiting['cancellation']['corrected_id']}")
    else:
        new = await office.post(f"{one}/correct", body)
    assert who_owes(new) == expected
    owes = "D-77" if expected["tiers"] == "garant" else expected["insurer"]["gln"]
    assert (new["debtor_number"], new["replaces"]) == (owes, wrong["invoice_id"])
    assert who_owes(await office.get(one)) == PAYANT


async def test_a_correction_that_adds_a_deposit_to_an_insurers_invoice_is_refused(
    office: Office,
) -> None:
    wrong = await office.invoice(**PAYANT)
    body = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.contract_id}
    invoice = {"invoice": body | {"deposit": chf("20.00")}}
    one = f"invoices/{wrong['invoice_id']}"
    problem = await office.post(f"{one}/correct", WHY | invoice, status=422)
    assert problem["code"] == "deposit-with-insurer"
    assert (await office.get(one))["state"] == "issued"


async def test_a_wish_that_was_kept_before_there_were_insurers_bills_tiers_garant(
    office: Office, voices: Voices
) -> None:
    wrong = await office.invoice()
    order = await voices.prepared(office, wrong)
    await voices.say(order)
    billed = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.contract_id}
    one = f"invoices/{wrong['invoice_id']}"
    waiting = await office.post(f"{one}/correct", WHY | {"invoice": billed}, status=202)
    await office.rows(
        "UPDATE cancellation_wish SET content = content - 'tiers' - 'keeps_insurance' RETURNING 1"
    )
    await voices.say(withdrawn(order), sequence=2)
    new = await office.get(f"invoices/{waiting['cancellation']['corrected_id']}")
    assert (new["tiers"], new["debtor_number"]) == ("garant", "D-77")


async def test_a_credit_note_on_an_insurers_invoice_is_its_too(
    office: Office, voices: Voices, store: ObjectStore
) -> None:
    invoice = await office.invoice(**PAYANT)
    order = await voices.prepared(office, invoice)
    await voices.say(order)
    await voices.say(sent(order))
    path = f"invoices/{invoice['invoice_id']}/credit-notes"
    note = await office.post(path, {"amount": chf("20.00"), "reason_code": "error"})
    (event,) = await told(office, "credit-note-issued")
    assert event["debtor_number"] == GLN
    data = await store.get(ContentRef(**event["document"]), practice_id=office.practice_id)
    checked = check_document(
        data,
        invoice_number=invoice["invoice_number"],
        credit_note_number=note["credit_note_number"],
    )
    assert (checked.version, checked.faults) == ("5.0", ())


async def test_a_document_is_written_anew_with_its_insurer(office: Office) -> None:
    payant, soldant = [await office.invoice(**each) for each in (PAYANT, SOLDANT)]
    older = A_CONTRACT | {"invoice_format": "4.5"}
    changed_one = await put(office, f"/contracts/{office.contract_id}", older, '"1"')
    assert changed_one.status == 200, changed_one.json
    ids = [one["invoice_id"] for one in (payant, soldant)]
    answer = await office.post("invoices/rendered", {"invoice_ids": ids}, status=200)
    assert answer["newly_rendered"] == 1
    assert [one["code"] for one in answer["not_rendered"]] == ["tiers-not-in-format"]
    data = await document(office, payant)
    checked = check_document(data, invoice_number=payant["invoice_number"])
    assert (checked.version, checked.faults) == ("4.5", ())
    invoice_schema("4.5").assertValid(etree.fromstring(data))
    insurance = read_request(data).insurance
    assert insurance is not None
    assert insurance.gln == GLN


@pytest.mark.parametrize("tiers", ["payant", "soldant"])
async def test_a_file_to_an_insurer_is_imported_with_it_as_debtor(
    office: Office, tiers: str
) -> None:
    data = to_insurer(await a_file(office), tiers)
    answer = await report(office, data)
    assert outcomes(answer) == ["imported"], answer
    (listed,) = (await office.get("invoices", tiers=tiers))["items"]
    shown = await office.get(f"invoices/{listed['invoice_id']}")
    assert (shown["invoice_number"], shown["debtor_number"]) == (NUMBER, GLN)
    assert (shown["balance"], shown["deposit"]) == (chf("120.00"), chf("0.00"))
    nobody = {"department": None, "contact_person": None}
    insurer = AN_INSURER | nobody
    insurer |= {"address": AN_INSURER["address"] | {"street": "Rue du Rhône 9", "house_no": None}}
    assert who_owes(shown) == {"tiers": tiers, "insurer": insurer, "law": AN_UVG_CASE}
    assert (shown["debtor_name"], shown["unfit_codes"]) == ("Assurance Exemple SA", [])
    assert await document(office, shown) == data
    assert outcomes(await report(office, data)) == ["already-known"]
    again = await office.post(f"invoices/{shown['invoice_id']}/correct", WHY)
    assert who_owes(again) == who_owes(shown)


@pytest.mark.parametrize("gln", ["7601003000017", "2000000000008"])
async def test_a_file_to_an_insurer_without_a_gln_is_refused(office: Office, gln: str) -> None:
    answer = await report(office, to_insurer(await a_file(office), gln=gln))
    (file,) = answer["files"]
    assert (file["outcome"], [one["code"] for one in file["faults"]]) == (
        "refused",
        ["insurer-gln"],
    )
    assert file["faults"][0]["line"] > 0


async def test_a_file_that_replaces_an_invoice_brings_its_own_insurer(office: Office) -> None:
    await report(office, await a_file(office))
    data = to_insurer(await a_file(office))
    assert outcomes(await report(office, data)) == ["conflict"]
    (conflict,) = (await office.get("invoice-import-conflicts"))["items"]
    _ = await decide(office, conflict["conflict_id"], "replace")
    (listed,) = (await office.get("invoices", tiers="payant"))["items"]
    assert (listed["invoice_number"], listed["debtor_number"]) == (f"{NUMBER}.2", GLN)


@pytest.mark.parametrize(
    "change",
    [
        "tiers = 'garant'",
        "insurer_gln = NULL",
        "insurer_gln = '7'",
        "insurer_company_name = NULL",
        "law = NULL",
        "law = 'XXX'",
        "deposit_rappen = 1",
        "tiers = 'other'",
    ],
)
async def test_the_database_takes_no_half_insurance(office: Office, change: str) -> None:
    invoice = await office.invoice(**PAYANT)
    columns = await office.rows(
        "SELECT * FROM invoice WHERE invoice_id = :id", id=invoice["invoice_id"]
    )
    assert columns[0]["tiers"] == "payant"
    name, value = change.split(" = ")
    names = [
        one
        for one in columns[0]
        if one not in {"number_search", "debtor_search", name, "invoice_id", "serial", "year"}
    ]
    kept = ", ".join(names)
    with pytest.raises(IntegrityError, match=r"invoice_(insurance_whole|tiers|law|insurer_gln)"):
        await office.rows(
            f"INSERT INTO invoice (invoice_id, year, serial, {name}, {kept})"  # noqa: S608
            f" SELECT gen_random_uuid(), 2025, 1, {value}, {kept} FROM invoice"
            " WHERE invoice_id = :id RETURNING 1",
            id=invoice["invoice_id"],
        )


async def test_a_changed_file_of_the_same_insurer_is_no_twin(office: Office) -> None:
    data = to_insurer(await a_file(office))
    await report(office, data)
    other = changed(data, "26.00017.8", "26.00018.8")
    assert outcomes(await report(office, other)) == ["conflict"]
