"""A scope says whose rows a transaction may see; PostgreSQL's row-level security enforces it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """The practices whose rows a transaction may read and write.

    Attributes:
        practices: ids of the practices in scope.
        system: whether all practices are in scope (relay, due work, an all-practice user).
    """

    practices: frozenset[UUID] = frozenset()
    system: bool = False

    @classmethod
    def of(cls, *practices: UUID) -> Scope:
        """Return the scope of the named practices only."""
        return cls(practices=frozenset(practices))

    @classmethod
    def among(cls, practices: Iterable[UUID]) -> Scope:
        """Return the scope of any number of practices, possibly none."""
        return cls(practices=frozenset(practices))

    @classmethod
    def everything(cls) -> Scope:
        """Return the scope of the system itself; only workers and all-practice users have it."""
        return cls(system=True)

    def allows(self, practice_id: UUID) -> bool:
        """Whether rows of this practice are in scope."""
        return self.system or practice_id in self.practices

    def as_array_literal(self) -> str:
        """The practices as a PostgreSQL array literal, for the session setting."""
        return "{" + ",".join(sorted(str(practice) for practice in self.practices)) + "}"
