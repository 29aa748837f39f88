"""The dead letters of every service as items of the queue: our own, and what others report."""

from __future__ import annotations

from services.reconciliation.domain.exceptions import DEAD_LETTER, NOBODYS
from services.reconciliation.views.exception_kind import OFFICE, Action, ExceptionKind

_NO_PLACE = frozenset({"unreadable-headers", "conflicting-content"})
"""Reasons of letters that have no place in any order, and so cannot be sent through again."""

DEAD_LETTERS = ExceptionKind(
    name=DEAD_LETTER,
    means="a service could not work an event; what it says has not taken effect there",
    ends="a person has the service send it through again, or drop it",
    sentence="The event {detail} could not be worked by {service}: {reason_code}.",
    source=f"""(
    SELECT d.event_id AS key, d.practice_id, 'reconciliation' AS service, d.event_id, d.died_at,
      d.reason, i.type || ' of ' || i.source AS detail, i.status = 'dead' AS is_open
    FROM dead_letter d JOIN inbox i USING (event_id)
    UNION ALL
    SELECT e.key, nullif(e.practice_id, '{NOBODYS}'), e.service, e.event_id, e.since,
      e.reason_code, e.detail, e.round > e.ended_round
    FROM reported_exception e WHERE e.kind = '{DEAD_LETTER}' AND e.round > 0) AS l WHERE true""",  # noqa: S608 - constants of ours
    key="l.key",
    practice="l.practice_id",
    is_open="l.is_open",
    columns={
        "since": "l.died_at",
        "reason_code": "l.reason",
        "service": "l.service",
        "event_id": "l.event_id",
        "detail": "l.detail",
    },
    actions=(Action(None, "replayDeadLetter", OFFICE), Action(None, "dropDeadLetter", OFFICE)),
    not_for={"replayDeadLetter": _NO_PLACE},
    history="""
    SELECT coalesce(worked_at, received_at) AS at, 'resolved' AS event, NULL AS by_person,
      coalesce(reason, 'worked') AS why
    FROM inbox WHERE event_id = :key AND status IN ('done', 'repeat', 'skipped')""",
)
