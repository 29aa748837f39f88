"""What a layout must and may describe, so that its rows can be booked at all."""

from __future__ import annotations

from services.reconciliation.domain.deb.fields import Field, Form
from services.reconciliation.domain.deb.layout import (
    Layout,
    LayoutError,
    Record,
    RecordType,
    ShapeName,
)

_TEXTS = frozenset({Form.TEXT, Form.LITERAL, Form.WORD})
_WORDS = frozenset({Form.TEXT, Form.KIND})
_NUMBERS = frozenset({Form.AMOUNT, Form.DIGITS})
_DATES, _COUNT, _SIGNS = frozenset({Form.DATE}), frozenset({Form.DIGITS}), frozenset({Form.SIGN})
_CHOICES = frozenset({Form.CHOICE, Form.WORD})
_ALLOWED: dict[RecordType, dict[str, frozenset[Form]]] = {
    RecordType.HEADER: {
        "file_id": _TEXTS,
        "previous_file_id": _TEXTS,
        "account": _TEXTS,
        "created_on": _DATES,
        "created_at": frozenset({Form.TIME}),
        "test_flag": _CHOICES,
    },
    RecordType.ROW: {
        "record_id": _TEXTS,
        "account": _TEXTS,
        "kind": _WORDS,
        "invoice_number": _TEXTS,
        "order_number": _TEXTS,
        "debtor_number": _TEXTS,
        "event_date": _DATES,
        "value_date": _DATES,
        "sign": _SIGNS,
        "amount": _NUMBERS,
        "currency": _TEXTS,
        "payout_reference": _TEXTS,
        "beneficiary": _CHOICES,
        "level": _COUNT,
        "note": _TEXTS,
    },
    RecordType.SUM: {"kind": _WORDS, "count": _COUNT, "sign": _SIGNS, "amount": _NUMBERS},
    RecordType.TRAILER: {"count": _COUNT, "sign": _SIGNS, "amount": _NUMBERS},
}
_NEEDED: dict[RecordType, tuple[str, ...]] = {
    RecordType.HEADER: ("account", "created_on"),
    RecordType.ROW: ("kind", "event_date", "amount"),
    RecordType.SUM: ("kind", "count", "amount"),
    RecordType.TRAILER: (),
}
_PASSIVE = frozenset({Form.BLANK, Form.LITERAL, Form.TEXT})
"""Forms in which a field of another name, which is only looked at, may be written."""


def check_layout(layout: Layout) -> None:
    """Pass if the layout can be read by.

    Raises:
        LayoutError: the first thing that contradicts another, by key.
    """
    for record in layout.records:
        _check_names(record)
    _check_marks(layout)
    _check_rows(layout)
    if layout.shape is ShapeName.FIXED:
        for record in layout.records:
            _check_places(layout, record)
    elif layout.has_headings:
        _check_headings(layout)


def _key(record: Record, place: int, field: Field) -> str:
    return f"records.{record.type}.fields[{place}] ({field.name})"


def _check_names(record: Record) -> None:
    allowed, seen = _ALLOWED[record.type], set[str]()
    for place, field in enumerate(record.fields, 1):
        key = _key(record, place, field)
        if field.name in seen:
            raise LayoutError(f"{key}.name: the record has this field twice")
        seen.add(field.name)
        if field.name in allowed and field.form not in allowed[field.name]:
            forms = ", ".join(sorted(allowed[field.name]))
            raise LayoutError(f"{key}.form: {field.form} is none of {forms}")
        if field.name not in allowed and field.form not in _PASSIVE:
            raise LayoutError(f"{key}.name: none of the fields {', '.join(allowed)}")
    for name in _NEEDED[record.type]:
        if name not in seen:
            raise LayoutError(f"records.{record.type}.fields: {name} is missing")
    if record.type is RecordType.TRAILER and not seen & {"count", "amount"}:
        raise LayoutError("records.trailer.fields: needs count or amount")
    _check_amount(record)


def _check_amount(record: Record) -> None:
    by_name = {field.name: field for field in record.fields}
    amount, sign = by_name.get("amount"), by_name.get("sign")
    if sign is not None and amount is None:
        raise LayoutError(f"records.{record.type}.fields: a sign needs an amount")
    for name in ("kind", "event_date", "sign", "amount"):
        field = by_name.get(name)
        if field is not None and field.optional:
            raise LayoutError(f"records.{record.type}.fields: {name} cannot be optional")


def _check_marks(layout: Layout) -> None:
    marks = [mark.casefold() for record in layout.records for mark in record.marks]
    for mark in marks:
        if marks.count(mark) > 1:
            raise LayoutError(f"records: two record types begin with {mark!r}")
    unmarked = [record.type for record in layout.records if not record.marks]
    if layout.shape is ShapeName.FIXED:
        if unmarked and len(layout.records) > 1:
            raise LayoutError(f"records.{unmarked[0]}.type: is missing")
        if len({len(mark) for mark in marks}) > 1:
            raise LayoutError("records: the types must be of one length")
    for record_type in unmarked:
        if record_type is not RecordType.ROW:
            raise LayoutError(f"records.{record_type}.type: is missing")
    if layout.has_headings and layout.row.marks:
        raise LayoutError("records.row.type: rows under headings begin with their first column")
    if layout.has_headings and layout.record(RecordType.HEADER):
        raise LayoutError("records.header: a file has headings or a header, not both")


def _check_rows(layout: Layout) -> None:
    names = layout.row.names()
    if ("currency" in names) == (layout.currency is not None):
        raise LayoutError("currency: stands either in records.row.fields or here")
    header = layout.record(RecordType.HEADER)
    if header is not None and not header.required:
        raise LayoutError("records.header.required: a header that is described must be there")
    if header is not None and "account" in names:
        raise LayoutError("records.row.fields: account stands in the header already")
    if not names & {"invoice_number", "order_number", "debtor_number"}:
        raise LayoutError("records.row.fields: needs invoice_number, order_number or debtor_number")


def _check_places(layout: Layout, record: Record) -> None:
    column = 1 + max((len(mark) for mark in record.marks), default=0)
    for place, field in enumerate(record.fields, 1):
        key = _key(record, place, field)
        if field.start != column:
            raise LayoutError(f"{key}.from: begins at column {field.start}, expected {column}")
        if field.end < field.start:
            raise LayoutError(f"{key}.to: ends at {field.end}, before it begins")
        column = field.end + 1
    if column != layout.record_length + 1:
        raise LayoutError(
            f"record_length: is {layout.record_length}, but the fields of records.{record.type}"
            f" end at {column - 1}"
        )


def _check_headings(layout: Layout) -> None:
    seen: dict[str, str] = {}
    for place, field in enumerate(layout.row.fields, 1):
        for heading in field.headings:
            if heading in seen:
                key = _key(layout.row, place, field)
                raise LayoutError(f"{key}.headings: {heading!r} is a heading of {seen[heading]}")
            seen[heading] = field.name
