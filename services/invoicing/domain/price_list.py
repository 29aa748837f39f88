"""Tariffs as data: price lists with codes, texts and points, and positions that name a code."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from services.invoicing.domain.practice import Language
from services.invoicing.domain.treatment import Position
from shared.kernel.errors import DomainError

LINES_MAX = 10_000
LANGUAGES = ("de", "fr", "it", "en")
COLUMNS = ("code", *(f"text_{language}" for language in LANGUAGES), "points", "vat_rate")
_CODE_MAX, _TEXT_MAX = 30, 350
_POINTS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,2})?")
_PERCENT = re.compile(r"([0-9]{1,2}(\.[0-9]{1,2})?|100)")


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One code of a price list.

    Attributes:
        texts: by language; at least one.
        points: tax points per unit.
        vat_rate: per cent.
    """

    code: str
    texts: Mapping[str, str]
    points: Decimal
    vat_rate: Decimal


@dataclass(frozen=True, slots=True)
class PriceList:
    """A tariff's prices from a day on.

    Of two lists that hold on a day, the one that began later counts.

    Attributes:
        valid_to: the last day, or None.
        loaded_at, loaded_by: of this version.
        version: counts the corrections.
    """

    price_list_id: UUID
    practice_id: UUID
    name: str
    tariff_type: str
    point_value: Decimal
    valid_from: date
    valid_to: date | None
    lines: tuple[PriceLine, ...]
    loaded_at: datetime
    loaded_by: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class PriceKey:
    """What a price is looked up by."""

    tariff_type: str
    code: str
    day: date


@dataclass(frozen=True, slots=True)
class Price:
    """A code's text, points and point value on a day."""

    line: PriceLine
    point_value: Decimal

    def text(self, *languages: Language) -> str:
        """Return the text in the first of these languages that it has, else in any."""
        wanted = (*(language.value for language in languages), *LANGUAGES)
        return next(self.line.texts[one] for one in wanted if one in self.line.texts)


@dataclass(frozen=True, slots=True)
class PositionDraft:
    """A position before its price is known; what is None comes from the price list."""

    key: PriceKey
    text: str | None
    quantity: Decimal
    points: Decimal | None
    point_value: Decimal | None
    vat_rate: Decimal | None
    tooth: str | None

    @property
    def needs_price(self) -> bool:
        """Whether a price list must know the code."""
        return self.text is None or self.points is None or self.point_value is None

    @property
    def asks_price(self) -> bool:
        """Whether a price list is asked; one that knows the code has its tax rate, too."""
        return self.needs_price or self.vat_rate is None

    def priced(self, price: Price | None, languages: tuple[Language, ...]) -> Position:
        """Return the position; what was given goes before what the price list says."""
        text, points, value = self.text, self.points, self.point_value
        vat_rate = self.vat_rate
        if price is not None:
            text = price.text(*languages) if text is None else text
            points = price.line.points if points is None else points
            value = price.point_value if value is None else value
            vat_rate = price.line.vat_rate if vat_rate is None else vat_rate
        assert text is not None and points is not None and value is not None  # noqa: S101, PT018
        return Position(
            tariff_type=self.key.tariff_type,
            code=self.key.code,
            text=text,
            performed_on=self.key.day,
            quantity=self.quantity,
            points=points,
            point_value=value,
            vat_rate=Decimal(0) if vat_rate is None else vat_rate,
            tooth=self.tooth,
        )


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with a line of a file, counted from 1."""

    line: int
    column: str
    reason: str


def read_price_lines(data: bytes) -> tuple[list[PriceLine], list[LineFault]]:
    """Read a CSV file (UTF-8, semicolons or commas, a heading of COLUMNS in any order).

    Returns:
        The lines, and every fault; lines without a fault are usable only if there is none.

    Raises:
        DomainError: the file as a whole is not such a table.
    """
    rows, columns = _table(data)
    lines: list[PriceLine] = []
    faults: list[LineFault] = []
    seen: set[str] = set()
    for number, row in rows:
        wrong = list(_faults(number, row, columns, seen))
        faults += wrong
        if not wrong:
            lines.append(_line(dict(zip(columns, row, strict=True))))
            seen.add(lines[-1].code)
    if not lines and not faults:
        raise _no_table("The file has no line but its heading.")
    return lines, faults


def _table(data: bytes) -> tuple[list[tuple[int, list[str]]], list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _no_table("The file is not in UTF-8.") from None
    heading = text.split("\n", 1)[0]
    reader = csv.reader(text.splitlines(), delimiter=";" if ";" in heading else ",", strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error:
        raise _no_table(f"Line {reader.line_num} is not CSV.") from None
    columns = [cell.lower() for cell in rows[0][1]] if rows else []
    needed = {"code", "points"}
    if not needed <= set(columns) <= set(COLUMNS) or len(columns) != len(set(columns)):
        raise _no_table(f"The first line must name columns out of: {', '.join(COLUMNS)}.")
    if len(rows) - 1 > LINES_MAX:
        raise _no_table(f"A price list has at most {LINES_MAX} lines.")
    return rows[1:], columns


def _faults(number: int, row: list[str], columns: list[str], seen: set[str]) -> Iterator[LineFault]:
    if len(row) != len(columns):
        yield LineFault(number, "", f"has {len(row)} columns instead of {len(columns)}")
        return
    cells = dict(zip(columns, row, strict=True))
    code = cells["code"]
    if not 1 <= len(code) <= _CODE_MAX or not code.isprintable():
        yield LineFault(number, "code", f"must have 1 to {_CODE_MAX} characters")
    elif code in seen:
        yield LineFault(number, "code", "occurs twice")
    texts = {name: cells[name] for name in cells if name.startswith("text_")}
    if not any(texts.values()):
        yield LineFault(number, "text", "is missing in every language")
    for name, text in texts.items():
        if len(text) > _TEXT_MAX or not text.isprintable():
            yield LineFault(number, name, f"must be one line of at most {_TEXT_MAX} characters")
    if not _POINTS.fullmatch(cells["points"]):
        yield LineFault(number, "points", "must be a number with at most two decimals, like 12.50")
    if not _PERCENT.fullmatch(cells.get("vat_rate") or "0"):
        yield LineFault(number, "vat_rate", "must be a percentage like 8.1")


def _line(cells: Mapping[str, str]) -> PriceLine:
    texts = {one: cells.get(f"text_{one}", "") for one in LANGUAGES}
    return PriceLine(
        code=cells["code"],
        texts={language: text for language, text in texts.items() if text},
        points=Decimal(cells["points"]),
        vat_rate=Decimal(cells.get("vat_rate") or "0"),
    )


def _no_table(message: str) -> DomainError:
    return DomainError(message, code="no-price-table")
