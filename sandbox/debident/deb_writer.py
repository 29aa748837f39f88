"""Writes DEB files in the layout docs/deb/quittance-v1.md; pure, so that every byte can be tested.

The layout is fixed width: a value that does not fit is an error here, never cut off silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.kernel.clock import SWISS_TIME
from shared.kernel.money import CURRENCY, Money

RECORD_BYTES = 240
ENCODING = "iso-8859-1"
_LAYOUT = "QUITTANCE-V1"
_LINE_END = b"\r\n"


class DebLayoutError(ValueError):
    """A value does not fit into its columns."""


@dataclass(frozen=True, slots=True)
class DebHeader:
    """What the H record says of the whole file.

    Attributes:
        file_id: unique at the factor, at most 36 characters.
        previous_file_id: the account's file before this one; None in its first.
        created_at: aware; written in Swiss time.
        test: whether the file is a test file.
    """

    file_id: str
    previous_file_id: str | None
    account_number: str
    created_at: datetime
    test: bool = False


@dataclass(frozen=True, slots=True)
class DebRow:
    """One fact about one invoice; the amount is positive in the ordinary direction of its kind."""

    record_id: str
    kind: str
    invoice_number: str
    order_number: str
    debtor_number: str
    event_date: date
    amount: Money
    value_date: date | None = None
    payout_reference: str = ""
    beneficiary: Literal["F", "P", ""] = ""
    level: int | None = None
    text: str = ""


def write_deb_file(header: DebHeader, rows: Sequence[DebRow]) -> bytes:
    """Return the bytes of one file: H, the rows in the order given, one S per kind, T.

    Raises:
        DebLayoutError: a value is too long, or cannot be written in ISO 8859-1.
    """
    records = [
        _header(header),
        *(_row(row) for row in rows),
        *_sums(rows),
        _trailer(rows),
    ]
    return b"".join(record + _LINE_END for record in records)


def _header(header: DebHeader) -> bytes:
    created = header.created_at.astimezone(SWISS_TIME)
    return _record(
        "H",
        _text(_LAYOUT, 12),
        _text(header.file_id, 36),
        _text(header.previous_file_id or "", 36),
        _text(header.account_number, 20),
        f"{created:%Y%m%d}",
        f"{created:%H%M%S}",
        "T" if header.test else "P",
    )


def _row(row: DebRow) -> bytes:
    return _record(
        "R",
        _text(row.record_id, 36),
        _text(row.kind, 20),
        _text(row.invoice_number, 35),
        _text(row.order_number, 35),
        _text(row.debtor_number, 20),
        _date(row.event_date),
        _date(row.value_date),
        _amount(row.amount, 12),
        CURRENCY,
        _text(row.payout_reference, 20),
        _text(row.beneficiary, 1),
        "  " if row.level is None else _number(row.level, 2),
        _text(row.text, 38),
    )


def _sums(rows: Sequence[DebRow]) -> Iterable[bytes]:
    for kind in sorted({row.kind for row in rows}):
        amounts = [row.amount for row in rows if row.kind == kind]
        yield _record(
            "S", _text(kind, 20), _number(len(amounts), 9), _amount(Money.total(amounts), 15)
        )


def _trailer(rows: Sequence[DebRow]) -> bytes:
    total = Money.total(row.amount for row in rows)
    return _record("T", _number(len(rows), 9), _amount(total, 15))


def _record(*fields: str) -> bytes:
    line = "".join(fields).ljust(RECORD_BYTES)
    try:
        record = line.encode(ENCODING)
    except UnicodeEncodeError as error:
        raise DebLayoutError(
            f"not writable in ISO 8859-1: {error.object[error.start]!r}"
        ) from error
    if len(record) != RECORD_BYTES:
        raise DebLayoutError(f"a record has {RECORD_BYTES} bytes, not {len(record)}")
    return record


def _text(value: str, width: int) -> str:
    if len(value) > width:
        raise DebLayoutError(f"longer than {width} characters: {value!r}")
    if not value.isprintable():
        raise DebLayoutError(f"not printable: {value!r}")
    return value.ljust(width)


def _number(value: int, width: int) -> str:
    digits = f"{value:0{width}d}"
    if value < 0 or len(digits) > width:
        raise DebLayoutError(f"not a number of {width} digits: {value}")
    return digits


def _amount(amount: Money, width: int) -> str:
    sign = "-" if amount.rappen < 0 else "+"
    return sign + _number(abs(amount.rappen), width)


def _date(value: date | None) -> str:
    return " " * 8 if value is None else f"{value:%Y%m%d}"
