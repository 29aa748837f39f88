"""Reads a DEB file into rows and decides whether the file as a whole may be booked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.lines import in_chunks
from services.reconciliation.domain.deb.reader import DebReader, Item
from services.reconciliation.domain.deb.records import DebRow, FileFault, Header
from services.reconciliation.domain.handing import Unbooked
from services.reconciliation.handlers.deb_lease import DebLease
from services.reconciliation.handlers.hold_deb_file import hold_deb_file
from services.reconciliation.ports.content import ContentDamagedError, ContentStore

STAGING_ROWS = 2000
_CLOCKS_DIFFER = timedelta(days=1)
"""How far a header may be dated ahead: the factor's clock or its midnight may be others."""


@dataclass(frozen=True, slots=True)
class StageDebFile:
    """Read the file in hand."""

    lease: DebLease


@dataclass(slots=True)
class _Reading:
    header: Header | None = None
    fault: FileFault | None = None
    rows_read: int = 0
    has_stored: bool = False
    waiting: list[DebRow] = field(default_factory=list)
    storing: asyncio.Task[None] | None = None


async def stage_deb_file(
    command: StageDebFile, content: ContentStore, layouts: Mapping[str, Layout]
) -> date | None:
    """Store all rows, then note the file as whole, or hold it.

    Returns:
        The date of the file, if it may be booked; None if it is held, or waits for the one before.

    The bytes are proved before the first row is stored, every row is stored before the trailer is
    judged, and nothing is booked here. A crash at any point is mended by reading again: rows that
    are stored stay as they are. Rows are stored while the next are read. Memory is that of a piece
    of the file and of twice STAGING_ROWS rows.

    Raises:
        LeaseLostError: another worker took the file over.
        StopAskedError: the process is to end; what is stored stays stored.
        ContentAwayError: the object store does not give the file now.
        PermanentError: the bytes are not those that were announced, or another practice's.
        TransientError: the database did not answer.
    """
    lease = command.lease
    file = lease.file
    layout = layouts.get(file.layout)
    if layout is None:
        fault = FileFault("unknown-layout", None, f"there is no layout {file.layout}")
        return await _hold(lease, _Reading(fault=fault))
    lease.check_goes_on()
    reading = await _read(lease, layout, content)
    if reading.fault is None:
        return await _accept(lease, reading)
    return await _hold(lease, reading)


async def _read(lease: DebLease, layout: Layout, content: ContentStore) -> _Reading:
    reader, reading = DebReader(layout), _Reading()
    try:
        await _read_rows(lease, reading, reader, content)
        await _store(lease, reading)
    finally:
        await _stored(reading)
    reading.rows_read = reader.rows_read
    if reading.header is not None and reading.fault is None:
        created_on = reader.file_date(
            fetched_on=lease.file.fetched_on, ahead=lease.policy.dated_ahead
        )
        reading.header = replace(reading.header, created_on=created_on)
    return reading


async def _read_rows(
    lease: DebLease, reading: _Reading, reader: DebReader, content: ContentStore
) -> None:
    pieces = content.stream(lease.file.content, practice_id=lease.file.practice_id)
    try:
        async for piece in pieces:
            for chunk in in_chunks(piece):
                await _take(lease, reading, reader.feed(chunk))
                await asyncio.sleep(0)  # rows that are being stored go on to the database
            if reading.fault is not None:
                break
        await _take(lease, reading, reader.finish())
    except ContentDamagedError as error:
        if not reading.has_stored:
            raise
        # They were right when they were proved before the first row: rows of them are stored.
        reading.fault = FileFault("content-changed", None, str(error))


async def _take(lease: DebLease, reading: _Reading, items: Iterator[Item]) -> None:
    for item in items:
        if reading.fault is not None:
            return
        if isinstance(item, DebRow):
            reading.waiting.append(item)
        elif isinstance(item, FileFault):
            reading.fault = item
        else:
            reading.header = item
            reading.fault = await _header_fault(lease, item)
        if len(reading.waiting) >= STAGING_ROWS:
            await _store(lease, reading)


async def _header_fault(lease: DebLease, header: Header) -> FileFault | None:
    async with lease.open_unit(lease.file.practice_id) as uow:
        contract = await uow.practices.contract(lease.file.contract_id)
    # A file that names no account is that of the contract under which it was fetched.
    if contract is None or header.account not in {None, contract.account_number}:
        return FileFault(
            "foreign-account", header.line, f"account {header.account} is not of this contract"
        )
    if header.is_test and not lease.policy.accept_test_files:
        return FileFault("test-file", header.line, "the header marks it as a test")
    fetched_on = lease.file.fetched_on
    latest = fetched_on + lease.policy.dated_ahead + _CLOCKS_DIFFER
    if header.created_on is not None and header.created_on > latest:
        return FileFault(
            "impossible-file-date",
            header.line,
            f"the header is dated {header.created_on}, but the file was fetched on {fetched_on}",
        )
    return None


async def _store(lease: DebLease, reading: _Reading) -> None:
    """Begin to store the rows that wait, once those before them are stored."""
    await _stored(reading)
    if reading.waiting:
        lease.check_goes_on()
        rows, reading.waiting, reading.has_stored = reading.waiting, [], True
        reading.storing = asyncio.create_task(_write(lease, rows))


async def _stored(reading: _Reading) -> None:
    storing, reading.storing = reading.storing, None
    if storing is not None:
        await storing


async def _write(lease: DebLease, rows: list[DebRow]) -> None:
    async with lease.unit() as uow:
        await uow.deb_files.stage(lease.file, rows)


async def _accept(lease: DebLease, reading: _Reading) -> date | None:
    header = reading.header
    assert header is not None  # noqa: S101 - a file without one has a fault
    async with lease.unit() as uow:
        if header.file_id is not None:  # files without an id have no sequence
            found = await uow.deb_files.sequence_fault(lease.file, header)
            if isinstance(found, Unbooked):
                await uow.deb_files.wait_for(lease.file, header, found)
                return None
            reading.fault = found
        if reading.fault is None:
            await uow.deb_files.mark_staged(lease.file, header, rows_read=reading.rows_read)
            return header.created_on
    return await _hold(lease, reading)


async def _hold(lease: DebLease, reading: _Reading) -> date | None:
    assert reading.fault is not None  # noqa: S101 - the caller found one
    async with lease.unit() as uow:
        await hold_deb_file(
            lease.file,
            reading.fault,
            uow,
            lease.clock,
            header=reading.header,
            rows_read=reading.rows_read,
        )
    return None
