"""What the entrypoints work with; the bootstrap fills it, so that they name no concrete class."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.ports import Holidays, UnitOfWork, UnitsOfWork
from services.orders.ports.archive import DocumentArchive
from shared.kernel.clock import Clock
from shared.kernel.retention import RETENTION_YEARS

OpensUnitOfWork = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the timers look, and how much they take on at once.

    Attributes:
        trial_day: how long a working day of the arrival clock lasts in a trial; None: see calendar.
    """

    tick_interval_seconds: float = 5.0
    parallel_orders: int = 2
    batch_size: int = 100
    trial_day: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Workshop:
    """Ports for the handlers.

    Attributes:
        unit_of_work: opens a unit of work on a connection whose transaction is open already.
        units: opens units of work with a transaction of their own, for timers.
        retention_years: how long a package must stay, from the end of the year of its preparing.
    """

    unit_of_work: OpensUnitOfWork
    units: UnitsOfWork
    archive: DocumentArchive
    holidays: Holidays
    clock: Clock
    pace: Pace
    retention_years: int = RETENTION_YEARS
