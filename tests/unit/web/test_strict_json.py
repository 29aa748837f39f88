"""JSON with one meaning passes, everything else is refused, and nothing crashes the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.problems import Problem, ProblemError
from shared.web.strict_json import check_json, field_path

_STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | _STORABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_STORABLE, inner, max_size=4),
    max_leaves=20,
)


def refusal_of(raw: bytes, **limits: int) -> Problem:
    with pytest.raises(ProblemError) as caught:
        check_json(raw, **limits)
    return caught.value.problem


@given(_VALUES)
def test_what_can_be_stored_passes_unchanged(value: Any) -> None:
    assert check_json(json.dumps(value).encode()) == value
    assert check_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_and_never_crash(raw: bytes) -> None:
    try:
        check_json(raw)
    except ProblemError as refusal:
        assert refusal.problem.status in {400, 422}  # noqa: PT017 - reading may also succeed


def test_depth_counts_objects_and_lists_alike() -> None:
    assert check_json(b'[{"a": [1]}]', depth_max=3)
    assert refusal_of(b'[{"a": [1]}]', depth_max=2).code == "too-deep"


@pytest.mark.parametrize("depth", [33, 1_000, 100_000])
def test_nesting_of_any_depth_is_refused_without_a_crash(depth: int) -> None:
    assert refusal_of(b"[" * depth + b"]" * depth).code == "too-deep"


def test_a_key_that_occurs_twice_is_refused_also_when_written_differently() -> None:
    assert refusal_of(b'{"a": 1, "\\u0061": 2}').code == "duplicate-key"


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_are_none_are_refused(word: bytes) -> None:
    assert refusal_of(b'{"a": %s}' % word).code == "malformed-json"


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        (b'{"a": ["x", "b\\u0000"]}', "a.1", "nul-character"),
        (b'{"a": "\\ud800"}', "a", "lone-surrogate"),
        (b'{"a": 9223372036854775808}', "a", "number-too-large"),
        (b'{"a": -9223372036854775808}', "a", "number-too-large"),
        (b'{"a\\u0000": 1}', "a\x00", "nul-character"),
        (b'"\\u0000"', "", "nul-character"),
    ],
)
def test_what_cannot_be_stored_is_named(raw: bytes, field: str, code: str) -> None:
    problem = refusal_of(raw)

    assert problem.status == 422
    assert [(error.field, error.code) for error in problem.errors] == [(field, code)]


def test_a_surrogate_pair_is_one_character() -> None:
    assert check_json(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_only_so_many_faults_are_listed() -> None:
    assert len(refusal_of(json.dumps(["\x00"] * 500).encode()).errors) == 100


def test_a_field_path_is_short_and_well_formed() -> None:
    assert field_path(("positions", 0, "quantity")) == "positions.0.quantity"
    assert field_path(("\ud800",)) == "?"
    assert len(field_path(("x" * 500,))) == 200
