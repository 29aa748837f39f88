"""Gives each service its own database and its own two roles, and nobody else's.

One logic for the embedded server, for the tests and for docker-compose, whose one-shot container
runs `python -m sandbox.provision`. The owner role runs the migrations; the runtime role reads and
writes rows, is bound by row-level security, and can connect to its own database only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

SERVICES = ("invoicing", "orders", "debident_gateway", "reconciliation")

_LOG = logging.getLogger(__name__)
_LOCK = 7_212_026_002  # one provisioning at a time per server, whoever starts first
_NO_PRIVILEGES = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What one service is to have on the server.

    Attributes:
        service: the service's name, which is also its runtime role; the owner adds "_owner".
        database: the database's name (the service's name, except in tests).
        password: password of the runtime role.
        owner_password: password of the owner role.
    """

    service: str
    database: str
    password: str = field(repr=False)
    owner_password: str = field(repr=False)

    @property
    def owner(self) -> str:
        """The role that owns the database and its schema."""
        return f"{self.service}_owner"


async def provision(admin_url: str, accounts: Sequence[ServiceAccount]) -> None:
    """Create databases and roles, or bring existing ones to this state; safe to run again.

    Rights on existing tables are left alone: migrations take some away (append-only tables), and
    granting them again would undo that.

    Args:
        admin_url: URL of a superuser, any database (`postgresql://...`).
        accounts: what to create.

    Raises:
        asyncpg.PostgresError: the server refused a statement.
        OSError: the server does not answer.
    """
    admin = await asyncpg.connect(admin_url, timeout=10)
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        for database in ("postgres", "template1"):
            await admin.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
        for account in accounts:
            await _role(admin, account.owner, account.owner_password)
            await _role(admin, account.service, account.password)
            await _database(admin, account)
            await _rights_within(admin_url, account)
    finally:
        await admin.close()  # this releases the lock too


async def _role(admin: asyncpg.Connection, name: str, password: str) -> None:
    exists = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
    verb = "ALTER" if exists else "CREATE"
    statement = await admin.fetchval(
        f"SELECT format('{verb} ROLE %I LOGIN {_NO_PRIVILEGES} PASSWORD %L', $1::text, $2::text)",
        name,
        password,
    )
    await admin.execute(statement)


async def _database(admin: asyncpg.Connection, account: ServiceAccount) -> None:
    name, owner, runtime = (
        _quoted(word) for word in (account.database, account.owner, account.service)
    )
    exists = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", account.database)
    if not exists:
        await admin.execute(f"CREATE DATABASE {name} OWNER {owner}")
    await admin.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {runtime}")


async def _rights_within(admin_url: str, account: ServiceAccount) -> None:
    """Let the runtime role use whatever the owner's migrations will create."""
    owner, runtime = _quoted(account.owner), _quoted(account.service)
    whose = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT"
    connection = await asyncpg.connect(admin_url, database=account.database, timeout=10)
    try:
        await connection.execute(
            f"""
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {runtime};
            {whose} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime};
            {whose} USAGE, SELECT ON SEQUENCES TO {runtime};
            {whose} EXECUTE ON FUNCTIONS TO {runtime};
            """
        )
    finally:
        await connection.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def accounts_from_environment(
    environment: Mapping[str, str], services: Sequence[str] = SERVICES
) -> list[ServiceAccount]:
    """Read PROVISION_<SERVICE>_PASSWORD and PROVISION_<SERVICE>_OWNER_PASSWORD per service.

    Raises:
        ValueError: some are missing or empty; the message names all of them.
    """
    names = {
        service: (
            f"PROVISION_{service.upper()}_PASSWORD",
            f"PROVISION_{service.upper()}_OWNER_PASSWORD",
        )
        for service in services
    }
    missing = [name for pair in names.values() for name in pair if not environment.get(name)]
    if missing:
        raise ValueError(f"set these environment variables: {', '.join(missing)}")
    return [
        ServiceAccount(
            service=service,
            database=service,
            password=environment[password],
            owner_password=environment[owner_password],
        )
        for service, (password, owner_password) in names.items()
    ]


async def wait_for_server(admin_url: str, *, within_seconds: float) -> None:
    """Wait until the server lets the administrator in.

    Raises:
        TimeoutError: it did not in time; the message carries the last refusal.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            connection = await asyncpg.connect(admin_url, timeout=5)
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresConnectionError,
            asyncpg.CannotConnectNowError,
        ) as error:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"PostgreSQL does not answer: {error}") from error
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return


async def main(environment: Mapping[str, str]) -> int:
    """Provision every service on the server of PROVISION_ADMIN_URL; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    admin_url = environment.get("PROVISION_ADMIN_URL")
    if not admin_url:
        _LOG.error("set PROVISION_ADMIN_URL to the URL of a superuser")
        return 2
    try:
        accounts = accounts_from_environment(environment)
        await wait_for_server(admin_url, within_seconds=60)
        await provision(admin_url, accounts)
    except (ValueError, OSError, TimeoutError, asyncpg.PostgresError) as error:
        _LOG.error("provisioning failed: %s", error)
        return 1
    _LOG.info(
        "databases and roles are ready: %s", ", ".join(account.database for account in accounts)
    )
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(os.environ)))
