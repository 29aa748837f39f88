"""A log line says what happened and where, and never a secret or what a person typed."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from shared.kernel.context import WorkContext, working_on
from shared.kernel.errors import TransientError
from shared.observability.logs import JsonFormatter, clean, configure_logging, mask


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the process logs, while the test runs."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    stream = io.StringIO()
    configure_logging(service="orders", level="info", stream=stream)
    yield stream
    root.setLevel(level)
    root.handlers[:] = handlers


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_where_what_and_for_which_work(lines: io.StringIO) -> None:
    with working_on(WorkContext("c-1", causation_id="e-1")):
        logging.getLogger("shop").info("an order was sent", extra={"order": "o-1", "lines": 3})

    (line,) = read(lines)
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "INFO",
        "service": "orders",
        "logger": "shop",
        "message": "an order was sent",
        "correlation_id": "c-1",
        "causation_id": "e-1",
        "order": "o-1",
        "lines": 3,
    }


def test_a_line_outside_of_any_work_has_no_correlation_id(lines: io.StringIO) -> None:
    logging.getLogger("shop").info("idle")

    (line,) = read(lines)
    assert "correlation_id" not in line


def test_extra_fields_cannot_replace_the_lines_own(lines: io.StringIO) -> None:
    logging.getLogger("shop").info("hello", extra={"level": "x", "service": "x", "time": "x"})

    (line,) = read(lines)
    assert (line["level"], line["service"]) == ("INFO", "orders")
    assert line["time"] != "x"


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "Password",
        "client_secret",
        "Authorization",
        "cookie",
        "api_key",
        "private_key",
        "birth_date",
        "patient_name",
        "street",
        "email",
        "ahv",
        "body",
    ],
)
def test_a_field_named_like_a_secret_or_a_person_is_dropped_however_deep(
    lines: io.StringIO, name: str
) -> None:
    extra = {name: "hunter2", "facts": {"inner": [{name: "hunter2", "kept": 1}]}}

    logging.getLogger("shop").info("hello", extra=extra)

    assert "hunter2" not in lines.getvalue()
    assert read(lines)[0]["facts"] == {"inner": [{"kept": 1}]}


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql+asyncpg://orders:hunter2@db:5432/orders",
        "redis://:hunter2@cache/0",
        "sent Authorization: Bearer hunter2.hunter2",
        "sent Basic aHVudGVyMg==hunter2",
        "token eyJhbGciOiJIUzI1NiJ9.hunter2.hunter2 refused",
        "dsn host=db password=hunter2 port=1",
    ],
)
def test_a_secret_inside_a_text_is_masked(lines: io.StringIO, text: str) -> None:
    logging.getLogger("shop").warning(text, extra={"reason": text, "many": [text]})

    assert "hunter2" not in lines.getvalue()
    assert "***" in read(lines)[0]["message"]


def test_an_exception_is_told_by_type_and_place_and_not_in_its_words(lines: io.StringIO) -> None:
    def fail(patient: str) -> None:
        raise ValueError(f"not a name: {patient}")

    try:
        fail("Erika Muster")
    except ValueError:
        logging.getLogger("shop").exception("it failed")

    assert "Muster" not in lines.getvalue()
    error = read(lines)[0]["exception"]
    assert error["type"] == "builtins.ValueError"
    assert len(error["stack"]) == 2
    assert error["stack"][-1].endswith(" fail")


def test_our_own_errors_keep_their_first_line_and_name_their_cause(lines: io.StringIO) -> None:
    error = TransientError("no answer\n[parameters: Muster]")
    error.__cause__ = IntegrityError("INSERT", {"ahv": "756"}, SqlError())

    logging.getLogger("shop").error("it failed", exc_info=error)

    assert "Muster" not in lines.getvalue()
    assert "756" not in lines.getvalue()
    told = read(lines)[0]["exception"]
    assert told["reason"] == "no answer"
    assert told["cause"]["sqlstate"] == "23505"


def test_a_group_of_exceptions_tells_its_members(lines: io.StringIO) -> None:
    group = ExceptionGroup("two", [ValueError("Muster"), TransientError("no answer")])

    logging.getLogger("shop").error("it failed", exc_info=group)

    members = read(lines)[0]["exception"]["members"]
    assert [member["type"].rpartition(".")[2] for member in members] == [
        "ValueError",
        "TransientError",
    ]
    assert "Muster" not in lines.getvalue()


def test_a_line_stays_one_line(lines: io.StringIO) -> None:
    logging.getLogger("shop").info("one\ntwo\r\nthree", extra={"reason": "four\nfive"})

    assert len(lines.getvalue().splitlines()) == 1


def test_configuring_again_does_not_log_twice(lines: io.StringIO) -> None:
    configure_logging(service="orders", level="INFO", stream=lines)

    logging.getLogger("shop").info("hello")

    assert len(read(lines)) == 1


def test_libraries_are_heard_from_warnings_on(lines: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    logging.getLogger("aiokafka").warning("gone")

    assert [line["message"] for line in read(lines)] == ["gone"]


def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging(service="orders", level="loud", stream=io.StringIO())


def test_any_kind_of_value_can_be_logged() -> None:
    value = {1: UUID(int=1), "bytes": b"abc", "error": ValueError("Muster"), "set": {2}}

    assert clean(value) == {
        "1": str(UUID(int=1)),
        "bytes": "3 bytes",
        "error": "ValueError",
        "set": [2],
    }


def test_depth_and_length_are_bounded() -> None:
    deep: Any = "end"
    for _ in range(50):
        deep = [deep]

    assert "end" not in str(clean(deep))
    assert len(mask("x" * 10_000)) == 4_000
    members = clean(list(range(1_000)))
    assert isinstance(members, list)
    assert len(members) == 100


@given(st.recursive(st.text() | st.floats() | st.binary() | st.none(), st.lists), st.text())
def test_whatever_is_logged_the_line_is_json(value: Any, message: str) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (message,), "facts": value})

    line = JsonFormatter("orders").format(record)

    assert "\n" not in line
    assert json.loads(line, parse_constant=pytest.fail)["service"] == "orders"


class SqlError(Exception):
    sqlstate = "23505"
