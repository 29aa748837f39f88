"""Works the next DEB file as far as it goes: read, verify, book, close; or hold, or wait."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.records import FileFault
from services.reconciliation.handlers.book_deb_file import BookDebFile, book_deb_file
from services.reconciliation.handlers.deb_lease import BookingPolicy, LeaseLostError, leased
from services.reconciliation.handlers.hold_deb_file import hold_deb_file
from services.reconciliation.handlers.stage_deb_file import StageDebFile, stage_deb_file
from services.reconciliation.ports import ClaimedFile, ContentStore, FileQueue, UnitOpener
from shared.kernel.clock import Clock
from shared.kernel.context import working_on
from shared.kernel.errors import PermanentError, TransientError

_LOG = logging.getLogger(__name__)
_RETRY = timedelta(seconds=5)
_SET_ASIDE = timedelta(minutes=10)
_EARLY_RETRY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DebWorkshop:
    """Everything that working a DEB file needs."""

    queue: FileQueue
    open_unit: UnitOpener
    content: ContentStore
    layouts: Mapping[str, Layout]
    policy: BookingPolicy
    clock: Clock


async def work_next_deb_file(shop: DebWorkshop) -> bool:
    """Claim one file and work it; return False when there was none.

    A passing failure gives the file back for later. A file that can never be read is held.

    Raises:
        TransientError: the database did not answer even to give the file back; its lease ends.
    """
    file = await shop.queue.claim()
    if file is None:
        return False
    with working_on(file.work):
        await _work_or_postpone(file, shop)
    return True


async def _work_or_postpone(file: ClaimedFile, shop: DebWorkshop) -> None:
    try:
        await _work(file, shop)
    except LeaseLostError:
        _LOG.warning("lost the DEB file", extra={"deb_file_id": str(file.deb_file_id)})
    except TransientError as error:
        _LOG.warning(
            "the DEB file waits",
            extra={"deb_file_id": str(file.deb_file_id), "error": str(error)[:200]},
        )
        await _postpone(file, shop, _RETRY, str(error))


async def _work(file: ClaimedFile, shop: DebWorkshop) -> None:
    if file.attempts > shop.policy.attempts_max:
        await _set_aside(file, shop)
        return
    if not file.is_staged:
        staged = await _stage(file, shop)
        if staged is None:
            return
        file = staged
    if await _comes_early(file, shop):
        await _postpone(file, shop, _EARLY_RETRY, "acquittals are still under way")
        return
    await book_deb_file(BookDebFile(file), shop.open_unit, shop.policy, shop.clock)


async def _stage(file: ClaimedFile, shop: DebWorkshop) -> ClaimedFile | None:
    try:
        created_on = await stage_deb_file(
            StageDebFile(file), shop.open_unit, shop.content, shop.layouts, shop.policy, shop.clock
        )
    except PermanentError as error:
        await _hold(file, FileFault("content-unreadable", None, str(error)), shop)
        return None
    if created_on is None:
        return None
    return replace(file, is_staged=True, created_on=created_on)


async def _comes_early(file: ClaimedFile, shop: DebWorkshop) -> bool:
    if shop.clock.now() >= file.received_at + shop.policy.early_grace:
        return False
    async with shop.open_unit(file.practice_id) as uow:
        return await uow.deb_files.awaits_acquittal(file)


async def _set_aside(file: ClaimedFile, shop: DebWorkshop) -> None:
    """Stop a file that ends its worker each time; what is booked of it stays booked."""
    detail = f"{file.attempts} attempts ended without a result"
    _LOG.error(
        "a DEB file is set aside",
        extra={"deb_file_id": str(file.deb_file_id), "attempts": file.attempts},
    )
    if file.is_staged:
        await _postpone(file, shop, _SET_ASIDE, detail)
    else:
        await _hold(file, FileFault("too-many-attempts", None, detail), shop)


async def _hold(file: ClaimedFile, fault: FileFault, shop: DebWorkshop) -> None:
    async with leased(file, shop.open_unit, shop.policy, shop.clock) as uow:
        await hold_deb_file(file, fault, uow, shop.clock)


async def _postpone(file: ClaimedFile, shop: DebWorkshop, delay: timedelta, reason: str) -> None:
    async with leased(file, shop.open_unit, shop.policy, shop.clock) as uow:
        await uow.deb_files.postpone(file, until=shop.clock.now() + delay, reason=reason)
