"""DEB files that fail again and again while they are booked or undone, as items."""

from __future__ import annotations

from services.reconciliation.views.exception_kind import DECIDERS, Action, ExceptionKind
from services.reconciliation.views.kinds_of_deb_files import DEB_FILE

_AT_STAKE = """(SELECT sum(abs(r.amount_rappen))::bigint FROM deb_row r
    WHERE r.deb_file_id = f.deb_file_id
      AND r.status = CASE f.status WHEN 'undoing' THEN 'booked' ELSE 'staged' END)"""

SET_ASIDE_FILE = ExceptionKind(
    name="set-aside-deb-file",
    means="booking or undoing a DEB file fails again and again; the practice's later files wait",
    ends="it is booked or undone after all; what is booked of it can be undone",
    sentence="DEB file {deb_file_name} is set aside: {detail}.",
    source="deb_file f WHERE f.set_aside_at IS NOT NULL",
    key="f.deb_file_id",
    practice="f.practice_id",
    is_open="f.status IN ('staged', 'undoing') AND f.set_aside_at IS NOT NULL"
    " AND f.went_on_at IS NULL",
    columns=DEB_FILE
    | {
        "since": "f.set_aside_at",
        "reason_code": "CASE f.status WHEN 'undoing' THEN 'undoing-fails' ELSE 'booking-fails' END",
        "amount_rappen": _AT_STAKE,
        "detail": "CASE f.status WHEN 'undoing' THEN 'undoing' ELSE 'booking' END"
        " || ' it ended without a result again and again'",
    },
    actions=(
        Action("reconciliation", "retryDebFile", DECIDERS),
        Action("reconciliation", "undoDebFile", DECIDERS),
    ),
    not_for={"undoDebFile": frozenset({"undoing-fails"})},
    history="""
    SELECT d.decided_at AS at, 'noted' AS event, d.decided_by AS by_person,
      CASE d.decision WHEN 'retry' THEN 'try again: ' ELSE 'undo it: ' END || d.reason AS why
    FROM deb_file_decision d JOIN deb_file f ON f.deb_file_id = d.deb_file_id
    WHERE d.deb_file_id = :key AND d.decision IN ('retry', 'undo')
      AND d.decided_at >= f.set_aside_at
    UNION ALL
    SELECT went_on_at, 'resolved', NULL, 'it went on'
    FROM deb_file WHERE deb_file_id = :key AND went_on_at IS NOT NULL""",
)
