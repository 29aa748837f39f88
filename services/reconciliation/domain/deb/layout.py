"""A DEB layout as data: which record types there are, and which field stands in which columns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Any, TypeAlias

Value: TypeAlias = str | int | date | time | None


class LayoutError(Exception):
    """A layout file contradicts itself; it is a mistake of the installation, not of a DEB file."""


class Form(StrEnum):
    """How a field is written."""

    TEXT = "text"
    LITERAL = "literal"
    DATE = "date"
    TIME = "time"
    DIGITS = "digits"
    SIGN = "sign"
    CHOICE = "choice"
    BLANK = "blank"


class RecordType(StrEnum):
    """The four record types of a fixed-width DEB file."""

    HEADER = "header"
    ROW = "row"
    SUM = "sum"
    TRAILER = "trailer"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a field cannot be read.

    Attributes:
        field: name of the field in the layout.
        column: where it begins, from 1.
        form: what was expected there.
    """

    field: str
    column: int
    form: Form


@dataclass(frozen=True, slots=True)
class Field:
    """One field: columns count from 1, both ends included."""

    name: str
    start: int
    end: int
    form: Form
    optional: bool = False
    expected: str = ""

    def read(self, line: str) -> Value | Problem:
        """Return the field's value from a whole line, None where it is empty and may be."""
        raw = line[self.start - 1 : self.end]
        if not raw.strip(" "):
            if self.optional or self.form is Form.BLANK:
                return None
            return Problem(self.name, self.start, self.form)
        value = _READERS[self.form](raw, self.expected)
        return Problem(self.name, self.start, self.form) if value is None else value


@dataclass(frozen=True, slots=True)
class Record:
    """One record type: its first character and its fields."""

    type: RecordType
    mark: str
    fields: tuple[Field, ...]

    def read(self, line: str) -> tuple[dict[str, Value], tuple[Problem, ...]]:
        """Return all values that can be read, by name, and a problem for each that cannot."""
        values: dict[str, Value] = {}
        problems: list[Problem] = []
        for field in self.fields:
            value = field.read(line)
            if isinstance(value, Problem):
                problems.append(value)
                value = None
            values[field.name] = value
        return values, tuple(problems)


@dataclass(frozen=True, slots=True)
class Layout:
    """A DEB dialect of fixed width."""

    name: str
    encoding: str
    record_length: int
    records: Mapping[str, Record]

    def record_of(self, mark: str) -> Record | None:
        """Return the record type that begins with this character."""
        return self.records.get(mark)

    @classmethod
    def from_toml(cls, text: str) -> Layout:
        """Read a layout file.

        Raises:
            LayoutError: it is not TOML, a name is missing, or fields overlap or leave gaps.
        """
        try:
            data = tomllib.loads(text)
            records = [_record(RecordType(key), spec) for key, spec in data["records"].items()]
            layout = cls(
                name=data["name"],
                encoding=data["encoding"],
                record_length=data["record_length"],
                records={record.mark: record for record in records},
            )
        except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError) as error:
            raise LayoutError(f"the layout cannot be read: {error!r}") from error
        _check(layout, records)
        return layout


def _record(record_type: RecordType, spec: Mapping[str, Any]) -> Record:
    return Record(record_type, spec["type"], tuple(_field(field) for field in spec["fields"]))


def _field(spec: Mapping[str, Any]) -> Field:
    return Field(
        name=spec["name"],
        start=spec["from"],
        end=spec["to"],
        form=Form(spec["form"]),
        optional=spec.get("optional", False),
        expected=spec.get("value", spec.get("choices", "")),
    )


def _check(layout: Layout, records: list[Record]) -> None:
    if {record.type for record in records} != set(RecordType):
        raise LayoutError(f"{layout.name} must describe each of {', '.join(RecordType)} once")
    for record in records:
        column = 2
        for field in record.fields:
            if field.start != column or field.end < field.start:
                raise LayoutError(
                    f"{layout.name}, {record.type}: {field.name} begins at column {field.start},"
                    f" expected {column}"
                )
            column = field.end + 1
        if column != layout.record_length + 1:
            raise LayoutError(f"{layout.name}, {record.type}: the fields end at {column - 1}")


_DIGITS = re.compile(r"[0-9]+")


def _text(raw: str, _expected: str) -> str | None:
    return raw.rstrip(" ") if raw[0] != " " else None


def _literal(raw: str, expected: str) -> str | None:
    return raw if raw.rstrip(" ") == expected else None


def _date(raw: str, _expected: str) -> date | None:
    if len(raw) != 8 or not _DIGITS.fullmatch(raw):
        return None
    try:
        return date(int(raw[:4]), int(raw[4:6]), int(raw[6:]))
    except ValueError:
        return None


def _time(raw: str, _expected: str) -> time | None:
    if len(raw) != 6 or not _DIGITS.fullmatch(raw):
        return None
    try:
        return time(int(raw[:2]), int(raw[2:4]), int(raw[4:]))
    except ValueError:
        return None


def _digits(raw: str, _expected: str) -> int | None:
    return int(raw) if _DIGITS.fullmatch(raw) else None


def _sign(raw: str, _expected: str) -> int | None:
    return {"+": 1, "-": -1}.get(raw)


def _choice(raw: str, expected: str) -> str | None:
    return raw if raw in expected else None


def _blank(_raw: str, _expected: str) -> str | None:
    return None


_READERS = {
    Form.TEXT: _text,
    Form.LITERAL: _literal,
    Form.DATE: _date,
    Form.TIME: _time,
    Form.DIGITS: _digits,
    Form.SIGN: _sign,
    Form.CHOICE: _choice,
    Form.BLANK: _blank,
}
