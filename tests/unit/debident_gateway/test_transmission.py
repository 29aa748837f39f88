"""The transmission's state machine: every step from every state is made, made before, or raises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.debident_gateway.domain.errors import IllegalTransmissionMoveError
from services.debident_gateway.domain.transmission import Move, Transmission, TransmissionState
from tests.unit.debident_gateway.builders import NOW, transmission

LATER = NOW + timedelta(minutes=1)
STEPS: dict[str, Callable[[Transmission], Move]] = {
    "hold": lambda it: it.hold("portal-credentials-missing", until=LATER),
    "begin": lambda it: it.begin_attempt(lease_until=LATER),
    "taken": lambda it: it.note_taken("ref", at=NOW, next_check_at=LATER),
    "not-sent": lambda it: it.note_not_sent("could-not-connect", next_attempt_at=LATER),
    "doubt": lambda it: it.note_doubt("time-out", ask_at=LATER),
    "absent": lambda it: it.note_absent(next_attempt_at=LATER),
    "waiting": lambda it: it.note_still_waiting(None, ask_at=LATER),
    "arrival": lambda it: it.note_arrival("portal-status", at=NOW),
    "refusal": lambda it: it.note_refusal("not-a-zip", at=NOW),
    "person": lambda it: it.note_confirmed_by_person(at=NOW),
}
# The whole machine as one table: state → step → state after it ("=" made before, "!" illegal).
TABLE = {
    "intended": "hold:intended begin:sending taken:! not-sent:! doubt:! absent:= waiting:!"
    " arrival:! refusal:! person:arrived",
    "sending": "hold:! begin:! taken:sent not-sent:intended doubt:unknown absent:! waiting:!"
    " arrival:! refusal:refused person:arrived",
    "unknown": "hold:! begin:! taken:sent not-sent:! doubt:= absent:intended waiting:unknown"
    " arrival:! refusal:refused person:arrived",
    "sent": "hold:! begin:! taken:= not-sent:! doubt:! absent:! waiting:sent arrival:arrived"
    " refusal:refused person:arrived",
    "arrived": "hold:! begin:! taken:= not-sent:= doubt:= absent:! waiting:! arrival:= refusal:!"
    " person:=",
    "refused": "hold:! begin:! taken:= not-sent:= doubt:= absent:! waiting:! arrival:! refusal:="
    " person:!",
}
CASES = [
    (state, *entry.split(":")) for state, entries in TABLE.items() for entry in entries.split()
]


def _in(state: str) -> Transmission:
    return transmission(state=TransmissionState(state), attempts=1, sent_at=NOW)


def test_the_table_covers_every_step_from_every_state() -> None:
    assert len(CASES) == len(STEPS) * len(TransmissionState)


@pytest.mark.parametrize(("state", "step", "expected"), CASES)
def test_each_step_is_made_or_was_made_before_or_raises(
    state: str, step: str, expected: str
) -> None:
    subject = _in(state)
    if expected == "!":
        with pytest.raises(IllegalTransmissionMoveError):
            STEPS[step](subject)
        assert subject == _in(state)
    elif expected == "=":
        assert STEPS[step](subject) is Move.ALREADY_MADE
        assert subject == _in(state)
    else:
        assert STEPS[step](subject) is Move.MADE
        assert subject.state == expected


def test_a_failed_send_does_not_count_as_sent() -> None:
    subject = transmission()
    subject.begin_attempt(lease_until=LATER)
    subject.note_not_sent("could-not-connect", next_attempt_at=LATER)
    assert (subject.state, subject.sent_at, subject.failures) == ("intended", None, 1)


def test_release_makes_only_a_held_order_due() -> None:
    subject = transmission(next_action_at=LATER)
    assert subject.release(now=NOW) is Move.ALREADY_MADE
    subject.hold("portal-credentials-missing", until=LATER)
    assert subject.release(now=NOW) is Move.MADE
    assert subject.next_action_at == NOW
