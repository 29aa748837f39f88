"""What a DEB file consists of, read: header, rows, sums, trailer; and why it cannot be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, time

from services.reconciliation.domain.model import Beneficiary
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Header:
    """Who made the file, for which account, and which file came before.

    A layout without header leaves out what its files do not say: None, and no test.

    Attributes:
        line: where it stands; in a file without one, the line of the first row.
    """

    line: int
    file_id: str | None = None
    previous_file_id: str | None = None
    account: str | None = None
    created_on: date | None = None
    created_at: time | None = None
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row cannot be read: a reason code, and where."""

    reason: str
    column: int
    field: str


@dataclass(frozen=True, slots=True)
class DebRow:
    """One fact about one invoice, as the factor wrote it.

    Attributes:
        raw: the line as it came, without its end.
        problem: the first thing that keeps the row from being booked; the other fields hold what
            could be read all the same.
        occurrence: where the layout has no record id: the how-manieth row of its file with this
            very content it is, from 1. It is counted when the row is stored.
        stored_sha256: of a row that was stored, the hash of its content as it was kept then.
    """

    line: int
    raw: bytes
    record_id: str | None = None
    kind: str | None = None
    invoice_number: str | None = None
    order_number: str | None = None
    debtor_number: str | None = None
    event_date: date | None = None
    value_date: date | None = None
    amount: Money | None = None
    currency: str | None = None
    payout_reference: str | None = None
    beneficiary: Beneficiary | None = None
    level: int | None = None
    note: str | None = None
    problem: RowProblem | None = None
    occurrence: int | None = None
    stored_sha256: str | None = field(default=None, compare=False, repr=False)

    @property
    def reverses(self) -> str | None:
        """The record id that a reversal names: it stands in place of the free text."""
        return self.note if self.kind == "reversal" else None

    @property
    def content_sha256(self) -> str:
        """The hash of what the row says, for telling a repeat from a conflict.

        Of a row without record id it is the canonical key. The free text is no part of that, for
        factors reword it; the record that a reversal names in its place is.
        """
        if self.stored_sha256 is not None:
            return self.stored_sha256
        wording = self.note if self.record_id is not None else self.reverses
        parts = (
            self.record_id,
            self.kind,
            self.invoice_number,
            self.order_number,
            self.debtor_number,
            self.event_date,
            self.value_date,
            self.amount,
            self.currency,
            self.payout_reference,
            self.beneficiary,
            self.level,
            wording,
        )
        text = "\x1f".join("" if part is None else str(part) for part in parts)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def identity(self) -> str:
        """What makes the row the same as one in another file of the contract.

        The factor's record id; without one, the content and the occurrence: two equal rows in one
        file are two facts, and the second of a later, overlapping file is the second of this one.
        """
        content = "" if self.record_id is not None else self.content_sha256
        return identity_of(self.record_id, content, self.occurrence)


def identity_of(record_id: str | None, content_sha256: str, occurrence: int | None) -> str:
    """Return what makes a row the same as one in another file of the contract."""
    if record_id is not None:
        return f"record {record_id}"
    return f"content {content_sha256} {occurrence}"


@dataclass(frozen=True, slots=True)
class KindSum:
    """The factor's own count and sum of one kind."""

    line: int
    kind: str
    count: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Trailer:
    """The factor's own count and sum of all rows; None: it does not state it."""

    line: int
    count: int | None
    amount: Money | None


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a whole file is held.

    Attributes:
        reason: stable kebab-case code.
        line: where it shows, or None when it is about the file as a whole.
        detail: in plain words.
        column: where in the line, from 1, where it is about one place of it.
    """

    reason: str
    line: int | None
    detail: str
    column: int | None = None
