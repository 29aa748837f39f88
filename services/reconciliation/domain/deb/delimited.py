"""Fields between delimiters, in a fixed order or under headings, plain or quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.reconciliation.domain.deb.fields import Field, Problem, Value
from services.reconciliation.domain.deb.layout import Layout, LineEnd, Record, RecordType
from services.reconciliation.domain.deb.lines import LINE_BYTES_MAX, Line
from services.reconciliation.domain.deb.records import FileFault
from services.reconciliation.domain.deb.shape import RecordRead, control_problem


@dataclass(frozen=True, slots=True)
class SplitProblem:
    """A quoted field that does not end as it must: at this column, from 1."""

    column: int


def split(text: str, delimiter: str, quote: str) -> tuple[list[str], list[int]] | SplitProblem:
    """Return the fields of a line and the column, from 1, at which each begins.

    A field that begins with the quote ends with it; in between it stands doubled for itself. A
    quote inside a plain field is an ordinary character.
    """
    if not quote or quote not in text:
        cells = text.split(delimiter)
        return cells, _starts(cells)
    cells, starts, place = [], [], 0
    while True:
        starts.append(place + 1)
        if text[place : place + 1] == quote:
            closed = _closing(text, place + 1, quote)
            if closed is None or text[closed + 1 : closed + 2] not in {"", delimiter}:
                return SplitProblem(place + 1 if closed is None else closed + 2)
            cells.append(text[place + 1 : closed].replace(quote + quote, quote))
            end = closed + 1
        else:
            found = text.find(delimiter, place)
            end = len(text) if found < 0 else found
            cells.append(text[place:end])
        if end >= len(text):
            return cells, starts
        place = end + 1


def _closing(text: str, place: int, quote: str) -> int | None:
    while (found := text.find(quote, place)) >= 0:
        if text[found + 1 : found + 2] != quote:
            return found
        place = found + 2
    return None


def _starts(cells: Sequence[str]) -> list[int]:
    starts, place = [], 1
    for cell in cells:
        starts.append(place)
        place += len(cell) + 1
    return starts


class DelimitedShape:
    """Reads lines of a delimited layout; it remembers the headings and how wide a row is."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._needs_crlf = layout.line_end is LineEnd.CRLF
        self._marks = {
            mark.casefold(): record for record in layout.records for mark in record.marks
        }
        self._unmarked = next((record for record in layout.records if not record.marks), None)
        self._begun = False
        self._width = 0
        self._places: dict[RecordType, list[tuple[int, Field]]] = {}
        if not layout.has_headings:
            for record in layout.records:
                first = 1 if record.marks else 0
                self._places[record.type] = list(enumerate(record.fields, first))
            self._width = len(self._places[RecordType.ROW]) + (1 if layout.row.marks else 0)

    def read(self, line: Line, text: str) -> RecordRead | FileFault | None:
        """Return the record on a line, a fault of the file, or None for headings and empty lines.

        A line that cannot be divided is a row that cannot be read.
        """
        if not text.strip(" ") and not line.cut:
            return None
        if not self._begun:
            self._begun = True
            if self._layout.has_headings:
                return self._headings(line, text)
            fault = self._not_this_layout(line, text)
            if fault is not None:
                return fault
        broken = self._broken(line, text)
        if broken is not None:
            return RecordRead(RecordType.ROW, {}, (broken,))
        divided = split(text, self._layout.delimiter, self._layout.quote)
        if isinstance(divided, SplitProblem):
            return RecordRead(RecordType.ROW, {}, (self._quote_problem(divided, text),))
        return self._record(*divided)

    def _record(self, cells: list[str], starts: list[int]) -> RecordRead:
        record = self._marks.get(cells[0].strip(" ").casefold(), self._unmarked)
        if record is None:
            return RecordRead(None)
        if record.type is RecordType.ROW and len(cells) != self._width:
            return RecordRead(RecordType.ROW, {}, (self._width_problem(cells, starts),))
        values: dict[str, Value] = {}
        problems: list[Problem] = []
        end = starts[-1] + len(cells[-1])
        for place, field in self._places[record.type]:
            raw = cells[place].strip(" ") if place < len(cells) else ""
            value = field.parse(raw) if raw else None
            if value is None and (raw or not field.may_be_empty):
                column = starts[place] if place < len(starts) else end
                problems.append(field.problem(raw, column))
            values[field.name] = value
        problems.sort(key=lambda problem: problem.column)
        return RecordRead(record.type, values, tuple(problems))

    def _broken(self, line: Line, text: str) -> Problem | None:
        if line.cut:
            wanted = f"at most {LINE_BYTES_MAX} bytes in a line"
            return Problem("record", len(text) + 1, wanted, "a longer line")
        control = control_problem(text, tab_is_fine=self._layout.delimiter == "\t")
        if control is None and self._needs_crlf and not line.whole:
            return Problem("record", len(text) + 1, "CR LF at the end", "another line end")
        return control

    def _quote_problem(self, problem: SplitProblem, text: str) -> Problem:
        wanted = f"a field whose quotes {self._layout.quote} are closed on its line"
        return Problem("record", problem.column, wanted, text[problem.column - 1 :][:20])

    def _width_problem(self, cells: list[str], starts: list[int]) -> Problem:
        surplus = len(cells) > self._width
        column = starts[self._width] if surplus else starts[-1] + len(cells[-1])
        return Problem("record", column, f"{self._width} fields", f"{len(cells)} fields")

    def _not_this_layout(self, line: Line, text: str) -> FileFault | None:
        """Without header and headings, a first line of another width is of another layout."""
        if self._layout.record(RecordType.HEADER) is not None or self._broken(line, text):
            return None
        divided = split(text, self._layout.delimiter, self._layout.quote)
        if isinstance(divided, SplitProblem):
            return None
        record = self._marks.get(divided[0][0].strip(" ").casefold(), self._unmarked)
        if record is None or record.type is not RecordType.ROW or len(divided[0]) == self._width:
            return None
        detail = f"{self._layout.name} has {self._width} fields in a line, here are"
        return FileFault("wrong-layout", line.number, f"{detail} {len(divided[0])}", 1)

    def _headings(self, line: Line, text: str) -> FileFault | None:
        broken = self._broken(line, text)
        divided = split(text, self._layout.delimiter, self._layout.quote)
        if broken is not None or isinstance(divided, SplitProblem):
            if isinstance(divided, SplitProblem):
                broken = broken or self._quote_problem(divided, text)
            assert broken is not None  # noqa: S101 - one of the two brought us here
            return _heading_fault(line, broken.column, f"{broken.wanted}, found {broken.found}")
        cells = [cell.strip(" ").casefold() for cell in divided[0]]
        self._width = len(cells)
        for record in self._layout.records:
            fault = self._place(record, cells, line, len(text) + 1)
            if fault is not None:
                return fault
        return self._surplus(cells, divided[0], divided[1], line)

    def _place(self, record: Record, cells: list[str], line: Line, end: int) -> FileFault | None:
        places = self._places[record.type] = []
        for field in record.fields:
            found = [at for at, cell in enumerate(cells) if cell in field.headings]
            names = " or ".join(field.headings)
            if len(found) > 1:
                column = _starts(cells)[found[1]]
                return _heading_fault(line, column, f"two columns are called {names}")
            if found:
                places.append((found[0], field))
            elif not field.optional and record.type is RecordType.ROW:
                return _heading_fault(line, end, f"no column is called {names} ({field.name})")
        return None

    def _surplus(
        self, cells: list[str], written: list[str], starts: list[int], line: Line
    ) -> FileFault | None:
        if self._layout.ignores_unknown:
            return None
        placed = {place for places in self._places.values() for place, _ in places}
        for place, cell in enumerate(cells):
            if cell and place not in placed:
                words = f"the layout has no column {written[place].strip(' ')[:60]}"
                return _heading_fault(line, starts[place], words)
        return None


def _heading_fault(line: Line, column: int, words: str) -> FileFault:
    return FileFault("wrong-layout", line.number, f"column {column}: {words}", column)
