"""Reads JSON the strict way: what two parsers could read differently is refused.

Duplicate keys, NaN, numbers that no column holds, NUL characters and lone surrogates are the usual
ways to make the validator and the database see two different things.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NoReturn

from shared.web.problems import FieldProblem, Problem, ProblemError

DEPTH_MAX = 32
_INTEGER_MAX = 2**63 - 1
_FIELD_LENGTH_MAX = 200
_Step = str | int


def check_json(raw: bytes, *, depth_max: int = DEPTH_MAX) -> object:
    """Return the value in `raw`, if it is JSON that has one meaning only.

    Raises:
        ProblemError: 400 for what is not such JSON, 422 naming the field for a text or number that
            cannot be stored.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("malformed-encoding", "The body is not UTF-8.") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep(depth_max) from None
    except ValueError:
        raise _malformed("malformed-json", "The body is not valid JSON.") from None
    problems = list(_problems(value, depth_max))
    if problems:
        raise ProblemError(invalid_fields(problems))
    return value


def text_problem(text: str) -> tuple[str, str] | None:
    """Return (code, reason) when a text cannot be stored, else None."""
    if "\x00" in text:
        return "nul-character", "must not contain the character NUL"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "lone-surrogate", "must be well-formed Unicode"
    return None


def field_path(steps: tuple[_Step, ...]) -> str:
    """Return the dotted path of a field, safe to show and of bounded length."""
    path = ".".join(str(step) for step in steps)
    return path.encode("utf-8", "replace").decode()[:_FIELD_LENGTH_MAX]


def invalid_fields(problems: list[FieldProblem]) -> Problem:
    """Return the problem (422) of a request with these wrong fields."""
    first = problems[0].field if len(problems) == 1 else None
    detail = "The request is not valid; see 'errors' for each field."
    return Problem(422, "invalid-request", detail, field=first, errors=tuple(problems[:100]))


def _problems(value: object, depth_max: int) -> Iterator[FieldProblem]:
    pending: list[tuple[tuple[_Step, ...], object]] = [((), value)]
    while pending:
        steps, item = pending.pop()
        if isinstance(item, (dict, list)) and len(steps) >= depth_max:
            raise _too_deep(depth_max)
        if isinstance(item, dict):
            for key, member in item.items():
                yield from _text_problems((*steps, key), key)
                pending.append(((*steps, key), member))
        elif isinstance(item, list):
            pending.extend(((*steps, index), member) for index, member in enumerate(item))
        elif isinstance(item, str):
            yield from _text_problems(steps, item)
        elif isinstance(item, int) and not -_INTEGER_MAX <= item <= _INTEGER_MAX:
            yield FieldProblem(field_path(steps), "number-too-large", "is too large a number")


def _text_problems(steps: tuple[_Step, ...], text: str) -> Iterator[FieldProblem]:
    found = text_problem(text)
    if found is not None:
        yield FieldProblem(field_path(steps), *found)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        detail = "A key occurs twice in the same object."
        raise ProblemError(Problem(400, "duplicate-key", detail))
    return members


def _no_constant(_: str) -> NoReturn:
    raise _malformed("malformed-json", "NaN and Infinity are not JSON.")


def _too_deep(depth_max: int) -> ProblemError:
    return _malformed("too-deep", f"The body is nested more than {depth_max} levels deep.")


def _malformed(code: str, detail: str) -> ProblemError:
    return ProblemError(Problem(400, code, detail))
