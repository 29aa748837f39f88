"""The journal leaves the house as it is: other programmes read it and agree with our balances."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from services.reconciliation.domain.posting import DEB_KINDS
from services.reconciliation.domain.rules import CANCELLED, CREDIT_SETTLED, UNDO
from services.reconciliation.entrypoints import http_exports
from services.reconciliation.views.exports import Span, batches, extent
from shared.db.scope import Scope
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.every_kind import (
    DEB_RULES,
    fill_every_kind,
    rules_that_occur,
)
from tests.integration.reconciliation.generated import fill_books
from tests.integration.reconciliation.house import House
from tests.support.ledgers import (
    HLEDGER,
    bean_check,
    beancount_balances,
    csv_lines,
    csv_sums,
    hledger_balances,
    needs_hledger,
)
from tests.support.web import ApiAnswer, ApiClient

SEEDS = (1, 2, 3)
DAYS = (None, "2026-01-20", "2026-03-10", "2026-04-02")


async def _export(api: ApiClient, house: House, form: str, **days: str | None) -> ApiAnswer:
    query = {name.strip("_"): day for name, day in days.items() if day is not None}
    answer = await api.request(
        "GET", f"{house.path}/journal/export", query={"format": form} | query
    )
    assert answer.status == 200, answer.raw
    return answer


async def _sheet(api: ApiClient, house: House, at: str | None) -> dict[str, Any]:
    status, sheet = await api.get(f"{house.path}/balances", at=at or "9999-12-31")
    assert status == 200
    return dict(sheet)


def _balances(sheet: dict[str, Any]) -> dict[str, int]:
    found = {line["account"]: _rappen(line["balance"]) for line in sheet["accounts"]}
    return _moved(found)


def _rappen(amount: dict[str, str]) -> int:
    return int(amount["amount"].replace(".", ""))


def _moved(balances: dict[str, int]) -> dict[str, int]:
    return {account: rappen for account, rappen in balances.items() if rappen}


@pytest.mark.parametrize("seed", SEEDS)
async def test_beancount_agrees_with_every_balance_at_any_day(
    house: House, api: ApiClient, seed: int
) -> None:
    await fill_books(house, seed)
    api = api.as_user()  # the days that went by outlived the first token
    for day in DAYS:
        answer = await _export(api, house, "beancount", to=day)
        ours = _balances(await _sheet(api, house, day))
        assert _moved(beancount_balances(answer.raw.decode())) == ours, day
        assert ours, "an empty day would prove nothing"


@needs_hledger
@pytest.mark.parametrize("seed", SEEDS)
async def test_hledger_agrees_with_every_balance_at_any_day(
    house: House, api: ApiClient, seed: int
) -> None:
    await fill_books(house, seed)
    api = api.as_user()  # the days that went by outlived the first token
    for day in DAYS:
        answer = await _export(api, house, "hledger", to=day)
        ours = _balances(await _sheet(api, house, day))
        assert _moved(hledger_balances(answer.raw.decode())) == ours, day


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_table_agrees_with_debits_and_credits_at_any_day(
    house: House, api: ApiClient, seed: int
) -> None:
    await fill_books(house, seed)
    api = api.as_user()  # the days that went by outlived the first token
    for day in DAYS:
        sums = csv_sums((await _export(api, house, "csv", to=day)).raw)
        sheet = await _sheet(api, house, day)
        ours = {
            line["account"]: (_rappen(line["debit"]), _rappen(line["credit"]))
            for line in sheet["accounts"]
        }
        assert sums == {account: both for account, both in ours.items() if both != (0, 0)}, day
        assert _rappen(sheet["debit"]) == sum(debit for debit, _ in sums.values())
        assert sheet["debit"] == sheet["credit"]
        assert sheet["total"]["amount"] == "0.00"


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_line_of_the_posting_table_goes_through_other_programmes_alike(
    house: House, api: ApiClient, seed: int
) -> None:
    await fill_every_kind(house, api, seed)
    kinds = {row["kind"] for row in await house.rows("SELECT DISTINCT kind FROM position_fact")}
    assert kinds >= DEB_KINDS | {UNDO, CANCELLED, CREDIT_SETTLED}
    assert await rules_that_occur(house) >= set(DEB_RULES)
    api = api.as_user()  # the days that went by outlived the first token
    for day in (*DAYS, "2026-04-15"):
        ours = _balances(await _sheet(api, house, day))
        text = (await _export(api, house, "beancount", to=day)).raw.decode()
        bean_check(text)
        assert _moved(beancount_balances(text)) == ours, day
        sums = csv_sums((await _export(api, house, "csv", to=day)).raw)
        assert _moved({each: debit - credit for each, (debit, credit) in sums.items()}) == ours
        if HLEDGER is not None:
            text = (await _export(api, house, "hledger", to=day)).raw.decode()
            assert _moved(hledger_balances(text)) == ours, day
    await house.assert_books_hold()


def test_bean_check_complains_so_that_its_silence_says_something() -> None:
    with pytest.raises(AssertionError, match="Invalid reference to unknown account"):
        bean_check('2026-01-01 * "x"\n  Assets:A  1 CHF\n  Assets:B  -1 CHF\n')


async def test_a_span_moves_the_balances_from_the_day_before_it_to_its_last(
    house: House, api: ApiClient
) -> None:
    await fill_books(house, 4)
    api = api.as_user()  # the days that went by outlived the first token
    answer = await _export(api, house, "beancount", from_="2026-02-01", to="2026-03-10")
    before = _balances(await _sheet(api, house, "2026-01-31"))
    after = _balances(await _sheet(api, house, "2026-03-10"))
    moved = {each: after.get(each, 0) - before.get(each, 0) for each in before | after}
    assert _moved(beancount_balances(answer.raw.decode())) == _moved(moved)
    days = {
        line["entry_date"]
        for line in csv_lines(
            (await _export(api, house, "csv", from_="2026-02-01", to="2026-03-10")).raw
        )
    }
    assert min(days) >= "2026-02-01"
    assert max(days) <= "2026-03-10"


async def test_every_entry_is_there_once_by_day_and_number_however_small_the_batches(
    house: House,
) -> None:
    await fill_books(house, 5)
    span = Span(house.practice_id)
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        found = await extent(connection, span)
        assert found is not None
        entries = [e async for some in batches(connection, span, found.head, limit=7) for e in some]
        whole = [e async for some in batches(connection, span, found.head) for e in some]
    assert entries == whole
    assert len(entries) == found.entries == found.head.number
    places = [(entry.entry_date, entry.number) for entry in entries]
    assert places == sorted(places)
    assert places != sorted(places, key=lambda place: place[1]), "days and numbers must differ"


async def test_what_is_booked_during_an_export_is_not_in_it(house: House) -> None:
    await fill_books(house, 6, orders=1)
    span = Span(house.practice_id)
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        found = await extent(connection, span)
        assert found is not None
        numbers = []
        async for some in batches(connection, span, found.head, limit=3):
            numbers += [entry.number for entry in some]
            if len(numbers) == 3:
                await house.receive(
                    house.invoice_issued("2026-000990", "10.00", issued_on=date(2026, 3, 30))
                )
    assert sorted(numbers) == list(range(1, found.head.number + 1))


async def test_a_download_has_a_name_and_is_open_to_a_controller(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    controller = api.as_user({UserRole.CONTROLLER}, [house.practice_id])
    for form, name in (
        ("csv", "journal.csv"),
        ("beancount", "journal.beancount"),
        ("hledger", "journal.journal"),
    ):
        answer = await _export(controller, house, form)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_days_without_entries_are_an_empty_file(house: House, api: ApiClient) -> None:
    await house.acquitted_invoices("120.00")
    answer = await _export(api, house, "beancount", from_="2020-01-01", to="2020-12-31")
    assert beancount_balances(answer.raw.decode()) == {}
    assert b"2020-01-01 open Assets:Receivables:1100 CHF" in answer.raw


async def test_an_export_is_refused_with_its_reason(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.acquitted_invoices("120.00")
    path = f"{house.path}/journal/export"
    for query, status, code in (
        ({}, 422, "invalid-request"),
        ({"format": "xlsx"}, 422, "invalid-request"),
        ({"format": "csv", "from": "2026-03-02", "to": "2026-03-01"}, 422, "invalid-request"),
        ({"format": "csv", "first_day": "2026-03-02"}, 422, "invalid-request"),
    ):
        refused = await api.request("GET", path, query=query)
        assert (refused.status, refused.code) == (status, code), query
    unknown = await api.request(
        "GET", f"/v1/practices/{uuid4()}/journal/export", query={"format": "csv"}
    )
    assert (unknown.status, unknown.code) == (404, "practice-not-found")
    monkeypatch.setattr(http_exports, "ENTRIES_MAX", 1)
    refused = await api.request("GET", path, query={"format": "csv"})
    assert (refused.status, refused.code) == (422, "export-too-large")
    narrowed = await api.request("GET", path, query={"format": "csv", "to": "2026-03-02"})
    assert narrowed.status == 200


async def test_the_day_of_the_balances_has_two_names_but_is_one_day(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    path = f"{house.path}/balances"
    assert await api.get(path, at="2026-03-02") == await api.get(path, on="2026-03-02")
    status, problem = await api.get(path, at="2026-03-02", on="2026-03-03")
    assert (status, problem["code"]) == (422, "invalid-request")
