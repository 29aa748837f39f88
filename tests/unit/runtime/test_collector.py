"""The collector of a service's process looks seldom, but it looks."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from shared.runtime.collector import calm_collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class _Knot:
    def __init__(self) -> None:
        self.itself = self


def test_ten_thousand_values_are_made_without_a_look_at_them() -> None:
    calm_collector()
    looks = [one["collections"] for one in gc.get_stats()]
    values = [[number] for number in range(10_000)]
    assert [one["collections"] for one in gc.get_stats()] == looks
    assert len(values) == 10_000


def test_what_is_in_a_cycle_goes_all_the_same() -> None:
    calm_collector()
    knot = weakref.ref(_Knot())
    values = [[number] for number in range(120_000)]
    assert knot() is None
    assert len(values) == 120_000
