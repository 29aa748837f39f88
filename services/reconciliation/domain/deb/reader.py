"""Reads a DEB file as a stream: rows one by one, then the verdict on the file as a whole.

Bad data is a value here, never an exception: a bad row carries its problem, a bad file its fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from typing import TypeAlias, cast

from services.reconciliation.domain.deb.delimited import DelimitedShape
from services.reconciliation.domain.deb.fields import Form, Problem, Value
from services.reconciliation.domain.deb.fixed import FixedShape
from services.reconciliation.domain.deb.layout import FileDate, Layout, RecordType, ShapeName
from services.reconciliation.domain.deb.lines import Line, LineCutter
from services.reconciliation.domain.deb.records import (
    DebRow,
    FileFault,
    Header,
    KindSum,
    RowProblem,
    Trailer,
)
from services.reconciliation.domain.deb.shape import RecordRead, Shape
from services.reconciliation.domain.deb.totals import Totals
from services.reconciliation.domain.model import Beneficiary
from shared.kernel.money import Money

Item: TypeAlias = Header | DebRow | FileFault
_BENEFICIARIES = {"F": Beneficiary.FACTOR, "P": Beneficiary.PRACTICE} | {
    beneficiary.value: beneficiary for beneficiary in Beneficiary
}
_REASONS = {"event_date": "impossible-date", "value_date": "impossible-date"} | {
    "sign": "bad-amount",
    "amount": "bad-amount",
}
_SUMS_MAX = 200
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class DebReader:
    """Reads one file.

    Attributes:
        line: the line of the last item, as text.
        problems: all problems of the last row; the row itself carries the first.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        fixed = layout.shape is ShapeName.FIXED
        self._shape: Shape = FixedShape(layout) if fixed else DelimitedShape(layout)
        self._cutter = LineCutter()
        self._types = frozenset(record.type for record in layout.records)
        self._has_accounts = "account" in layout.row.names()
        self._totals = Totals()
        self._sums: list[KindSum] = []
        self._trailer: Trailer | None = None
        self._header: Header | None = None
        self._last: Line | None = None
        self._latest_row: date | None = None
        self._ended = False
        self.line = ""
        self.problems: tuple[Problem, ...] = ()

    @property
    def rows_read(self) -> int:
        """How many rows were yielded so far."""
        return self._totals.all.count

    def file_date(self, *, fetched_on: date, ahead: timedelta = timedelta(0)) -> date:
        """Return the file's date: the header's, else by the layout's rule.

        A file was not written after it was fetched: neither its header nor a row dates it later.
        """
        if self._header is not None and self._header.created_on is not None:
            return min(self._header.created_on, fetched_on + ahead)
        if self._layout.file_date is FileDate.FETCHED or self._latest_row is None:
            return fetched_on
        return min(self._latest_row, fetched_on + ahead)

    def read(self, chunks: Iterable[bytes]) -> Iterator[Item]:
        """Yield the header, each row, and a fault as the last item if the file must be held.

        The first fault ends the reading. A file without one was complete and added up. Memory
        stays flat: one line and one sum per kind are held.
        """
        for chunk in chunks:
            yield from self.feed(chunk)
            if self._ended:
                return
        yield from self.finish()

    def feed(self, chunk: bytes) -> Iterator[Item]:
        """Yield what this chunk completes, as `read` does; nothing more after a fault."""
        if not self._ended:
            yield from self._items(self._cutter.feed(chunk))

    def finish(self) -> Iterator[Item]:
        """Yield what is left when the last chunk was given, and the verdict."""
        if self._ended:
            return
        yield from self._items(self._cutter.finish())
        if not self._ended:
            yield from self._end()

    def _end(self) -> Iterator[Item]:
        fault = self._verdict()
        if fault is None and self._header is None:
            self._header = Header(line=1)
            yield self._header
        if fault is not None:
            self._ended = True
            yield fault

    def _items(self, lines: Iterable[Line]) -> Iterator[Item]:
        for line in lines:
            self._last = line
            for item in self._of(line):
                yield item
                if isinstance(item, FileFault):
                    self._ended = True
                    return

    def _of(self, line: Line) -> Iterable[Item]:
        if line.number == 1:
            if line.data.startswith(_UTF16_MARKS) or self._has_foreign_mark(line):
                words = f"column 1: a byte order mark; expected {self._layout.encoding}"
                return (FileFault("wrong-encoding", 1, words, 1),)
            line = replace(line, data=line.data.removeprefix(_UTF8_MARK))
        self.line = text = line.data.decode(self._layout.encoding, errors="replace")
        if not line.ended and self._layout.needs_last_line_end:
            column = len(text) + 1
            words = f"column {column}: the last line has no end; the file may be cut short"
            return (FileFault("truncated", line.number, words, column),)
        found = self._shape.read(line, text)
        if isinstance(found, RecordRead):
            return self._placed(line, found)
        return () if found is None else (found,)

    def _placed(self, line: Line, found: RecordRead) -> Iterable[Item]:
        """Return what a record gives at this place of the file."""
        expected = self._expected()
        if found.type not in expected:
            return (self._unexpected(line, expected),)
        if found.type is RecordType.ROW:
            return self._row(line, found)
        if found.problems:
            return (_malformed(found.type, line, found.problems[0]),)
        item = self._frame(found.type, line.number, found.values)
        return () if item is None else (item,)

    def _has_foreign_mark(self, line: Line) -> bool:
        return line.data.startswith(_UTF8_MARK) and self._layout.encoding != "utf-8"

    def _expected(self) -> frozenset[RecordType]:
        if self._header is None and RecordType.HEADER in self._types:
            return frozenset({RecordType.HEADER})
        if self._trailer is not None:
            return frozenset()
        if self._sums:
            return self._types & {RecordType.SUM, RecordType.TRAILER}
        return self._types - {RecordType.HEADER}

    def _unexpected(self, line: Line, expected: frozenset[RecordType]) -> FileFault:
        if RecordType.HEADER in expected:
            words = f"the file does not begin as {self._layout.name} does"
            return FileFault("wrong-layout", line.number, words, 1)
        wanted = " or ".join(sorted(expected)) or "the end of the file"
        return FileFault("unexpected-record", line.number, f"expected {wanted}", 1)

    def _frame(
        self, record_type: RecordType | None, number: int, values: Mapping[str, Value]
    ) -> Item | None:
        if record_type is RecordType.HEADER:
            self._header = _header(number, values)
            return self._header
        amount, count = _amount(values), cast("int | None", values.get("count"))
        if record_type is RecordType.TRAILER:
            self._trailer = Trailer(number, count, amount)
            return None
        kind = str(values["kind"])
        if len(self._sums) >= _SUMS_MAX or any(stated.kind == kind for stated in self._sums):
            return FileFault("unexpected-record", number, f"a second sum, or too many: {kind}", 1)
        assert count is not None and amount is not None  # noqa: S101, PT018 - the layout has both
        self._sums.append(KindSum(number, kind, count, amount))
        return None

    def _row(self, line: Line, found: RecordRead) -> Iterable[Item]:
        values, self.problems = found.values, found.problems
        amount = _amount(values)
        row = _assembled(line, values, found.problems, amount, self._layout)
        if row.event_date is not None and (
            self._latest_row is None or row.event_date > self._latest_row
        ):
            self._latest_row = row.event_date
        items: tuple[Item, ...] = (row,)
        if self._header is None or self._has_accounts:
            items = self._with_header(row, _text(values.get("account")))
        if items[-1] is row:
            self._totals.add(row.kind, amount)
        return items

    def _with_header(self, row: DebRow, account: str | None) -> tuple[Item, ...]:
        """A file without header: its account is that of its rows, which must not differ."""
        if self._header is None:
            self._header = Header(line=row.line, account=account)
            return (self._header, row)
        known = self._header.account
        if account is not None and known is not None and account != known:
            words = f"the row is about account {account}, the rows before about {known}"
            return (FileFault("mixed-accounts", row.line, words),)
        if account is not None and known is None:
            self._header = Header(line=row.line, account=account)
            return (self._header, row)
        return (row,)

    def _verdict(self) -> FileFault | None:
        number = self._last.number if self._last else None
        if self._header is None and (self._last is None or RecordType.HEADER in self._types):
            return FileFault("wrong-layout", None, "the file is empty")
        trailer = self._layout.record(RecordType.TRAILER)
        if self._trailer is None and trailer is not None and trailer.required:
            return FileFault("truncated", number, "the file ends before its trailer")
        return self._totals.compare(
            self._sums, self._trailer, has_sums=RecordType.SUM in self._types
        )


def _assembled(
    line: Line,
    values: Mapping[str, Value],
    problems: tuple[Problem, ...],
    written: Money | None,
    layout: Layout,
) -> DebRow:
    get = values.get
    kind = _text(get("kind"))
    is_negated = written is not None and kind in layout.negated
    return DebRow(
        line=line.number,
        raw=line.data,
        record_id=_text(get("record_id")),
        kind=kind,
        invoice_number=_text(get("invoice_number")),
        order_number=_text(get("order_number")),
        debtor_number=_text(get("debtor_number")),
        event_date=cast("date | None", get("event_date")),
        value_date=cast("date | None", get("value_date")),
        amount=-written if is_negated and written is not None else written,
        currency=_text(get("currency")) or (layout.currency if values else None),
        payout_reference=_text(get("payout_reference")),
        beneficiary=_BENEFICIARIES.get(str(get("beneficiary"))),
        level=cast("int | None", get("level")),
        note=_text(get("note")),
        problem=_first(problems),
    )


def _first(problems: tuple[Problem, ...]) -> RowProblem | None:
    if not problems:
        return None
    first = problems[0]
    is_kind = first.form is Form.KIND and first.found != ""
    reason = "unknown-kind" if is_kind else _REASONS.get(first.field, "unreadable-row")
    return RowProblem(reason, first.column, first.field)


def _header(number: int, values: Mapping[str, Value]) -> Header:
    return Header(
        line=number,
        file_id=_text(values.get("file_id")),
        previous_file_id=_text(values.get("previous_file_id")),
        account=_text(values.get("account")),
        created_on=cast("date | None", values.get("created_on")),
        created_at=cast("time | None", values.get("created_at")),
        is_test=values.get("test_flag") == "T",
    )


def _malformed(record_type: RecordType | None, line: Line, problem: Problem) -> FileFault:
    if record_type is RecordType.HEADER:
        reason = "wrong-layout" if problem.form is Form.LITERAL else "malformed-header"
    elif not line.ended:
        reason = "truncated"
    else:
        reason = "malformed-trailer"
    words = f"column {problem.column}: {problem.field} is not {problem.wanted}"
    return FileFault(reason, line.number, words, problem.column)


def _amount(values: Mapping[str, Value]) -> Money | None:
    """Return the amount as written, where sign and amount could be read."""
    amount = values.get("amount")
    if "sign" not in values:
        return Money(amount) if isinstance(amount, int) else None
    sign = values["sign"]
    if not isinstance(sign, int) or not isinstance(amount, int):
        return None
    return Money(sign * amount)


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
