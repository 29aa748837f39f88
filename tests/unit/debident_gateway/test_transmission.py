"""The transmission's state machine: every step from every state is made, made before, or raises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.debident_gateway.domain.errors import IllegalTransmissionMoveError
from services.debident_gateway.domain.transmission import (
    LOST,
    Move,
    Transmission,
    TransmissionState,
)
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
    "again": lambda it: it.send_again(at=NOW),
}
# The whole machine as one table: state → step → state after it ("=" made before, "!" illegal).
TABLE = {
    "intended": "hold:intended begin:sending taken:! not-sent:! doubt:! absent:= waiting:!"
    " arrival:! refusal:! person:arrived again:intended",
    "sending": "hold:! begin:! taken:sent not-sent:intended doubt:unknown absent:! waiting:!"
    " arrival:! refusal:refused person:arrived again:!",
    "unknown": "hold:! begin:! taken:sent not-sent:! doubt:= absent:intended waiting:unknown"
    " arrival:! refusal:refused person:arrived again:!",
    "sent": "hold:! begin:! taken:= not-sent:! doubt:! absent:! waiting:sent arrival:arrived"
    " refusal:refused person:arrived again:!",
    "arrived": "hold:! begin:! taken:= not-sent:= doubt:= absent:! waiting:! arrival:= refusal:!"
    " person:= again:!",
    "refused": "hold:! begin:! taken:= not-sent:= doubt:= absent:! waiting:! arrival:! refusal:="
    " person:! again:!",
    "withdrawn": "hold:! begin:! taken:! not-sent:! doubt:! absent:! waiting:! arrival:!"
    " refusal:! person:! again:!",
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


def test_what_was_never_sent_and_is_wanted_back_is_withheld_once() -> None:
    subject = transmission()
    assert subject.withhold(at=NOW) is Move.ALREADY_MADE, "nobody wants it back"
    assert subject.ask_withdrawal() is Move.MADE
    assert subject.ask_withdrawal() is Move.ALREADY_MADE
    assert subject.withhold(at=NOW) is Move.MADE
    assert (subject.state, subject.settled_at) == (TransmissionState.WITHDRAWN, NOW)
    assert subject.withhold(at=NOW) is Move.ALREADY_MADE


def test_a_wish_during_an_attempt_waits_for_its_outcome() -> None:
    subject = transmission()
    subject.begin_attempt(lease_until=LATER)
    subject.ask_withdrawal()
    assert subject.withhold(at=NOW) is Move.ALREADY_MADE
    subject.note_not_sent("could-not-connect", next_attempt_at=LATER)
    assert subject.withhold(at=NOW) is Move.MADE


def test_a_doubt_settled_by_the_portals_word_still_forbids_the_withdrawal() -> None:
    subject = transmission()
    subject.begin_attempt(lease_until=LATER)
    subject.note_doubt("time-out", ask_at=LATER)
    subject.note_absent(next_attempt_at=LATER)
    subject.ask_withdrawal()
    assert subject.withhold(at=NOW) is Move.ALREADY_MADE
    assert subject.state is TransmissionState.INTENDED


def test_only_what_the_portal_lost_is_sent_again_and_it_cannot_be_withdrawn() -> None:
    subject = _in("sent")
    subject.may_have_left = True
    subject.note_still_waiting(LOST, ask_at=LATER)
    assert subject.send_again(at=NOW) is Move.MADE
    assert (subject.state, subject.next_action_at) == (TransmissionState.INTENDED, NOW)
    subject.ask_withdrawal()
    assert subject.withhold(at=NOW) is Move.ALREADY_MADE
