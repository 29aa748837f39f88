"""A contract that demands another version gets it: the document is written anew, and told of."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lxml import etree
from sqlalchemy.exc import DBAPIError

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from services.invoicing.adapters.forum_sheet import read_sheet
from services.orders.bootstrap import MIGRATIONS as ORDERS_MIGRATIONS
from services.orders.domain.verification import DocumentNumbers, OpenedDocument, verify_package
from shared.contracts.registry import EVENTS_BY_NAME
from shared.db import Database
from shared.db.migrations import migrate
from shared.forum.checking import check_document
from shared.forum.schema import invoice_schema
from shared.objectstore.store import ObjectStore
from shared.testing import FrozenClock
from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_corrections import told
from tests.integration.invoicing.test_edits_and_prices import own_data, put
from tests.integration.orders.house import House
from tests.support.servers import ServiceDatabaseFactory
from tests.support.web import api_client
from tests.unit.invoicing.bodies import A_CONTRACT, A_PATIENT


async def demand(office: Office, version: str, *, read: int, **changes: Any) -> None:
    """Let the contract demand a version of the official format."""
    body = A_CONTRACT | {"invoice_format": version} | changes
    answer = await put(office, f"/contracts/{office.contract_id}", body, f'"{read}"')
    assert answer.status == 200, answer.json


async def render(office: Office, *invoices: Any) -> Any:
    """Let the documents of invoices be written anew."""
    ids = [one["invoice_id"] for one in invoices]
    return await office.post("invoices/rendered", {"invoice_ids": ids}, status=200)


async def document(office: Office, invoice: Any) -> bytes:
    """Return an invoice's present document."""
    path = f"{office.path}/invoices/{invoice['invoice_id']}/document"
    answer = await office.api.request("GET", path)
    assert answer.status == 200
    return answer.raw


async def test_a_document_is_written_in_the_version_that_the_contract_demands_now(
    office: Office,
) -> None:
    invoice = await office.invoice(payment_period_days=20)
    assert invoice["document_format"] == "5.0"
    before = await document(office, invoice)
    await demand(office, "4.5", read=1)
    assert await render(office, invoice) == {
        "newly_rendered": 1,
        "rendered_before": 0,
        "not_rendered": [],
    }
    after = await document(office, invoice)
    invoice_schema("4.5").assertValid(etree.fromstring(after))
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert (shown["document_format"], shown["total"]) == ("4.5", invoice["total"])
    assert shown["document_sha256"] != invoice["document_sha256"]
    assert [(one["kind"], one["code"]) for one in shown["history"]] == [
        ("issued", None),
        ("rendered", "format-4.5"),
    ]
    assert read_sheet(after, cancelled=False).due_on == date(2026, 3, 22)
    answer = await office.api.request("GET", f"{office.path}/invoices/{invoice['invoice_id']}/pdf")
    assert (answer.status, answer.raw[:5]) == (200, b"%PDF-")
    (event,) = await told(office, "invoice-document-rendered")
    assert (event["document_format"], event["document"]["sha256"]) == (
        "4.5",
        shown["document_sha256"],
    )
    again = await render(office, invoice)
    assert (again["newly_rendered"], again["rendered_before"]) == (0, 1)
    assert len(await told(office, "invoice-document-rendered")) == 1
    await demand(office, "5.0", read=2)
    assert (await render(office, invoice))["newly_rendered"] == 1
    assert await document(office, invoice) == before


async def test_what_would_say_something_else_on_paper_is_not_written_anew(office: Office) -> None:
    patient_id = await office.patient(patient_number="77", guarantor=None)
    moved = await office.invoice(await office.treatment(patient_id=patient_id))
    fine = await office.invoice()
    address = A_PATIENT["address"] | {"house_no": "99"}
    body = A_PATIENT | {"patient_number": "77", "address": address, "guarantor": None}
    answer = await put(office, f"/patients/{patient_id}", body, '"1"')
    assert answer.status == 200, answer.json
    await demand(office, "4.5", read=1)
    done = await render(office, moved, fine)
    assert done["newly_rendered"] == 1
    (refused,) = done["not_rendered"]
    assert (refused["invoice_id"], refused["code"]) == (moved["invoice_id"], "content-changed")
    shown = await office.get(f"invoices/{moved['invoice_id']}")
    assert shown["document_sha256"] == moved["document_sha256"]
    corrected = await office.post(
        f"invoices/{moved['invoice_id']}/correct", {"reason_code": "other-version", "invoice": None}
    )
    assert corrected["document_format"] == "4.5"


async def test_another_name_of_the_practice_is_content_too(office: Office) -> None:
    invoice = await office.invoice()
    data = await own_data(office) | {"name": "Autre cabinet SA"}
    answer = await put(office, "", data, '"1"')
    assert answer.status == 200, answer.json
    await demand(office, "4.5", read=1)
    (refused,) = (await render(office, invoice))["not_rendered"]
    assert refused["code"] == "content-changed"


async def test_only_an_invoice_that_may_still_be_ordered_is_written_anew(
    office: Office, voices: Voices
) -> None:
    held, gone, cancelled = [await office.invoice() for _ in range(3)]
    own = await office.invoice(contract_id=None)
    order = await voices.prepared(office, held)
    await voices.say(order)
    sent = await voices.prepared(office, gone)
    await voices.say(sent)
    gone_id = gone["invoice_id"]
    await voices.say(await voices.confirmed(office, sent.order_id, {gone_id: None}), sequence=2)
    path = f"invoices/{cancelled['invoice_id']}/cancel"
    await office.post(path, {"reason_code": "error"}, status=200)
    await demand(office, "4.5", read=1)
    done = await render(office, held, gone, cancelled, own)
    assert done["newly_rendered"] == 0
    assert [one["code"] for one in done["not_rendered"]] == [
        "withdraw-order-first",
        "already-with-factor",
        "invoice-cancelled",
        "no-contract",
    ]
    assert await told(office, "invoice-document-rendered") == []


async def test_an_invoice_that_nobody_knows_renders_nothing(office: Office) -> None:
    invoice = await office.invoice()
    await demand(office, "4.5", read=1)
    stranger = str(office.practice_id)
    for ids, code in (
        ([invoice["invoice_id"], stranger], "unknown-invoice"),
        ([], "invalid-request"),
        (["x"], "invalid-request"),
    ):
        answer = await office.post("invoices/rendered", {"invoice_ids": ids}, status=422)
        assert answer["code"] == code
    assert (await office.get(f"invoices/{invoice['invoice_id']}"))["document_format"] == "5.0"


async def test_of_an_invoice_of_former_days_the_version_is_read_and_told(
    office: Office, urls: ServiceUrls
) -> None:
    invoice = await office.invoice()
    owner = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
    await owner.execute("SET quittance.system = 'on'")
    await owner.execute(
        "UPDATE invoice SET document_format = NULL WHERE invoice_id = $1",
        UUID(invoice["invoice_id"]),
    )
    await owner.close()
    assert (await office.get(f"invoices/{invoice['invoice_id']}"))["document_format"] is None
    assert (await render(office, invoice))["newly_rendered"] == 1
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert (shown["document_format"], shown["document_sha256"]) == (
        "5.0",
        invoice["document_sha256"],
    )
    (event,) = await told(office, "invoice-document-rendered")
    assert event["document"]["sha256"] == invoice["document_sha256"]


async def test_what_was_written_is_never_changed(office: Office) -> None:
    invoice = await office.invoice()
    await demand(office, "4.5", read=1)
    await render(office, invoice)
    for statement in (
        "UPDATE invoice_rendition SET document_format = '5.0'",
        "DELETE FROM invoice_rendition",
        "UPDATE invoice SET document_format = '4.5'",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await office.rows(statement)


async def test_a_contract_that_demands_another_version_receives_it(
    office: Office,
    store: ObjectStore,
    clock: FrozenClock,
    module_service_database: ServiceDatabaseFactory,
) -> None:
    urls = module_service_database("orders")
    run_blocking(migrate(urls.owner_url, ORDERS_MIGRATIONS))
    orders_database = Database(urls.url)
    house = House(orders_database, clock, store)
    house.practice_id = office.practice_id
    first, second = await office.invoice(), await office.invoice()
    await demand(office, "4.5", read=1)
    delivered = await deliver(office, house, 0)
    async with api_client(
        house.definition.endpoints, orders_database, clock=clock, service="orders"
    ) as client:
        api = client.as_user(practices=[office.practice_id])
        wish = {"contract_id": office.contract_id}
        _, preview = await api.post(f"{house.path}/orders/preview", wish)
        assert (preview["possible"], preview["invoice_count"]) == (False, 0)
        assert [(one["invoice_id"], one["reason_code"]) for one in preview["left_out"]] == [
            (first["invoice_id"], "document-in-other-version"),
            (second["invoice_id"], "document-in-other-version"),
        ]
        assert preview["left_out"][0]["remedy"] == {
            "service": "invoicing",
            "operation_id": "renderInvoices",
        }
        status, problem = await api.post(f"{house.path}/orders", wish)
        assert (status, problem["code"]) == (422, "nothing-to-order")
        chosen = wish | {"invoice_ids": [first["invoice_id"]]}
        status, problem = await api.post(f"{house.path}/orders", chosen)
        assert (status, problem["code"]) == (422, "invoices-not-orderable")
        assert problem["facts"]["invoices"][0]["reason_code"] == "document-in-other-version"
        await render(office, first)
        await deliver(office, house, delivered)
        status, order = await api.post(f"{house.path}/orders", wish)
        assert (status, order["invoice_count"], order["left_out_count"]) == (201, 1, 1)
        path = f"{house.path}/orders/{order['order_id']}/package"
        package = (await api.request("GET", path)).raw
    await orders_database.close()
    verified = verify_package(package, opener=opened)
    assert (verified.findings, verified.invoice_count) == ((), 1)


def opened(data: bytes, numbers: DocumentNumbers) -> OpenedDocument:
    """Open a document, as the command that verifies packages does."""
    checked = check_document(data, invoice_number=numbers.invoice)
    return OpenedDocument(checked.version, tuple((one.code, one.reason) for one in checked.faults))


async def deliver(office: Office, house: House, already: int) -> int:
    """Hand orders what invoicing has told since; return how much it has told by now."""
    rows = await office.rows("SELECT type, body FROM outbox ORDER BY position")
    listened = {one.payload_type.TYPE for one in house.definition.subscriptions}
    for row in rows[already:]:
        if row["type"] in listened:
            payload = EVENTS_BY_NAME[row["type"], 1].model_validate_json(row["body"])
            await house.receive(payload)
    return len(rows)
