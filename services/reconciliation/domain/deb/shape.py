"""What the reader asks of a shape: one line in, one record with its problems out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from services.reconciliation.domain.deb.fields import Problem, Value
from services.reconciliation.domain.deb.layout import RecordType
from services.reconciliation.domain.deb.lines import Line
from services.reconciliation.domain.deb.records import FileFault

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]")
_CONTROL_BUT_TAB = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd]")


class RecordRead(NamedTuple):
    """One line, read.

    Attributes:
        type: None: the line begins like no record of the layout.
        values: all that could be read, by name of the field.
        problems: one for each field that cannot be read, by column.
    """

    type: RecordType | None
    values: Mapping[str, Value] = {}
    problems: tuple[Problem, ...] = ()


class Shape(Protocol):
    """Reads the lines of one file, in their order."""

    def read(self, line: Line, text: str) -> RecordRead | FileFault | None:
        """Return the record on a line, why the file is none of this layout, or None: no record."""


def control_problem(text: str, *, tab_is_fine: bool = False) -> Problem | None:
    """Return where a character stands that no text has: a control, or one not decodable."""
    found = (_CONTROL_BUT_TAB if tab_is_fine else _CONTROL).search(text)
    if found is None:
        return None
    what = "a byte of another encoding" if found[0] == "\ufffd" else f"character {ord(found[0]):#x}"
    return Problem("record", found.start() + 1, "printable characters", what)
