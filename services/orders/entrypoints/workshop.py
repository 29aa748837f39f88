"""What the entrypoints work with; the bootstrap fills it, so that they name no concrete class."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.ports import DocumentArchive, UnitOfWork
from shared.kernel.clock import Clock

OpensUnitOfWork = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Ports for the handlers.

    Attributes:
        unit_of_work: opens a unit of work on a connection whose transaction is open already.
    """

    unit_of_work: OpensUnitOfWork
    archive: DocumentArchive
    clock: Clock
