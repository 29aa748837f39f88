"""Writes DEB files of layout quittance-v1 for tests, after docs/deb/quittance-v1.md.

It shares no code with the reader, so that a mistake in one does not hide behind the same mistake in
the other. Everything may be bent on purpose: a wrong sum, another account, a raw line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

WIDTH = 240


@dataclass(frozen=True)
class Row:
    """One R record; texts are written as they are, so that they may also be wrong."""

    record_id: str = "REC-1"
    kind: str = "payout"
    invoice: str = "2026-000001"
    order: str = "CMD-2026-0001"
    debtor: str = "10001"
    event_date: str = "20260310"
    value_date: str = ""
    rappen: int | None = 0
    amount_text: str | None = None
    currency: str = "CHF"
    payout_reference: str = ""
    beneficiary: str = ""
    level: str = ""
    text: str = ""

    def but(self, **changes: object) -> Row:
        """Return the row with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def line(self) -> bytes:
        """Return the record without its line end."""
        amount = self.amount_text or f"{_sign(self.rappen or 0)}{abs(self.rappen or 0):012d}"
        text = (
            f"R{self.record_id:<36}{self.kind:<20}{self.invoice:<35}{self.order:<35}"
            f"{self.debtor:<20}{self.event_date:<8}{self.value_date:<8}{amount}{self.currency:<3}"
            f"{self.payout_reference:<20}{self.beneficiary:<1}{self.level:<2}{self.text:<38}"
        )
        return text.encode("iso-8859-1")


@dataclass(frozen=True)
class DebFile:
    """One file; the trailer and the sums are right unless they are given."""

    rows: tuple[Row, ...] = ()
    file_id: str = "F-0001"
    previous: str = ""
    account: str = "CMD-77"
    created_on: str = "20260401"
    test_flag: str = "P"
    layout: str = "QUITTANCE-V1"
    count: int | None = None
    total: int | None = None
    sums: tuple[tuple[str, int, int], ...] | None = None
    extra: tuple[bytes, ...] = field(default=())

    def but(self, **changes: object) -> DebFile:
        """Return the file with some things changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def header(self) -> bytes:
        """Return the H record."""
        return _padded(
            f"H{self.layout:<12}{self.file_id:<36}{self.previous:<36}{self.account:<20}"
            f"{self.created_on}063000{self.test_flag}"
        )

    def lines(self) -> list[bytes]:
        """Return every record."""
        sums = self._sums() if self.sums is None else self.sums
        total = sum(row.rappen or 0 for row in self.rows) if self.total is None else self.total
        count = len(self.rows) if self.count is None else self.count
        return [
            self.header(),
            *(row.line() for row in self.rows),
            *(
                _padded(f"S{kind:<20}{number:09d}{_sign(rappen)}{abs(rappen):015d}")
                for kind, number, rappen in sums
            ),
            _padded(f"T{count:09d}{_sign(total)}{abs(total):015d}"),
            *self.extra,
        ]

    def data(self) -> bytes:
        """Return the file's bytes."""
        return b"".join(line + b"\r\n" for line in self.lines())

    def _sums(self) -> tuple[tuple[str, int, int], ...]:
        kinds = sorted({row.kind for row in self.rows})
        return tuple((kind, *_sum(row for row in self.rows if row.kind == kind)) for kind in kinds)


def _sum(rows: Iterable[Row]) -> tuple[int, int]:
    amounts = [row.rappen or 0 for row in rows]
    return len(amounts), sum(amounts)


def _padded(text: str) -> bytes:
    return text.ljust(WIDTH).encode("iso-8859-1")


def _sign(rappen: int) -> str:
    return "-" if rappen < 0 else "+"
