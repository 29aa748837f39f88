"""Many at once: numbers without a gap, a treatment billed once, nothing half-written."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.bootstrap import build_desk
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.entrypoints.http import endpoints
from shared.db import Database
from shared.kernel.errors import TransientError
from shared.objectstore.store import ObjectStore
from shared.testing import FrozenClock
from tests.integration.invoicing.office import Office, open_office
from tests.support.web import api_client
from tests.unit.invoicing.bodies import AN_INVOICE

TABLES = ("invoice", "invoice_treatment", "invoice_history")


class RefusingRenderer:
    """Fails every third document, after its number was drawn."""

    def __init__(self) -> None:
        self._real = ForumInvoiceRenderer()
        self._calls = itertools.count(1)

    def render(self, document: InvoiceDocument) -> bytes:
        if next(self._calls) % 3 == 0:
            raise TransientError("out of paper")
        return self._real.render(document)


@pytest.fixture
async def shaky(
    database: Database, store: ObjectStore, clock: FrozenClock
) -> AsyncIterator[Office]:
    """An office whose renderer fails every third time."""
    desk = build_desk(
        database=database, clock=clock, object_store=store, renderer=RefusingRenderer()
    )
    async with api_client(endpoints(desk), database, clock=clock) as api:
        yield await open_office(api, database)


async def test_twenty_at_once_get_numbers_without_a_gap_though_some_roll_back(
    shaky: Office,
) -> None:
    treatments = [await shaky.treatment() for _ in range(20)]

    async def bill(treatment: str) -> int:
        body = AN_INVOICE | {"treatment_ids": [treatment], "contract_id": shaky.contract_id}
        return (await shaky.api.post(f"{shaky.path}/invoices", body))[0]

    statuses = await asyncio.gather(*(bill(treatment) for treatment in treatments))
    assert sorted(set(statuses)) == [201, 503]
    issued = statuses.count(201)
    page = await shaky.get("invoices", limit="500")
    assert [one["invoice_number"] for one in page["items"]] == [
        f"2026-{number:06d}" for number in range(1, issued + 1)
    ]
    (events,) = await shaky.rows("SELECT count(*) AS n FROM outbox WHERE type = 'invoice-issued'")
    assert events["n"] == issued
    for table in TABLES:
        statement = f"SELECT count(*) AS n FROM {table}"  # noqa: S608 - a name from this file
        (rows,) = await shaky.rows(statement)
        assert rows["n"] == issued, table
    assert len({one["qr_reference"] for one in page["items"]}) == issued


async def test_one_treatment_asked_for_by_many_is_billed_once(office: Office) -> None:
    treatment, others = await office.treatment(), [await office.treatment() for _ in range(8)]

    async def bill(other: str) -> int:
        body = AN_INVOICE | {"treatment_ids": [other, treatment]}
        return (await office.api.post(f"{office.path}/invoices", body))[0]

    statuses = await asyncio.gather(*(bill(other) for other in others))
    assert sorted(statuses) == [201] + [409] * 7
    page = await office.get("invoices")
    assert page["totals"]["count"] == 1
    assert page["items"][0]["invoice_number"] == "2026-000001"
    open_ones = await office.get("treatments", state="open")
    assert len(open_ones["items"]) == 7


async def test_two_practices_count_each_for_themselves(office: Office, shaky: Office) -> None:
    first, second = await asyncio.gather(office.invoice(), shaky.invoice())
    assert first["invoice_number"] == second["invoice_number"] == "2026-000001"
    assert first["qr_reference"] != second["qr_reference"]
