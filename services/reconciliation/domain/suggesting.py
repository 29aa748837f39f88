"""Which invoices a parked row may mean: hints for a person, never a match.

A slip of the pen is two neighbouring characters swapped, one missing, one too many, or one wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.model import Position

SUGGESTIONS_MAX = 5
_DIGITS = "0123456789"
_WEIGHTS = {"same-number": 4, "similar-number": 3, "same-debtor": 2, "same-amount": 1}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An invoice that may be meant, and what speaks for it."""

    position: Position
    because: tuple[str, ...]


def similar_numbers(number: str) -> frozenset[str]:
    """Return every number that is one slip of the pen away."""
    cuts = [(number[:place], number[place:]) for place in range(len(number) + 1)]
    swapped = (a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1)
    dropped = (a + b[1:] for a, b in cuts if b)
    added = (a + digit + b for a, b in cuts for digit in _DIGITS)
    wrong = (a + digit + b[1:] for a, b in cuts if b[:1].isdigit() for digit in _DIGITS)
    return frozenset((*swapped, *dropped, *added, *wrong)) - {number, ""}


def suggestions(row: DebRow, candidates: Iterable[Position]) -> Sequence[Suggestion]:
    """Return the candidates for which most speaks, best first, at most five."""
    similar = similar_numbers(row.invoice_number) if row.invoice_number else frozenset()
    found = [Suggestion(one, _because(row, one, similar)) for one in candidates]
    found = [one for one in found if one.because]
    found.sort(key=lambda one: (-sum(map(_WEIGHTS.__getitem__, one.because)), _number(one)))
    return found[:SUGGESTIONS_MAX]


def _because(row: DebRow, position: Position, similar: frozenset[str]) -> tuple[str, ...]:
    amount = row.amount if row.amount else None
    open_now = {position.debt.total, position.debt.principal, position.factor_owes}
    signs = {
        "same-number": row.invoice_number in position.numbers,
        "similar-number": not similar.isdisjoint(position.numbers),
        "same-debtor": position.debtor_number == row.debtor_number,
        "same-amount": amount is not None and amount in open_now,
    }
    return tuple(name for name, speaks in signs.items() if speaks)


def _number(one: Suggestion) -> str:
    return one.position.invoice_number
