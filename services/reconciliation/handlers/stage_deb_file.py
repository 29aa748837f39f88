"""Reads a DEB file into rows and decides whether the file as a whole may be booked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.lines import in_chunks
from services.reconciliation.domain.deb.reader import DebReader
from services.reconciliation.domain.deb.records import DebRow, FileFault, Header
from services.reconciliation.handlers.deb_lease import BookingPolicy, leased
from services.reconciliation.handlers.hold_deb_file import hold_deb_file
from services.reconciliation.ports import ClaimedFile, ContentStore, UnitOpener
from shared.kernel.clock import Clock

STAGING_ROWS = 2000


@dataclass(frozen=True, slots=True)
class StageDebFile:
    """Read this file."""

    file: ClaimedFile


@dataclass(slots=True)
class _Reading:
    header: Header | None = None
    fault: FileFault | None = None
    rows_read: int = 0
    waiting: list[DebRow] = field(default_factory=list)


async def stage_deb_file(
    command: StageDebFile,
    open_unit: UnitOpener,
    content: ContentStore,
    layouts: Mapping[str, Layout],
    policy: BookingPolicy,
    clock: Clock,
) -> date | None:
    """Store all rows, then note the file as whole, or hold it.

    Returns:
        The date of the file, if it may be booked; None if it is held.

    Every row is stored before the trailer is judged, and nothing is booked here. A crash at any
    point is mended by reading again: rows that are stored stay as they are.

    Raises:
        LeaseLostError: another worker took the file over.
        PermanentError: the bytes are not those that were announced.
        TransientError: the database or the object store did not answer.
    """
    file = command.file
    layout = layouts.get(file.layout)
    if layout is None:
        fault = FileFault("unknown-layout", None, f"there is no layout {file.layout}")
        return await _hold(file, _Reading(fault=fault), open_unit, policy, clock)
    data = await content.read(file.content, practice_id=file.practice_id)
    reading = await _read(file, layout, data, open_unit, policy, clock)
    if reading.fault is None:
        return await _accept(file, reading, open_unit, policy, clock)
    return await _hold(file, reading, open_unit, policy, clock)


async def _read(
    file: ClaimedFile,
    layout: Layout,
    data: bytes,
    open_unit: UnitOpener,
    policy: BookingPolicy,
    clock: Clock,
) -> _Reading:
    reader, reading = DebReader(layout), _Reading()
    for item in reader.read(in_chunks(data)):
        if isinstance(item, DebRow):
            reading.waiting.append(item)
        elif isinstance(item, FileFault):
            reading.fault = item
        else:
            reading.header = item
            reading.fault = await _header_fault(file, item, open_unit, policy)
        if reading.fault is not None:
            break
        if len(reading.waiting) >= STAGING_ROWS:
            await _store(file, reading, open_unit, policy, clock)
    await _store(file, reading, open_unit, policy, clock)
    reading.rows_read = reader.rows_read
    return reading


async def _header_fault(
    file: ClaimedFile, header: Header, open_unit: UnitOpener, policy: BookingPolicy
) -> FileFault | None:
    async with open_unit(file.practice_id) as uow:
        contract = await uow.practices.contract(file.contract_id)
    if contract is None or header.account != contract.account_number:
        return FileFault(
            "foreign-account", header.line, f"account {header.account} is not of this contract"
        )
    if header.is_test and not policy.accept_test_files:
        return FileFault("test-file", header.line, "the header marks it as a test")
    return None


async def _store(
    file: ClaimedFile,
    reading: _Reading,
    open_unit: UnitOpener,
    policy: BookingPolicy,
    clock: Clock,
) -> None:
    if reading.waiting:
        async with leased(file, open_unit, policy, clock) as uow:
            await uow.deb_files.stage(file, reading.waiting)
        reading.waiting = []


async def _accept(
    file: ClaimedFile,
    reading: _Reading,
    open_unit: UnitOpener,
    policy: BookingPolicy,
    clock: Clock,
) -> date | None:
    header = reading.header
    assert header is not None  # noqa: S101 - a file without one has a fault
    async with leased(file, open_unit, policy, clock) as uow:
        reading.fault = await uow.deb_files.sequence_fault(file, header)
        if reading.fault is None:
            await uow.deb_files.mark_staged(file, header, rows_read=reading.rows_read)
            return header.created_on
    return await _hold(file, reading, open_unit, policy, clock)


async def _hold(
    file: ClaimedFile,
    reading: _Reading,
    open_unit: UnitOpener,
    policy: BookingPolicy,
    clock: Clock,
) -> date | None:
    assert reading.fault is not None  # noqa: S101 - the caller found one
    async with leased(file, open_unit, policy, clock) as uow:
        await hold_deb_file(
            file, reading.fault, uow, clock, header=reading.header, rows_read=reading.rows_read
        )
    return None
