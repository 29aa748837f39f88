"""Takes a DEB file that a person downloaded on the portal's site.

It is open to every contract: on a day on which the portal cannot be asked, a person brings the
file, and where the portal offers the same bytes later, they are a repeat. A file that is missing is
brought with its publication number, which closes its gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.deb_sequence import without
from services.debident_gateway.domain.errors import (
    DebFileHasOtherNumberError,
    DebFileOfOtherContractError,
    DebNumberNotMissingError,
    EmptyDebFileError,
    UnknownContractError,
)
from services.debident_gateway.domain.events import DebFileGapIsClosed, DebFileWasFetched
from services.debident_gateway.domain.manual import foreign_account
from services.debident_gateway.domain.model import ContractTerms, FetchedDebFile
from services.debident_gateway.domain.transmission import Move
from services.debident_gateway.ports import UnitOfWork
from services.debident_gateway.ports.portal import BroughtBytes, Documents
from shared.kernel.clock import Clock
from shared.kernel.ids import derived_id
from shared.kernel.staying_awake import kept_awake


@dataclass(frozen=True, slots=True)
class TakeDebFile:
    """Keep this file and announce it.

    Attributes:
        by: who brings it.
        name: what the file is called; the portal's id of it is not known.
        number: the missing publication number whose file it is, by the person's word.
    """

    practice_id: UUID
    contract_id: UUID
    by: str
    name: str
    file: BroughtBytes
    number: int | None = None


async def take_deb_file(
    command: TakeDebFile, uow: UnitOfWork, documents: Documents, clock: Clock
) -> tuple[UUID, Move, bool]:
    """Store the bytes and tell the books.

    Returns:
        The file's id, whether it was new, and whether its number is missing no more by it.

    The same bytes again are "already made", whoever brought or fetched them first.

    Raises:
        EmptyDebFileError: there are no bytes.
        UnknownContractError: there is no such contract in scope.
        DebFileOfOtherContractError: the file is about another contract of the practice.
        DebFileHasOtherNumberError: the bytes are here under another number.
        DebNumberNotMissingError: no file with this number is missing.
        TransientError: the store did not take the bytes; nothing was recorded.
    """
    if not command.file.size_bytes:
        raise EmptyDebFileError
    terms = await uow.contracts.get(command.contract_id)
    if terms is None or terms.practice_id != command.practice_id:
        raise UnknownContractError
    contracts = await uow.contracts.of_practice(command.practice_id)
    _refuse_foreign_account(command, terms, contracts)
    content = await kept_awake(
        uow, documents.store_deb_file(command.file, practice_id=command.practice_id)
    )
    file = FetchedDebFile(
        deb_file_id=derived_id("deb-file", command.practice_id, content.sha256),
        practice_id=command.practice_id,
        contract_id=command.contract_id,
        portal_file_id=command.name,
        name=command.name,
        position=command.number or 0,
        layout=terms.deb_layout,
        content=content,
        fetched_at=clock.now(),
        source="manual",
        uploaded_by=command.by,
    )
    is_new = await uow.deb_files.add(file)
    if is_new:
        uow.record(DebFileWasFetched(file))
    else:
        known = await uow.deb_files.contract_of(file.deb_file_id)
        if known != command.contract_id:
            accounts = {each.contract_id: each.account_number for each in contracts}
            raise DebFileOfOtherContractError(accounts.get(known, "?") if known else "?")
    placed = command.number is not None and await _place(file, uow, now=clock.now())
    return file.deb_file_id, Move.MADE if is_new else Move.ALREADY_MADE, placed


async def _place(file: FetchedDebFile, uow: UnitOfWork, *, now: datetime) -> bool:
    """Note that a missing number's file is here; return False where that was done before."""
    number = file.position
    placed_as = await uow.deb_files.number_of(file.deb_file_id)
    if placed_as is not None and placed_as != number:
        raise DebFileHasOtherNumberError(placed_as)
    gaps = await uow.deb_gaps.open(file.contract_id)
    here = await uow.deb_files.numbers(file.contract_id)
    missing = next((each for each in gaps if each.gap.first <= number <= each.gap.last), None)
    if missing is None or number in here:
        seen = await uow.deb_files.seen(file.contract_id, [file.portal_file_id])
        if number in here and (file.portal_file_id, file.content.sha256) in seen:
            return False
        raise DebNumberNotMissingError(number)
    await uow.deb_files.note_listing(file)
    rest = without(missing.gap, [*here, number])
    if rest is not None:
        await uow.deb_gaps.save(replace(missing, gap=rest))
    elif await uow.deb_gaps.resolve(missing.gap_id, at=now):
        uow.record(DebFileGapIsClosed(missing, closed_at=now))
    return True


def _refuse_foreign_account(
    command: TakeDebFile, terms: ContractTerms, contracts: list[ContractTerms]
) -> None:
    other = foreign_account(
        command.file.beginning,
        own=terms.account_number,
        others=[each.account_number for each in contracts],
    )
    if other is not None:
        raise DebFileOfOtherContractError(other)
