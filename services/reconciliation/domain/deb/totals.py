"""Adds up a file's rows and compares them with the sums that the factor wrote at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.reconciliation.domain.deb.records import FileFault, KindSum, Trailer
from shared.kernel.money import Money


@dataclass(slots=True)
class _Tally:
    count: int = 0
    rappen: int = 0
    unreadable: int = 0

    def add(self, amount: Money | None) -> None:
        self.count += 1
        if amount is None:
            self.unreadable += 1
        else:
            self.rappen += amount.rappen


@dataclass(slots=True)
class Totals:
    """Running count and sum, in all and per kind.

    A row whose amount cannot be read is parked, not held against the file: sums that it takes part
    in cannot be checked, counts always are. Kinds are counted while every row's kind is readable.
    """

    kinds_max: int = 200
    all: _Tally = field(default_factory=_Tally)
    _by_kind: dict[str, _Tally] = field(default_factory=dict)
    _without_kind: int = 0

    def add(self, kind: str | None, amount: Money | None) -> None:
        """Count one row, with its amount as the file writes it."""
        self.all.add(amount)
        tally = self._tally(kind)
        if tally is None:
            self._without_kind += 1
        else:
            tally.add(amount)

    def _tally(self, kind: str | None) -> _Tally | None:
        if kind is None:
            return None
        if kind not in self._by_kind and len(self._by_kind) >= self.kinds_max:
            return None
        return self._by_kind.setdefault(kind, _Tally())

    def compare(
        self, sums: Sequence[KindSum], trailer: Trailer | None, *, has_sums: bool = True
    ) -> FileFault | None:
        """Return the first thing that does not add up, or None.

        Args:
            has_sums: whether the layout states a sum for every kind.
        """
        fault = self._compare_all(trailer) if trailer else None
        if fault is not None or not has_sums:
            return fault
        return self._compare_kinds(sums) or (_compare_ends(sums, trailer) if trailer else None)

    def _compare_all(self, trailer: Trailer) -> FileFault | None:
        if trailer.count is not None and trailer.count != self.all.count:
            return FileFault(
                "trailer-count-mismatch",
                trailer.line,
                f"the trailer counts {trailer.count} rows, the file has {self.all.count}",
            )
        stated = trailer.amount
        if stated is not None and not self.all.unreadable and stated.rappen != self.all.rappen:
            return FileFault(
                "trailer-sum-mismatch",
                trailer.line,
                f"the trailer's sum is {stated}, the rows add up to {Money(self.all.rappen)}",
            )
        return None

    def _compare_kinds(self, sums: Sequence[KindSum]) -> FileFault | None:
        if self._without_kind:
            return None
        for stated in sums:
            tally = self._by_kind.get(stated.kind, _Tally())
            sum_differs = tally.unreadable == 0 and stated.amount.rappen != tally.rappen
            if stated.count != tally.count or sum_differs:
                return FileFault(
                    "kind-sum-mismatch",
                    stated.line,
                    f"{stated.kind}: stated {stated.count} rows and {stated.amount}, found"
                    f" {tally.count} rows and {Money(tally.rappen)}",
                )
        missing = set(self._by_kind) - {stated.kind for stated in sums}
        if missing:
            return FileFault(
                "kind-sum-mismatch", None, f"no sum is stated for {', '.join(sorted(missing))}"
            )
        return None


def _compare_ends(sums: Sequence[KindSum], trailer: Trailer) -> FileFault | None:
    count = sum(stated.count for stated in sums)
    amount = Money.total(stated.amount for stated in sums)
    if trailer.count in {None, count} and trailer.amount in {None, amount}:
        return None
    return FileFault(
        "trailer-sum-mismatch",
        trailer.line,
        f"the sums per kind give {count} rows and {amount}, the trailer says {trailer.count} rows"
        f" and {trailer.amount}",
    )
