"""A payout is announced by DEB rows, booked, and shown by the bank: the three are compared."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.testing import FrozenClock
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.bank import PAYOUT, Bank, came, new_iban, payout_row
from tests.integration.reconciliation.house import START, House
from tests.support.camt_builder import Entry, Part, camt
from tests.support.deb_builder import DebFile
from tests.support.web import ApiClient


@pytest.fixture
async def bank(house: House, api: ApiClient) -> Bank:
    """An account of the practice of this test, with one invoice of 120.00 paid out."""
    await house.acquitted_invoices("120.00", "80.00")
    bank = Bank(api, new_iban())
    await bank.open(house)
    return bank


async def test_a_payout_waits_for_the_bank_and_agrees_when_its_entry_comes(
    house: House, bank: Bank
) -> None:
    await house.book(DebFile((payout_row(),)))
    assert await bank.states() == {PAYOUT: "waiting-for-bank"}
    assert (await bank.receive(came()))[0] == 200
    [payout] = (await bank.ask("payouts"))["items"]
    sums = [payout[side]["amount"] for side in ("announced", "booked", "received")]
    assert (payout["state"], sums) == ("agreed", ["120.00"] * 3)
    assert (await bank.ask("unexplained-entries"))["items"] == []


async def test_it_does_not_matter_which_comes_first(house: House, bank: Bank) -> None:
    await bank.receive(came())
    assert len((await bank.ask("unexplained-entries"))["items"]) == 1
    await house.book(DebFile((payout_row(),)))
    assert await bank.states() == {PAYOUT: "agreed"}
    assert (await bank.ask("unexplained-entries"))["items"] == []


async def test_one_rappen_of_difference_is_seen(house: House, bank: Bank) -> None:
    await house.book(DebFile((payout_row(12_001 - 1), payout_row(8_000, "2026-000002", "R-2"))))
    await bank.receive(came("199.99"))
    page = await bank.ask("payouts", state="amount-differs")
    assert [one["received"]["amount"] for one in page["items"]] == ["199.99"]
    assert page["totals"] == {
        "count": 1,
        "exact": True,
        "announced": {"amount": "200.00", "currency": "CHF"},
        "received": {"amount": "199.99", "currency": "CHF"},
    }


async def test_a_parked_row_of_a_payout_shows_where_the_money_is_missing(
    house: House, bank: Bank
) -> None:
    await house.book(DebFile((payout_row(), payout_row(500, "2026-999999", "R-2"))))
    await bank.receive(came("125.00"))
    [payout] = (await bank.ask("payouts"))["items"]
    assert (payout["state"], payout["waiting_rows"]) == ("rows-not-booked", 1)
    assert (payout["announced"]["amount"], payout["booked"]["amount"]) == ("125.00", "120.00")


async def test_a_reversal_counts_against_the_payout_that_it_names(house: House, bank: Bank) -> None:
    await house.book(DebFile((payout_row(), payout_row(8_000, "2026-000002", "R-2"))))
    undo = payout_row(8_000, "2026-000002", "R-3").but(kind="reversal", text="R-2")
    await house.book(DebFile((undo,), file_id="F-0002", previous="F-0001"))
    await bank.receive(came())
    [payout] = (await bank.ask("payouts"))["items"]
    sums = [payout[side]["amount"] for side in ("announced", "booked", "received")]
    assert (payout["state"], sums) == ("agreed", ["120.00"] * 3)
    parts = await bank.ask("payout-parts", payout_reference=PAYOUT)
    assert parts["total"]["amount"] == "120.00"
    assert [one["kind"] for one in parts["parts"]].count("reversal") == 1


async def test_a_reversal_that_is_set_off_against_a_later_payout_lessens_that_one(
    house: House, bank: Bank
) -> None:
    await house.book(DebFile((payout_row(8_000, "2026-000002", "R-1"),)))
    later = "ZA 2026-0002"
    rows = (
        payout_row(record="R-2").but(payout_reference=later),
        payout_row(8_000, "2026-000002", "R-3").but(
            kind="reversal", text="R-1", payout_reference=later
        ),
    )
    await house.book(DebFile(rows, file_id="F-0002", previous="F-0001"))
    await bank.receive(came("80.00"))
    await bank.receive(came("40.00", "ZA2026-0002", bank_reference="ASR-2"), message="MSG-2")
    assert await bank.states() == {PAYOUT: "agreed", later: "agreed"}


async def test_one_payout_is_split_over_invoices_and_practices_to_the_rappen(
    house: House, api: ApiClient, database: Database
) -> None:
    other = House(database, FrozenClock(START), store=house.store)
    await house.acquitted_invoices("120.00", "80.00")
    await other.acquitted_invoices("33.35")
    bank = Bank(api, new_iban())
    await bank.open(house, other)
    await house.book(DebFile((payout_row(), payout_row(7_999, "2026-000002", "R-2"))))
    await other.book(DebFile((payout_row(3_335),)))
    await bank.receive(came("233.34"))
    assert await bank.states() == {PAYOUT: "agreed"}
    parts = await bank.ask("payout-parts", payout_reference=PAYOUT)
    assert parts["total"]["amount"] == "233.34"
    assert {one["practice_id"]: one["amount"]["amount"] for one in parts["shares"]} == {
        str(house.practice_id): "199.99",
        str(other.practice_id): "33.35",
    }
    assert sorted(one["amount"]["amount"] for one in parts["parts"]) == ["120.00", "33.35", "79.99"]


async def test_the_same_entry_counts_once_whatever_file_brings_it(house: House, bank: Bank) -> None:
    await house.book(DebFile((payout_row(),)))
    data = camt(came(), iban=bank.iban)
    _, first = await bank.bring(data)
    _, again = await bank.bring(data)
    _, statement = await bank.receive(came(), kind="053", message="STM-1")
    seen = [(one["items"][0]["new"], one["items"][0]["known"]) for one in (first, again, statement)]
    assert seen == [(1, 0), (0, 1), (0, 1)]
    assert again["items"][0]["already"]
    assert await bank.states() == {PAYOUT: "agreed"}


async def test_a_lump_of_a_statement_is_replaced_by_its_parts(house: House, bank: Bank) -> None:
    await house.book(DebFile((payout_row(),)))
    await bank.receive(Entry("150.00"), kind="053")
    assert await bank.states() == {PAYOUT: "waiting-for-bank"}
    detail = Entry("150.00", (Part("120.00", "ZA2026-0001"), Part("30.00", "RENT")))
    _, receipt = await bank.receive(detail, message="MSG-2")
    assert receipt["items"][0]["detailed"] == 1
    assert await bank.states() == {PAYOUT: "agreed"}
    rows = await house.rows(
        "SELECT sum(amount_rappen)::int AS rappen FROM bank_entry WHERE"
        " NOT superseded AND account_id = :id",
        id=bank.account_id,
    )
    assert rows == [{"rappen": 15_000}]


async def test_an_entry_that_comes_again_with_another_amount_is_refused(
    house: House, bank: Bank
) -> None:
    await bank.receive(came())
    status, problem = await bank.receive(came("120.05"), message="MSG-2")
    assert (status, problem["code"]) == (422, "statement-contradicts-another")
    assert len((await bank.ask("statements"))["items"]) == 1


async def test_an_amount_alone_matches_nothing_but_is_suggested_to_a_person(
    house: House, bank: Bank
) -> None:
    await house.book(DebFile((payout_row(),)))
    await bank.receive(came(reference="UNKNOWN"))
    assert await bank.states() == {PAYOUT: "waiting-for-bank"}
    [entry] = (await bank.ask("unexplained-entries"))["items"]
    assert entry["suggestions"] == [PAYOUT]
    path = f"/v1/bank-entries/{entry['entry_id']}/decision"
    body = {"decision": "is-payout", "payout_reference": PAYOUT, "reason": "seen on the advice"}
    assert (await bank.api.post(path, body | {"payout_reference": "ZA-9"}))[0] == 404
    assert (await bank.api.post(path, body))[0] == 200
    assert (await bank.api.post(path, body))[1]["code"] == "bank-entry-already-decided"
    assert await bank.states() == {PAYOUT: "agreed"}
    assert (await bank.ask("unexplained-entries"))["items"] == []


async def test_an_entry_that_is_none_of_ours_is_left_with_a_reason(
    house: House, bank: Bank
) -> None:
    await bank.receive(came("7.00", "OTHER"))
    [entry] = (await bank.ask("unexplained-entries"))["items"]
    path = f"/v1/bank-entries/{entry['entry_id']}/decision"
    assert (await bank.api.post(path, {"decision": "leave", "reason": "a refund of fees"}))[
        0
    ] == 200
    assert (await bank.ask("unexplained-entries"))["items"] == []


async def test_movements_that_have_nothing_to_do_with_the_factor_disturb_nobody(
    house: House, bank: Bank
) -> None:
    await bank.receive(Entry("900.00", (Part("900.00", "RENT"),), direction="CRDT"))
    assert (await bank.ask("unexplained-entries"))["items"] == []


async def test_an_account_of_several_practices_is_open_only_to_who_may_see_all_of_them(
    house: House, api: ApiClient, database: Database
) -> None:
    other = House(database, FrozenClock(START), store=house.store)
    await house.open()
    await other.open()
    bank = Bank(api, new_iban())
    await bank.open(house, other)
    one = api.as_user(practices=[house.practice_id])
    both = api.as_user(practices=[house.practice_id, other.practice_id])
    path = f"/v1/bank-accounts/{bank.account_id}"
    assert (await one.get(path))[0] == 404
    assert (await one.get(f"{path}/payouts"))[0] == 404
    assert (await Bank(one, bank.iban).receive(came()))[1]["code"] == "bank-account-not-found"
    assert (await both.get(path))[0] == 200
    status, problem = await one.post(
        "/v1/bank-accounts",
        {"iban": bank.iban, "holder": "x", "practice_ids": [str(house.practice_id)]},
    )
    assert (status, problem["code"]) == (409, "bank-account-exists")


async def test_an_account_is_changed_by_who_has_read_it(house: House, bank: Bank) -> None:
    path = f"/v1/bank-accounts/{bank.account_id}"
    body = {
        "iban": bank.iban,
        "holder": "Practice (demo)",
        "practice_ids": [str(house.practice_id)],
    }
    headers = {"If-Match": '"1"'}
    changed = await bank.api.request("PUT", path, body=body, headers=headers)
    assert (changed.status, changed.json["version"], changed.headers["ETag"]) == (200, 2, '"2"')
    stale = await bank.api.request("PUT", path, body=body, headers=headers)
    assert (stale.status, stale.code) == (412, "bank-account-changed")
    unknown = body | {"practice_ids": [str(uuid4())]}
    refused = await bank.api.request("PUT", path, body=unknown, headers={"If-Match": '"2"'})
    assert (refused.status, refused.code) == (404, "practice-not-found")


async def test_only_who_answers_for_the_books_decides(house: House, bank: Bank) -> None:
    await bank.receive(came("7.00", "OTHER"))
    [entry] = (await bank.ask("unexplained-entries"))["items"]
    assistant = bank.api.as_user([UserRole.ASSISTANT])
    status, problem = await assistant.post(
        f"/v1/bank-entries/{entry['entry_id']}/decision", {"decision": "leave", "reason": "why"}
    )
    assert (status, problem["code"]) == (403, "role-not-allowed")


async def test_what_the_bank_said_cannot_be_changed(house: House, bank: Bank) -> None:
    await bank.receive(came())
    for statement in (
        "UPDATE bank_entry SET amount_rappen = 1",
        "DELETE FROM bank_entry",
        "DELETE FROM bank_statement",
    ):
        async with house.database.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(text(statement))


async def test_no_row_of_a_shared_account_is_seen_in_a_part_of_its_scope(
    house: House, bank: Bank
) -> None:
    await bank.receive(came())
    for table in ("bank_account", "bank_statement", "bank_entry"):
        count = text(f"SELECT count(*) FROM {table} WHERE :id = ANY (practice_ids)")  # noqa: S608
        for scope, seen in ((Scope(), 0), (Scope.of(uuid4()), 0), (Scope.of(house.practice_id), 1)):
            async with house.database.transaction(scope) as connection:
                found = await connection.scalar(count, {"id": house.practice_id})
            assert found == seen, (table, scope)
