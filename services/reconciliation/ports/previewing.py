"""Ground on which a file is booked for its preview, without keeping others from the books."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.reconciliation.ports import UnitOfWork


class InTheWayError(Exception):
    """A preview met another writer at the same rows; it ends, and the other one goes on."""


class Bystanders(Protocol):
    """Whoever else writes to the practice's books."""

    async def wait(self) -> bool:
        """Whether another transaction waits for a row that the preview holds."""


@dataclass(frozen=True, slots=True)
class PreviewGround:
    """An open transaction that sees the books of one moment, with a journal head of its own.

    Nothing of it may stay: whoever opens it rolls it back.
    """

    uow: UnitOfWork
    bystanders: Bystanders


class PreviewOpener(Protocol):
    """Opens a preview's transaction in the scope of one practice."""

    def __call__(self, practice_id: UUID) -> AbstractAsyncContextManager[PreviewGround]:
        """Return a context that rolls back on any error.

        Previews of one practice come one after the other.

        Raises:
            InTheWayError: another writer holds a row, or has changed it since that moment.
        """
