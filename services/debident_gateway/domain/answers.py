"""What the portal can answer. Doubt is an answer of its own, never success and never failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Accepted:
    """The portal took the bytes. The order has not arrived yet."""

    reference: str


@dataclass(frozen=True, slots=True)
class AlreadyHaveIt:
    """The portal holds these very bytes under this order id."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The portal refused the whole order; nothing of it was taken over."""

    code: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing can have left: no connection, no token, or an explicit "not now"."""

    code: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The request had begun when the answer was lost; the portal may have taken the order."""

    code: str


SendOutcome = Accepted | AlreadyHaveIt | Refused | NotSent | InDoubt


@dataclass(frozen=True, slots=True)
class AnsweredLine:
    """The portal's answer about one invoice; `code` says why where it is not accepted."""

    invoice_number: str
    accepted: bool
    code: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownToPortal:
    """The portal has no order of this id for this account."""


@dataclass(frozen=True, slots=True)
class Received:
    """The portal has the order; it has not arrived yet."""

    reference: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """The portal shows the order as arrived, with an answer per invoice."""

    reference: str
    sha256: str
    arrived_at: datetime
    lines: tuple[AnsweredLine, ...]


@dataclass(frozen=True, slots=True)
class RefusedOnArrival:
    """The portal looked into the package and refused all of it."""

    reference: str
    sha256: str
    code: str


StatusAnswer = UnknownToPortal | Received | Arrived | RefusedOnArrival


@dataclass(frozen=True, slots=True)
class ListedDebFile:
    """A DEB file as the portal offers it."""

    position: int
    file_id: str
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DebFilePage:
    """A part of the list, in the order of publication; `more`: ask again behind the last one."""

    files: tuple[ListedDebFile, ...]
    more: bool


def line_mismatch(lines: tuple[AnsweredLine, ...], expected: tuple[str, ...]) -> str | None:
    """Return why an answer per invoice is not about exactly the invoices of the order, or None.

    An answer that does not fit is no arrival: acquitting by it could acquit what never arrived.
    """
    answered = [line.invoice_number for line in lines]
    if len(set(answered)) != len(answered):
        return "answer-names-an-invoice-twice"
    if set(expected) - set(answered):
        return "answer-lacks-an-invoice"
    if set(answered) - set(expected):
        return "answer-names-a-foreign-invoice"
    return None
