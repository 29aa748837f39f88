"""Fetches what is new of one contract's DEB files; a file counts once its bytes are stored.

The last files are looked at anew each time, and the cursor never passes a file that is not safely
here, so a file is neither lost nor fetched twice. What counts is a file's content: where the portal
offers other bytes under a known id (a truncated file, mended), they are fetched as a file of their
own, and the books judge which of the two can be booked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.debident_gateway.domain.answers import ListedDebFile
from services.debident_gateway.domain.errors import CredentialsUnreadableError
from services.debident_gateway.domain.events import DebFileWasFetched
from services.debident_gateway.domain.manual import MANUAL_ADAPTER
from services.debident_gateway.domain.model import (
    ContractTerms,
    DebCursor,
    FetchedDebFile,
    PortalAccess,
)
from services.debident_gateway.domain.schedule import DispatchPolicy
from services.debident_gateway.handlers.send_order import HTTP_ADAPTER
from services.debident_gateway.ports import (
    DebFileRejectedError,
    DebidentPortal,
    Documents,
    PortalSilentError,
    UnitOfWork,
    UnitsOfWork,
)
from shared.kernel.clock import Clock
from shared.kernel.errors import TransientError
from shared.kernel.ids import derived_id

LOOKED_AT_AGAIN = 100
PAGES_MAX = 20


@dataclass(frozen=True, slots=True)
class FetchDebFiles:
    """Look for new DEB files of this contract if that is due."""

    contract_id: UUID
    practice_id: UUID


@dataclass(slots=True)
class _Look:
    """One look through the list: what is needed for it, and how far it came."""

    cursor: DebCursor
    terms: ContractTerms
    access: PortalAccess | None
    problem: str | None = None
    passed: int = 0
    fetched: int = 0
    held_back: bool = False

    def note(self, problem: str) -> None:
        """Stop moving the cursor; the files behind are still fetched."""
        self.problem = self.problem or problem
        self.held_back = True

    def pass_by(self, position: int) -> None:
        """This file is safely here."""
        if not self.held_back:
            self.passed = max(self.passed, position)


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
    async with units.begin(command.practice_id) as uow:
        look = await _claim(command, uow, now=clock.now(), policy=policy)
    if look is None:
        return None
    if look.access is not None:
        await _look_through(look, look.access, units, portal, documents, clock=clock)
    async with units.begin(command.practice_id) as uow:
        await uow.deb_files.save_cursor(
            replace(
                look.cursor,
                position=max(look.cursor.position, look.passed),
                next_poll_at=clock.now() + _pause(look, policy),
                problem=look.problem,
            )
        )
    return look.fetched


def _pause(look: _Look, policy: DispatchPolicy) -> timedelta:
    interval = look.terms.deb_poll_interval
    return min(interval, policy.hold_recheck) if look.problem else interval


async def _claim(
    command: FetchDebFiles, uow: UnitOfWork, *, now: datetime, policy: DispatchPolicy
) -> _Look | None:
    terms = await uow.contracts.get(command.contract_id)
    if terms is None:
        return None
    cursor = await uow.deb_files.claim(command.contract_id, now=now, lease_until=now + policy.lease)
    if cursor is None:
        return None
    look = _Look(cursor, terms, access=None)
    if terms.adapter == MANUAL_ADAPTER:
        return look  # A person brings the files; should the contract change, the look is here.
    if terms.adapter != HTTP_ADAPTER:
        look.problem = f"contract-uses-{terms.adapter}"
        return look
    try:
        look.access = await uow.credentials.access(
            command.practice_id, account_number=terms.account_number
        )
    except CredentialsUnreadableError as error:
        look.problem = error.code
        return look
    if look.access is None:
        look.problem = "portal-credentials-missing"
    return look


async def _look_through(
    look: _Look,
    access: PortalAccess,
    units: UnitsOfWork,
    portal: DebidentPortal,
    documents: Documents,
    *,
    clock: Clock,
) -> None:
    async with units.begin(access.practice_id) as uow:
        after = await uow.deb_files.look_from(look.cursor, again=LOOKED_AT_AGAIN)
    for _ in range(PAGES_MAX):
        try:
            page = await portal.list_deb_files(access, after=after)
        except PortalSilentError as error:
            look.note(error.code)
            return
        async with units.begin(access.practice_id) as uow:
            seen = await uow.deb_files.seen(
                look.cursor.contract_id, [file.file_id for file in page.files]
            )
        for file in page.files:
            if (file.file_id, file.sha256) in seen:
                look.pass_by(file.position)
            else:
                await _take(look, file, access, units, portal, documents, clock)
            after = max(after, file.position)
        if not page.more or not page.files:
            return


async def _take(
    look: _Look,
    file: ListedDebFile,
    access: PortalAccess,
    units: UnitsOfWork,
    portal: DebidentPortal,
    documents: Documents,
    clock: Clock,
) -> None:
    try:
        fetched = await _fetch(look, file, access, portal, documents, now=clock.now())
        async with units.begin(access.practice_id) as uow:
            look.fetched += await _record(fetched, uow)
    except (PortalSilentError, DebFileRejectedError) as error:
        look.note(error.code)
    except TransientError:
        look.note("storage-not-available")
    else:
        look.pass_by(file.position)


async def _fetch(
    look: _Look,
    file: ListedDebFile,
    access: PortalAccess,
    portal: DebidentPortal,
    documents: Documents,
    *,
    now: datetime,
) -> FetchedDebFile:
    data = await portal.download_deb_file(access, file)
    content = await documents.store_deb_file(data, practice_id=access.practice_id)
    return FetchedDebFile(
        deb_file_id=derived_id("deb-file", access.practice_id, content.sha256),
        practice_id=access.practice_id,
        contract_id=look.cursor.contract_id,
        portal_file_id=file.file_id,
        name=file.name,
        position=file.position,
        layout=look.terms.deb_layout,
        content=content,
        fetched_at=now,
    )


async def _record(file: FetchedDebFile, uow: UnitOfWork) -> int:
    """Record the file, or, where its bytes are here already, that they were offered again."""
    is_new = await uow.deb_files.add(file)
    await uow.deb_files.note_listing(file)
    if is_new:
        uow.record(DebFileWasFetched(file))
    return int(is_new)
