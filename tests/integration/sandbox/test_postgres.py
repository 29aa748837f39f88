"""The embedded PostgreSQL is durable, private, and survives a run that was killed."""

from __future__ import annotations

import signal
from pathlib import Path

import asyncpg
import pytest

from sandbox.locks import DataDirInUseError
from sandbox.postgres import PostgresAddress, PostgresError, PostgresServer, provision
from tests.integration.sandbox.helpers import finish, is_gone, next_line, run_script
from tests.support.waiting import eventually_blocking

RUN = """
import sys, time
from pathlib import Path
from sandbox.postgres import PostgresServer
server = PostgresServer(Path(sys.argv[1]))
address = server.start()
print(address.port, (server.home / "cluster" / "postmaster.pid").read_text().split()[0], flush=True)
time.sleep(600)
"""


async def ask(address: PostgresAddress, question: str) -> object:
    """Return the single value that the superuser gets for a query."""
    connection = await asyncpg.connect(address.admin_url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_it_is_postgresql_18_with_every_durability_setting_on(data_dir: Path) -> None:
    server = PostgresServer(data_dir)
    try:
        address = server.start()
        assert str(await ask(address, "SHOW server_version")).startswith("18")
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(address, f"SHOW {setting}") == "on", setting
        assert await ask(address, "SHOW listen_addresses") == "127.0.0.1"
        assert await ask(address, "SHOW server_encoding") == "UTF8"
    finally:
        server.stop()


async def test_a_second_start_finds_the_same_port_password_and_data(data_dir: Path) -> None:
    server = PostgresServer(data_dir)
    try:
        first = server.start()
        await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.stop()
        second = server.start()
        assert (second.port, second.password) == (first.port, first.password)
        assert await ask(second, "SELECT answer FROM kept") == 42
    finally:
        server.stop()


async def test_a_wrong_password_is_refused_and_the_right_one_is_kept_private(
    data_dir: Path,
) -> None:
    server = PostgresServer(data_dir)
    try:
        address = server.start()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(address.url(driver="postgresql", password="guess"))
        secret = data_dir / "superuser-password"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert address.password not in repr(address)
    finally:
        server.stop()


async def test_the_server_ends_with_a_killed_run_and_starts_again_in_the_same_place(
    data_dir: Path,
) -> None:
    run = run_script(RUN, str(data_dir))
    _, pid = next_line(run).split()
    run.kill()
    assert finish(run) == -signal.SIGKILL
    eventually_blocking(lambda: is_gone(int(pid)), because="the server ended with its run")
    server = PostgresServer(data_dir)
    try:
        assert await ask(server.start(), "SELECT 1") == 1
    finally:
        server.stop()


async def test_it_starts_over_a_stale_pid_file_after_the_server_itself_was_killed(
    data_dir: Path,
) -> None:
    server = PostgresServer(data_dir)
    try:
        address = server.start()
        await ask(address, "CREATE TABLE kept AS SELECT 7 AS answer")
        assert server._child is not None
        server._child.end(grace_seconds=0, first=signal.SIGKILL)
        assert (data_dir / "cluster" / "postmaster.pid").exists()
        server.stop()
        assert await ask(server.start(), "SELECT answer FROM kept") == 7
    finally:
        server.stop()


def test_two_servers_in_one_data_directory_are_refused(data_dir: Path) -> None:
    server = PostgresServer(data_dir)
    try:
        server.start()
        with pytest.raises(DataDirInUseError, match="already in use"):
            PostgresServer(data_dir).start()
    finally:
        server.stop()


def test_a_server_that_was_not_started_has_no_address(data_dir: Path) -> None:
    with pytest.raises(PostgresError, match="not been started"):
        provision(PostgresServer(data_dir))


def test_a_failed_start_tells_the_end_of_the_log(data_dir: Path) -> None:
    server = PostgresServer(data_dir)
    server.start()
    server.stop()
    (data_dir / "cluster" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(PostgresError, match="no_such_setting"):
        server.start()
