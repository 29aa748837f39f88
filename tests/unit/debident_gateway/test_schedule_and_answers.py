"""Retry pace, the comparison of an answer with the order, and the words for people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.debident_gateway.domain.answers import AnsweredLine, line_mismatch
from services.debident_gateway.domain.schedule import RetrySchedule
from services.debident_gateway.domain.transmission import TransmissionState
from services.debident_gateway.domain.words import say_attempt, say_poll, say_state


def _latest(low: int, high: int) -> int:
    return high


def _earliest(low: int, high: int) -> int:
    return low


def test_delays_double_up_to_the_longest_and_then_become_slow() -> None:
    schedule = RetrySchedule(
        first=timedelta(seconds=2), longest=timedelta(seconds=10), quick_attempts=5
    )
    delays = [schedule.delay_after(n, jitter=_latest) for n in range(1, 8)]
    seconds = [delay.total_seconds() for delay in delays]
    assert seconds == [2, 4, 8, 10, 10, 3600, 3600]


def test_jitter_draws_at_most_half_of_the_delay_and_respects_the_portals_wish() -> None:
    schedule = RetrySchedule(first=timedelta(seconds=8))
    assert schedule.delay_after(1, jitter=_earliest) == timedelta(seconds=4)
    wish = timedelta(minutes=2)
    assert schedule.delay_after(1, jitter=_latest, at_least=wish) == wish


def test_a_delay_stays_finite_after_very_many_failures() -> None:
    schedule = RetrySchedule(quick_attempts=10_000)
    assert schedule.delay_after(9_999, jitter=_latest) == schedule.longest


@pytest.mark.parametrize(
    ("answered", "expected", "reason"),
    [
        (["1", "2"], ("2", "1"), None),
        (["1"], ("1", "2"), "answer-lacks-an-invoice"),
        (["1", "2", "3"], ("1", "2"), "answer-names-a-foreign-invoice"),
        (["1", "1", "2"], ("1", "2"), "answer-names-an-invoice-twice"),
        ([], ("1",), "answer-lacks-an-invoice"),
    ],
)
def test_an_answer_must_name_exactly_the_invoices_of_the_order(
    answered: list[str], expected: tuple[str, ...], reason: str | None
) -> None:
    lines = tuple(AnsweredLine(number, accepted=True) for number in answered)
    assert line_mismatch(lines, expected) == reason


def test_an_invoice_under_a_changed_number_is_not_taken_for_the_ordered_one() -> None:
    renamed = (AnsweredLine("VE_00066", accepted=True),)
    assert line_mismatch(renamed, ("VE/00066",)) == "answer-lacks-an-invoice"


def test_every_state_and_answer_has_words_and_unknown_codes_are_quoted() -> None:
    for state in TransmissionState:
        assert say_state(state, None).endswith(".")
    assert "Enter it." in say_state(TransmissionState.INTENDED, "portal-credentials-missing")
    assert say_attempt(None, None) == "The attempt began; its end is not recorded."
    assert say_attempt("refused", "strange-code").endswith("Reason given: strange-code.")
    assert say_poll("no-usable-answer", "time-out").endswith("did not answer in time.")
