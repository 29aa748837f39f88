"""The stand-in's settings and its switches."""

from __future__ import annotations

import pytest

from sandbox.debident.misbehaviour import Misbehaviour, misbehaviour_from
from sandbox.debident.settings import settings_from_environment

MINIMUM = {"DEBIDENT_STATE_DIR": "/tmp/x", "DEBIDENT_ADMIN_SECRET": "geheim"}  # noqa: S108 - a name


def test_the_two_required_settings_are_enough() -> None:
    settings = settings_from_environment(MINIMUM)
    assert (settings.port, settings.speed, settings.deb_every_days) == (8090, 1.0, 7)
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    "change",
    [
        {"DEBIDENT_ADMIN_SECRET": ""},
        {"DEBIDENT_SPEED": "fast"},
        {"DEBIDENT_SPEED": "nan"},
        {"DEBIDENT_START": "2026-01-05T08:00:00"},
        {"DEBIDENT_ARRIVAL_DAYS_MIN": "2"},
        {"DEBIDENT_MISBEHAVE": "demo"},
        {"DEBIDENT_MISBEHAVE": "demo:91"},
        {"DEBIDENT_FATES": "all"},
    ],
)
def test_a_setting_without_a_usable_value_is_named(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        settings_from_environment(MINIMUM | change)


@pytest.mark.parametrize(
    "text", ["2026-000001=address-unknown, 2026-000002", '{"2026-000001": "address-unknown"}']
)
def test_refused_lines_may_be_given_in_two_forms(text: str) -> None:
    settings = settings_from_environment(MINIMUM | {"DEBIDENT_REFUSE_LINES": text})
    assert settings.refuse_lines["2026-000001"] == "address-unknown"


def test_switches_are_read_in_kebab_case_and_what_is_left_out_is_off() -> None:
    switches = misbehaviour_from({"lost-answer": 2, "refuse-lines": {"1": "x"}})
    assert switches == Misbehaviour(lost_answer=2, refuse_lines={"1": "x"})
    assert misbehaviour_from(switches.to_json()) == switches
    assert switches.less("lost_answer").less("lost_answer").has("lost_answer") is False


@pytest.mark.parametrize(
    "values", [[], {"explode": 1}, {"lost-answer": "2"}, {"lost-answer": True}, {"late-days": -1}]
)
def test_a_switch_that_is_unknown_or_has_a_wrong_value_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match=r"switches|usable|object"):
        misbehaviour_from(values)
