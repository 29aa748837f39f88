"""Says once that a DEB file is missing, and once that nothing of its gap is missing any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from services.debident_gateway.domain.deb_sequence import MissingDebFiles, gaps_in, still_missing
from services.debident_gateway.domain.events import DebFileGapIsClosed, DebFileIsMissing
from services.debident_gateway.domain.model import DebCursor
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.ids import derived_id


async def notice_missing_files(
    cursor: DebCursor,
    uow: UnitOfWork,
    *,
    listed: Iterable[int],
    refused: Mapping[int, str],
    now: datetime,
) -> int:
    """Compare what is here with what the portal lists, after a look that came to its end.

    Args:
        listed: publication numbers of this look.
        refused: those of them whose file cannot be fetched, each with the reason.

    Returns:
        How many gaps are new.
    """
    # Locked first: what a person brings meanwhile is either here, or waits for this look.
    known = await uow.deb_gaps.open(cursor.contract_id)
    here = await uow.deb_files.numbers(cursor.contract_id)
    found = gaps_in(here, listed=listed, refused=refused)
    for missing in known:
        rest = still_missing(missing.gap, found)
        if rest is None:
            if await uow.deb_gaps.resolve(missing.gap_id, at=now):
                uow.record(DebFileGapIsClosed(missing, closed_at=now))
        elif rest != missing.gap:
            await uow.deb_gaps.save(replace(missing, gap=rest))
    new = [gap for gap in found if not any(gap.meets(each.gap) for each in known)]
    for gap in new:
        missing = MissingDebFiles(
            # A number that is missing once more is a gap of its own: the first one has been closed.
            gap_id=derived_id("deb-gap", cursor.contract_id, gap.first, now.isoformat()),
            practice_id=cursor.practice_id,
            contract_id=cursor.contract_id,
            gap=gap,
            noticed_at=now,
        )
        await uow.deb_gaps.save(missing)
        uow.record(DebFileIsMissing(missing))
    return len(new)
