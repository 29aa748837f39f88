"""What counts as a breaking change of a contract, on invented schema pairs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from shared.contracts.breaking import breaking_changes

JsonObject = dict[str, Any]


def a_schema() -> JsonObject:
    """Return an invented contract with every shape that ours use."""
    return {
        "$id": "/schemas/parcel-sent/v1",
        "x-topic": "parcel-events",
        "x-subject": "parcel_id",
        "x-producer": "post",
        "description": "A parcel left.",
        "type": "object",
        "required": ["parcel_id", "weight", "size", "stops"],
        "properties": {
            "parcel_id": {"type": "string", "format": "uuid", "title": "Parcel Id"},
            "weight": {"type": "integer", "minimum": 1, "maximum": 100},
            "size": {"type": "string", "enum": ["small", "large"]},
            "code": {"anyOf": [{"type": "string", "maxLength": 10}, {"type": "null"}]},
            "label": {"type": "string", "default": "parcel"},
            "stops": {"type": "array", "maxItems": 5, "items": {"$ref": "#/$defs/Stop"}},
        },
        "$defs": {
            "Stop": {
                "type": "object",
                "required": ["place"],
                "properties": {"place": {"type": "string", "pattern": "^[a-z]+$"}},
            }
        },
    }


def changed(change: Callable[[JsonObject], object]) -> list[str]:
    """Return what breaks when `change` is made to the invented contract."""
    new = copy.deepcopy(a_schema())
    change(new)
    return breaking_changes(a_schema(), new)


def test_no_change_breaks_nothing() -> None:
    assert breaking_changes(a_schema(), a_schema()) == []


def test_a_new_optional_field_breaks_nothing() -> None:
    assert changed(lambda s: s["properties"].update(note={"type": "string", "default": ""})) == []


def test_a_new_optional_object_with_required_members_breaks_nothing() -> None:
    def add(schema: JsonObject) -> None:
        schema["$defs"]["Box"] = {
            "type": "object",
            "required": ["side"],
            "properties": {"side": {"type": "integer"}},
        }
        schema["properties"]["box"] = {"anyOf": [{"$ref": "#/$defs/Box"}, {"type": "null"}]}

    assert changed(add) == []


def test_words_for_people_may_change() -> None:
    def reword(schema: JsonObject) -> None:
        schema["description"] = "A parcel has left the house."
        schema["properties"]["weight"]["description"] = "In grams"
        schema["properties"]["weight"]["examples"] = [3]

    assert changed(reword) == []


def test_a_field_called_title_is_not_taken_for_a_word() -> None:
    old, new = a_schema(), a_schema()
    old["properties"]["title"] = {"type": "string"}
    assert breaking_changes(old, new) == ["title: removed"]


def test_moving_a_definition_without_changing_it_breaks_nothing() -> None:
    def rename(schema: JsonObject) -> None:
        schema["$defs"]["Halt"] = schema["$defs"].pop("Stop")
        schema["properties"]["stops"]["items"] = {"$ref": "#/$defs/Halt"}

    assert changed(rename) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s["properties"].pop("label"), "label: removed"),
        (lambda s: s["$defs"]["Stop"]["properties"].pop("place"), "stops[].place: removed"),
        (
            lambda s: (
                s["properties"].update(note={"type": "string"}),
                s["required"].append("note"),
            ),
            "note: new and required; retained events lack it",
        ),
        (lambda s: s["required"].append("label"), "label: became required"),
        (lambda s: s["required"].remove("weight"), "weight: became optional"),
        (
            lambda s: s["properties"]["weight"].update(type="string"),
            "weight: type changed from 'integer' to 'string'",
        ),
        (
            lambda s: s["properties"]["weight"].update(maximum=99),
            "weight: maximum narrowed from 100 to 99",
        ),
        (
            lambda s: s["properties"]["weight"].update(minimum=2),
            "weight: minimum narrowed from 1 to 2",
        ),
        (
            lambda s: s["properties"]["weight"].update(minimum=0),
            "weight: minimum widened from 1 to 0",
        ),
        (
            lambda s: s["properties"]["stops"].update(maxItems=6),
            "stops: maxItems widened from 5 to 6",
        ),
        (
            lambda s: s["$defs"]["Stop"]["properties"]["place"].update(pattern="^[a-f]+$"),
            "stops[].place: pattern changed from '^[a-z]+$' to '^[a-f]+$'",
        ),
        (
            lambda s: s["properties"]["parcel_id"].pop("format"),
            "parcel_id: format widened from 'uuid' to None",
        ),
        (
            lambda s: s["properties"]["label"].update(maxLength=3),
            "label: maxLength narrowed from None to 3",
        ),
        (
            lambda s: s["properties"]["size"].update(enum=["small"]),
            "size: values changed: no longer ['large']",
        ),
        (
            lambda s: s["properties"]["size"].update(enum=["small", "large", "huge"]),
            "size: values changed: widened by ['huge']",
        ),
        (
            lambda s: s["properties"]["code"]["anyOf"].pop(),
            "code: narrowed, no longer null",
        ),
        (
            lambda s: s["properties"]["code"]["anyOf"].append({"type": "integer"}),
            "code: widened by integer",
        ),
        (
            lambda s: s["properties"]["code"]["anyOf"][0].update(maxLength=9),
            "code: maxLength narrowed from 10 to 9",
        ),
        (
            lambda s: s["properties"]["label"].update(default="letter"),
            "label: an absent field now means 'letter' instead of 'parcel'",
        ),
        (lambda s: s.update({"x-topic": "post-events"}), "topic changed from 'parcel-events'"),
        (lambda s: s.update({"x-subject": "stop_id"}), "subject (aggregate id) changed"),
        (lambda s: s.pop("x-producer"), "producer changed from 'post' to None"),
        (lambda s: s.update({"$id": "/schemas/parcel-sent/1"}), "dataschema changed"),
    ],
)
def test_every_other_change_is_named(change: Callable[[JsonObject], object], sentence: str) -> None:
    found = changed(change)
    assert any(entry.startswith(sentence) for entry in found), found


def test_the_order_of_values_says_nothing() -> None:
    assert changed(lambda s: s["properties"]["size"].update(enum=["large", "small"])) == []
    assert changed(lambda s: s["properties"]["code"]["anyOf"].reverse()) == []
