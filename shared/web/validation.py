"""Turns the parts of a request into the types that its endpoint declares, or says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin
from uuid import UUID

from multidict import MultiMapping
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shared.web.problems import FieldProblem, Problem, ProblemError
from shared.web.strict_json import DEPTH_MAX, check_json, field_path, invalid_fields, text_problem

M = TypeVar("M", bound=BaseModel)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_REASON_CHARACTERS_MAX = 200
_MANY = (list, tuple, set, frozenset)
_REASONS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "does not have the expected form",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "decimal_max_places": "must have at most {decimal_places} decimals",
    "timezone_aware": "must say its time zone",
    "finite_number": "must be a finite number",
}
_REASONS_BY_PREFIX = (
    ("string", "must be text"),
    ("int", "must be a whole number"),
    ("float", "must be a number"),
    ("decimal", "must be a decimal number"),
    ("bool", "must be true or false"),
    ("uuid", "must be a UUID"),
    ("datetime", "must be a date and time like 2026-01-31T12:00:00Z"),
    ("date", "must be a date like 2026-01-31"),
    ("list", "must be a list"),
    ("tuple", "must be a list"),
    ("set", "must be a list"),
    ("frozen_set", "must be a list"),
    ("dict", "must be an object"),
    ("model", "must be an object"),
    ("none", "must be empty"),
)


def parse_body(model: type[M], raw: bytes, *, depth_max: int = DEPTH_MAX) -> M:
    """Return the body as its model; a value of another JSON type is refused, not converted.

    Raises:
        ProblemError: 400 when it is no JSON, 422 with one entry per wrong field.
    """
    check_json(raw, depth_max=depth_max)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise ProblemError(invalid_fields(field_problems(error))) from None


def parse_query(model: type[M] | None, query: MultiMapping[str]) -> M | None:
    """Return the query parameters as their model; None when the endpoint declares none.

    Raises:
        ProblemError: 422 naming each unknown, repeated or wrong parameter.
    """
    fields = _query_fields(model)
    problems: list[FieldProblem] = []
    values: dict[str, Any] = {}
    for name in dict.fromkeys(query.keys()):
        given = query.getall(name)
        problem = _query_problem(name, given, fields)
        if problem is not None:
            problems.append(problem)
        elif _takes_many(fields[name].annotation):
            values[name] = given
        else:
            values[name] = given[0]
    if problems:
        raise ProblemError(invalid_fields(problems))
    if model is None:
        return None
    try:
        return model.model_validate(values, strict=False)
    except ValidationError as error:
        raise ProblemError(invalid_fields(field_problems(error))) from None


def parse_path(parameters: Mapping[str, str]) -> dict[str, UUID | str]:
    """Return the path parameters; names that end in `_id` as UUIDs.

    Raises:
        ProblemError: 404 naming the parameter, since nothing can be at such an address.
    """
    parsed: dict[str, UUID | str] = {}
    for name, text in parameters.items():
        is_id = name.endswith("_id")
        if (is_id and not _UUID.fullmatch(text)) or _CONTROL.search(text):
            detail = "There is nothing at this address: a part of it is not an id."
            raise ProblemError(Problem(404, "not-found", detail, field=name))
        parsed[name] = UUID(text) if is_id else text
    return parsed


def field_problems(error: ValidationError) -> list[FieldProblem]:
    """Return what is wrong, per field and in plain words, without any submitted value."""
    return [
        FieldProblem(
            field_path(details["loc"]) or "body",
            details["type"].replace("_", "-"),
            _reason(details),
        )
        for details in error.errors(include_url=False)
    ]


def _reason(details: ErrorDetails) -> str:
    kind = details["type"]
    if kind == "value_error":
        return _own_words(details)
    if kind in _REASONS:
        return _REASONS[kind].format_map({**details.get("ctx", {})})
    for prefix, reason in _REASONS_BY_PREFIX:
        if kind.startswith(prefix):
            return reason
    return "is not valid"


def _own_words(details: ErrorDetails) -> str:
    """Return what a validator of ours says, unless its words repeat the submitted text."""
    words, given = str(details.get("ctx", {}).get("error", "")), details["input"]
    if isinstance(given, str) and given:
        repeats = re.search(rf"(?<!\w){re.escape(given)}(?!\w)", words) is not None
        words = "" if repeats else words
    return words[:_REASON_CHARACTERS_MAX] or "is not valid"


def _query_fields(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    if model is None:
        return {}
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _query_problem(
    name: str, given: list[str], fields: Mapping[str, FieldInfo]
) -> FieldProblem | None:
    label = field_path((name,))
    if name not in fields:
        return FieldProblem(label, "unknown-parameter", "is not a known query parameter")
    if len(given) > 1 and not _takes_many(fields[name].annotation):
        return FieldProblem(label, "repeated-parameter", "is given more than once")
    found = next(filter(None, map(text_problem, given)), None)
    return FieldProblem(label, *found) if found else None


def _takes_many(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in {Union, UnionType}:
        return any(_takes_many(part) for part in get_args(annotation))
    return origin in _MANY or annotation in _MANY
