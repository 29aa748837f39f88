"""DEB files of which nothing is booked because a person must see to them, as items of the queue."""

from __future__ import annotations

from services.reconciliation.domain.releasing import HOLD_REASONS, Release
from services.reconciliation.views.exception_kind import ANYBODY, DECIDERS, Action, ExceptionKind

_UNRELEASABLE = frozenset(
    code for code, reason in HOLD_REASONS.items() if reason.release is Release.NEVER
)
DEB_FILE = {
    "contract_id": "f.contract_id",
    "deb_file_id": "f.deb_file_id",
    "deb_file_name": "coalesce(f.file_id, f.portal_file_id)",
}
"""What an item says of the file that it is about."""

DEB_FILE_TO_REVIEW = ExceptionKind(
    name="deb-file-to-review",
    means="a DEB file waits for a person to look at it before it is booked",
    ends="a person has it booked, or holds it",
    sentence="DEB file {deb_file_name} waits to be reviewed before it is booked.",
    source="deb_file f WHERE f.review IS NOT NULL",
    key="f.deb_file_id",
    practice="f.practice_id",
    is_open="f.status = 'staged' AND f.review = 'awaited'",
    columns=DEB_FILE
    | {
        "since": "f.received_at",
        "reason_code": "'review-awaited'",
        "amount_rappen": "f.at_stake_rappen",
    },
    actions=(
        Action("reconciliation", "previewDebFile", ANYBODY),
        Action("reconciliation", "bookDebFile", DECIDERS),
        Action("reconciliation", "holdDebFile", DECIDERS),
    ),
    history="""
    SELECT decided_at AS at, 'resolved' AS event, decided_by AS by_person, reason AS why
    FROM deb_file_decision WHERE deb_file_id = :key AND decision IN ('book', 'hold')""",
)

HELD_DEB_FILE = ExceptionKind(
    name="held-deb-file",
    means="nothing of a DEB file is booked: it does not add up, is not ours, or was held",
    ends="it is released and then adds up, what it waits for comes, another version of it is"
    " booked, or a person discards it",
    sentence="DEB file {deb_file_name} is held: {detail}.",
    # Why it was held the last time, for the file itself forgets that when it is let go.
    source="""deb_file f JOIN LATERAL (
      SELECT at, reason_code, reason_line, reason_detail FROM deb_file_hold
      WHERE deb_file_id = f.deb_file_id AND event = 'held' ORDER BY place DESC LIMIT 1) h ON true
    WHERE true""",
    key="f.deb_file_id",
    practice="f.practice_id",
    is_open="f.status = 'held'",
    columns=DEB_FILE
    | {
        "since": "h.at",
        "reason_code": "h.reason_code",
        "amount_rappen": "f.at_stake_rappen",
        "deb_line": "h.reason_line",
        "detail": "coalesce(h.reason_detail, h.reason_code)",
    },
    actions=(
        Action("reconciliation", "releaseDebFile", DECIDERS),
        Action("reconciliation", "discardDebFile", DECIDERS),
    ),
    not_for={"releaseDebFile": _UNRELEASABLE},
    history="""
    SELECT at, CASE WHEN event = 'ended' THEN 'resolved'
        WHEN row_number() OVER (PARTITION BY event ORDER BY place) = 1 THEN 'opened'
        ELSE 'reopened' END AS event,
      by_person, coalesce(why, reason_detail, reason_code) AS why
    FROM deb_file_hold WHERE deb_file_id = :key ORDER BY place""",
)
