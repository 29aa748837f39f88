"""A PostgreSQL server for the test session, and databases on it with the real role model."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from sandbox import provision as provisioning
from sandbox.blocking import run_blocking
from sandbox.broker.choice import docker_answers
from sandbox.postgres import (
    PostgresAddress,
    PostgresServer,
    ServiceUrls,
    new_account,
    service_urls,
)

ServiceDatabaseFactory = Callable[[str], ServiceUrls]
_IMAGE = "postgres:18"


@dataclass(slots=True)
class DatabaseServer:
    """A running server.

    Attributes:
        address: where it listens and how its superuser gets in.
        home: folder that keeps the roles' passwords.
        made_by: "docker" or "embedded".
    """

    address: PostgresAddress
    home: Path
    made_by: str

    def new_database(self, service: str) -> ServiceUrls:
        """Create a database with a unique name for a service, with that service's usual roles."""
        account = new_account(service, f"{service}_{secrets.token_hex(4)}", home=self.home)
        run_blocking(provisioning.provision(self.address.admin_url, [account]))
        return service_urls(self.address, account)

    def drop(self, urls: ServiceUrls) -> None:
        """Drop a database, whoever is still connected."""

        async def work() -> None:
            admin = await asyncpg.connect(self.address.admin_url, timeout=10)
            try:
                await admin.execute(f'DROP DATABASE IF EXISTS "{urls.database}" WITH (FORCE)')
            finally:
                await admin.close()

        run_blocking(work())


@contextmanager
def database_server() -> Iterator[DatabaseServer]:
    """Run PostgreSQL in a container where a Docker engine answers, else the embedded one."""
    # Not pytest's own temporary folder: the server runs as another account when we are root, and
    # pytest closes its folder to others again at every start.
    home = Path(tempfile.mkdtemp(prefix="quittance-postgres-"))
    try:
        with _in_docker(home) if docker_answers() else _embedded(home) as server:
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def databases(server: DatabaseServer) -> Iterator[ServiceDatabaseFactory]:
    """Yield a factory of fresh databases, and drop them at the end."""
    made: list[ServiceUrls] = []

    def make(service: str) -> ServiceUrls:
        urls = server.new_database(service)
        made.append(urls)
        return urls

    yield make
    for urls in made:
        server.drop(urls)


@contextmanager
def _embedded(home: Path) -> Iterator[DatabaseServer]:
    server = PostgresServer(home)
    address = server.start()
    try:
        yield DatabaseServer(address, home, "embedded")
    finally:
        server.stop()


@contextmanager
def _in_docker(home: Path) -> Iterator[DatabaseServer]:
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer(_IMAGE, username="postgres", dbname="postgres") as container:
        address = PostgresAddress(
            host=container.get_container_host_ip(),
            port=int(container.get_exposed_port(5432)),
            user="postgres",
            password=container.password,
        )
        run_blocking(provisioning.wait_for_server(address.admin_url, within_seconds=60))
        yield DatabaseServer(address, home, "docker")
