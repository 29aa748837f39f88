"""Opens an upload's file by the shared, untrusting parser, and says faults in invoicing's words."""

from __future__ import annotations

from lxml import etree

from services.invoicing.domain.incoming import Fault
from shared.forum import opening

FILE_BYTES_MAX = opening.FILE_BYTES_MAX


class NotOpenedError(Exception):
    """A file cannot be opened; the faults say why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0].reason)
        self.faults = faults


def open_request(data: bytes) -> tuple[str, etree._Element]:
    """Return the version and the root of a file that fits the official schema.

    Raises:
        NotOpenedError: it is too large, no XML, hostile, or does not fit; says line and column.
    """
    try:
        return opening.open_request(data)
    except opening.NotOpenedError as refusal:
        raise _own(refusal) from None


def too_large() -> NotOpenedError:
    """Return the refusal of a file beyond the limit."""
    return _own(opening.too_large())


def _own(refusal: opening.NotOpenedError) -> NotOpenedError:
    return NotOpenedError(
        *(Fault(one.code, one.reason, one.field, one.line, one.column) for one in refusal.faults)
    )
