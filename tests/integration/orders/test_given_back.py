"""An invoice that the factor gave back is ordered again only if a person names it."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from sandbox.postgres import ServiceUrls
from shared.contracts.reconciliation.v1 import InvoicePositionChanged
from tests.integration.orders.house import ZERO, House, chf
from tests.integration.orders.test_corrections import credited, invoice_id_of
from tests.support.web import ApiClient

_WORKED = text(
    """
    INSERT INTO inbox (event_id, practice_id, source, subject, sequence, type, topic,
      kafka_partition, kafka_offset, headers, value, status, worked_at)
    VALUES (:event_id, :practice_id, 'reconciliation', :subject, :sequence,
      'invoice-position-changed', 'ledger-events', 0, 0, '{}', :value, 'done', now())
    """
)


async def acquitted(house: House, api: ApiClient, *numbers: str) -> dict[str, Any]:
    """Return an order whose invoices are acquitted."""
    order = await house.ordered(api, *numbers)
    await house.receive(house.order_sent(order))
    await house.receive(await house.order_arrived(order, dict.fromkeys(numbers)))
    total = f"{120 * len(numbers)}.00"
    await house.receive(house.order_acquitted(order, len(numbers), total))
    return order


async def position(
    house: House, invoice_id: UUID, *, given_back: bool, by: str | None = None
) -> None:
    """Let the books say where an invoice of CHF 120.00 is."""
    owes = dict.fromkeys(("reminder_fees", "interest", "costs"), ZERO)
    await house.receive(
        InvoicePositionChanged.model_validate(
            {
                "practice_id": house.practice_id,
                "invoice_id": invoice_id,
                "contract_id": house.contract_id,
                "debtor_owes": owes | {"principal": chf("120.00"), "total": chf("120.00")},
                "factor_owes": ZERO if given_back else chf("120.00"),
                "with_factor": not given_back,
                "deb_file_id": None,
                "changes": (),
                "changed_at": house.clock.now(),
                "given_back": given_back,
                "given_back_by": by,
            }
        )
    )


async def listed(house: House, api: ApiClient) -> list[tuple[str, bool, str | None]]:
    """Return what the list says of each invoice."""
    _, page = await api.get(f"{house.path}/orderable-invoices")
    return [
        (each["invoice_number"], each["orderable"], each["reason_code"]) for each in page["items"]
    ]


async def chosen(house: House, api: ApiClient, *invoice_ids: UUID) -> tuple[int, Any]:
    """Prepare an order of these invoices."""
    body = {
        "contract_id": str(house.contract_id),
        "invoice_ids": [str(one) for one in invoice_ids],
    }
    return await api.post(f"{house.path}/orders", body)


async def test_a_person_puts_it_into_another_order_and_everything_leaves_it_out(
    house: House, api: ApiClient
) -> None:
    first = await acquitted(house, api, "N-1", "N-2")
    invoice_id = await invoice_id_of(house, "N-1")
    assert await listed(house, api) == [
        ("N-1", False, "already-acquitted"),
        ("N-2", False, "already-acquitted"),
    ]
    await position(house, invoice_id, given_back=True)
    await position(house, invoice_id, given_back=True)
    assert (await listed(house, api))[0] == ("N-1", False, "given-back")
    everything = {"contract_id": str(house.contract_id)}
    status, problem = await api.post(f"{house.path}/orders", everything)
    assert (status, problem["code"]) == (422, "nothing-to-order")
    assert problem["facts"]["left_out"][0]["reason_code"] == "given-back"
    status, preview = await api.post(f"{house.path}/orders/preview", everything)
    assert status == 200, preview
    status, second = await chosen(house, api, invoice_id)
    assert status == 201, second
    assert (second["invoice_count"], second["total"]) == (1, chf("120.00").model_dump())
    assert (await listed(house, api))[0] == ("N-1", False, "in-live-order")
    _, shown = await api.get(f"{house.path}/orders/{first['order_id']}")
    assert (shown["state"], shown["accepted_count"]) == ("acquitted", 2)
    await house.receive(house.order_sent(second))
    await house.receive(await house.order_arrived(second, {"N-1": None}))
    await position(house, invoice_id, given_back=False)
    await house.receive(house.order_acquitted(second, 1, "120.00"))
    assert (await listed(house, api))[0] == ("N-1", False, "already-acquitted")


async def test_a_reversed_recourse_puts_it_back_into_its_first_order(
    house: House, api: ApiClient
) -> None:
    await acquitted(house, api, "N-1")
    invoice_id = await invoice_id_of(house, "N-1")
    await position(house, invoice_id, given_back=True)
    await position(house, invoice_id, given_back=False)
    assert await listed(house, api) == [("N-1", False, "already-acquitted")]
    status, problem = await chosen(house, api, invoice_id)
    assert (status, problem["code"]) == (422, "invoices-not-orderable")


async def test_a_reversal_does_not_take_it_out_of_the_order_that_has_it_since(
    house: House, api: ApiClient
) -> None:
    await acquitted(house, api, "N-1")
    invoice_id = await invoice_id_of(house, "N-1")
    await position(house, invoice_id, given_back=True)
    _, second = await chosen(house, api, invoice_id)
    await position(house, invoice_id, given_back=False)
    (live,) = await house.rows("SELECT order_id FROM order_line WHERE live")
    assert str(live.order_id) == second["order_id"]
    await position(house, invoice_id, given_back=True)
    (live,) = await house.rows("SELECT order_id FROM order_line WHERE live")
    assert str(live.order_id) == second["order_id"]


async def test_a_recourse_of_an_earlier_order_takes_nothing_from_a_newer_that_is_confirmed(
    house: House, api: ApiClient
) -> None:
    first = await acquitted(house, api, "N-1")
    invoice_id = await invoice_id_of(house, "N-1")
    await position(house, invoice_id, given_back=True, by=first["order_id"])
    _, second = await chosen(house, api, invoice_id)
    await house.receive(house.order_sent(second))
    await house.receive(await house.order_arrived(second, {"N-1": None}))
    await position(house, invoice_id, given_back=True, by=first["order_id"])
    (live,) = await house.rows("SELECT order_id FROM order_line WHERE live")
    assert str(live.order_id) == second["order_id"]
    await position(house, invoice_id, given_back=True, by=second["order_id"])
    assert await house.rows("SELECT order_id FROM order_line WHERE live") == []


async def test_a_credit_note_that_has_not_left_is_settled_without_the_factor(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "N-1", "N-2")
    await house.receive(house.order_sent(order))
    invoice_id = await invoice_id_of(house, "N-1")
    note = credited(house, invoice_id)
    other = credited(house, await invoice_id_of(house, "N-2")).model_copy(
        update={"credit_note_number": "CN-2026-000002"}
    )
    await house.receive(note)
    await house.receive(other)
    await house.receive(await house.order_arrived(order, {"N-1": None, "N-2": None}))
    await position(house, invoice_id, given_back=True)
    await position(house, invoice_id, given_back=True)
    (released,) = [one for one in await house.told() if one["type"] == "credit-note-released"]
    assert released["credit_note_id"] == str(note.credit_note_id)
    status, problem = await chosen(house, api, invoice_id)
    assert (status, problem["code"]) == (422, "invoices-not-orderable")
    assert problem["facts"]["invoices"][0]["unfit_codes"] == ["credit-note-pending"]


async def test_what_was_given_back_before_lines_could_be_is_made_up_for(
    house: House, api: ApiClient, urls: ServiceUrls
) -> None:
    await acquitted(house, api, "N-1", "N-2", "N-3")
    told = {"N-1": (False, True), "N-2": (True, False), "N-3": (False,)}
    engine = create_async_engine(urls.owner_url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT set_config('quittance.system', 'on', true)"))
        for number, news in told.items():
            subject = str(await invoice_id_of(house, number))
            for sequence, given_back in enumerate(news, 1):
                event = {
                    "event_id": uuid4(),
                    "practice_id": house.practice_id,
                    "subject": subject,
                    "sequence": sequence,
                    "value": json.dumps({"given_back": given_back}).encode(),
                }
                await connection.execute(_WORKED, event)
        migration = import_module("services.orders.migrations.versions.0011_given_back")
        await connection.execute(text(migration.GIVEN_BACK_BEFORE))
    await engine.dispose()
    assert [reason for _, _, reason in await listed(house, api)] == [
        *("given-back", "already-acquitted", "already-acquitted"),
    ]


async def test_only_an_accepted_line_can_be_given_back(house: House, api: ApiClient) -> None:
    await house.ordered(api, "N-1")
    await position(house, await invoice_id_of(house, "N-1"), given_back=True)
    (line,) = await house.rows("SELECT live, given_back FROM order_line")
    assert (line.live, line.given_back) == (True, False)
    with pytest.raises(DBAPIError, match="order_line_given_back_after_acceptance"):
        await house.rows("UPDATE order_line SET given_back = true")
