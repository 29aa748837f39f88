"""Credit notes in orders on real PostgreSQL: taken along once, and back in line if it failed."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.correction_repository import SqlCorrectionRepository
from services.orders.adapters.order_repository import SqlOrderRepository
from services.orders.domain.credit_note import PackedCreditNote
from services.orders.domain.errors import CreditNoteInLiveOrderError
from services.orders.domain.order import Order
from services.orders.domain.verification import verify_package
from shared.contracts.envelope import ContentRef
from shared.contracts.invoicing.v1 import CreditNoteIssued
from shared.db.engine import sqlstate
from shared.db.scope import Scope
from shared.kernel.ids import ContractId, PracticeId
from shared.kernel.money import Money
from tests.integration.orders.house import House, chf
from tests.support.waiting import eventually
from tests.support.web import ApiClient
from tests.unit.orders.builders import an_order


async def credit(
    house: House,
    invoice_id: UUID,
    number: str = "CN-1",
    *,
    contract_id: UUID | None = None,
    document: ContentRef | None = None,
) -> None:
    """Issue a credit note of CHF 20.00 with its stored document."""
    document = document or await house.store.put(
        practice_id=house.practice_id,
        kind="credit-note-document",
        data=f"<credit-note number='{number}'/>".encode(),
        media_type="application/xml",
    )
    issued = CreditNoteIssued(
        practice_id=house.practice_id,
        credit_note_id=uuid4(),
        credit_note_number=number,
        invoice_id=invoice_id,
        invoice_number="A-1",
        contract_id=contract_id or house.contract_id,
        debtor_number="10001",
        amount=chf("20.00"),
        reason_code="goodwill",
        document=document,
        issued_on=date(2026, 3, 9),
    )
    await house.receive(issued)


async def order(house: House, api: ApiClient, *numbers: str, **body: Any) -> dict[str, Any]:
    """Issue invoices of these numbers and prepare an order of all that may be ordered."""
    for number in numbers:
        await house.issue(number)
    wish = {"contract_id": str(house.contract_id), **body}
    status, prepared = await api.post(f"{house.path}/orders", wish)
    assert status == 201, prepared
    return dict(prepared)


async def arrive(house: House, prepared: dict[str, Any], *numbers: str) -> None:
    """Let an order arrive with all its invoices accepted."""
    await house.receive(await house.order_arrived(prepared, dict.fromkeys(numbers)))


async def handed_over(house: House, api: ApiClient) -> UUID:
    """Open the practice, let an order of the invoice A-1 arrive, and return its id."""
    await house.open()
    invoice_id = await house.issue("A-1")
    await arrive(house, await order(house, api), "A-1")
    return invoice_id


async def shown(house: House, api: ApiClient, prepared: dict[str, Any]) -> dict[str, Any]:
    """Return an order as the API tells it."""
    _, detail = await api.get(f"{house.path}/orders/{prepared['order_id']}")
    return dict(detail)


async def package_of(house: House, api: ApiClient, prepared: dict[str, Any]) -> bytes:
    """Return the package of an order as the API hands it out."""
    answer = await api.request("GET", f"{house.path}/orders/{prepared['order_id']}/package")
    return answer.raw


def numbers_of(answer: dict[str, Any]) -> list[str]:
    """Return the numbers of the credit notes in an answer."""
    assert answer["credit_note_count"] == len(answer["credit_notes"])
    return [note["credit_note_number"] for note in answer["credit_notes"]]


async def test_the_next_order_takes_a_credit_note_along_and_the_one_after_does_not(
    house: House, api: ApiClient
) -> None:
    invoice_id = await handed_over(house, api)
    await credit(house, invoice_id, "CN-2")
    await credit(house, invoice_id, "CN-1")
    second = await order(house, api, "B-1")
    assert numbers_of(second) == ["CN-1", "CN-2"]
    assert (second["invoice_count"], second["total"]["amount"]) == (1, "120.00")
    detail = await shown(house, api, second)
    assert numbers_of(detail) == ["CN-1", "CN-2"]
    assert detail["credit_notes"][0]["invoice_number"] == "A-1"
    assert detail["credit_notes"][0]["amount"]["amount"] == "20.00"
    data = await package_of(house, api, second)
    verified = verify_package(data)
    assert (verified.findings, verified.credit_note_count) == ((), 2)
    with ZipFile(BytesIO(data)) as package:
        assert package.read("credit-notes/000001.xml") == b"<credit-note number='CN-1'/>"
        manifest = json.loads(package.read("manifest.json"))
    assert [note["credit_note_number"] for note in manifest["credit_notes"]] == ["CN-1", "CN-2"]
    await arrive(house, second, "B-1")
    third = await order(house, api, "C-1")
    assert numbers_of(third) == []
    assert numbers_of(await shown(house, api, second)) == ["CN-1", "CN-2"]


async def test_a_withdrawn_order_frees_its_credit_notes_and_still_shows_them(
    house: House, api: ApiClient
) -> None:
    await credit(house, await handed_over(house, api))
    second = await order(house, api, "B-1")
    path = f"{house.path}/orders/{second['order_id']}/withdraw"
    await api.post(path, {"handed_over_by_hand": False})
    assert await live_notes(house) == 1
    for _ in range(2):
        await house.receive(house.order_withheld(second))
    assert await live_notes(house) == 0
    third = await order(house, api)
    assert numbers_of(third) == ["CN-1"]
    assert numbers_of(await shown(house, api, second)) == ["CN-1"]


async def test_an_order_refused_as_a_whole_frees_its_credit_notes(
    house: House, api: ApiClient
) -> None:
    await credit(house, await handed_over(house, api))
    second = await order(house, api, "B-1")
    for _ in range(2):
        await house.receive(house.order_refused(second))
    third = await order(house, api)
    assert numbers_of(third) == ["CN-1"]
    await arrive(house, third, "B-1")
    assert numbers_of(await order(house, api, "C-1")) == []


async def test_a_credit_note_of_an_order_that_arrived_is_delivered_whatever_became_of_its_invoices(
    house: House, api: ApiClient
) -> None:
    await credit(house, await handed_over(house, api))
    second = await order(house, api, "B-1")
    await house.receive(await house.order_arrived(second, {"B-1": "debtor-unknown"}))
    third = await order(house, api)
    assert third["invoice_count"] == 1
    assert numbers_of(third) == []


async def test_a_credit_note_that_comes_after_the_order_was_prepared_goes_with_the_next(
    house: House, api: ApiClient
) -> None:
    invoice_id = await handed_over(house, api)
    second = await order(house, api, "B-1")
    await credit(house, invoice_id)
    assert numbers_of(await shown(house, api, second)) == []
    await arrive(house, second, "B-1")
    assert numbers_of(await order(house, api, "C-1")) == ["CN-1"]


async def test_credit_notes_of_another_contract_or_practice_stay_where_they_are(
    house: House, api: ApiClient
) -> None:
    invoice_id = await handed_over(house, api)
    other = uuid4()
    await house.receive(house.contract_changed(contract_id=other))
    await credit(house, invoice_id, "CN-1", contract_id=other)
    neighbour = House(house.database, house.clock, house.store)
    await credit(neighbour, await handed_over(neighbour, api), "CN-2")
    assert numbers_of(await order(house, api, "B-1")) == []
    await house.issue("B-2", contract_id=other)
    assert numbers_of(await order(house, api, contract_id=str(other))) == ["CN-1"]


async def test_an_order_of_the_queue_takes_credit_notes_along_too(
    house: House, api: ApiClient
) -> None:
    await credit(house, await handed_over(house, api))
    await house.issue("B-1")
    status, batch = await api.post("/v1/orders/prepare-many", {})
    assert status == 202, batch
    while await house.ticks.work_tasks():
        pass
    _, report = await api.get(f"/v1/orders/prepare-many/{batch['batch_id']}")
    [task] = [each for each in report["items"] if each["practice_id"] == str(house.practice_id)]
    assert task["status"] == "prepared"
    assert numbers_of(await shown(house, api, task)) == ["CN-1"]


async def test_a_dry_run_says_which_credit_notes_would_go_along_and_claims_none(
    house: House, api: ApiClient
) -> None:
    await credit(house, await handed_over(house, api))
    await house.issue("B-1")
    wish = {"contract_id": str(house.contract_id)}
    for _ in range(2):
        status, foreseen = await api.post(f"{house.path}/orders/preview", wish)
        assert (status, foreseen["possible"], numbers_of(foreseen)) == (200, True, ["CN-1"])
        assert foreseen["total"]["amount"] == "120.00"
    assert await live_notes(house) == 0
    await order(house, api)
    _, foreseen = await api.post(f"{house.path}/orders/preview", wish)
    assert numbers_of(foreseen) == []


@pytest.mark.parametrize("fault", ["missing", "altered"])
async def test_a_credit_note_whose_document_is_missing_or_altered_is_named_and_leaves_nothing(
    house: House, api: ApiClient, fault: str
) -> None:
    invoice_id = await handed_over(house, api)
    stored = await house.store.put(
        practice_id=house.practice_id,
        kind="credit-note-document",
        data=b"<other/>",
        media_type="application/xml",
    )
    wrong = {"sha256": "0" * 64}
    if fault == "missing":
        wrong["key"] = f"{house.practice_id}/credit-note-document/{'0' * 64}"
    await credit(house, invoice_id, document=stored.model_copy(update=wrong))
    await house.issue("B-1")
    status, problem = await api.post(
        f"{house.path}/orders", {"contract_id": str(house.contract_id)}
    )
    assert (status, problem["code"]) == (409, "document-damaged")
    assert problem["facts"] == {"credit_note_number": "CN-1"}
    assert len(await house.rows("SELECT 1 FROM orders")) == 1
    assert await live_notes(house) == 0


async def test_of_orders_prepared_at_once_one_takes_the_credit_notes_and_each_once(
    house: House, api: ApiClient
) -> None:
    invoice_id = await handed_over(house, api)
    for place in range(20):
        await credit(house, invoice_id, f"CN-{place:02d}")
    await house.issue("B-1")
    body = {"contract_id": str(house.contract_id)}
    answers = await asyncio.gather(*(api.post(f"{house.path}/orders", body) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    rows = await house.rows("SELECT order_id, credit_note_id FROM order_credit_note WHERE live")
    assert len({row.order_id for row in rows}) == 1
    assert len({row.credit_note_id for row in rows}) == len(rows) == 20


async def test_who_waits_for_a_claimed_credit_note_gets_the_others_only(
    house: House, api: ApiClient
) -> None:
    """Without the gate, which lets one order of a contract in: the rows alone keep them apart."""
    invoice_id = await handed_over(house, api)
    for number in ("CN-1", "CN-2", "CN-3"):
        await credit(house, invoice_id, number)
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        first = await claim(house, connection, limit=2)
        assert [note.number for note in first] == ["CN-1", "CN-2"]
        waiting = asyncio.create_task(claim_alone(house))
        await eventually(lambda: someone_waits(house), because="the second one waits")
        await pack(house, connection, first, "X-1")
    assert [(note.place, note.number) for note in await waiting] == [(1, "CN-3")]


async def test_the_index_alone_keeps_a_credit_note_out_of_a_second_live_order(
    house: House, api: ApiClient
) -> None:
    await credit(house, await handed_over(house, api))
    other = uuid4()
    await house.receive(house.contract_changed(contract_id=other))
    [note] = await claim_alone(house)
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        await pack(house, connection, [note], "X-1")
    with pytest.raises(CreditNoteInLiveOrderError):
        async with house.database.transaction(Scope.of(house.practice_id)) as connection:
            await pack(house, connection, [note], "X-2", contract_id=other)
    assert await live_notes(house) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE order_credit_note SET place = 7",
        "UPDATE order_credit_note SET credit_note_id = gen_random_uuid()",
        "DELETE FROM order_credit_note",
        "TRUNCATE order_credit_note",
        "UPDATE credit_note SET amount_rappen = 1",
    ],
)
async def test_what_an_order_took_along_cannot_be_changed(house: House, statement: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        await house.rows(statement)
    assert sqlstate(refused.value) == "42501"


async def test_a_credit_note_names_no_order_that_does_not_hold_it(
    house: House, api: ApiClient
) -> None:
    await credit(house, await handed_over(house, api))
    with pytest.raises(DBAPIError, match="credit_note_is_packed"):
        await house.rows("UPDATE credit_note SET order_id = (SELECT order_id FROM orders)")


async def live_notes(house: House) -> int:
    """Return how many credit notes live orders hold, by the orders and by the credit notes."""
    [row] = await house.rows(
        "SELECT (SELECT count(*) FROM order_credit_note WHERE live) AS held,"
        " (SELECT count(*) FROM credit_note WHERE order_id IS NOT NULL) AS holding"
    )
    assert row.held == row.holding
    return int(row.held)


async def claim(
    house: House, connection: AsyncConnection, *, limit: int = 10
) -> list[PackedCreditNote]:
    """Claim what waits for the next order."""
    corrections = SqlCorrectionRepository(connection)
    return await corrections.claim_waiting_credit_notes(
        PracticeId(house.practice_id), ContractId(house.contract_id), limit=limit
    )


async def claim_alone(house: House) -> list[PackedCreditNote]:
    """Claim in a transaction of its own, which takes nothing along."""
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        return await claim(house, connection)


async def pack(
    house: House,
    connection: AsyncConnection,
    notes: list[PackedCreditNote],
    number: str,
    *,
    contract_id: UUID | None = None,
) -> Order:
    """Store an order that holds these credit notes."""
    prepared = an_order(
        uuid4(),
        practice_id=house.practice_id,
        contract_id=contract_id or house.contract_id,
        number=number,
        invoice_count=1,
        total=Money(12000),
    )
    await SqlOrderRepository(connection).add(prepared, [])
    await SqlCorrectionRepository(connection).put_into_order(prepared, notes)
    return prepared


async def someone_waits(house: House) -> bool:
    """Whether a transaction waits for another one's row."""
    return bool(await house.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
