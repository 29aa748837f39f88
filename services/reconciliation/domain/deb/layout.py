"""A DEB layout as data: which record types there are, and how the fields of each are written.

A layout is read from a TOML file (layout_file.py). Two shapes share it: records of fixed width
(fixed.py) and fields between delimiters (delimited.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.reconciliation.domain.deb.fields import Field


class LayoutError(Exception):
    """A layout file contradicts itself; it is a mistake of the installation, not of a DEB file."""


class RecordType(StrEnum):
    """The record types of a DEB file; only rows are in every layout."""

    HEADER = "header"
    ROW = "row"
    SUM = "sum"
    TRAILER = "trailer"


class ShapeName(StrEnum):
    """How a line is divided into fields."""

    FIXED = "fixed"
    DELIMITED = "delimited"


class LineEnd(StrEnum):
    """What must end a line."""

    CRLF = "crlf"
    ANY = "any"


class FileDate(StrEnum):
    """Whence the date of a file comes that has no header to say it."""

    LATEST_ROW = "latest-row"
    FETCHED = "fetched"


@dataclass(frozen=True, slots=True)
class Record:
    """One record type: what its lines begin with, and its fields.

    Attributes:
        marks: the beginnings; none: any line that is no other record.
        required: whether the file must have one; of header and trailer only.
    """

    type: RecordType
    marks: tuple[str, ...]
    fields: tuple[Field, ...]
    required: bool = True

    def names(self) -> frozenset[str]:
        """The names of its fields."""
        return frozenset(field.name for field in self.fields)


@dataclass(frozen=True, slots=True)
class Layout:
    """A DEB dialect.

    Attributes:
        encoding: of the text; one that agrees with ASCII.
        needs_last_line_end: whether a last line without an end is taken for a file cut short.
        currency: of every row, where no field says it.
        negated: kinds whose amounts the file writes with the opposite sign.
        file_date: whence the file's date comes where no header says it.
        record_length: characters of a line, in files of fixed width.
        delimiter: what stands between fields, in delimited files.
        quote: what may enclose a field.
        has_headings: whether the first line names the columns.
        ignores_unknown: whether columns that the layout does not name are read over.
    """

    name: str
    shape: ShapeName
    encoding: str
    records: tuple[Record, ...]
    line_end: LineEnd = LineEnd.CRLF
    needs_last_line_end: bool = False
    currency: str | None = None
    negated: frozenset[str] = frozenset()
    file_date: FileDate = FileDate.LATEST_ROW
    record_length: int = 0
    delimiter: str = ""
    quote: str = ""
    has_headings: bool = False
    ignores_unknown: bool = False

    def record(self, record_type: RecordType) -> Record | None:
        """Return the description of a record type, if the layout has it."""
        return next((record for record in self.records if record.type is record_type), None)

    @property
    def row(self) -> Record:
        """The description of a row, which every layout has."""
        return next(record for record in self.records if record.type is RecordType.ROW)
