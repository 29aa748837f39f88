"""What a person may do about a held DEB file: one table, reason by reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

HELD_BY_PERSON = "held-by-person"


class Release(StrEnum):
    """What releasing a held file does."""

    ACCEPT = "accept"
    READ_AGAIN = "read-again"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class HoldReason:
    """One reason for which files are held.

    Attributes:
        release: ACCEPT: the person takes the responsibility for it, all else is judged again.
            READ_AGAIN: the file is read by the contract's present layout and judged again, this
            reason included. NEVER: no person can let it go.
        explanation: in plain words, for the person.
    """

    release: Release
    explanation: str


_AGAIN = Release.READ_AGAIN
HOLD_REASONS: dict[str, HoldReason] = {
    HELD_BY_PERSON: HoldReason(
        Release.ACCEPT, "A person held the file. Released, it is judged as if it had just come."
    ),
    "sequence-gap": HoldReason(
        Release.ACCEPT,
        "The file before it was never booked. Release it only if that file will never come, or has"
        " nothing that is missing; what an earlier file brings later is booked all the same.",
    ),
    "sequence-restart": HoldReason(
        Release.ACCEPT,
        "It claims to be the account's first file, but others are booked. Release it if the factor"
        " began to count anew.",
    ),
    "foreign-account": HoldReason(
        Release.NEVER, "The file is about another account: it is not this practice's to book."
    ),
    "test-file": HoldReason(
        _AGAIN, "The factor marked it as a test. It is booked only where test files are accepted."
    ),
    "file-id-reused": HoldReason(
        _AGAIN, "Another file has its id. It can be booked once that one is undone."
    ),
    "impossible-file-date": HoldReason(
        _AGAIN,
        "Its header is dated after it was fetched. Put the layout right if it misreads the date;"
        " else have the factor send it again.",
    ),
    "trailer-count-mismatch": HoldReason(
        _AGAIN, "The trailer counts other rows than there are: never bookable as it reads now."
    ),
    "trailer-sum-mismatch": HoldReason(
        _AGAIN, "The trailer's sum is not that of the rows. It is never bookable as it reads now."
    ),
    "kind-sum-mismatch": HoldReason(
        _AGAIN, "The sum of a kind is not that of its rows. It is never bookable as it reads now."
    ),
    "malformed-header": HoldReason(_AGAIN, "The header cannot be read by this layout."),
    "malformed-trailer": HoldReason(_AGAIN, "The trailer cannot be read by this layout."),
    "truncated": HoldReason(_AGAIN, "The file ends before its trailer: have it fetched again."),
    "unexpected-record": HoldReason(_AGAIN, "The records do not follow as the layout says."),
    "wrong-layout": HoldReason(
        _AGAIN, "The file is not of this layout. Put the contract's layout right, then release it."
    ),
    "unknown-layout": HoldReason(
        _AGAIN, "There is no such layout. Put the contract's layout right, then release it."
    ),
    "content-missing": HoldReason(_AGAIN, "Its bytes were not to be had."),
    "content-damaged": HoldReason(_AGAIN, "Its bytes are not those that were announced."),
    "content-unreadable": HoldReason(_AGAIN, "Its bytes could not be read."),
    "content-changed": HoldReason(_AGAIN, "Its bytes changed while they were read."),
    "mixed-accounts": HoldReason(
        _AGAIN, "Its rows are about several accounts. Have the factor give each account its own."
    ),
    "wrong-encoding": HoldReason(
        _AGAIN,
        "It is in another encoding than its layout says. Put the layout right, then release it.",
    ),
    "too-many-attempts": HoldReason(_AGAIN, "Reading it ended its worker again and again."),
}
"""Every reason for which a file is held, and what a person may do about it."""
NEVER_SUPERSEDED = frozenset({"foreign-account", "file-id-reused"})
"""Reasons for which a held file is no version of the file whose id or name it shares."""
_UNKNOWN = HoldReason(_AGAIN, "The file is read and judged again.")


def hold_reason(code: str) -> HoldReason:
    """Return what may be done about a file that is held for this reason."""
    return HOLD_REASONS.get(code, _UNKNOWN)
