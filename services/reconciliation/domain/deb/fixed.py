"""Records of fixed width: the first characters say the type, columns say the field."""

from __future__ import annotations

from services.reconciliation.domain.deb.fields import Problem, Value
from services.reconciliation.domain.deb.layout import Layout, LineEnd, Record, RecordType
from services.reconciliation.domain.deb.lines import Line
from services.reconciliation.domain.deb.shape import RecordRead, control_problem


class FixedShape:
    """Reads lines of a layout of fixed width; it has no state."""

    def __init__(self, layout: Layout) -> None:
        self._length = layout.record_length
        self._needs_crlf = layout.line_end is LineEnd.CRLF
        self._marks = {mark: record for record in layout.records for mark in record.marks}
        self._mark_length = max((len(mark) for mark in self._marks), default=0)
        self._unmarked = None if self._marks else layout.row
        self._places = {
            record.type: tuple(
                (field.name, field.start - 1, field.end, field.parse, field.may_be_empty, field)
                for field in record.fields
            )
            for record in layout.records
        }

    def read(self, line: Line, text: str) -> RecordRead:
        """Return the record on a line; of a row that is not whole only that it is not."""
        record = self._unmarked or self._marks.get(text[: self._mark_length])
        if record is None:
            return RecordRead(None)
        broken = self._length_problem(line) or control_problem(text)
        if broken is not None and record.type is RecordType.ROW:
            return RecordRead(RecordType.ROW, {}, (broken,))
        values, problems = self._values(record, text)
        if broken is not None:
            problems.append(broken)
        return RecordRead(record.type, values, tuple(problems))

    def _length_problem(self, line: Line) -> Problem | None:
        length = len(line.data)
        ends_well = line.whole or not (self._needs_crlf or line.cut)
        if ends_well and length == self._length:
            return None
        place = min(length, self._length) + 1
        if length > self._length:
            found = "a longer line"
        else:
            found = "the line ends here" if length < self._length else "another line end"
        ends = " and CR LF" if self._needs_crlf else ""
        return Problem("record", place, f"{self._length} characters{ends}", found)

    def _values(self, record: Record, text: str) -> tuple[dict[str, Value], list[Problem]]:
        values: dict[str, Value] = {}
        problems: list[Problem] = []
        for name, start, end, parse, may_be_empty, field in self._places[record.type]:
            raw = text[start:end]
            value = None
            if raw.strip(" "):
                value = parse(raw)
                if value is None:
                    problems.append(field.problem(raw, start + 1))
            elif not may_be_empty:
                problems.append(field.problem(raw, start + 1))
            values[name] = value
        return values, problems
