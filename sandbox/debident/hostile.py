"""Content that no honest portal sends: rows, files and answers that a reader must survive.

Hostile rows stand in an otherwise right file beside the true ones, whose sums they take part in; so
a reader can park them and book the rest. A broken file cannot be read as a whole.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

from sandbox.debident.deb_writer import RECORD_BYTES, DebHeader, DebRow, write_deb_file
from shared.kernel.money import Money

_LINE_BYTES = RECORD_BYTES + 2
_HUGE_BYTES = 100_000
_UNKNOWN_INVOICE = "9999-999999"
# Columns of docs/deb/quittance-v1.md, counted from 0.
_EVENT_DATE, _AMOUNT, _CURRENCY, _TEXT = 147, 163, 176, 202
_TRAILER_AMOUNT = 10

_PATCHES: Mapping[str, tuple[int, bytes]] = {
    "nul-bytes": (_TEXT, b"a\x00b\x00c"),
    "control-characters": (_TEXT, b"\x1b[2J\x07\x0b\x7f"),
    "no-calendar-day": (_EVENT_DATE, b"20260231"),
    "day-zero": (_EVENT_DATE, b"00000000"),
    "far-future": (_EVENT_DATE, b"99991231"),
    "bad-amount": (_AMOUNT, b"+00000000O1.5"),
    "foreign-currency": (_CURRENCY, b"EUR"),
}
"""What is written over a row: where, and which bytes."""
_TEXTS: Mapping[str, str] = {
    "markup": "<script>alert(1)</script>",
    "formula": "=cmd|'/C calc'!A0",
    "wrong-encoding": "Z\u00c3\u00bcrich \u00c3\u00a9",
}
"""Texts of rows that move no money: right in form, and dangerous to whoever shows them."""
HOSTILE_ROWS = (
    "unknown-kind",
    "unknown-invoice",
    "invoice-of-another-practice",
    *_TEXTS,
    *_PATCHES,
    "huge-line",
)


def with_hostile_rows(
    header: DebHeader, rows: Sequence[DebRow], *, foreign_invoice: str | None
) -> bytes:
    """Return a file with the true rows, and one of each of `HOSTILE_ROWS` behind them.

    `foreign_invoice` is the number of an invoice of another account, if one is known.
    """
    last = rows[-1]
    evil = [
        _row(header.file_id, name, last, foreign_invoice=foreign_invoice) for name in HOSTILE_ROWS
    ]
    content = bytearray(write_deb_file(header, [*rows, *evil]))
    for place, name in enumerate(HOSTILE_ROWS, start=1 + len(rows)):
        if name in _PATCHES:
            column, patch = _PATCHES[name]
            begin = place * _LINE_BYTES + column
            content[begin : begin + len(patch)] = patch
    end = (1 + len(rows) + len(HOSTILE_ROWS)) * _LINE_BYTES - 2
    content[end:end] = b"A" * _HUGE_BYTES
    return bytes(content)


def _row(file_id: str, name: str, last: DebRow, *, foreign_invoice: str | None) -> DebRow:
    """Return a row that pretends a payment of one Rappen, or only says something."""
    digest = sha256(f"{file_id}/{name}".encode()).hexdigest()
    row = replace(
        last,
        record_id=str(UUID(digest[:32])),
        kind="debtor_payment",
        amount=Money(1),
        value_date=None,
        payout_reference="",
        beneficiary="",
        level=None,
        text=name,
    )
    if name in _TEXTS:
        return replace(row, kind="dispute", amount=Money.zero(), text=_TEXTS[name])
    if name == "unknown-kind":
        return replace(row, kind="casino_win")
    if name == "unknown-invoice":
        return replace(row, invoice_number=_UNKNOWN_INVOICE)
    if name == "invoice-of-another-practice":
        return replace(row, invoice_number=foreign_invoice or _UNKNOWN_INVOICE)
    return row


def with_wrong_totals(content: bytes) -> bytes:
    """Return the file with a trailer whose sum is one Rappen more."""
    begin = content.rindex(b"\r\nT") + 2 + _TRAILER_AMOUNT
    sum_rappen = int(content[begin : begin + 16]) + 1
    sign = b"-" if sum_rappen < 0 else b"+"
    return content[:begin] + sign + b"%015d" % abs(sum_rappen) + content[begin + 16 :]


def truncated(content: bytes, *, chance: random.Random) -> bytes:
    """Return a beginning of the file that ends before its trailer, often within a record."""
    return content[: chance.randrange(1, len(content) - _LINE_BYTES)]


def _of_foreign_account(content: bytes) -> bytes:
    return content[:85] + b"CMD-0000-FOREIGN".ljust(20) + content[105:]


def _in_utf_16(content: bytes) -> bytes:
    return content.decode("iso-8859-1").encode("utf-16")


def _as_web_page(_: bytes) -> bytes:
    return b"<!doctype html><title>Login</title><p>Your session has ended.</p>\r\n" * 20


def _without_line_ends(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"")


def _as_test_file(content: bytes) -> bytes:
    return content[:119] + b"T" + content[120:]


BROKEN_FILES: tuple[Callable[[bytes], bytes], ...] = (
    _of_foreign_account,
    _in_utf_16,
    _as_web_page,
    _without_line_ends,
    _as_test_file,
)


def broken(content: bytes, *, chance: random.Random) -> bytes:
    """Return the file broken as a whole, in one of the ways of `BROKEN_FILES`."""
    return chance.choice(BROKEN_FILES)(content)


MALFORMED_ANSWERS: tuple[bytes, ...] = (
    b'{"order_id": "',
    b"<!doctype html><title>Login</title>",
    b"[]",
    b"null",
    b"{}",
    b'{"order_id": 7, "state": true, "files": {}, "lines": "all", "result": null}',
    b'{"position": NaN, "files": [NaN], "more": "perhaps"}',
    b"\xff\xfe\x00{",
    b"[" * 50_000,
    b'{"files": [' + b" " * 3_000_000,
    b"",
)
"""Bodies that are no answer; which one comes depends on the event's number."""


def malformed_answer(number: int) -> bytes:
    """Return the body for the numbered event."""
    return MALFORMED_ANSWERS[number % len(MALFORMED_ANSWERS)]
