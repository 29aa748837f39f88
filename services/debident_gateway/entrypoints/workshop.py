"""What the entrypoints work with; the bootstrap fills it, so that they name no concrete class."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.domain.schedule import DispatchPolicy
from services.debident_gateway.ports import UnitOfWork, UnitsOfWork
from services.debident_gateway.ports.portal import DebidentPortal, Documents, SshKeys
from shared.kernel.clock import Clock

OpensUnitOfWork = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often timers look, and how much they take on at once."""

    tick_interval_seconds: float = 1.0
    parallel_calls: int = 8
    batch_size: int = 100


@dataclass(frozen=True, slots=True)
class Workshop:
    """Ports for the handlers.

    Attributes:
        unit_of_work: opens a unit of work on a connection whose transaction is open already.
        units: opens units of work with a transaction of their own, for timers.
    """

    unit_of_work: OpensUnitOfWork
    units: UnitsOfWork
    portal: DebidentPortal
    documents: Documents
    ssh_keys: SshKeys
    clock: Clock
    policy: DispatchPolicy
    pace: Pace
