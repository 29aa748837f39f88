"""Reads a layout from its TOML file; what contradicts itself there is explained by its key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.reconciliation.domain.deb import fields as forms
from services.reconciliation.domain.deb.fields import AmountNotation, Field, Form, Parse
from services.reconciliation.domain.deb.layout import (
    FileDate,
    Layout,
    LayoutError,
    LineEnd,
    Record,
    RecordType,
    ShapeName,
)
from services.reconciliation.domain.deb.layout_rules import check_layout
from services.reconciliation.domain.deb.toml_keys import Table
from services.reconciliation.domain.posting import DEB_KINDS

ENCODINGS = ("iso-8859-1", "iso-8859-15", "cp1252", "utf-8", "ascii")
_LEVEL_DIGITS = 2
_SIGN_PLACES = ("leading", "trailing", "either")


@dataclass(frozen=True, slots=True)
class _Notation:
    """How this layout writes what its fields hold."""

    dates: str
    date: Parse
    amounts: AmountNotation
    kinds: Mapping[str, str]
    plus: tuple[str, ...]
    minus: tuple[str, ...]


def read_layout(text: str) -> Layout:
    """Read a layout file.

    Raises:
        LayoutError: it is not TOML, or contradicts itself; the message names the key.
    """
    try:
        top = Table(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(f"the file is not TOML: {error}") from error
    except RecursionError as error:
        raise LayoutError("the file is nested too deeply") from error
    shape = top.one_of("shape", ShapeName, ShapeName.FIXED)
    encoding = top.text("encoding")
    if encoding not in ENCODINGS:
        raise top.error("encoding", f"{encoding!r} is none of {', '.join(ENCODINGS)}")
    amounts = top.table("amounts")
    notation = _notation(top, amounts)
    layout = Layout(
        name=top.text("name"),
        shape=shape,
        encoding=encoding,
        records=(),
        line_end=top.one_of("line_end", LineEnd, LineEnd.CRLF),
        currency=top.text("currency", "") or None,
        negated=frozenset(amounts.texts("negated", ())),
        file_date=top.one_of("file_date", FileDate, FileDate.LATEST_ROW),
    )
    amounts.done()
    for kind in layout.negated - DEB_KINDS:
        raise LayoutError(f"amounts.negated: {kind!r} is no record kind")
    layout = _fixed(layout, top) if shape is ShapeName.FIXED else _delimited(layout, top)
    layout = replace(layout, records=_records(top.table("records"), layout, notation))
    top.done()
    check_layout(layout)
    return layout


def _fixed(layout: Layout, top: Table) -> Layout:
    length = top.number("record_length")
    if layout.encoding == "utf-8":
        raise top.error("encoding", "records of fixed width need one byte per character")
    if not 1 <= length <= 4000:
        raise top.error("record_length", "must be 1 to 4000")
    return replace(layout, record_length=length)


def _delimited(layout: Layout, top: Table) -> Layout:
    delimiter, quote = top.text("delimiter"), top.text("quote", "")
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in "\r\n ":
        raise top.error("delimiter", "must be one character, neither letter, digit nor space")
    if len(quote) > 1 or quote == delimiter or quote.isalnum():
        raise top.error("quote", "must be one character, not the delimiter; or left out")
    return replace(
        layout,
        delimiter=delimiter,
        quote=quote,
        has_headings=top.flag("headings", default=False),
        ignores_unknown=top.flag("ignore_unknown_columns", default=False),
        needs_last_line_end=top.flag("last_line_end", default=True),
    )


def _notation(top: Table, amounts: Table) -> _Notation:
    dates = top.text("dates", "YYYYMMDD")
    try:
        parse = forms.calendar_date(dates)
    except ValueError as error:
        raise top.error("dates", str(error)) from error
    written = AmountNotation(
        decimal=amounts.texts("decimal", (".",)),
        thousands=amounts.texts("thousands", ()),
        sign=amounts.text("sign", "leading"),
    )
    if not written.decimal:
        raise amounts.error("decimal", "names no character")
    for mark in (*written.decimal, *written.thousands):
        if len(mark) != 1 or mark.isalnum() or mark in "+-":
            raise amounts.error("decimal", f"{mark!r} is not one mark")
    for mark in set(written.decimal) & set(written.thousands):
        raise amounts.error("thousands", f"{mark!r} is a decimal mark, too")
    if written.sign not in _SIGN_PLACES:
        raise amounts.error("sign", f"{written.sign!r} is none of {', '.join(_SIGN_PLACES)}")
    signs = top.table("signs")
    plus, minus = signs.texts("plus", ("+",)), signs.texts("minus", ("-",))
    if set(plus) & set(minus):
        raise signs.error("minus", "has a sign that is in plus, too")
    signs.done()
    return _Notation(dates, parse, written, _kinds(top.table("kinds")), plus, minus)


def _kinds(table: Table) -> Mapping[str, str]:
    kinds = table.pairs()
    seen: dict[str, str] = {}
    for word, kind in kinds.items():
        if kind not in DEB_KINDS:
            known = ", ".join(sorted(DEB_KINDS))
            raise table.error(word, f"{kind!r} is no record kind; kinds are {known}")
        if word.casefold() in seen:
            raise table.error(word, f"is the same word as {seen[word.casefold()]}")
        seen[word.casefold()] = word
    return kinds


def _records(table: Table, layout: Layout, notation: _Notation) -> tuple[Record, ...]:
    records = []
    for name in table.keys_there():
        if name not in set(RecordType):
            raise table.error(name, f"is none of the records {', '.join(RecordType)}")
        records.append(_record(RecordType(name), table.table(name), layout, notation))
    if not any(record.type is RecordType.ROW for record in records):
        raise table.error("row", "is missing")
    return tuple(records)


def _record(record_type: RecordType, table: Table, layout: Layout, notation: _Notation) -> Record:
    found = tuple(_field(each, layout, notation) for each in table.tables("fields"))
    record = Record(
        record_type,
        table.texts("type", ()),
        found,
        required=table.flag("required", default=True),
    )
    table.done()
    return record


def _field(table: Table, layout: Layout, notation: _Notation) -> Field:
    name, form = table.text("name"), table.one_of("form", Form)
    optional = table.flag("optional", default=False)
    parse, wanted = _parse(table, name, form, notation)
    field = Field(name, form, parse, wanted, optional)
    if layout.shape is ShapeName.FIXED:
        field = replace(field, start=table.number("from"), end=table.number("to"))
    elif layout.has_headings:
        headings = table.texts("headings")
        if not headings:
            raise table.error("headings", "names no heading")
        field = replace(field, headings=tuple(one.strip().casefold() for one in headings))
    table.done()
    return field


def _parse(table: Table, name: str, form: Form, notation: _Notation) -> tuple[Parse, str]:
    amounts, most = notation.amounts, _LEVEL_DIGITS if name == "level" else forms.DIGITS_MAX
    signs = " or ".join((*notation.plus, *notation.minus))
    known: dict[Form, tuple[Parse, str]] = {
        Form.DATE: (notation.date, f"a date as {notation.dates}"),
        Form.TIME: (forms.clock_time, "a time as HHMMSS"),
        Form.DIGITS: (forms.digits(most), f"digits only, at most {most}"),
        Form.AMOUNT: (amounts.parser(), amounts.wanted()),
        Form.SIGN: (forms.sign(notation.plus, notation.minus), f"a sign: {signs}"),
        Form.BLANK: (forms.blank, "nothing"),
        Form.TEXT: (forms.text, f"text of at most {forms.TEXT_CHARS_MAX} characters"),
    }
    return known[form] if form in known else _parse_words(table, form, notation)


def _parse_words(table: Table, form: Form, notation: _Notation) -> tuple[Parse, str]:
    if form is Form.LITERAL:
        expected = table.text("value")
        return forms.literal(expected), f"the text {expected}"
    if form is Form.CHOICE:
        choices = table.text("choices")
        return forms.choice(choices), f"one of the characters {choices}"
    if form is Form.KIND:
        if not notation.kinds:
            raise table.error("form", "kind needs the table [kinds]")
        return forms.words(notation.kinds), "a word of the table [kinds]"
    meanings = table.table("words").pairs()
    if not meanings:
        raise table.error("words", "names no word")
    return forms.words(meanings), f"one of the words {', '.join(meanings)}"
