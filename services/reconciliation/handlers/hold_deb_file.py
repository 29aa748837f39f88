"""Holds a whole DEB file that does not add up, is not ours, or leaves a gap: nothing is booked."""

from __future__ import annotations

from services.reconciliation.domain.deb.records import FileFault, Header
from services.reconciliation.domain.events import DebFileHeld
from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock


async def hold_deb_file(
    file: ClaimedFile,
    fault: FileFault,
    uow: UnitOfWork,
    clock: Clock,
    *,
    header: Header | None = None,
    rows_read: int = 0,
) -> None:
    """Hold the file for a person, with the reason and the line where it shows."""
    await uow.deb_files.hold(file, fault, header, rows_read=rows_read)
    uow.record(
        DebFileHeld(
            practice_id=file.practice_id,
            deb_file_id=file.deb_file_id,
            contract_id=file.contract_id,
            reason_code=fault.reason,
            line=fault.line,
            held_at=clock.now(),
        )
    )
