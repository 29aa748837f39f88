"""Runs a service's Alembic migrations at start, as the owner of its database.

They go forward only: what is wrong is corrected by a further one, so none has a way back.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db.engine import CONNECT_SECONDS, is_transient, kind
from shared.kernel.errors import PermanentError, TransientError

_LOCK = 7_212_026_001  # one migration at a time per database, whoever starts first


def alembic_config(location: Path, *, connection: Connection | None = None) -> Config:
    """Return the Alembic configuration of the service whose migrations lie at `location`."""
    config = Config()
    config.set_main_option("script_location", str(location))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def migrate(owner_url: str, location: Path) -> None:
    """Bring the database to the newest revision; safe when several processes start at once.

    Args:
        owner_url: URL of the role that owns the schema (not the runtime role).
        location: the service's `migrations` folder.

    Raises:
        TransientError: the database is away, starting, or locked; nothing was changed.
        PermanentError: the same migration can never succeed: it is wrong, or the role or database
            is; nothing was changed.
    """
    arguments = {"timeout": CONNECT_SECONDS}
    engine = create_async_engine(owner_url, poolclass=pool.NullPool, connect_args=arguments)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            await connection.run_sync(_upgrade, location)
    except (DBAPIError, OSError) as error:
        if is_transient(error):
            raise TransientError(f"the database cannot be migrated now: {kind(error)}") from error
        cause = getattr(error, "orig", None) or error
        raise PermanentError(f"the database could not be migrated: {cause}") from error
    except CommandError as error:
        raise PermanentError(f"the migrations do not fit the database: {error}") from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, location: Path) -> None:
    command.upgrade(alembic_config(location, connection=connection), "head")


def run_env() -> None:
    """Run the migrations on the connection that `migrate` handed over; the body of every env.py."""
    from alembic import context

    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transactional_ddl=True)
    context.run_migrations()


def current_and_head(connection: Connection, location: Path) -> tuple[str | None, str | None]:
    """Return (revision of the database, newest revision in the folder)."""
    current = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(alembic_config(location)).get_current_head()
    return current, head
