"""Registers a fetched DEB file; a worker reads and books it later, in bounded transactions."""

from __future__ import annotations

from dataclasses import dataclass

from services.reconciliation.domain.model import FetchedFile
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class RegisterDebFile:
    """Take up this file."""

    file: FetchedFile


async def register_deb_file(command: RegisterDebFile, uow: UnitOfWork, clock: Clock) -> bool:
    """Register the file; return False if its bytes were here before, which is only recorded.

    A file whose content was missing or damaged is then read again.

    Raises:
        TooEarlyError: the contract is not known yet.
    """
    file = command.file
    if await uow.practices.contract(file.contract_id) is None:
        raise TooEarlyError(
            f"contract {file.contract_id} is unknown", waits_for=str(file.practice_id)
        )
    return await uow.deb_files.register(file, received_at=clock.now())
