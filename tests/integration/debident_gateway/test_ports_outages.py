"""Circuits, gaps and leases: the same expectations on memory and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from services.debident_gateway.domain.deb_sequence import Gap, MissingDebFiles
from services.debident_gateway.domain.model import DebCursor, PortalAddress
from tests.integration.debident_gateway.test_ports import LATER, Unit, unit
from tests.unit.debident_gateway.builders import CONTRACT, NOW, PRACTICE, terms

__all__ = ["unit"]
AT = PortalAddress("http", "portal.invalid:443")
MUCH_LATER = LATER + timedelta(hours=1)


async def test_a_worker_that_has_lost_its_lease_neither_renews_it_nor_moves_the_cursor(
    unit: Unit,
) -> None:
    async with unit() as uow:
        await uow.contracts.save_if_newer(terms())
        await uow.deb_files.ensure_cursor(DebCursor(PRACTICE, CONTRACT, 0, NOW))
        slow = await uow.deb_files.claim(CONTRACT, now=NOW, lease_until=LATER)
    async with unit() as uow:
        quick = await uow.deb_files.claim(CONTRACT, now=LATER, lease_until=MUCH_LATER)
        assert not await uow.deb_files.renew(slow, lease_until=MUCH_LATER + timedelta(hours=1))
        assert not await uow.deb_files.save_cursor(replace(slow, position=99))
        even_later = MUCH_LATER + timedelta(minutes=1)
        assert await uow.deb_files.renew(quick, lease_until=even_later)
        moved = replace(quick, position=3, lease_until=even_later)
        assert await uow.deb_files.save_cursor(moved)
    async with unit() as uow:
        claimed = await uow.deb_files.claim(CONTRACT, now=LATER, lease_until=MUCH_LATER)
        assert claimed is not None
        assert claimed.position == 3


async def test_a_circuit_is_kept_per_portal_and_per_account(unit: Unit) -> None:
    async with unit() as uow:
        assert await uow.circuits.of(AT, PRACTICE) == []
        portal = await uow.circuits.lock(AT, None)
        account = await uow.circuits.lock(AT, PRACTICE)
        portal.note_failure(
            "time-out",
            is_probe=False,
            now=NOW,
            failures_max=1,
            pause=lambda _: timedelta(minutes=1),
            outage_id=uuid4(),
        )
        account.failures = 2
        await uow.circuits.save(portal)
        await uow.circuits.save(account)
    async with unit() as uow:
        assert await uow.circuits.of(AT, PRACTICE) == [portal, account]
        assert await uow.circuits.of(AT, uuid4()) == [portal]
        for other in (PortalAddress("http", "other.invalid:443"), PortalAddress("sftp", AT.place)):
            assert await uow.circuits.of(other, PRACTICE) == []
        assert await uow.circuits.lock(AT, None) == portal


async def test_new_credentials_let_the_account_be_probed_at_once(unit: Unit) -> None:
    async with unit() as uow:
        account = await uow.circuits.lock(AT, PRACTICE)
        account.outage_id, account.next_probe_at = uuid4(), LATER
        account.probing_until = LATER
        await uow.circuits.save(account)
        await uow.circuits.probe_account_now(PRACTICE, now=NOW)
    async with unit() as uow:
        [found] = await uow.circuits.of(AT, PRACTICE)
        assert (found.next_probe_at, found.probing_until) == (NOW, None)


async def test_a_gap_is_open_until_it_is_resolved_and_its_bounds_may_shrink(unit: Unit) -> None:
    missing = MissingDebFiles(uuid4(), PRACTICE, CONTRACT, Gap(3, 5, 6), NOW)
    less = replace(missing, gap=Gap(4, 4, 6))
    async with unit() as uow:
        await uow.contracts.save_if_newer(terms())
        await uow.deb_gaps.save(missing)
        await uow.deb_gaps.save(less)
    async with unit() as uow:
        assert await uow.deb_gaps.open(CONTRACT) == [less]
        await uow.deb_gaps.resolve(missing.gap_id, at=LATER)
    async with unit() as uow:
        assert await uow.deb_gaps.open(CONTRACT) == []
