"""A contract whose portal only a person can use: what a person reports, and what can be wrong.

The gateway calls no portal for such a contract. It gives out the package, keeps a person's word
with what was seen, and takes the DEB files that a person brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MANUAL_ADAPTER = "manual"
AWAITS_PERSON = "person-looks-for-arrival"
"""Why a handed over order waits: only a person can see whether it has arrived."""
_LOOKED_THROUGH_BYTES = 65_536


class ReportKind(StrEnum):
    """What a person reports of an order."""

    HANDED_OVER = "handed-over"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class HandReport:
    """A person's word about an order; kept for ever, once per order and kind.

    Attributes:
        by: who reports.
        observed_at: when it was done or seen, by that person's word.
        reference: what the portal's site calls the order.
        seen: what was seen, in the person's own words; stays in this house.
        recorded_at: when it was written down here.
    """

    order_id: UUID
    practice_id: UUID
    kind: ReportKind
    by: str
    observed_at: datetime
    reference: str
    seen: str
    recorded_at: datetime


def foreign_account(beginning: bytes, *, own: str, others: Iterable[str]) -> str | None:
    """Return the account of another contract that a file names in place of its own, or None.

    It needs no layout, so that a file which was brought for the wrong contract is noticed before
    its bytes are bound to it. A file that names neither is not judged here.
    """
    beginning = beginning[:_LOOKED_THROUGH_BYTES]
    if _names(beginning, own):
        return None
    return next((other for other in others if other != own and _names(beginning, other)), None)


def _names(data: bytes, account: str) -> bool:
    pattern = rb"(?<![0-9A-Za-z])" + re.escape(account.encode()) + rb"(?![0-9A-Za-z])"
    return re.search(pattern, data) is not None
