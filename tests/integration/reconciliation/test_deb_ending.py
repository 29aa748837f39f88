"""How DEB files end that are not booked, or not to their end: discarded, superseded, set aside."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.reconciliation.handlers import work_deb_file
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import WHY, FileOffice
from tests.integration.reconciliation.queue import Queue
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.integration.reconciliation.test_dunning import watcher
from tests.support.deb_builder import DebFile
from tests.support.web import ApiClient

FILE = DebFile(ROWS[:4])
SECOND = DebFile(ROWS[4:], file_id="F-0002", previous="F-0001")


@pytest.fixture
def office(house: House, api: ApiClient) -> FileOffice:
    """The office that decides."""
    return FileOffice(api, house)


async def _brakes(api: ApiClient, house: House) -> set[str]:
    _, verdict = await api.as_user().get(f"{house.path}/dunning")
    return {one["reason_code"] for one in verdict["reasons"]}


async def _status(house: House, deb_file_id: UUID) -> str:
    return str((await house.file(deb_file_id))["status"])


async def test_a_discarded_file_leaves_queue_and_brake_and_is_never_booked(
    house: House, api: ApiClient, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    foreign = DebFile(ROWS[:4], account="CMD-78")
    held = await house.book(foreign)
    item = await Queue(api, house).only("held-deb-file")
    assert {one["operation_id"] for one in item["actions"]} == {"discardDebFile"}
    assert "deb-file-held" in await _brakes(api, house)
    status, answer = await office.decide(held, "discard")
    assert (status, answer["already"], answer["file"]["status"]) == (200, False, "discarded")
    assert (answer["file"]["reason_code"], answer["file"]["release"]) == ("foreign-account", None)
    assert await Queue(api, house).kinds() == []
    assert "deb-file-held" not in await _brakes(api, house)
    assert await house.outcomes(held) == []
    shown = await Queue(api, house).show(item["item"])
    resolved = shown["history"][-1]
    assert (resolved["event"], resolved["by"], resolved["why"]) == ("resolved", "user-1", WHY)
    (told,) = await house.events("deb-file-discarded")
    assert (told["reason_code"], told["superseded_by"]) == ("foreign-account", None)
    assert (await office.decide(held, "discard"))[1]["already"] is True
    for decision, code in (
        ("release", "deb-file-not-held"),
        ("hold", "deb-file-not-holdable"),
        ("undo", "deb-file-not-booked"),
        ("retry", "deb-file-not-set-aside"),
    ):
        status, problem = await office.decide(held, decision)
        assert (status, problem["code"]) == (409, code)
    again = await house.book(foreign)
    assert (again, await _status(house, held)) == (held, "discarded"), "known bytes stay known"


async def test_a_file_that_a_person_held_is_discarded_and_not_held_again(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    held = await house.book(FILE)
    await office.decide(held, "hold")
    await office.decide(held, "discard")
    status, problem = await office.decide(held, "hold")
    assert (status, problem["code"]) == (409, "deb-file-not-holdable")


async def test_only_a_held_file_is_discarded(house: House, office: FileOffice) -> None:
    await house.acquitted_invoices("120.00")
    booked = await house.book(FILE)
    status, problem = await office.decide(booked, "discard")
    assert (status, problem["code"]) == (409, "deb-file-not-held")


async def test_rows_of_a_discarded_file_hide_no_invoice_from_the_reminders(
    house: House, api: ApiClient, office: FileOffice
) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    house.clock.advance(timedelta(days=30))
    held = await house.book(FILE.data()[:1000])
    path = f"{house.path}/dunning/invoices"
    assert (await api.as_user().get(path))[1]["items"] == []
    await office_now(office).decide(held, "discard")
    (one,) = (await api.as_user().get(path))[1]["items"]
    assert one["invoice_number"] == "2026-000001"


async def test_a_mended_version_ends_the_item_and_the_brake_of_the_held_one(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    truncated = await house.book(FILE.data()[:1000], portal_file_id="first.deb")
    item = await Queue(api, house).only("held-deb-file")
    mended = await house.book(FILE, portal_file_id="second.deb")
    assert await Queue(api, house).kinds() == []
    assert await _brakes(api, house) == set()
    file = await house.file(truncated)
    assert (file["status"], file["superseded_by"]) == ("discarded", mended)
    assert await Queue(api, house).history(item["item"]) == ["opened", "resolved"]
    (told,) = await house.events("deb-file-discarded")
    assert (told["deb_file_id"], told["superseded_by"]) == (str(truncated), str(mended))


async def test_a_file_whose_header_cannot_be_read_is_superseded_by_its_name(house: House) -> None:
    await house.acquitted_invoices("120.00")
    broken = await house.book(b"X" + FILE.data()[1:], portal_file_id="march.deb")
    other = await house.book(b"Y" + FILE.data()[1:], portal_file_id="april.deb")
    await house.book(FILE, portal_file_id="march.deb")
    assert [await _status(house, one) for one in (broken, other)] == ["discarded", "held"]


async def test_no_other_file_is_taken_for_a_version_of_the_booked_one(house: House) -> None:
    await house.acquitted_invoices("120.00")
    foreign = await house.book(DebFile(ROWS[:3], account="CMD-78"))
    later = await house.book(DebFile((), file_id="F-0003", previous="F-0002"))
    await house.book(FILE)
    reused = await house.book(DebFile(ROWS[:2]))
    assert [(await house.file(one))["reason_code"] for one in (foreign, later, reused)] == [
        "foreign-account",
        "sequence-gap",
        "file-id-reused",
    ]
    assert [await _status(house, one) for one in (foreign, later, reused)] == ["held"] * 3


class Broken:
    """Makes the worker fail in a way that nobody thought of."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self._house, self._monkeypatch = house, monkeypatch

    def break_(self, name: str) -> None:
        """From now on."""

        async def boom(_: Any) -> None:
            raise RuntimeError("nobody thought of this")

        self._monkeypatch.setattr(work_deb_file, name, boom)

    async def try_often(self) -> None:
        """Let more attempts end without a result than there may be."""
        for _ in range(13):
            with suppress(RuntimeError):
                await self._house.booker.tick()
            self._house.clock.advance(timedelta(minutes=3))

    def mend(self) -> None:
        """All is well again."""
        self._monkeypatch.undo()


@pytest.fixture
def broken(house: House, monkeypatch: pytest.MonkeyPatch) -> Broken:
    """What breaks the worker of this house."""
    return Broken(house, monkeypatch)


async def _set_aside(house: House, broken: Broken) -> UUID:
    await house.acquitted_invoices("120.00")
    event = await house.fetched(FILE)
    await house.receive(event)
    broken.break_("book_deb_file")
    await broken.try_often()
    return event.deb_file_id


async def test_a_file_that_keeps_failing_is_an_item_and_a_reason_of_the_brake(
    house: House, api: ApiClient, office: FileOffice, broken: Broken
) -> None:
    bad = await _set_aside(house, broken)
    second = await house.fetched(SECOND)
    await house.receive(second)
    item = await Queue(api, house).only("set-aside-deb-file")
    assert item["words"] == (
        "DEB file F-0001 is set aside: booking it ended without a result again and again."
    )
    assert (item["reason_code"], item["amount"]["amount"]) == ("booking-fails", "160.00")
    assert [one["operation_id"] for one in item["actions"]] == ["retryDebFile", "undoDebFile"]
    assert await _brakes(api, house) == {"deb-file-set-aside", "no-deb-file-yet"}
    await watcher(house).tick()
    told = (await house.events("dunning-brake-changed"))[-1]["reasons"]
    assert ("deb-file-held", 1, 1) in [
        (one["reason_code"], one["count"], one["set_aside"]) for one in told
    ], "version 1 has no other word"
    since = item["since"]
    await broken.try_often()
    assert (await Queue(api, house).only("set-aside-deb-file"))["since"] == since
    broken.mend()
    status, answer = await office_now(office).decide(bad, "retry")
    assert (status, answer["already"]) == (200, False)
    assert answer["file"]["set_aside_since"] is not None
    house.clock.advance(timedelta(minutes=3))
    await house.work()
    assert [await _status(house, one) for one in (bad, second.deb_file_id)] == ["booked"] * 2
    assert await Queue(api, house).kinds() == []
    assert await _brakes(api, house) == set()
    assert await Queue(api, house).history(item["item"]) == ["opened", "noted", "resolved"]
    assert (await office_now(office).decide(bad, "retry"))[1]["already"] is True
    await house.assert_books_hold()


def office_now(office: FileOffice) -> FileOffice:
    """The office with a token of this moment."""
    return FileOffice(office.api.as_user(), office.house)


async def test_what_is_booked_of_a_file_that_keeps_failing_can_be_undone(
    house: House, api: ApiClient, broken: Broken
) -> None:
    small = House(house.database, house.clock, store=house.store, deb_batch_rows=2)
    await small.acquitted_invoices("120.00")
    event = await small.fetched(DebFile(ROWS))
    await small.receive(event)
    await small.booker.tick(is_stopping=_after(3))
    assert [one.split()[1] for one in await small.outcomes(event.deb_file_id)].count("booked") == 2
    failing = Broken(small, pytest.MonkeyPatch())
    failing.break_("book_deb_file")
    await failing.try_often()
    failing.mend()
    office = FileOffice(api.as_user(), small)
    assert await office.undo(event.deb_file_id) == "undone"
    assert await office.counts(event.deb_file_id) == [7, 0, 0, 0, 7]
    assert await small.position("2026-000001") == "D 120.00 P 120.00 *"
    assert await Queue(api, small).kinds() == []
    status, answer = await office.decide(event.deb_file_id, "book-anew")
    assert status == 200
    await small.work()
    assert answer["file"]["anew_of"] == str(event.deb_file_id)
    assert await small.position("2026-000001") == "D 0.00 P 0.00 *"
    await small.assert_books_hold()


def _after(calls: int) -> Any:
    """Return what asks the worker to stop from that call on."""
    left = iter([False] * calls)
    return lambda: next(left, True)


async def test_an_undoing_that_keeps_failing_is_told_too(
    house: House, api: ApiClient, office: FileOffice, broken: Broken
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(FILE)
    await office.decide(deb_file_id, "undo")
    broken.break_("undo_booked_rows")
    await broken.try_often()
    item = await Queue(api, house).only("set-aside-deb-file")
    assert item["reason_code"] == "undoing-fails"
    assert [one["operation_id"] for one in item["actions"]] == ["retryDebFile"]
    broken.mend()
    house.clock.advance(timedelta(minutes=10))
    await house.work()
    assert await _status(house, deb_file_id) == "undone"
    assert await Queue(api, house).kinds() == []
