"""Missing DEB files: noticed once, resolved by themselves, and never confused with an outage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import DebFilePage, ListedDebFile
from services.debident_gateway.domain.deb_sequence import Gap, gaps_in, still_missing, without
from services.debident_gateway.domain.events import DebFileGapIsClosed, DebFileIsMissing
from services.debident_gateway.domain.model import DebCursor, PortalAccess
from services.debident_gateway.handlers.fetch_deb_files import FetchDebFiles, fetch_deb_files
from services.debident_gateway.ports.portal import DebFileRejectedError, PortalSilentError
from tests.unit.debident_gateway.builders import ACCOUNT, CONTRACT, NOW, POLICY, PRACTICE
from tests.unit.debident_gateway.fakes import Bench, a_bench

NUMBERS = st.sets(st.integers(1, 60))


@given(NUMBERS)
def test_what_is_left_of_a_gap_begins_and_ends_with_a_missing_number(here: set[int]) -> None:
    gap = Gap(10, 20, seen=21)
    missing = set(range(10, 21)) - here
    rest = without(gap, here)
    assert rest == (Gap(min(missing), max(missing), seen=21) if missing else None)


@given(NUMBERS)
def test_gaps_are_exactly_the_numbers_between_the_known_ones(here: set[int]) -> None:
    found = gaps_in(here, listed=(), refused={})
    missing = [number for gap in found for number in range(gap.first, gap.last + 1)]
    whole = range(min(here), max(here) + 1) if here else range(0)
    assert missing == [number for number in whole if number not in here]
    assert all(gap.seen in here and gap.seen == gap.last + 1 for gap in found)


@given(NUMBERS, NUMBERS)
def test_what_is_left_of_a_gap_lies_within_it_and_ends_with_the_last_file(
    here: set[int], more: set[int]
) -> None:
    for known in gaps_in(here, listed=(), refused={}):
        rest = still_missing(known, gaps_in(here | more, listed=(), refused={}))
        whole = set(range(known.first, known.last + 1))
        left = whole - more
        assert (rest is None) == (not left)
        if rest is not None:
            assert (rest.first, rest.last) == (min(left), max(left))


def test_a_listed_number_whose_file_is_still_to_come_is_no_gap() -> None:
    assert gaps_in([1, 3], listed=[1, 2, 3], refused={}) == []
    assert gaps_in([1, 3], listed=[1, 2, 3], refused={2: "bad"}) == [Gap(2, 2, 2, "bad")]
    assert gaps_in([1, 2], listed=[], refused={2: "bad"}) == [], "other bytes of it are here"


class PortalWithHoles(FakeDebidentPortal):
    """Lists only what is not hidden, and gives some files wrongly or not at all."""

    hidden: frozenset[int] = frozenset()
    wrong: frozenset[int] = frozenset()
    silent: frozenset[int] = frozenset()

    async def list_deb_files(self, access: PortalAccess, *, after: int) -> DebFilePage:
        page = await FakeDebidentPortal.list_deb_files(self, access, after=after)
        return replace(page, files=tuple(f for f in page.files if f.position not in self.hidden))

    async def download_deb_file(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncIterator[bytes]:
        if file.position in self.wrong:
            raise DebFileRejectedError("deb-file-of-other-content", "not the announced hash")
        if file.position in self.silent:
            raise PortalSilentError("time-out", "no answer")
        async for piece in FakeDebidentPortal.download_deb_file(self, access, file):
            yield piece


def _bench(files: int) -> tuple[Bench, PortalWithHoles]:
    bench = a_bench()
    portal = PortalWithHoles(clients=bench.portal.clients)
    bench.portal = portal
    for number in range(1, files + 1):
        portal.offer_deb_file(ACCOUNT, f"rows {number}".encode(), file_id=f"f{number}")
    bench.uow.deb_files.cursors[CONTRACT] = DebCursor(PRACTICE, CONTRACT, 0, NOW)
    return bench, portal


async def _fetch(bench: Bench) -> int | None:
    cursor = bench.uow.deb_files.cursors[CONTRACT]
    bench.clock.at = max(bench.clock.at, cursor.next_poll_at)
    return await fetch_deb_files(
        FetchDebFiles(CONTRACT, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )


def _missing(bench: Bench) -> list[Gap]:
    return [each.missing.gap for each in bench.uow.events if isinstance(each, DebFileIsMissing)]


async def test_a_number_that_the_list_skips_is_told_once_and_resolved_when_it_shows_up() -> None:
    bench, portal = _bench(6)
    portal.hidden = frozenset({2, 4, 5})
    for _ in range(3):
        await _fetch(bench)
    assert _missing(bench) == [Gap(2, 2, 3), Gap(4, 5, 6)]
    portal.hidden = frozenset({5})
    assert await _fetch(bench) == 2
    assert [each.gap for each in await bench.uow.deb_gaps.open(CONTRACT)] == [Gap(5, 5, 6)]
    portal.hidden = frozenset()
    assert await _fetch(bench) == 1
    assert await bench.uow.deb_gaps.open(CONTRACT) == []
    assert len(_missing(bench)) == 2


async def test_a_gap_is_told_to_be_closed_once_and_one_that_opens_again_is_another() -> None:
    bench, portal = _bench(3)
    portal.wrong = frozenset({3})
    await _fetch(bench)
    portal.hidden = frozenset({3})
    for _ in range(2):
        await _fetch(bench)
    portal.hidden = frozenset()
    await _fetch(bench)
    portal.wrong = frozenset()
    for _ in range(2):
        await _fetch(bench)
    told = [
        (type(each).__name__, each.missing.gap_id)
        for each in bench.uow.events
        if isinstance(each, DebFileIsMissing | DebFileGapIsClosed)
    ]
    first, second = told[0][1], told[-1][1]
    assert first != second
    assert told == [
        ("DebFileIsMissing", first),
        ("DebFileGapIsClosed", first),
        ("DebFileIsMissing", second),
        ("DebFileGapIsClosed", second),
    ]


async def test_a_listed_file_that_cannot_be_fetched_is_missing_too() -> None:
    bench, portal = _bench(3)
    portal.wrong = frozenset({3})
    await _fetch(bench)
    await _fetch(bench)
    assert _missing(bench) == [Gap(3, 3, 3, "deb-file-of-other-content")]
    portal.wrong = frozenset()
    await _fetch(bench)
    assert await bench.uow.deb_gaps.open(CONTRACT) == []


async def test_a_file_that_an_outage_keeps_away_is_not_called_missing() -> None:
    bench, portal = _bench(3)
    portal.silent = frozenset({2})
    await _fetch(bench)
    assert bench.uow.deb_files.cursors[CONTRACT].problem == "time-out"
    assert _missing(bench) == []
    portal.silent = frozenset()
    assert await _fetch(bench) == 2
    assert _missing(bench) == []


async def test_a_look_that_was_cut_short_says_nothing_of_gaps() -> None:
    bench, portal = _bench(4)
    portal.hidden = frozenset({2})
    portal.silent = frozenset({4})
    await _fetch(bench)
    assert _missing(bench) == []
    portal.silent = frozenset()
    await _fetch(bench)
    assert _missing(bench) == [Gap(2, 2, 3)]


async def test_a_gap_older_than_the_files_that_are_looked_at_again_is_still_asked_for() -> None:
    bench, portal = _bench(150)
    portal.hidden = frozenset({7})
    await _fetch(bench)
    assert _missing(bench) == [Gap(7, 7, 8)]
    portal.hidden = frozenset()
    assert await _fetch(bench) == 1
    assert await bench.uow.deb_gaps.open(CONTRACT) == []


async def test_what_an_account_had_before_its_first_known_file_is_not_missing() -> None:
    bench, portal = _bench(3)
    portal.hidden = frozenset({1})
    await _fetch(bench)
    assert _missing(bench) == []
