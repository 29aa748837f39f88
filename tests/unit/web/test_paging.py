"""Cursors come back as they went out, and nothing else passes for one."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import DomainError
from shared.web.paging import cursor, instant, read_cursor, split_page, whole_number


def test_each_kind_of_key_comes_back_as_it_went_out() -> None:
    at, identity = datetime(2026, 11, 24, 17, 50, tzinfo=UTC), uuid4()
    text = cursor(at, identity, date(2026, 11, 24), 7, "2026-000001")
    assert read_cursor(text, instant, UUID, date.fromisoformat, whole_number, str) == (
        at,
        identity,
        date(2026, 11, 24),
        7,
        "2026-000001",
    )


def test_without_a_cursor_there_is_no_key() -> None:
    assert read_cursor(None, str) is None


def _sealed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("%%%", (str,)),
        ("", (str,)),
        (cursor("a"), (str, str)),
        (cursor("a"), (UUID,)),
        (cursor("2026-11-24T17:50:00"), (instant,)),
        (cursor("0001-01-01T00:00:00+23:59"), (instant,)),
        (cursor("-1"), (whole_number,)),
        (cursor("٣"), (whole_number,)),
        (cursor(2**63), (whole_number,)),
        (_sealed(["a\x00b"]), (str,)),
        (_sealed({"a": 1}), (str,)),
        (_sealed([1]), (whole_number,)),
    ],
)
def test_what_no_page_gave_is_refused_as_such(text: str, kinds: tuple[type, ...]) -> None:
    with pytest.raises(DomainError) as refused:
        read_cursor(text, *kinds)
    assert (refused.value.code, refused.value.field) == ("cursor-invalid", "after")


@given(st.text(max_size=400))
def test_any_text_is_a_cursor_or_a_problem(text: str) -> None:
    with suppress(DomainError):
        assert isinstance(read_cursor(text, str), tuple)


def test_one_row_more_than_the_limit_means_another_page() -> None:
    assert split_page([1, 2, 3], 2) == ([1, 2], True)
    assert split_page([1, 2], 2) == ([1, 2], False)
