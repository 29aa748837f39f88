"""Words for people and texts from people: the message to the factor, the gate, the timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.orders.domain.communication import checked_communication
from services.orders.domain.errors import OrderInFlightError
from services.orders.domain.model import InFlight
from services.orders.domain.order import Fact, FactKind
from services.orders.domain.timeline import OrderSums, tell
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from tests.unit.orders.builders import NOON, ORDER

SINCE = datetime(2026, 11, 24, 16, 50, tzinfo=UTC)


def test_a_message_keeps_its_lines_and_letters() -> None:
    assert checked_communication("Élodie:\r\n\tacomptes 😀\nOK") == "Élodie:\n\tacomptes 😀\nOK"


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\r", "\ud800"])
def test_a_control_character_in_the_message_is_refused_with_its_position(character: str) -> None:
    with pytest.raises(DomainError, match="position 3") as refused:
        checked_communication(f"ab{character}c")
    assert (refused.value.code, refused.value.field) == ("communication-unusable", "communication")


def test_a_message_has_at_most_2000_characters() -> None:
    assert len(checked_communication("x" * 2000)) == 2000
    with pytest.raises(DomainError) as refused:
        checked_communication("x" * 2001)
    assert refused.value.code == "communication-too-long"


def test_the_gate_says_what_is_under_way_since_when_and_what_to_do() -> None:
    error = OrderInFlightError(InFlight(ORDER, "CMD-2026-0001", "sent", SINCE))
    assert str(error) == (
        "Order CMD-2026-0001 has been on its way since 24.11.2026 17:50 and has not arrived on"
        " Debident yet. Wait until it has arrived before you send another one."
    )
    assert error.facts == {
        "order_id": str(ORDER),
        "order_number": "CMD-2026-0001",
        "state": "sent",
        "since": "2026-11-24T16:50:00+00:00",
    }


@pytest.mark.parametrize("state", ["prepared", "unknown", "arrived"])
def test_the_gate_has_words_for_every_state_in_flight(state: str) -> None:
    words = str(OrderInFlightError(InFlight(ORDER, "CMD-2026-0001", state, SINCE)))
    assert "CMD-2026-0001" in words
    assert "24.11.2026 17:50" in words


_SUMS = OrderSums(3, Money(123450), 2, Money(100000), 1)
_LATER = NOON + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (Fact(FactKind.PREPARED, NOON), "Prepared with 3 invoices, CHF 1'234.50 in total."),
        (
            Fact(FactKind.SENT, NOON, attempt=2, reference="DBD-9"),
            "Debident took the order (attempt 2, reference DBD-9). It has not arrived by that.",
        ),
        (
            Fact(FactKind.NOT_SENT, NOON, 1, "portal-down", None, _LATER),
            "Attempt 1 failed, nothing left (portal-down). Next attempt on 24.11.2026 12:05.",
        ),
        (
            Fact(FactKind.UNKNOWN, NOON, 1, "timeout"),
            (
                "It is not certain whether attempt 1 reached Debident (timeout). Debident is being"
                " asked."
            ),
        ),
        (
            Fact(FactKind.ARRIVED, NOON, reason_code="already-have-it", reference="X"),
            "Arrived: Debident answered that it already has it (reference X).",
        ),
        (
            Fact(FactKind.CONFIRMED, NOON),
            (
                "Confirmed: 2 invoices accepted (CHF 1'000.00), 1 invoice refused; they may be"
                " ordered again."
            ),
        ),
        (Fact(FactKind.ACQUITTED, NOON), "Every accepted invoice is acquitted in the books."),
        (
            Fact(FactKind.REFUSED, NOON, reason_code="unreadable"),
            "Debident refused the whole order (unreadable). Its invoices may be ordered again.",
        ),
    ],
)
def test_the_timeline_tells_each_fact_in_plain_words(fact: Fact, words: str) -> None:
    assert tell(fact, _SUMS) == words
