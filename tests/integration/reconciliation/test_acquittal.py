"""Orders are acquitted when, and only when, they demonstrably arrived; and once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.kernel.errors import PermanentError, TooEarlyError
from tests.integration.reconciliation.house import House
from tests.support.web import ApiClient

ACQUITTED = {"1088": "200.00", "3400": "-220.00", "2030": "20.00"}


async def _two_invoices(house: House, **terms: object) -> None:
    await house.open(**terms)
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    await house.receive(house.invoice_issued("2026-000002", "80.00", deposit="20.00"))


async def test_an_issued_invoice_is_booked_once_with_its_deposit(house: House) -> None:
    await _two_invoices(house)
    await house.receive(house.invoice_issued("2026-000002", "80.00", deposit="20.00"))
    assert await house.balances() == {"1100": "200.00", "2030": "20.00", "3400": "-220.00"}
    assert await house.position("2026-000002") == "D 80.00 P 0.00"
    await house.assert_books_hold()


async def test_a_confirmed_order_moves_its_invoices_to_the_factor_account(house: House) -> None:
    await _two_invoices(house)
    await house.receive(
        await house.order_confirmed(
            [("2026-000001", "120.00", True), ("2026-000002", "80.00", True)]
        )
    )
    assert await house.balances() == ACQUITTED
    assert await house.position("2026-000001") == "D 120.00 P 120.00 *"
    entries = await house.rows("SELECT * FROM journal_entry WHERE kind = 'acquittal'")
    assert {(entry["label"], entry["entry_date"]) for entry in entries} == {
        ("Transmis CMD", house.clock.today())
    }
    acquitted = await house.events("invoice-acquitted")
    assert [event["amount"]["amount"] for event in acquitted] == ["120.00", "80.00"]
    assert {event["ledger_account"] for event in acquitted} == {"1088"}
    (order,) = await house.events("order-acquitted")
    assert (order["invoice_count"], order["total"]["amount"]) == (2, "200.00")
    changed = await house.events("invoice-position-changed")
    assert [event["factor_owes"]["amount"] for event in changed] == ["120.00", "80.00"]
    assert all(event["with_factor"] for event in changed)
    await house.assert_books_hold()


async def test_a_refused_line_is_not_acquitted_and_the_rest_is(house: House) -> None:
    await _two_invoices(house)
    await house.receive(
        await house.order_confirmed(
            [("2026-000001", "120.00", False), ("2026-000002", "80.00", True)]
        )
    )
    assert await house.position("2026-000001") == "D 120.00 P 0.00"
    assert await house.position("2026-000002") == "D 80.00 P 80.00 *"
    assert len(await house.events("invoice-acquitted")) == 1


async def test_an_order_confirmed_twice_is_acquitted_once(house: House) -> None:
    await _two_invoices(house)
    event = await house.order_confirmed(
        [("2026-000001", "120.00", True), ("2026-000002", "80.00", True)]
    )
    await house.receive(event)
    head = await house.rows("SELECT number, entry_hash FROM journal_head")
    await house.receive(event)
    assert await house.balances() == ACQUITTED
    assert await house.rows("SELECT number, entry_hash FROM journal_head") == head
    assert len(await house.events("order-acquitted")) == 1


async def test_an_order_confirmed_with_other_content_is_never_accepted(house: House) -> None:
    await _two_invoices(house)
    await house.receive(await house.order_confirmed([("2026-000001", "120.00", True)]))
    with pytest.raises(PermanentError, match="other content"):
        await house.receive(
            await house.order_confirmed(
                [("2026-000001", "120.00", True), ("2026-000002", "80.00", True)]
            )
        )


async def test_an_order_with_an_unknown_invoice_waits_for_that_invoice(house: House) -> None:
    await _two_invoices(house)
    event = await house.order_confirmed(
        [("2026-000001", "120.00", True), ("2026-000003", "10.00", True)]
    )
    with pytest.raises(TooEarlyError) as raised:
        await house.receive(event)
    assert raised.value.waits_for == str(house.invoice_id("2026-000003"))
    assert await house.balances() == {"1100": "200.00", "2030": "20.00", "3400": "-220.00"}
    await house.receive(house.invoice_issued("2026-000003", "10.00"))
    await house.receive(event)
    assert await house.position("2026-000003") == "D 10.00 P 10.00 *"


async def test_events_that_come_before_practice_or_contract_wait(house: House) -> None:
    with pytest.raises(TooEarlyError):
        await house.receive(house.contract_changed())
    with pytest.raises(TooEarlyError):
        await house.receive(house.invoice_issued("2026-000001", "120.00"))
    await house.receive(house.practice_registered())
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    with pytest.raises(TooEarlyError) as raised:
        await house.receive(await house.order_confirmed([("2026-000001", "120.00", True)]))
    assert raised.value.waits_for == str(house.practice_id)


async def test_a_contradictory_confirmation_is_refused_as_a_whole(house: House) -> None:
    await _two_invoices(house)
    with pytest.raises(PermanentError, match="its lines"):
        await house.receive(
            await house.order_confirmed([("2026-000001", "120.00", True)], accepted_count=2)
        )
    assert await house.rows("SELECT * FROM order_confirmation") == []


async def test_a_contract_whose_account_plays_another_role_is_refused(house: House) -> None:
    await house.receive(house.practice_registered())
    with pytest.raises(PermanentError, match="1100"):
        await house.receive(house.contract_changed(ledger_account="1100"))


async def test_an_older_version_of_a_contract_changes_nothing(house: House) -> None:
    await house.open()
    await house.receive(house.contract_changed(contract_version=3, acquittal_label="New"))
    await house.receive(house.contract_changed(contract_version=2, acquittal_label="Old"))
    rows = await house.rows("SELECT version, acquittal_label FROM contract")
    assert rows == [{"version": 3, "acquittal_label": "New"}]


async def test_a_manual_contract_waits_for_a_person_who_acquits_once(
    house: House, api: ApiClient
) -> None:
    await _two_invoices(house, acquittal="manual")
    await house.receive(await house.order_confirmed([("2026-000001", "120.00", True)]))
    assert await house.position("2026-000001") == "D 120.00 P 0.00"
    path = f"{house.path}/orders/{house.order_id('CMD-2026-0001')}/acquit"
    status, first = await api.post(path)
    assert (status, first["already"], first["total"]["amount"]) == (200, False, "120.00")
    status, again = await api.post(path)
    assert (status, again) == (200, first | {"already": True})
    assert await house.position("2026-000001") == "D 120.00 P 120.00 *"
    assert len(await house.events("order-acquitted")) == 1


async def test_an_unconfirmed_order_cannot_be_acquitted_and_an_unknown_one_is_not_found(
    house: House, api: ApiClient
) -> None:
    await _two_invoices(house)
    await house.receive(await house.order_prepared())
    status, problem = await api.post(
        f"{house.path}/orders/{house.order_id('CMD-2026-0001')}/acquit"
    )
    assert (status, problem["code"]) == (409, "order-not-confirmed")
    status, problem = await api.post(f"{house.path}/orders/{uuid4()}/acquit")
    assert (status, problem["code"]) == (404, "order-not-found")


async def test_ten_thousand_lines_are_acquitted_in_one_transaction(house: House) -> None:
    await house.open()
    await house.rows(
        """WITH opened AS (
          INSERT INTO invoice_position (invoice_id, practice_id, invoice_number, contract_id,
            debtor_number, issued_on, due_on, total_rappen, deposit_rappen, principal_rappen)
          SELECT id, :practice_id, number, :contract_id, '10001', '2026-03-02', '2026-04-01',
            100, 0, 100
          FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS text[])) AS given (id, number)
          RETURNING invoice_id)
        INSERT INTO position_fact (fact_id, practice_id, invoice_id, kind, fact_date,
          amount_rappen, principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,
          factor_owes_rappen, note)
        SELECT gen_random_uuid(), :practice_id, invoice_id, 'invoice_issued', '2026-03-02',
          100, 100, 0, 0, 0, 0, '' FROM opened RETURNING 1""",
        practice_id=house.practice_id,
        contract_id=house.contract_id,
        ids=[house.invoice_id(f"2026-{place:06d}") for place in range(10_000)],
        numbers=[f"2026-{place:06d}" for place in range(10_000)],
    )
    await house.receive(
        await house.order_confirmed(
            [(f"2026-{place:06d}", "1.00", True) for place in range(10_000)]
        )
    )
    assert (await house.balances())["1088"] == "10000.00"
    found = await house.check()
    assert (found.entries, found.postings, found.detail) == (10_000, 20_000, ())
