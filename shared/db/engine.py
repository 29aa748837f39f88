"""The service's database: an async engine whose every transaction states its scope."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.db.scope import Scope
from shared.kernel.errors import TransientError

_LOG = logging.getLogger(__name__)
CONNECT_SECONDS = 5
_SET_SCOPE = text(
    "SELECT set_config('quittance.system', :system, true),"
    " set_config('quittance.practices', :practices, true)"
)
# Serialization failure, deadlock, lock not available, too many connections, shutdowns, start-up.
_TRANSIENT_SQLSTATES = frozenset(
    {"40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03", "25006", "57014"}
)


class Database:
    """One service's PostgreSQL database.

    Every unit of work states whose rows it may touch; a transaction without a scope sees none.
    """

    def __init__(
        self, url: str, *, pool_size: int = 8, application_name: str = "quittance"
    ) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=4,
            pool_pre_ping=True,
            hide_parameters=True,  # they hold personal data; errors end up in logs
            connect_args={
                "timeout": CONNECT_SECONDS,
                "server_settings": {
                    "application_name": application_name,
                    "statement_timeout": "60000",
                    "lock_timeout": "10000",
                    "idle_in_transaction_session_timeout": "60000",
                    "timezone": "UTC",
                },
            },
        )
        # It shares the pool.
        self._snapshots = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @asynccontextmanager
    async def transaction(
        self, scope: Scope, *, snapshot: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """Open one transaction in this scope; commit on a clean exit, roll back on any error.

        Args:
            snapshot: every statement sees the database as it is at the beginning; to write to a row
                that was changed since is refused.

        Raises:
            TransientError: the database is not reachable or refused for a passing reason.
        """
        try:
            engine = self._snapshots if snapshot else self.engine
            async with engine.begin() as connection:
                await set_scope(connection, scope)
                yield connection
        except (DBAPIError, OSError, PoolTimeoutError) as error:
            if is_transient(error):
                raise TransientError(f"the database did not answer: {kind(error)}") from error
            raise

    async def wait_until_ready(self, *, stop: asyncio.Event | None = None) -> None:
        """Wait with backoff until the database answers, logging each attempt in plain words.

        It returns within `CONNECT_SECONDS` after `stop` was set.
        """
        delay, stop = 0.2, stop or asyncio.Event()
        while not stop.is_set():
            try:
                async with self.engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))
                return
            except (DBAPIError, OSError) as error:
                _LOG.warning(
                    "the database is not there yet, trying again",
                    extra={"retry_in_seconds": round(delay, 1), "error": kind(error)},
                )
                await _pause(stop, delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                delay = min(delay * 2, 5.0)

    async def is_ready(self) -> bool:
        """Whether the database answers now."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (DBAPIError, OSError):
            return False
        return True

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


async def set_scope(connection: AsyncConnection, scope: Scope) -> None:
    """Set the scope of the open transaction; it ends with the transaction."""
    await connection.execute(
        _SET_SCOPE,
        {"system": "on" if scope.system else "off", "practices": scope.as_array_literal()},
    )


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE behind a driver error, or None."""
    original = getattr(error, "orig", None)
    return getattr(original, "sqlstate", None)


def kind(error: BaseException) -> str:
    """Return what went wrong in a word; a driver's own words may quote statements and values."""
    original = getattr(error, "orig", None) or error
    state = sqlstate(error)
    return type(original).__name__ if state is None else f"{type(original).__name__} {state}"


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed later."""
    if isinstance(error, (OSError, PoolTimeoutError)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # The driver lost track of a connection whose server process had just ended.
    if type(getattr(error, "orig", None)).__name__ == "InternalClientError":
        return True
    state = sqlstate(error)
    if state is not None:
        return state in _TRANSIENT_SQLSTATES or state.startswith("08")
    return isinstance(error, (OperationalError, InterfaceError))
