"""Works the next DEB file as far as it goes: read, verify, book, close; or undo, hold, wait."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.records import FileFault
from services.reconciliation.handlers.book_deb_file import BookDebFile, book_deb_file
from services.reconciliation.handlers.deb_lease import (
    BookingPolicy,
    DebLease,
    IsStopping,
    LeaseLostError,
    StopAskedError,
    never,
)
from services.reconciliation.handlers.hold_deb_file import hold_deb_file
from services.reconciliation.handlers.stage_deb_file import StageDebFile, stage_deb_file
from services.reconciliation.handlers.undo_deb_file import undo_booked_rows
from services.reconciliation.ports import FileQueue, UnitOpener
from services.reconciliation.ports.content import (
    ContentAwayError,
    ContentDamagedError,
    ContentMissingError,
    ContentStore,
)
from shared.kernel.clock import Clock
from shared.kernel.context import working_on
from shared.kernel.errors import PermanentError, TransientError

_LOG = logging.getLogger(__name__)
_RETRY = timedelta(seconds=5)
_RETRY_MAX = timedelta(minutes=10)
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


async def work_next_deb_file(shop: DebWorkshop, *, is_stopping: IsStopping = never) -> bool:
    """Claim one file and work it; return False when there was none.

    A passing failure gives the file back for later. A file that can never be read is held. Asked
    to stop, it ends after the transaction in hand and gives the file back for the next process.

    Raises:
        TransientError: the database did not answer even to give the file back; its lease ends.
    """
    file = await shop.queue.claim()
    if file is None:
        return False
    lease = DebLease(file, shop.open_unit, shop.policy, shop.clock, is_stopping)
    with working_on(file.work):
        await _work_or_give_back(lease, shop)
    return True


async def _work_or_give_back(lease: DebLease, shop: DebWorkshop) -> None:
    facts = {"deb_file_id": str(lease.file.deb_file_id)}
    try:
        await _work(lease, shop)
    except StopAskedError:
        _LOG.info("the DEB file is left to the next process", extra=facts)
        async with lease.unit() as uow:
            await uow.deb_files.give_back(lease.file)
    except LeaseLostError:
        _LOG.warning("lost the DEB file", extra=facts)
    except ContentAwayError as error:
        _LOG.warning("the DEB file's content is away", extra=facts | {"error": str(error)})
        await _try_content_again(lease, error)
    except TransientError as error:
        _LOG.warning("the DEB file waits", extra=facts | {"error": type(error).__name__})
        await _postpone(lease, _RETRY, "the database did not answer")


async def _work(lease: DebLease, shop: DebWorkshop) -> None:
    if lease.file.attempts > shop.policy.attempts_max:
        await _set_aside(lease)
        return
    if lease.file.is_undoing:
        await undo_booked_rows(lease)
        return
    if not lease.file.is_staged:
        staged = await _stage(lease, shop)
        if staged is None:
            return
        lease = staged
        if await _awaits_review(lease):
            return
    if await _comes_early(lease):
        await _postpone(lease, _EARLY_RETRY, "invoices or acquittals are still under way")
        return
    await book_deb_file(BookDebFile(lease))


async def _stage(lease: DebLease, shop: DebWorkshop) -> DebLease | None:
    try:
        created_on = await stage_deb_file(StageDebFile(lease), shop.content, shop.layouts)
    except ContentDamagedError as error:
        await _hold(lease, FileFault("content-damaged", None, str(error)))
        return None
    except PermanentError:
        detail = "the content that was announced may not be read"
        await _hold(lease, FileFault("content-unreadable", None, detail))
        return None
    if created_on is None:
        return None
    return replace(lease, file=replace(lease.file, is_staged=True, created_on=created_on))


async def _awaits_review(lease: DebLease) -> bool:
    """Let go of a file that a person is to look at first; whether it is one."""
    async with lease.unit() as uow:
        if not await uow.deb_life.awaits_review(lease.file):
            return False
        await uow.deb_files.give_back(lease.file)
        return True


async def _comes_early(lease: DebLease) -> bool:
    file = lease.file
    if lease.clock.now() >= file.received_at + lease.policy.early_grace:
        return False
    async with lease.open_unit(file.practice_id) as uow:
        return await uow.deb_files.comes_early(file)


async def _try_content_again(lease: DebLease, error: ContentAwayError) -> None:
    """Wait longer each time; what is still away at the last attempt is missing for good."""
    attempts = lease.file.attempts
    if attempts < lease.policy.attempts_max:
        delay = min(_RETRY * 2 ** (attempts - 1), _RETRY_MAX)
        await _postpone(lease, delay, str(error), attempts=attempts)
        return
    missing = isinstance(error, ContentMissingError)
    reason = "content-missing" if missing else "content-unreadable"
    detail = f"{error}, in {attempts} attempts; have the file fetched again"
    await _hold(lease, FileFault(reason, None, detail))


async def _set_aside(lease: DebLease) -> None:
    """Stop a file that ends its worker each time; what is booked of it stays booked.

    It is tried again after a while; persons are told since when it fails.
    """
    file = lease.file
    detail = f"{file.attempts} attempts ended without a result"
    _LOG.error(
        "a DEB file is set aside",
        extra={"deb_file_id": str(file.deb_file_id), "attempts": file.attempts},
    )
    if file.is_staged or file.is_undoing:
        async with lease.unit() as uow:
            until = lease.clock.now() + _SET_ASIDE
            await uow.deb_life.set_aside(file, until=until, reason=detail)
    else:
        await _hold(lease, FileFault("too-many-attempts", None, detail))


async def _hold(lease: DebLease, fault: FileFault) -> None:
    async with lease.unit() as uow:
        await hold_deb_file(lease.file, fault, uow, lease.clock)


async def _postpone(lease: DebLease, delay: timedelta, reason: str, *, attempts: int = 0) -> None:
    until = lease.clock.now() + delay
    async with lease.unit() as uow:
        await uow.deb_files.postpone(lease.file, until=until, reason=reason, attempts=attempts)
