"""Fetching DEB files: once per content, none lost, and a strange file is for a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import ListedDebFile
from services.debident_gateway.domain.model import DebCursor, PortalAccess
from services.debident_gateway.handlers.fetch_deb_files import FetchDebFiles, fetch_deb_files
from services.debident_gateway.ports.portal import DebFileRejectedError
from shared.kernel.ids import derived_id
from tests.unit.debident_gateway.builders import ACCOUNT, CONTRACT, NOW, POLICY, PRACTICE, content
from tests.unit.debident_gateway.fakes import Bench, a_bench


class StrangePortal(FakeDebidentPortal):
    """Gives other bytes than announced for one file."""

    async def download_deb_file(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncIterator[bytes]:
        async for piece in FakeDebidentPortal.download_deb_file(self, access, file):
            yield piece
        if file.file_id == "f1":
            raise DebFileRejectedError("deb-file-of-other-content", "not the announced hash")


def _bench() -> Bench:
    bench = a_bench()
    bench.uow.deb_files.cursors[CONTRACT] = DebCursor(PRACTICE, CONTRACT, 0, NOW)
    return bench


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


def _cursor(bench: Bench) -> DebCursor:
    return bench.uow.deb_files.cursors[CONTRACT]


async def test_a_new_file_is_stored_and_told_once() -> None:
    bench = _bench()
    bench.portal.offer_deb_file(ACCOUNT, b"rows", file_id="f1")
    assert await _fetch(bench) == 1
    assert await _fetch(bench) == 0
    assert bench.told == ["DebFileWasFetched"]
    digest = content(b"rows").sha256
    assert list(bench.uow.deb_files.files) == [derived_id("deb-file", PRACTICE, digest)]
    assert (_cursor(bench).position, _cursor(bench).problem) == (1, None)


class SlowPortal(FakeDebidentPortal):
    """Takes most of a lease for each piece; another worker comes by before each.

    Attributes:
        is_overtaken: whether the other worker has got the contract by whatever means.
        was_free: whether it could simply take the contract.
    """

    bench: Bench
    is_overtaken = False
    was_free = False

    async def download_deb_file(
        self, access: PortalAccess, file: ListedDebFile
    ) -> AsyncIterator[bytes]:
        async for piece in FakeDebidentPortal.download_deb_file(self, access, file):
            now = self.bench.clock.at = self.bench.clock.at + POLICY.lease * 0.8
            files = self.bench.uow.deb_files
            later = now + POLICY.lease
            if self.is_overtaken:
                files.leases[CONTRACT] = later
            self.was_free |= await files.claim(CONTRACT, now=now, lease_until=later) is not None
            yield piece


def _slow(*, is_overtaken: bool) -> Bench:
    bench = _bench()
    portal = SlowPortal(clients=bench.portal.clients)
    portal.bench, portal.is_overtaken = bench, is_overtaken
    portal.offer_deb_file(ACCOUNT, b"x" * 5000, file_id="f1")
    return replace(bench, portal=portal)


async def test_a_download_that_outlasts_the_lease_keeps_the_contract_in_hand() -> None:
    bench = _slow(is_overtaken=False)
    assert await _fetch(bench) == 1
    assert isinstance(bench.portal, SlowPortal)
    assert not bench.portal.was_free
    assert (_cursor(bench).position, _cursor(bench).problem) == (1, None)


async def test_a_download_ends_when_another_worker_has_the_contract() -> None:
    bench = _slow(is_overtaken=True)
    assert await _fetch(bench) == 0
    assert (bench.told, bench.documents.stored) == ([], a_bench().documents.stored)
    assert _cursor(bench).position == 0


async def test_nothing_is_looked_for_before_its_time() -> None:
    bench = _bench()
    bench.uow.deb_files.cursors[CONTRACT] = replace(
        _cursor(bench), next_poll_at=NOW.replace(hour=23)
    )
    command = FetchDebFiles(CONTRACT, PRACTICE)
    looked = await fetch_deb_files(
        command, bench.uow, bench.portal, bench.documents, clock=bench.clock, policy=POLICY
    )
    assert looked is None


async def test_the_same_bytes_under_a_new_id_are_seen_again_without_an_event() -> None:
    bench = _bench()
    bench.portal.offer_deb_file(ACCOUNT, b"rows", file_id="f1")
    bench.portal.offer_deb_file(ACCOUNT, b"rows", file_id="f1-again")
    assert await _fetch(bench) == 1
    assert bench.told == ["DebFileWasFetched"]
    assert sorted(file_id for _, file_id, _ in bench.uow.deb_files.listings) == ["f1", "f1-again"]


async def test_other_bytes_under_a_known_id_are_fetched_as_a_file_of_their_own() -> None:
    bench = _bench()
    bench.portal.offer_deb_file(ACCOUNT, b"trunc", file_id="f1")
    bench.portal.offer_deb_file(ACCOUNT, b"more", file_id="f2")
    assert await _fetch(bench) == 2
    mended = bench.portal.mend_deb_file(ACCOUNT, b"truncated no more", file_id="f1")
    assert [await _fetch(bench), await _fetch(bench)] == [1, 0]
    newest = bench.uow.deb_files.files[derived_id("deb-file", PRACTICE, mended.sha256)]
    assert (newest.portal_file_id, newest.position) == ("f1", 1)
    assert bench.told == ["DebFileWasFetched"] * 3
    assert (_cursor(bench).position, _cursor(bench).problem) == (2, None)


async def test_positions_far_apart_do_not_hide_a_file_that_is_mended() -> None:
    bench = _bench()
    bench.portal.offer_deb_file(ACCOUNT, b"trunc", file_id="f1")
    listed = bench.portal.offer_deb_file(ACCOUNT, b"more", file_id="f2")
    bench.portal.deb_files[ACCOUNT][1] = (replace(listed, position=5_000), b"more")
    assert await _fetch(bench) == 2
    bench.portal.mend_deb_file(ACCOUNT, b"truncated no more", file_id="f1")
    assert await _fetch(bench) == 1


async def test_a_file_that_is_not_what_was_announced_neither_stops_others_nor_gets_lost() -> None:
    bench = _bench()
    bench.portal.offer_deb_file(ACCOUNT, b"one", file_id="f1")
    bench.portal.offer_deb_file(ACCOUNT, b"two", file_id="f2")
    real = bench.portal

    bench.portal = StrangePortal(clients=real.clients, deb_files=real.deb_files)
    assert await _fetch(bench) == 1
    assert (_cursor(bench).position, _cursor(bench).problem) == (0, "deb-file-of-other-content")
    bench.portal = real
    assert await _fetch(bench) == 1
    assert (_cursor(bench).position, _cursor(bench).problem) == (2, None)


async def test_a_silent_portal_or_a_store_that_is_down_is_tried_again_sooner() -> None:
    bench = _bench()
    bench.portal.offer_deb_file(ACCOUNT, b"rows", file_id="f1")
    bench.portal.unavailable = 1
    assert await _fetch(bench) == 0
    assert _cursor(bench).problem == "portal-unavailable"
    assert _cursor(bench).next_poll_at == bench.clock.now() + POLICY.hold_recheck
    bench.documents.down = True
    assert await _fetch(bench) == 0
    assert (_cursor(bench).position, _cursor(bench).problem) == (0, "storage-not-available")
    bench.documents.down = False
    assert await _fetch(bench) == 1


async def test_without_its_own_credentials_a_practice_fetches_nothing() -> None:
    bench = _bench()
    bench.portal.offer_deb_file(ACCOUNT, b"rows", file_id="f1")
    bench.uow.credentials.rows.clear()
    assert await _fetch(bench) == 0
    assert _cursor(bench).problem == "portal-credentials-missing"
