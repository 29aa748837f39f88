"""Each part of a request becomes its declared type, or is named with a reason in plain words."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pytest
from multidict import MultiDict
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from shared.web.endpoints import ApiModel
from shared.web.problems import Problem, ProblemError
from shared.web.validation import parse_body, parse_path, parse_query

PRACTICE = "0b0d5a1c-0000-4000-8000-000000000001"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Everything(ApiModel):
    text: Annotated[str, Field(pattern="^[a-z]+$", max_length=5)] = "a"
    number: Annotated[int, Field(gt=0, lt=10)] = 1
    amount: Annotated[Decimal, Field(max_digits=6, decimal_places=2)] = Decimal(1)
    flag: bool = False
    id: UUID | None = None
    day: date | None = None
    at: AwareDatetime | None = None
    naive: datetime | None = None
    colour: Colour = Colour.RED
    kind: Literal["one", "two"] = "one"
    many: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    inner: Inner | None = None
    checked: str = "fine"

    @field_validator("checked")
    @classmethod
    def _is_fine(cls, value: str) -> str:
        if value == "long":
            raise ValueError("must be " + "very " * 100 + "fine")
        if value == "empty":
            raise ValueError
        if value == "assert":
            raise AssertionError("an inner thought")
        if value != "fine":
            raise ValueError(f"not fine: {value}" if value.istitle() else "must be fine")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.checked == "fine" and self.text == "zzz":
            raise ValueError("text and checked do not go together")
        return self


class Inner(ApiModel):
    name: str


class Filter(BaseModel):
    model_config = ConfigDict(strict=True)

    limit: Annotated[int, Field(ge=1)] = 100
    day: date | None = None
    id: UUID | None = None
    open_only: bool = False
    colours: list[Colour] | None = None
    after: str | None = Field(default=None, alias="afterCursor")


def refused(work: Any, *arguments: Any) -> Problem:
    with pytest.raises(ProblemError) as caught:
        work(*arguments)
    return caught.value.problem


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("text", '"ABC"', "does not have the expected form"),
        ("text", '"abcdef"', "must have at most 5 characters"),
        ("text", "1", "must be text"),
        ("number", "0", "must be more than 0"),
        ("number", "10", "must be less than 10"),
        ("number", '"x"', "must be a whole number"),
        ("number", "null", "must be a whole number"),
        ("amount", "1.234", "must have at most 2 decimals"),
        ("amount", '"x"', "must be a decimal number"),
        ("amount", "1234567", "must be a decimal number"),
        ("flag", '"perhaps"', "must be true or false"),
        ("id", '"x"', "must be a UUID"),
        ("day", '"31.12.2026"', "must be a date like 2026-01-31"),
        ("at", '"2026-01-31T12:00:00"', "must say its time zone"),
        ("at", '"noon"', "must be a date and time like 2026-01-31T12:00:00Z"),
        ("colour", '"green"', "must be one of 'red' or 'blue'"),
        ("kind", '"three"', "must be one of 'one' or 'two'"),
        ("many", "[]", "must have at least 1 entries"),
        ("many", "[1, 2, 3]", "must have at most 2 entries"),
        ("many", "7", "must be a list"),
        ("inner", "[]", "must be an object"),
        ("checked", '"other"', "must be fine"),
        ("checked", '""', "must be fine"),
        ("checked", '"Erika Muster"', "is not valid"),
        ("checked", '"empty"', "is not valid"),
        ("checked", '"assert"', "is not valid"),
        ("checked", '"long"', ("must be " + "very " * 100)[:200]),
    ],
)
def test_a_wrong_value_has_a_reason_in_plain_words(field: str, value: str, reason: str) -> None:
    problem = refused(parse_body, Everything, f'{{"{field}": {value}}}'.encode())

    assert [(error.field, error.reason) for error in problem.errors] == [(field, reason)]
    assert "Muster" not in str(problem)


def test_a_rule_about_several_fields_is_told_in_our_own_words() -> None:
    problem = refused(parse_body, Everything, b'{"text": "zzz"}')

    assert [(error.field, error.code, error.reason) for error in problem.errors] == [
        ("body", "value-error", "text and checked do not go together")
    ]


def test_a_body_becomes_its_model() -> None:
    body = parse_body(
        Everything,
        f'{{"id": "{PRACTICE}", "day": "2026-01-31", "colour": "blue", "many": [3]}}'.encode(),
    )

    assert body.id == UUID(PRACTICE)
    assert body.day == date(2026, 1, 31)
    assert body.colour is Colour.BLUE
    assert body.many == (3,)


def test_query_parameters_become_their_model_even_when_it_is_strict() -> None:
    query = MultiDict(
        [
            ("limit", "7"),
            ("day", "2026-01-31"),
            ("id", PRACTICE),
            ("open_only", "true"),
            ("colours", "red"),
            ("afterCursor", "abc"),
        ]
    )

    found = parse_query(Filter, query)

    assert found == Filter(
        limit=7,
        day=date(2026, 1, 31),
        id=UUID(PRACTICE),
        open_only=True,
        colours=[Colour.RED],
        afterCursor="abc",
    )


def test_no_query_and_no_model_is_nothing() -> None:
    assert parse_query(None, MultiDict()) is None
    assert parse_query(Filter, MultiDict()) == Filter()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([("limit", "0")], [("limit", "greater-than-equal")]),
        ([("limit", "")], [("limit", "int-parsing")]),
        (
            [("Limit", "1"), ("x", "1")],
            [("Limit", "unknown-parameter"), ("x", "unknown-parameter")],
        ),
        ([("after", "1")], [("after", "unknown-parameter")]),
        ([("limit", "1"), ("limit", "1")], [("limit", "repeated-parameter")]),
        ([("afterCursor", "\x00")], [("afterCursor", "nul-character")]),
        ([("colours", "red"), ("colours", "green")], [("colours.1", "enum")]),
    ],
)
def test_a_wrong_query_parameter_is_named(
    query: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    problem = refused(parse_query, Filter, MultiDict(query))

    assert problem.status == 422
    assert [(error.field, error.code) for error in problem.errors] == expected


def test_path_parameters_that_end_in_id_are_uuids_and_others_text() -> None:
    found = parse_path({"practice_id": PRACTICE.upper(), "kind": "grid"})

    assert found == {"practice_id": UUID(PRACTICE), "kind": "grid"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        PRACTICE[:-1],
        PRACTICE + "0",
        PRACTICE + "\n",
        f"{{{PRACTICE}}}",
        f"urn:uuid:{PRACTICE}",
        PRACTICE.replace("-", ""),
    ],
)
def test_an_id_of_another_form_is_not_found_and_named(text: str) -> None:
    problem = refused(parse_path, {"note_id": text})

    assert (problem.status, problem.code, problem.field) == (404, "not-found", "note_id")
