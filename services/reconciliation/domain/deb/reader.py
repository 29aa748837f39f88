"""Reads a DEB file as a stream: rows one by one, then the verdict on the file as a whole.

Bad data is a value here, never an exception: a bad row carries its problem, a bad file its fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from typing import TypeAlias, cast

from services.reconciliation.domain.deb.layout import Form, Layout, Problem, RecordType, Value
from services.reconciliation.domain.deb.lines import Line, lines
from services.reconciliation.domain.deb.records import (
    DebRow,
    FileFault,
    Header,
    KindSum,
    RowProblem,
    Trailer,
)
from services.reconciliation.domain.deb.totals import Totals
from services.reconciliation.domain.model import Beneficiary
from shared.kernel.money import Money

Item: TypeAlias = Header | DebRow | FileFault
_BENEFICIARIES = {"F": Beneficiary.FACTOR, "P": Beneficiary.PRACTICE}
_REASONS = {"event_date": "impossible-date", "value_date": "impossible-date"} | {
    "sign": "bad-amount",
    "amount": "bad-amount",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SUMS_MAX = 200


class DebReader:
    """Reads one file; after the last item `rows_read` says how many rows it had."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._totals = Totals()
        self._sums: list[KindSum] = []
        self._trailer: Trailer | None = None
        self._header_seen = False
        self._last_line: int | None = None

    @property
    def rows_read(self) -> int:
        """How many rows were yielded so far."""
        return self._totals.all.count

    def read(self, chunks: Iterable[bytes]) -> Iterator[Item]:
        """Yield the header, each row, and a fault as the last item if the file must be held.

        The first fault ends the reading. A file without one was complete and added up. Memory
        stays flat: one line and one sum per kind are held.
        """
        for line in lines(chunks):
            self._last_line = line.number
            item = self._item(line)
            if item is not None:
                yield item
            if isinstance(item, FileFault):
                return
        fault = self._verdict()
        if fault is not None:
            yield fault

    def _item(self, line: Line) -> Item | None:
        text = line.data.decode(self._layout.encoding, errors="replace")
        record = self._layout.record_of(text[:1])
        expected = self._expected()
        if record is None or record.type not in expected:
            return self._unexpected(line, expected)
        if record.type is RecordType.ROW:
            return self._row(line, text)
        values, problems = record.read(text)
        if not line.whole or len(line.data) != self._layout.record_length:
            problems = (*problems, Problem("record", len(line.data) + 1, Form.BLANK))
        control = _control_column(text)
        if control is not None:
            problems = (*problems, Problem("record", control, Form.TEXT))
        if problems:
            return _malformed(record.type, line, problems[0])
        return self._frame(record.type, line.number, values)

    def _expected(self) -> frozenset[RecordType]:
        if not self._header_seen:
            return frozenset({RecordType.HEADER})
        if self._trailer is not None:
            return frozenset()
        if self._sums:
            return frozenset({RecordType.SUM, RecordType.TRAILER})
        return frozenset({RecordType.ROW, RecordType.SUM, RecordType.TRAILER})

    def _unexpected(self, line: Line, expected: frozenset[RecordType]) -> FileFault:
        if RecordType.HEADER in expected:
            return FileFault(
                "wrong-layout", line.number, f"the file does not begin as {self._layout.name} does"
            )
        wanted = " or ".join(sorted(expected)) or "the end of the file"
        return FileFault("unexpected-record", line.number, f"expected {wanted}")

    def _frame(
        self, record_type: RecordType, number: int, values: Mapping[str, Value]
    ) -> Item | None:
        if record_type is RecordType.HEADER:
            self._header_seen = True
            return _header(number, values)
        amount = Money(_number(values["sign"]) * _number(values["amount"]))
        count = _number(values["count"])
        if record_type is RecordType.TRAILER:
            self._trailer = Trailer(number, count, amount)
            return None
        kind = str(values["kind"])
        if len(self._sums) >= _SUMS_MAX or any(stated.kind == kind for stated in self._sums):
            return FileFault("unexpected-record", number, f"a second sum, or too many: {kind}")
        self._sums.append(KindSum(number, kind, count, amount))
        return None

    def _row(self, line: Line, text: str) -> DebRow:
        row = read_row(self._layout, line, text)
        self._totals.add(row)
        return row

    def _verdict(self) -> FileFault | None:
        if not self._header_seen:
            return FileFault("wrong-layout", None, "the file is empty")
        if self._trailer is None:
            return FileFault("truncated", self._last_line, "the file ends before its trailer")
        return self._totals.compare(self._sums, self._trailer)


def read_row(layout: Layout, line: Line, text: str) -> DebRow:
    """Return the row on a line, with its first problem if it has any."""
    record = layout.record_of(text[:1])
    assert record is not None  # noqa: S101 - the caller looked at the mark
    if not line.whole or len(line.data) != layout.record_length:
        place = min(len(line.data), layout.record_length) + 1
        return DebRow(line.number, line.data, problem=RowProblem("unreadable-row", place, "record"))
    control = _control_column(text)
    if control is not None:
        return DebRow(
            line.number, line.data, problem=RowProblem("unreadable-row", control, "record")
        )
    values, problems = record.read(text)
    return _assembled(line, values, problems)


def _assembled(line: Line, values: Mapping[str, Value], problems: tuple[Problem, ...]) -> DebRow:
    sign, whole = values["sign"], values["amount"]
    readable = isinstance(sign, int) and isinstance(whole, int)
    return DebRow(
        line=line.number,
        raw=line.data,
        record_id=_text(values["record_id"]),
        kind=_text(values["kind"]),
        invoice_number=_text(values["invoice_number"]),
        order_number=_text(values["order_number"]),
        debtor_number=_text(values["debtor_number"]),
        event_date=cast("date | None", values["event_date"]),
        value_date=cast("date | None", values["value_date"]),
        amount=Money(_number(sign) * _number(whole)) if readable else None,
        currency=_text(values["currency"]),
        payout_reference=_text(values["payout_reference"]),
        beneficiary=_BENEFICIARIES.get(str(values["beneficiary"])),
        level=cast("int | None", values["level"]),
        note=_text(values["note"]),
        problem=_first(problems),
    )


def _first(problems: tuple[Problem, ...]) -> RowProblem | None:
    if not problems:
        return None
    first = problems[0]
    reason = _REASONS.get(first.field, "unreadable-row")
    return RowProblem(reason, first.column, first.field)


def _header(number: int, values: Mapping[str, Value]) -> Header:
    previous = values["previous_file_id"]
    return Header(
        line=number,
        file_id=str(values["file_id"]),
        previous_file_id=None if previous is None else str(previous),
        account=str(values["account"]),
        created_on=cast("date", values["created_on"]),
        created_at=cast("time", values["created_at"]),
        is_test=values["test_flag"] == "T",
    )


def _malformed(record_type: RecordType, line: Line, problem: Problem) -> FileFault:
    if record_type is RecordType.HEADER:
        reason = "wrong-layout" if problem.form is Form.LITERAL else "malformed-header"
    elif not line.whole:
        reason = "truncated"
    else:
        reason = "malformed-trailer"
    return FileFault(
        reason, line.number, f"column {problem.column}: {problem.field} is not {problem.form}"
    )


def _number(value: Value) -> int:
    assert isinstance(value, int)  # noqa: S101 - the layout's form says so
    return value


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _control_column(text: str) -> int | None:
    found = _CONTROL.search(text)
    return found.start() + 1 if found else None
