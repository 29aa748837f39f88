"""Finds what is missing of a contract's DEB files: the portal counts them, 1, 2, 3, ..."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from uuid import UUID

NOT_LISTED = "not-listed"


@dataclass(frozen=True, slots=True)
class Gap:
    """Publication numbers, one behind the other, whose files are not here.

    Attributes:
        seen: the number behind the gap that shows it; of a file that is listed and cannot be
            fetched, its own.
        reason_code: `not-listed`, or why the listed file could not be fetched.
    """

    first: int
    last: int
    seen: int
    reason_code: str = NOT_LISTED

    def meets(self, other: Gap) -> bool:
        """Whether a number is in both."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class MissingDebFiles:
    """A gap as it was noticed; its bounds shrink while files show up."""

    gap_id: UUID
    practice_id: UUID
    contract_id: UUID
    gap: Gap
    noticed_at: datetime


def gaps_in(here: Iterable[int], *, listed: Iterable[int], refused: Mapping[int, str]) -> list[Gap]:
    """Return what is missing, by number.

    Nothing is missing before the first known number: an account's older files may be gone.

    Args:
        here: numbers whose files are stored.
        listed: numbers that the portal lists; one that is neither stored nor refused is still to
            come, and is no gap.
        refused: listed numbers whose file cannot be fetched, each with the reason.
    """
    stored = frozenset(here)
    known = sorted(stored.union(listed, refused))
    skipped = [Gap(a + 1, b - 1, seen=b) for a, b in pairwise(known) if b > a + 1]
    unusable = [
        Gap(number, number, number, code)
        for number, code in refused.items()
        if number not in stored
    ]
    return sorted([*skipped, *unusable], key=lambda gap: gap.first)


def without(gap: Gap, here: Iterable[int]) -> Gap | None:
    """Return the bounds of what is missing of a gap beside the numbers that are here; None: all."""
    inside = {number for number in here if gap.first <= number <= gap.last}
    if len(inside) == gap.last - gap.first + 1:
        return None
    first, last = gap.first, gap.last
    while first in inside:
        first += 1
    while last in inside:
        last -= 1
    return replace(gap, first=first, last=last)


def still_missing(known: Gap, found: Iterable[Gap]) -> Gap | None:
    """Return the bounds of what is missing of a known gap by now; None: all of it is here."""
    rest = [gap for gap in found if gap.meets(known)]
    if not rest:
        return None
    first, last = min(gap.first for gap in rest), max(gap.last for gap in rest)
    return Gap(max(first, known.first), min(last, known.last), known.seen, rest[0].reason_code)
