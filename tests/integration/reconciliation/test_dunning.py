"""The dunning brake: no reminder while the books may not know what was paid and whose it is."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.reconciliation.adapters.dunning import PostgresDunningQueue
from services.reconciliation.adapters.unit_of_work import unit_opener
from services.reconciliation.bootstrap import MIGRATIONS
from services.reconciliation.entrypoints.dunning_timer import DunningWatcher
from services.reconciliation.handlers.watch_dunning import DunningWatch
from shared.contracts.debident.v1 import OrderRefused
from shared.contracts.orders.v1 import OrderWithdrawn
from shared.db.migrations import migrate
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.support.deb_builder import DebFile, Row
from tests.support.servers import ServiceDatabaseFactory
from tests.support.web import ApiClient

ORDER, INVOICE = "CMD-2026-0001", "2026-000001"
SENT = Row("R-1", "sent")


def refused(house: House, number: str = ORDER) -> OrderRefused:
    """Return the event of an order that the portal refused."""
    return OrderRefused(
        practice_id=house.practice_id,
        order_id=house.order_id(number),
        contract_id=house.contract_id,
        reason_code="malformed",
        refused_at=house.clock.now(),
    )


def withdrawn(house: House, number: str = ORDER) -> OrderWithdrawn:
    """Return the event of an order that was withdrawn."""
    return OrderWithdrawn(
        practice_id=house.practice_id,
        order_id=house.order_id(number),
        order_number=number,
        contract_id=house.contract_id,
        withdrawn_at=house.clock.now(),
    )


def watcher(house: House, *, days: int = 10) -> DunningWatcher:
    """Return the part that watches the brakes."""
    opener = unit_opener(house.database, house.clock)
    queue = PostgresDunningQueue(house.database)
    return DunningWatcher(DunningWatch(queue, opener, days, house.clock))


async def _brakes(api: ApiClient, house: House) -> dict[str, Any]:
    status, verdict = await api.as_user().get(f"{house.path}/dunning")
    assert status == 200, verdict
    assert verdict["released"] is (not verdict["reasons"])
    return {one["reason_code"]: one for one in verdict["reasons"]}


async def _own(api: ApiClient, house: House, **query: str) -> Any:
    status, page = await api.as_user().get(f"{house.path}/dunning/invoices", **query)
    assert status == 200, page
    return page


async def _own_numbers(api: ApiClient, house: House) -> list[str]:
    return [one["invoice_number"] for one in (await _own(api, house))["items"]]


async def test_a_practice_with_nothing_under_way_may_remind(house: House, api: ApiClient) -> None:
    await house.open()
    await house.receive(house.invoice_issued(INVOICE, "120.00"))
    assert await _brakes(api, house) == {}


async def test_b11_an_unconfirmed_order_brakes_until_it_is_confirmed(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.receive(house.invoice_issued(INVOICE, "120.00"))
    await house.receive(await house.order_prepared(ORDER, INVOICE))
    brake = (await _brakes(api, house))["order-unconfirmed"]
    assert (brake["count"], brake["since"]) == (1, "2026-04-01")
    await house.receive(await house.order_confirmed([(INVOICE, "120.00", True)]))
    assert "order-unconfirmed" not in await _brakes(api, house)


@pytest.mark.parametrize("end", [refused, withdrawn])
@pytest.mark.parametrize("overtakes", [False, True])
async def test_an_order_that_was_refused_or_withdrawn_brakes_no_more_whichever_comes_first(
    house: House, api: ApiClient, end: Any, overtakes: bool
) -> None:
    await house.open()
    events = [await house.order_prepared(ORDER, INVOICE), end(house)]
    for event in reversed(events) if overtakes else events:
        await house.receive(event)
    assert await _brakes(api, house) == {}
    await house.receive(end(house))
    assert await house.rows("SELECT count(*) AS n FROM order_end") == [{"n": 1}]


async def test_invoices_with_the_factor_and_no_deb_file_ever_brake(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    assert (await _brakes(api, house))["no-deb-file-yet"]["count"] == 1
    await house.book(DebFile((SENT,)))
    assert await _brakes(api, house) == {}


async def test_b11_p30_a_last_deb_file_that_is_too_old_brakes_on_the_day_after(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((SENT,), created_on="20260401"))
    house.clock.advance(timedelta(days=10))
    assert await _brakes(api, house) == {}
    house.clock.advance(timedelta(days=1))
    brake = (await _brakes(api, house))["deb-file-late"]
    assert (brake["count"], brake["since"]) == (1, "2026-04-01")


async def test_where_the_factor_has_nothing_open_no_deb_file_is_late(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    paid = (Row("R-1", "debtor_payment", rappen=12_000), Row("R-2", rappen=12_000))
    await house.book(DebFile(paid))
    house.clock.advance(timedelta(days=100))
    assert await _brakes(api, house) == {}


async def test_held_files_files_for_review_and_parked_rows_brake(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    rows = (SENT, Row("R-2", "payout", "2026-000099", rappen=-250), Row("R-3", "x", rappen=100))
    await house.book(DebFile(rows))
    brakes = await _brakes(api, house)
    assert list(brakes) == ["rows-parked"]
    assert (brakes["rows-parked"]["count"], brakes["rows-parked"]["amount"]["amount"]) == (
        2,
        "3.50",
    )
    await house.book(DebFile((Row("R-4", "sent"),), file_id="F-0003", previous="F-0002"))
    assert (await _brakes(api, house))["deb-file-held"]["count"] == 1
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    await house.book(DebFile((Row("R-5", "sent"),), file_id="F-0002", previous="F-0001"))
    assert (await _brakes(api, house))["deb-file-awaits-review"]["count"] == 1


async def test_a_parked_row_that_a_person_left_brakes_no_more(house: House, api: ApiClient) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((SENT, Row("R-2", "payout", "2026-000099", rappen=100))))
    (row,) = await house.rows("SELECT row_id FROM deb_row WHERE status = 'parked'")
    status, _ = await api.post(
        f"{house.path}/parked-rows/{row['row_id']}/decision",
        {"decision": "leave", "reason": "another practice's"},
    )
    assert status == 200
    assert await _brakes(api, house) == {}


async def test_the_list_shows_what_the_practice_itself_may_remind_and_nothing_else(
    house: House, api: ApiClient
) -> None:
    await house.open(acquittal="manual")
    due = {f"2026-{place:06d}": date(2026, 3, place) for place in range(1, 9)}
    due["2026-000008"] = date(2026, 4, 1)
    for number, day in due.items():
        issued_on = date(2026, 2, 1)
        await house.receive(house.invoice_issued(number, "10.00", due_on=day, issued_on=issued_on))
    own, accepted, answer_no, ordered, freed, parked = list(due)[:6]
    await house.receive(
        await house.order_confirmed([(accepted, "10.00", True), (answer_no, "10.00", False)])
    )
    await house.receive(await house.order_prepared("CMD-2026-0002", ordered))
    await house.receive(await house.order_prepared("CMD-2026-0003", freed))
    await house.receive(refused(house, "CMD-2026-0003"))
    await house.book(DebFile((Row("R-1", "debtor_payment", parked, rappen=1000),)))
    shown = [own, answer_no, freed, "2026-000007"]
    assert await _own_numbers(api, house) == shown
    page = await _own(api, house)
    assert page["totals"] == {
        "count": 4,
        "exact": True,
        "owed": {"amount": "40.00", "currency": "CHF"},
    }
    assert page["released"] is False
    assert page["items"][0]["days_overdue"] == 31
    await api.post(f"{house.path}/orders/{house.order_id(ORDER)}/acquit")
    assert await _own_numbers(api, house) == shown
    house.clock.advance(timedelta(days=1))
    assert (await _own_numbers(api, house))[-1] == "2026-000008"


async def test_an_invoice_that_the_factor_gave_back_is_the_practices_own_again(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    assert await _own_numbers(api, house) == []
    await house.book(DebFile((Row("R-1", "recourse", rappen=12_000),)))
    house.clock.advance(timedelta(days=1))
    (one,) = (await _own(api, house))["items"]
    assert (one["invoice_number"], one["given_back"]) == (INVOICE, True)


async def test_the_list_is_paged_and_the_totals_are_those_of_all_pages(
    house: House, api: ApiClient
) -> None:
    await house.open()
    numbers = [f"2026-{place:06d}" for place in range(1, 6)]
    for number in numbers:
        await house.receive(house.invoice_issued(number, "10.00", due_on=date(2026, 3, 5)))
    seen: list[str] = []
    page: Any = {"next": None}
    while not seen or page["next"]:
        place = {"after": page["next"]} if page["next"] else {}
        page = await _own(api, house, limit="2", totals="exact", **place)
        assert page["totals"]["count"] == 5
        seen += [one["invoice_number"] for one in page["items"]]
    assert seen == numbers


async def test_all_practices_of_the_token_are_listed_and_no_other(
    house: House, api: ApiClient
) -> None:
    await house.open()
    other = House(house.database, house.clock, store=house.store)
    await other.open()
    await other.receive(await other.order_prepared(ORDER))
    both = api.as_user([UserRole.ASSISTANT], [house.practice_id, other.practice_id])
    _, first = await both.get("/v1/dunning", limit="1")
    _, second = await both.get("/v1/dunning", limit="1", after=first["next"])
    found = {one["practice_id"]: one["released"] for one in first["items"] + second["items"]}
    assert found == {str(house.practice_id): True, str(other.practice_id): False}
    assert second["next"] is None
    _, alone = await api.as_user(practices=[house.practice_id]).get("/v1/dunning")
    assert [one["practice_id"] for one in alone["items"]] == [str(house.practice_id)]


async def test_the_verdicts_can_be_asked_for_by_practice_contract_and_state(
    house: House, api: ApiClient
) -> None:
    houses = [house, *(House(house.database, house.clock, store=house.store) for _ in range(3))]
    for one in houses:
        await one.open()
    await houses[1].receive(await houses[1].order_prepared(ORDER))
    await houses[2].receive(await houses[2].order_prepared(ORDER))
    ours = api.as_user(practices=[one.practice_id for one in houses[:3]])

    async def found(**query: str | list[str]) -> set[int]:
        seen: list[str] = []
        after = None
        while after is not None or not seen:
            place = {"after": after} if after else {}
            status, page = await ours.get(
                "/v1/dunning", limit="1", totals="exact", **query, **place
            )
            assert status == 200, page
            seen += [one["practice_id"] for one in page["items"]]
            after = page["next"]
            if not page["items"]:
                break
        assert seen == sorted(set(seen))
        assert page["totals"] == {"count": len(seen), "exact": True}
        ids = [str(one.practice_id) for one in houses]
        return {ids.index(one) for one in seen}

    ids = [str(one.practice_id) for one in houses]
    contracts = [str(one.contract_id) for one in houses]
    assert await found() == {0, 1, 2}
    assert await found(practice_id=[ids[0], ids[2], ids[3]]) == {0, 2}
    assert await found(contract_id=[contracts[1]]) == {1}
    assert await found(contract_id=[contracts[3]]) == set()
    assert await found(released="true") == {0}
    assert await found(released="false") == {1, 2}
    assert await found(released="false", contract_id=contracts[:2]) == {1}
    assert await found(reason_code="order-unconfirmed") == {1, 2}
    assert await found(reason_code=["deb-file-late", "rows-parked"]) == set()
    assert await found(reason_code=["deb-file-late", "order-unconfirmed"], released="true") == set()
    for bad in (
        {"released": "perhaps"},
        {"reason_code": ["order-unconfirmed", "weather"]},
        {"practice_id": "everybody"},
        {"contract_id": "all"},
    ):
        status, problem = await ours.get("/v1/dunning", **bad)
        assert (status, problem["code"]) == (422, "invalid-request")


async def test_a_changed_verdict_is_told_once_per_change(house: House) -> None:
    await house.open()
    watch = watcher(house)
    await watch.tick()
    assert await house.events("dunning-brake-changed") == []
    await house.receive(await house.order_prepared(ORDER, INVOICE))
    await watch.tick()
    await watch.tick()
    await house.receive(await house.order_prepared("CMD-2026-0002"))
    await watch.tick()
    (told,) = await house.events("dunning-brake-changed")
    assert (told["released"], [one["reason_code"] for one in told["reasons"]]) == (
        False,
        ["order-unconfirmed"],
    )
    await house.receive(refused(house))
    await house.receive(withdrawn(house, "CMD-2026-0002"))
    await watch.tick()
    assert [one["released"] for one in await house.events("dunning-brake-changed")] == [
        False,
        True,
    ]


async def test_the_passing_of_time_alone_changes_the_verdict_after_the_days_that_were_set(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((SENT,)))
    strict = watcher(house, days=3)
    await strict.tick()
    house.clock.advance(timedelta(days=4))
    await watcher(house).tick()
    assert await house.events("dunning-brake-changed") == []
    await strict.tick()
    (told,) = await house.events("dunning-brake-changed")
    assert told["reasons"] == [
        {
            "reason_code": "deb-file-late",
            "count": 1,
            "amount": None,
            "since": "2026-04-01",
            "set_aside": None,
        }
    ]


async def test_what_ended_orders_before_the_upgrade_is_taken_over_from_the_inbox(
    service_database: ServiceDatabaseFactory, tmp_path: Path
) -> None:
    urls = service_database("reconciliation")
    before = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, before)
    for later in (before / "versions").glob("*.py"):
        if later.name >= "0013":
            later.unlink()
    await migrate(urls.owner_url, before)
    orders = [uuid4() for _ in range(4)]
    events = ("order-refused", "order-withdrawn", "order-withdrawn", "order-sent")
    statuses = ("skipped", "skipped", "pending", "skipped")
    connection = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
    try:
        await connection.execute("SET quittance.system = 'on'")
        for order_id, event, status in zip(orders, events, statuses, strict=True):
            await connection.execute(
                """INSERT INTO inbox (event_id, practice_id, source, subject, type, topic,
                  kafka_partition, kafka_offset, headers, status, reason)
                VALUES (gen_random_uuid(), gen_random_uuid(), 'orders', $1, $2, 'order-events', 0,
                  0, '{}', $3, CASE $3 WHEN 'skipped' THEN 'not-listened-to' END)""",
                str(order_id),
                event,
                status,
            )
        await migrate(urls.owner_url, MIGRATIONS)
        found = await connection.fetch("SELECT order_id, outcome FROM order_end")
    finally:
        await connection.close()
    assert {(row["order_id"], row["outcome"]) for row in found} == {
        (orders[0], "refused"),
        (orders[1], "withdrawn"),
    }


async def test_a_file_for_review_that_is_booked_releases_the_brake(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    deb_file_id = await house.book(DebFile((SENT,)))
    assert set(await _brakes(api, house)) == {"deb-file-awaits-review", "no-deb-file-yet"}
    status, _ = await FileOffice(api, house).decide(deb_file_id, "book")
    assert status == 200
    await house.work()
    assert await _brakes(api, house) == {}
