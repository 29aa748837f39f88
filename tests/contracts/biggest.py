"""Builds the biggest instance that a wire model permits, to measure it against the size limit."""

from __future__ import annotations

from typing import Any

from shared.contracts.envelope import EventPayload
from shared.contracts.generate.schemas import JsonObject, schema_of

# One character of text takes at most six bytes as JSON: a control character, written \u0001.
_WIDEST_CHARACTER = "\x01"
_BY_FORMAT = {
    "uuid": "ffffffff-ffff-4fff-bfff-ffffffffffff",
    "date": "2026-12-31",
    "date-time": "2026-12-31T23:59:59.999999+02:00",
}
_BY_PATTERN = {
    r"^-?[0-9]{1,12}\.[0-9]{2}$": "-" + "9" * 12 + ".99",
    r"^[0-9a-f]{64}$": "f" * 64,
    r"^[a-z0-9][a-z0-9_-]{0,63}$": "z" * 64,
    r"^[0-9]{13}$": "9" * 13,
    r"^[0-9]{4}$": "9" * 4,
    r"^[0-9]{27}$": "9" * 27,
    r"^[A-Z]{2}$": "ZH",
    r"^[0-9A-Z.-]{1,20}$": "9" * 20,
}
_LARGEST_INTEGER = 2**63 - 1


def biggest_instance(event: type[EventPayload]) -> EventPayload:
    """Return an instance whose every text, number and list is as long as the contract allows.

    Raises:
        AssertionError: a text or list has no bound, so that there is no biggest instance.
    """
    schema = schema_of(event)
    return event.model_validate(_biggest(schema, schema.get("$defs", {}), event.TYPE))


def _biggest(rule: JsonObject, defs: JsonObject, path: str) -> Any:
    if "$ref" in rule:
        return _biggest(defs[rule["$ref"].rsplit("/", 1)[-1]], defs, path)
    if "anyOf" in rule:
        choices = [_biggest(choice, defs, path) for choice in rule["anyOf"]]
        return max(choices, key=lambda value: len(str(value)) if value is not None else 0)
    if "const" in rule:
        return rule["const"]
    if "enum" in rule:
        return max(rule["enum"], key=len)
    return _biggest_of_type(rule, defs, path)


def _biggest_of_type(rule: JsonObject, defs: JsonObject, path: str) -> Any:
    kind = rule["type"]
    if kind == "object":
        return {
            name: _biggest(member, defs, f"{path}.{name}")
            for name, member in rule["properties"].items()
        }
    if kind == "array":
        assert "maxItems" in rule, f"{path}: the list has no bound"
        return [_biggest(rule["items"], defs, path)] * rule["maxItems"]
    if kind == "string":
        return _longest_text(rule, path)
    return {"integer": rule.get("maximum", _LARGEST_INTEGER), "boolean": False, "null": None}[kind]


def _longest_text(rule: JsonObject, path: str) -> str:
    if "format" in rule:
        return _BY_FORMAT[rule["format"]]
    if "pattern" in rule:
        return _BY_PATTERN[rule["pattern"]]
    assert "maxLength" in rule, f"{path}: the text has no bound"
    return _WIDEST_CHARACTER * int(rule["maxLength"])
