"""The fields of a DEB record, and how each form of writing is read: pure, cached, never raising."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

Value: TypeAlias = str | int | date | time | None
Parse: TypeAlias = Callable[[str], Value]
TEXT_CHARS_MAX = 200
"""The longest text of a field: what is longer is no reference, and no index could hold it."""
DIGITS_MAX = 15


class Form(StrEnum):
    """How a field is written."""

    TEXT = "text"
    LITERAL = "literal"
    DATE = "date"
    TIME = "time"
    DIGITS = "digits"
    AMOUNT = "amount"
    SIGN = "sign"
    CHOICE = "choice"
    WORD = "word"
    KIND = "kind"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a field cannot be read.

    Attributes:
        field: name of the field in the layout, or "record" for the line as a whole.
        column: where it begins, from 1.
        wanted: what was expected there, in words.
        found: what stands there.
        form: of the field; None for the line as a whole.
    """

    field: str
    column: int
    wanted: str
    found: str = ""
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Attributes:
        parse: returns the value of text that is not empty, or None if it has another form.
        wanted: the form in words.
        optional: whether it may be empty (in a file with headings: absent, too).
        start: first column from 1, in a record of fixed width.
        end: last column, included.
        headings: the names that its column may have, in a file with headings.
    """

    name: str
    form: Form
    parse: Parse
    wanted: str
    optional: bool = False
    start: int = 0
    end: int = 0
    headings: tuple[str, ...] = ()

    @property
    def may_be_empty(self) -> bool:
        """Whether nothing may stand there."""
        return self.optional or self.form is Form.BLANK

    def problem(self, raw: str, column: int) -> Problem:
        """Return that this text is not what the layout wants."""
        return Problem(self.name, column, self.wanted, raw.strip(" "), self.form)


def text(raw: str) -> str | None:
    """Read text that begins at once and is padded with spaces."""
    return raw.rstrip(" ") if raw[0] != " " and len(raw) <= TEXT_CHARS_MAX else None


def blank(_raw: str) -> None:
    """Read nothing: what is not empty has no place here."""
    return


def literal(expected: str) -> Parse:
    """Return a parser of one certain text."""
    return lambda raw: expected if raw.rstrip(" ") == expected else None


def choice(choices: str) -> Parse:
    """Return a parser of one character out of some."""
    return lambda raw: raw if raw in choices and len(raw) == 1 else None


def words(meanings: Mapping[str, str]) -> Parse:
    """Return a parser of certain words in capitals or not, each with its meaning."""
    known = {word.casefold(): meaning for word, meaning in meanings.items()}
    return lambda raw: known.get(raw.strip(" ").casefold())


def sign(plus: tuple[str, ...], minus: tuple[str, ...]) -> Parse:
    """Return a parser of the sign, as 1 or -1."""
    known = dict.fromkeys(plus, 1) | dict.fromkeys(minus, -1)
    return lambda raw: known.get(raw.strip(" "))


def digits(most: int = DIGITS_MAX) -> Parse:
    """Return a parser of a whole number of at most so many digits; zeros may lead."""
    pattern = re.compile(f"[0-9]{{1,{most}}}")
    return lambda raw: int(raw) if pattern.fullmatch(raw) else None


def clock_time(raw: str) -> time | None:
    """Read HHMMSS."""
    if len(raw) != 6 or not raw.isascii() or not raw.isdigit():
        return None
    try:
        return time(int(raw[:2]), int(raw[2:4]), int(raw[4:]))
    except ValueError:
        return None


_DATE_TOKENS = {
    "YYYY": "(?P<year>[0-9]{4})",
    "MM": "(?P<month>[0-9]{2})",
    "M": "(?P<month>[0-9]{1,2})",
    "DD": "(?P<day>[0-9]{2})",
    "D": "(?P<day>[0-9]{1,2})",
}
_DATE_PARTS = re.compile("YYYY|MM?|DD?")


def calendar_date(form: str) -> Parse:
    """Return a parser of dates of one form: YYYY, MM or M, DD or D, and what stands between.

    Raises:
        ValueError: the form does not name year, month and day once each.
    """
    parts = sorted(part[0] for part in _DATE_PARTS.findall(form))
    rest = _DATE_PARTS.sub("", form)
    if parts != ["D", "M", "Y"] or re.search(r"[0-9A-Za-z]", rest):
        raise ValueError(f"{form} is no form of a date; one is DD.MM.YYYY")
    places = [_DATE_TOKENS.get(part, re.escape(part)) for part in _split_form(form)]
    pattern = re.compile("".join(places))

    @lru_cache(maxsize=4096)  # a file has few days, and many rows of each
    def parse(raw: str) -> date | None:
        found = pattern.fullmatch(raw.strip(" ")) if len(raw) <= 2 * len(form) else None
        if found is None:
            return None
        try:
            return date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            return None

    return parse


def _split_form(form: str) -> list[str]:
    return [part for part in re.split("(YYYY|MM?|DD?)", form) if part]


@dataclass(frozen=True, slots=True)
class AmountNotation:
    """How a layout writes amounts of francs.

    Attributes:
        decimal: the characters that may stand before the Rappen.
        thousands: the characters that may stand between groups of three digits.
        sign: where a sign may stand: leading, trailing or either.
    """

    decimal: tuple[str, ...] = (".",)
    thousands: tuple[str, ...] = ()
    sign: str = "leading"

    def parser(self) -> Parse:
        """Return a parser that gives Rappen; at most 12 digits and two decimals, never rounded."""
        grouped = [f"[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}}){{1,3}}" for mark in self.thousands]
        whole = "|".join([*grouped, "[0-9]{1,12}"])
        marks = "|".join(re.escape(mark) for mark in self.decimal)
        before = "" if self.sign == "trailing" else "(?P<before>[-+\u2212])?"
        after = "" if self.sign == "leading" else "(?P<after>[-+\u2212])?"
        pattern = re.compile(
            f"{before}(?P<whole>{whole})(?:(?:{marks})(?P<part>[0-9]{{1,2}}))?{after}"
        )
        strip = str.maketrans("", "", "".join(self.thousands))

        def parse(raw: str) -> int | None:
            found = pattern.fullmatch(raw.strip(" "))
            if found is None:
                return None
            groups = found.groupdict()
            signs = [mark for name in ("before", "after") if (mark := groups.get(name))]
            if len(signs) > 1:
                return None
            rappen = 100 * int(groups["whole"].translate(strip))
            rappen += int((groups["part"] or "").ljust(2, "0"))
            return -rappen if signs and signs[0] != "+" else rappen

        return parse

    def wanted(self) -> str:
        """The notation in words."""
        group = self.thousands[0] if self.thousands else ""
        return f"an amount such as 1{group}234{self.decimal[0]}50, with at most two decimals"
