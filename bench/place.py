"""Where a benchmark runs: a PostgreSQL server and a folder of objects that end with it."""

from __future__ import annotations

import asyncio
import base64
import multiprocessing
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import asyncpg

from bench.results import Machine, this_machine
from sandbox import provision as provisioning
from sandbox.postgres import (
    PostgresAddress,
    PostgresServer,
    ServiceUrls,
    new_account,
    service_urls,
)
from shared.db.migrations import migrate
from shared.objectstore import ObjectStore, open_object_store

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A running server, and a folder.

    Attributes:
        folder: for objects and for files that a benchmark wants to keep meanwhile.
        key: of the object store.
    """

    address: PostgresAddress
    home: Path
    folder: Path
    key: bytes

    def database(self, service: str, migrations: Path) -> ServiceUrls:
        """Make a fresh, migrated database for a service, with its two usual roles."""
        account = new_account(service, f"{service}_{secrets.token_hex(4)}", home=self.home)
        asyncio.run(provisioning.provision(self.address.admin_url, [account]))
        urls = service_urls(self.address, account)
        asyncio.run(migrate(urls.owner_url, migrations))
        return urls

    def settings(self, urls: ServiceUrls) -> dict[str, Any]:
        """Return what every service's settings need; there is neither a broker nor an issuer."""
        return {
            "database_url": urls.url,
            "kafka_bootstrap": "none",
            "object_store_url": self._objects,
            "object_store_key": base64.b64encode(self.key).decode(),
            "jwks_url": "http://none",
            "token_issuer": "none",
        }

    def store(self) -> ObjectStore:
        """Open the object store."""
        return open_object_store(self._objects, key=self.key)

    def machine(self) -> Machine:
        """Return the machine that is measured."""

        async def version() -> str:
            admin = await asyncpg.connect(self.address.admin_url)
            try:
                return str(await admin.fetchval("SHOW server_version"))
            finally:
                await admin.close()

        return this_machine(asyncio.run(version()))

    @property
    def _objects(self) -> str:
        return f"file://{self.folder / 'objects'}"


@contextmanager
def place() -> Iterator[Place]:
    """Start a server in a temporary folder; both are gone at the end."""
    # Two folders: the server's is opened to the account that it runs as, the objects' is ours.
    home = Path(tempfile.mkdtemp(prefix="quittance-bench-postgres-"))
    folder = Path(tempfile.mkdtemp(prefix="quittance-bench-"))
    server = PostgresServer(home)
    try:
        yield Place(server.start(), home, folder, secrets.token_bytes(32))
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def in_child(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do this in a fresh process, so that its memory is its own; `work` is of a module's top."""
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawning) as pool:
        return pool.submit(work, *args, **kwargs).result()


def peak_rss_mib() -> int:
    """Return the peak resident memory of this process so far.

    Not `getrusage`: its figure begins with that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


async def as_owner(urls: ServiceUrls) -> asyncpg.Connection:
    """Connect as the owner of the schema, with the rows of every practice in scope."""
    owner = await asyncpg.connect(urls.owner_url.replace("+asyncpg", "", 1))
    await owner.execute("SELECT set_config('quittance.system', 'on', false)")
    return owner
