"""The queue of exceptions is one list over all practices, which persons share out among them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import CursorResult, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.types import Uuid

from sandbox.postgres import ServiceUrls
from services.reconciliation.entrypoints.exceptions import exception_gauges
from services.reconciliation.views import exception_queue as views
from services.reconciliation.views.exception_kinds import KINDS
from shared.db.scope import Scope
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.house import START, House
from tests.integration.reconciliation.queue import EXCEPTIONS, Queue, Reports, dead_letter
from tests.support.audit import told
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

ONE_DAY = timedelta(days=1)


@pytest.fixture
def queue(house: House, api: ApiClient) -> Queue:
    """The queue as the people of this test's practice see it."""
    return Queue(api, house)


async def _fill(house: House) -> None:
    """Two parked rows of 7.00 and 9.00, a refused line of 80.00, a missing file of no amount."""
    await house.open()
    for number, amount in (("2026-000001", "120.00"), ("2026-000002", "80.00")):
        await house.receive(house.invoice_issued(number, amount))
    lines = [("2026-000001", "120.00", True), ("2026-000002", "80.00", False)]
    await house.receive(await house.order_confirmed(lines))
    house.clock.advance(ONE_DAY)
    rows = (Row("R-1", "surprise", rappen=700), Row("R-2", "surprise", rappen=900))
    await house.book(DebFile(rows))
    house.clock.advance(ONE_DAY)
    await house.receive(Reports(house).missing())


def _amounts(items: list[dict[str, Any]]) -> list[str | None]:
    return [item["amount"] and item["amount"]["amount"] for item in items]


@pytest.mark.parametrize(
    ("by", "amounts"),
    [("oldest", ["80.00", "7.00", "9.00", None]), ("amount", ["80.00", "9.00", "7.00", None])],
)
async def test_the_list_is_given_page_by_page_and_nothing_twice(
    house: House, queue: Queue, by: str, amounts: list[str | None]
) -> None:
    await _fill(house)
    found: list[dict[str, Any]] = []
    query = {"by": by, "limit": "1"}
    while True:
        page = await queue.page(**query)
        found += page["items"]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert len({item["item"] for item in found}) == 4
    if by == "oldest":
        assert sorted(_amounts(found[1:3]), key=str) == ["7.00", "9.00"]
        found[1:3] = sorted(found[1:3], key=lambda item: item["amount"]["amount"])
    assert _amounts(found) == amounts


async def test_a_cursor_of_one_order_is_none_of_the_other(house: House, queue: Queue) -> None:
    await _fill(house)
    after = (await queue.page(limit="1"))["next"]
    status, problem = await queue.api.get(EXCEPTIONS, by="amount", after=after)
    assert (status, problem["code"]) == (422, "cursor-invalid")


async def test_the_totals_are_those_of_the_whole_choice(house: House, queue: Queue) -> None:
    await _fill(house)
    page = await queue.page(limit="1")
    assert {
        one["kind"]: (one["count"], one["amount"]["amount"]) for one in page["totals"]["by_kind"]
    } == {
        "deb-file-missing": (1, "0.00"),
        "parked-row": (2, "16.00"),
        "refused-line": (1, "80.00"),
    }
    chosen = await queue.page(kind="parked-row", minimum_amount="8.00")
    assert [(one["count"], one["amount"]["amount"]) for one in chosen["totals"]["by_kind"]] == [
        (1, "9.00")
    ]


async def test_the_list_can_be_narrowed(house: House, queue: Queue) -> None:
    await _fill(house)

    async def count(**query: str | list[str]) -> int:
        return len(await queue.items(**query))

    assert await count() == 4
    assert await count(kind=["refused-line", "deb-file-missing"]) == 2
    assert await count(reason_code="unknown-kind") == 2
    codes = [one["reason_code"] for one in await queue.items(kind="refused-line")]
    assert await count(reason_code=["unknown-kind", *codes]) == 3
    assert (await queue.api.get(EXCEPTIONS, reason_code=""))[0] == 422
    assert await count(minimum_amount="9.00") == 2
    assert await count(older_than_days="2") == 1
    assert await count(older_than_days="1") == 3
    assert await count(practice_id=[str(house.practice_id), str(uuid4())]) == 4
    assert await count(practice_id=str(uuid4())) == 0
    assert (await queue.api.get(EXCEPTIONS, kind="surprise"))[0] == 422
    [oldest] = await queue.items(older_than_days="2")
    assert (oldest["kind"], oldest["age_days"]) == ("refused-line", 2)


async def test_items_are_shared_out_and_every_step_is_on_the_record(
    house: House, queue: Queue
) -> None:
    await _fill(house)
    item = (await queue.items(kind="refused-line"))[0]["item"]
    status, shown = await queue.do(item, "assign", assignee="anna", why="knows the debtor")
    assert (status, shown["assignee"]) == (200, "anna")
    assert [one["item"] for one in await queue.items(assignee="anna")] == [item]
    assert len(await queue.items(unassigned="true")) == 3
    await queue.do(item, "note", note="called, no answer")
    await queue.do(item, "assign", assignee=None)
    assert len(await queue.items(unassigned="true")) == 4
    history = (await queue.show(item))["history"]
    assert [(one["event"], one["by"], one["why"], one["assignee"]) for one in history] == [
        ("opened", None, "refused in order CMD-2026-0001", None),
        ("assigned", "user-1", "knows the debtor", "anna"),
        ("noted", "user-1", "called, no answer", None),
        ("assigned", "user-1", "", None),
    ]


async def test_the_same_key_assigns_once_and_is_in_the_audit_log(
    house: House, queue: Queue
) -> None:
    await _fill(house)
    item = (await queue.items(kind="refused-line"))[0]["item"]
    for _ in range(2):
        path = f"{EXCEPTIONS}/{item}/assign"
        assert (await queue.api.post(path, {"assignee": "anna"}, key=f"once-{item}"))[0] == 200
    assert await queue.history(item) == ["opened", "assigned"]
    assert await told(house.database, house.practice_id, "assignException") == [
        (
            "assignException",
            {"assignee": None, "history_lines": 1, "why": None},
            {"assignee": "anna", "history_lines": 2, "why": ""},
        )
    ]


async def test_a_person_closes_only_what_nothing_else_can_end(house: House, queue: Queue) -> None:
    await _fill(house)
    await house.receive(Reports(house, "CMD-2026-0009").overdue())
    closable = {kind.name for kind in KINDS if kind.closable}
    assert closable == {"order-refused", "refused-line", "deb-file-missing"}
    for item in await queue.items():
        status, answer = await queue.do(item["item"], "close", reason="not of interest")
        assert item["may_be_closed"] == (item["kind"] in closable)
        if item["may_be_closed"]:
            assert (status, answer["open"]) == (200, False)
            assert {"exception-not-open"} == {
                (await queue.do(item["item"], verb, **body))[1]["code"]
                for verb, body in (
                    ("close", {"reason": "again"}),
                    ("assign", {"assignee": "anna"}),
                )
            }
        else:
            assert (status, answer["code"]) == (409, "exception-not-closable")
    assert sorted(await queue.kinds()) == ["order-overdue", "parked-row", "parked-row"]


async def test_closing_needs_a_reason_and_someone_who_answers_for_the_books(
    house: House, queue: Queue
) -> None:
    await _fill(house)
    item = (await queue.items(kind="refused-line"))[0]["item"]
    assert (await queue.do(item, "close", reason="   "))[0] == 422
    assistant = queue.api.as_user([UserRole.ASSISTANT], [house.practice_id])
    path = f"{EXCEPTIONS}/{item}/close"
    assert (await assistant.post(path, {"reason": "no"}))[0] == 403
    reader = queue.api.as_user([UserRole.CONTROLLER], [house.practice_id])
    assert (await reader.post(f"{EXCEPTIONS}/{item}/note", {"note": "mine"}))[0] == 403


async def test_a_practice_out_of_scope_leaks_nothing(house: House, queue: Queue) -> None:
    await _fill(house)
    await dead_letter(house, None)
    stranger = House(house.database, house.clock, store=house.store)
    outside = Queue(queue.api, stranger)
    for query in ({}, {"practice_id": str(house.practice_id)}):
        page = await outside.page(**query)
        assert (page["items"], page["totals"]["by_kind"]) == ([], [])
    for item in await queue.items():
        answers = [await outside.api.get(f"{EXCEPTIONS}/{item['item']}")]
        for verb, body in (
            ("assign", {"assignee": "eve"}),
            ("note", {"note": "mine"}),
            ("close", {"reason": "gone"}),
        ):
            answers.append(await outside.do(item["item"], verb, **body))
        assert {(status, answer["code"]) for status, answer in answers} == {
            (404, "exception-not-found")
        }
        assert await queue.history(item["item"]) == ["opened"]
    both = Queue(queue.api, house, stranger)
    assert len(await both.items()) == 4


@pytest.mark.parametrize(
    "item", ["surprise.1", "parked-row", f"surprise.{uuid4()}", f"parked-row.{uuid4()}", "a.b.c"]
)
async def test_what_is_no_item_is_not_found(queue: Queue, item: str) -> None:
    status, problem = await queue.api.get(f"{EXCEPTIONS}/{item}")
    assert (status, problem["code"]) == (404, "exception-not-found")


async def test_a_dead_letter_of_nobody_is_seen_by_who_works_for_all(
    house: House, api: ApiClient, queue: Queue
) -> None:
    event_id = await dead_letter(house, None)
    item = f"dead-letter.{event_id}"
    assert (await queue.api.get(f"{EXCEPTIONS}/{item}"))[0] == 404
    status, shown = await api.post(f"{EXCEPTIONS}/{item}/note", {"note": "asked the operator"})
    assert (status, shown["practice_ids"]) == (200, [])
    assert [one["event"] for one in shown["history"]] == ["opened", "noted"]


async def test_the_metrics_count_every_kind(house: House, queue: Queue) -> None:
    late = views.Lateness(house.clock.today(), 5)
    read = exception_gauges(house.database, lambda: late)
    before = await read()
    await _fill(house)
    after = await read()
    assert len(after) == len(KINDS)
    risen = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert risen == {
        "exceptions_open_parked_row": 2.0,
        "exceptions_open_refused_line": 1.0,
        "exceptions_open_deb_file_missing": 1.0,
    }
    assert [await one() for one in house.definition.gauges] == [after]


async def test_the_list_does_not_read_the_rows_that_are_not_in_it(
    house: House, urls: ServiceUrls
) -> None:
    await _fill(house)
    await _stage_many_rows(house)
    engine = create_async_engine(urls.owner_url)
    async with engine.begin() as connection:
        await _settle_many_payouts(connection, house)
    async with engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("ANALYZE"))
    await engine.dispose()
    for scope in (Scope.of(house.practice_id), Scope.everything()):
        async with house.database.transaction(scope) as connection:
            plan = await _plan(connection)
        assert "deb_row_parked" in plan, plan
        assert "bank_entry_unmatched" in plan, plan
        assert "payout_open" in plan, plan
        for table in ("bank_entry", "payout", "bank_entry_token", "deb_row"):
            assert f"Seq Scan on {table} " not in plan, plan


async def _stage_many_rows(house: House) -> None:
    """Put rows that wait for nobody beside the two that are parked."""
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        await connection.execute(
            text(
                """INSERT INTO deb_row (deb_file_id, line, practice_id, contract_id, raw,
                     booking_rank, content_sha256, payout_reference)
                   SELECT deb_file_id, 100 + n, practice_id, contract_id, '', 1, n::text, 'ZA ' || n
                   FROM deb_file, generate_series(1, 20000) AS n"""
            )
        )


async def _settle_many_payouts(connection: AsyncConnection, house: House) -> None:
    """Put years of payouts that the bank has shown beside what is open, as they are kept then."""
    values = {"practice": house.practice_id, "account": uuid4(), "statement": uuid4()}
    for statement in (
        "SELECT set_config('quittance.system', 'on', true)",
        "ALTER TABLE bank_entry DISABLE TRIGGER bank_entries_came",
        "ALTER TABLE bank_account DISABLE TRIGGER bank_account_moves_payouts",
        """INSERT INTO bank_account (account_id, iban, holder, practice_ids, factor_ibans, version,
             changed_at)
           SELECT :account, 'many', 'x', ARRAY[CAST(:practice AS uuid)], '{}', 1,
             now()""",
        """INSERT INTO bank_statement (statement_id, account_id, practice_ids, message_type,
             message_id, content_sha256, new_entries, known_entries, imported_by, imported_at)
           SELECT :statement, :account, ARRAY[CAST(:practice AS uuid)], '054', 'M', '', 1, 0, 'x',
             now()""",
        """INSERT INTO bank_entry (entry_id, account_id, practice_ids, statement_id, group_key,
             ordinal, booked_on, value_on, amount_rappen, tokens, from_factor, is_reversal,
             payout_token)
           SELECT gen_random_uuid(), :account, ARRAY[CAST(:practice AS uuid)], :statement, n::text,
             1, '2026-01-01', '2026-01-01', 500, ARRAY['ZA' || n], true, false, 'ZA' || n
           FROM generate_series(1, 20000) AS n""",
        """INSERT INTO payout (account_id, payout_token, practice_ids, deb_rows, announced_rappen,
             entries, received_rappen)
           SELECT :account, 'ZA' || n, ARRAY[CAST(:practice AS uuid)], 1, 500, 1, 500
           FROM generate_series(1, 20000) AS n""",
        "ALTER TABLE bank_entry ENABLE TRIGGER bank_entries_came",
        "ALTER TABLE bank_account ENABLE TRIGGER bank_account_moves_payouts",
    ):
        await connection.execute(text(statement), values)


class _Explained:
    """A connection that tells how it would answer."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, statement: TextClause, values: dict[str, Any]) -> CursorResult[Any]:
        asked = text(f"EXPLAIN {statement.text}")
        asked = asked.bindparams(bindparam("practices", type_=ARRAY(Uuid)))
        return await self._connection.execute(asked, values)


async def _plan(connection: AsyncConnection) -> str:
    explained: Any = _Explained(connection)
    late = views.Lateness(START.date(), 5)
    rows = await views.page(explained, views.Choice(), late, by="oldest", after=None, limit=100)
    return "\n".join(row["QUERY PLAN"] for row in rows)
