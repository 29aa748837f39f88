"""Fetches what is new of one contract's DEB files; a file counts once its bytes are stored.

The last files are looked at anew each time, and the cursor never passes a listed file that is not
safely here, so a file is neither lost nor fetched twice. What counts is a file's content: where the
portal offers other bytes under a known id (a truncated file, mended), they are fetched as a file of
their own, and the books judge which of the two can be booked.

A look is one worker's while its lease lasts. It renews the lease after each file, and during a
large one; who has lost it stops, and leaves the cursor to the one who has it now.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.debident_gateway.domain.answers import DebFilePage, ListedDebFile
from services.debident_gateway.domain.circuit import ANSWERED, CircuitScope, blamed
from services.debident_gateway.domain.deb_sequence import Gap
from services.debident_gateway.domain.errors import CredentialsUnreadableError
from services.debident_gateway.domain.events import DebFileWasFetched
from services.debident_gateway.domain.manual import MANUAL_ADAPTER
from services.debident_gateway.domain.model import (
    AUTOMATIC_ADAPTERS,
    ContractTerms,
    DebCursor,
    FetchedDebFile,
    PortalAccess,
)
from services.debident_gateway.domain.schedule import DispatchPolicy
from services.debident_gateway.handlers.guard import Admission, admit, report
from services.debident_gateway.handlers.notice_missing_files import notice_missing_files
from services.debident_gateway.ports import UnitOfWork, UnitsOfWork
from services.debident_gateway.ports.portal import (
    DebFileRejectedError,
    DebidentPortal,
    Documents,
    PortalSilentError,
)
from shared.kernel.clock import Clock
from shared.kernel.errors import TransientError
from shared.kernel.ids import derived_id

LOOKED_AT_AGAIN = 100
PAGES_MAX = 20
OLD_GAPS_MAX = 5
UNREACHABLE = "portal-unreachable"


@dataclass(frozen=True, slots=True)
class FetchDebFiles:
    """Look for new DEB files of this contract if that is due."""

    contract_id: UUID
    practice_id: UUID


@dataclass(slots=True)
class _Look:
    """One look through the list: what is needed for it, and how far it came.

    Attributes:
        complete: whether the list was read to its end.
        listed: the publication numbers that the portal named.
        refused: those whose file cannot be fetched although the portal is there, with the reason.
        over: whether to stop: the portal went silent, or the lease was lost.
    """

    cursor: DebCursor
    terms: ContractTerms
    access: PortalAccess | None = None
    admission: Admission | None = None
    problem: str | None = None
    passed: int = 0
    fetched: int = 0
    held_back: bool = False
    complete: bool = False
    over: bool = False
    listed: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)

    def note(self, problem: str) -> None:
        """Stop moving the cursor; the files behind are still fetched."""
        self.problem = self.problem or problem
        self.held_back = True

    def pass_by(self, position: int) -> None:
        """This file is safely here."""
        if not self.held_back:
            self.passed = max(self.passed, position)


class _LeaseLostError(Exception):
    """Another worker looks through the contract's files by now."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a look works with."""

    units: UnitsOfWork
    portal: DebidentPortal
    documents: Documents
    clock: Clock
    policy: DispatchPolicy


async def fetch_deb_files(
    command: FetchDebFiles,
    units: UnitsOfWork,
    portal: DebidentPortal,
    documents: Documents,
    *,
    clock: Clock,
    policy: DispatchPolicy,
) -> int | None:
    """Fetch new files; return how many, or None where nothing was due."""
    desk = _Desk(units, portal, documents, clock, policy)
    async with units.begin(command.practice_id) as uow:
        look = await _claim(command, uow, portal, now=clock.now(), policy=policy)
    if look is None:
        return None
    if look.access is not None and look.admission is not None:
        await _look_through(look, look.access, look.admission, desk)
    async with units.begin(command.practice_id) as uow:
        await _put_down(look, uow, now=clock.now(), policy=policy)
    return look.fetched


async def _put_down(look: _Look, uow: UnitOfWork, *, now: datetime, policy: DispatchPolicy) -> None:
    """Give the contract back, unless it is another worker's by now."""
    held = None if look.admission is None else look.admission.held_until
    moved = replace(
        look.cursor,
        position=max(look.cursor.position, look.passed),
        next_poll_at=held or now + _pause(look, policy),
        problem=look.problem,
    )
    if await uow.deb_files.save_cursor(moved) and look.complete:
        await notice_missing_files(
            look.cursor, uow, listed=look.listed, refused=look.refused, now=now
        )


def _pause(look: _Look, policy: DispatchPolicy) -> timedelta:
    interval = look.terms.deb_poll_interval
    return min(interval, policy.hold_recheck) if look.problem else interval


async def _claim(
    command: FetchDebFiles,
    uow: UnitOfWork,
    portal: DebidentPortal,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> _Look | None:
    terms = await uow.contracts.get(command.contract_id)
    if terms is None:
        return None
    cursor = await uow.deb_files.claim(command.contract_id, now=now, lease_until=now + policy.lease)
    if cursor is None:
        return None
    look = _Look(cursor, terms)
    if terms.adapter not in AUTOMATIC_ADAPTERS:
        # In manual mode a person brings the files; should the contract change, the look is here.
        if terms.adapter != MANUAL_ADAPTER:
            look.problem = f"contract-uses-{terms.adapter}"
        return look
    try:
        access = await uow.credentials.access(
            command.practice_id, account_number=terms.account_number, adapter=terms.adapter
        )
    except CredentialsUnreadableError as error:
        look.problem = error.code
        return look
    if access is None:
        look.problem = "portal-credentials-missing"
        return look
    look.admission = await admit(
        portal.address(access.sftp), command.practice_id, uow, now=now, policy=policy
    )
    if look.admission.held_until is None:
        look.access = access
    else:
        look.problem = UNREACHABLE
    return look


async def _look_through(
    look: _Look, access: PortalAccess, admission: Admission, desk: _Desk
) -> None:
    async with desk.units.begin(access.practice_id) as uow:
        after = await uow.deb_files.look_from(look.cursor, again=LOOKED_AT_AGAIN)
        gaps = [each.gap for each in await uow.deb_gaps.open(look.cursor.contract_id)]
    # Gaps that the look itself does not come by are asked for by name, a few each time.
    for gap in [gap for gap in gaps if gap.last <= after][:OLD_GAPS_MAX]:
        page = await _page(look, access, admission, desk, after=gap.first - 1)
        await _take_new(look, _within(page, gap), access, admission, desk)
    for _ in range(PAGES_MAX):
        page = await _page(look, access, admission, desk, after=after)
        await _take_new(look, page.files, access, admission, desk)
        if look.over:
            return
        if not page.more or not page.files:
            look.complete = True
            return
        after = max(after, *(file.position for file in page.files))


def _within(page: DebFilePage, gap: Gap) -> Sequence[ListedDebFile]:
    return [file for file in page.files if file.position <= gap.last]


async def _page(
    look: _Look, access: PortalAccess, admission: Admission, desk: _Desk, *, after: int
) -> DebFilePage:
    """Return a part of the list; nothing once the look is over."""
    nothing = DebFilePage((), more=False)
    if look.over:
        return nothing
    try:
        page = await desk.portal.list_deb_files(access, after=after)
    except PortalSilentError as error:
        look.note(error.code)
        look.over = True
        await report(admission, error.code, desk.units, clock=desk.clock, policy=desk.policy)
        return nothing
    await report(admission, ANSWERED, desk.units, clock=desk.clock, policy=desk.policy)
    look.listed.update(file.position for file in page.files)
    return page


async def _take_new(
    look: _Look,
    files: Sequence[ListedDebFile],
    access: PortalAccess,
    admission: Admission,
    desk: _Desk,
) -> None:
    if not files:
        return
    async with desk.units.begin(access.practice_id) as uow:
        seen = await uow.deb_files.seen(look.cursor.contract_id, [file.file_id for file in files])
    for file in files:
        if look.over:
            return
        if (file.file_id, file.sha256) in seen:
            look.pass_by(file.position)
        else:
            await _take(look, file, access, admission, desk)


async def _take(
    look: _Look, file: ListedDebFile, access: PortalAccess, admission: Admission, desk: _Desk
) -> None:
    try:
        fetched = await _fetch(look, file, access, desk)
        async with desk.units.begin(access.practice_id) as uow:
            look.fetched += await _record(fetched, uow)
            await _renew(look, uow, desk)
    except PortalSilentError as error:
        look.note(error.code)
        await report(admission, error.code, desk.units, clock=desk.clock, policy=desk.policy)
        if blamed(error.code) is CircuitScope.PORTAL:
            look.over = True
        else:
            look.refused[file.position] = error.code
    except DebFileRejectedError as error:
        look.note(error.code)
        look.refused[file.position] = error.code
    except TransientError:
        look.note("storage-not-available")
    except _LeaseLostError:
        return
    else:
        look.pass_by(file.position)


async def _renew(look: _Look, uow: UnitOfWork, desk: _Desk) -> None:
    until = desk.clock.now() + desk.policy.lease
    if await uow.deb_files.renew(look.cursor, lease_until=until):
        look.cursor = replace(look.cursor, lease_until=until)
    else:
        look.over = True


async def _fetch(
    look: _Look, file: ListedDebFile, access: PortalAccess, desk: _Desk
) -> FetchedDebFile:
    pieces = _held(look, desk.portal.download_deb_file(access, file), access, desk)
    async with aclosing(pieces):
        content = await desk.documents.receive_deb_file(
            pieces, file, practice_id=access.practice_id
        )
    return FetchedDebFile(
        deb_file_id=derived_id("deb-file", access.practice_id, content.sha256),
        practice_id=access.practice_id,
        contract_id=look.cursor.contract_id,
        portal_file_id=file.file_id,
        name=file.name,
        position=file.position,
        layout=look.terms.deb_layout,
        content=content,
        fetched_at=desk.clock.now(),
    )


async def _held(
    look: _Look, pieces: AsyncIterator[bytes], access: PortalAccess, desk: _Desk
) -> AsyncGenerator[bytes, None]:
    """Pass a file's pieces on, and keep the contract in hand however long they take."""
    renew_at = desk.clock.now() + desk.policy.lease / 2
    async for piece in pieces:
        if desk.clock.now() >= renew_at:
            async with desk.units.begin(access.practice_id) as uow:
                await _renew(look, uow, desk)
            if look.over:
                raise _LeaseLostError
            renew_at = desk.clock.now() + desk.policy.lease / 2
        yield piece


async def _record(file: FetchedDebFile, uow: UnitOfWork) -> int:
    """Record the file, or, where its bytes are here already, that they were offered again."""
    is_new = await uow.deb_files.add(file)
    await uow.deb_files.note_listing(file)
    if is_new:
        uow.record(DebFileWasFetched(file))
    return int(is_new)
