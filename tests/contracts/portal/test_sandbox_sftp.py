"""The stand-in's SFTP face: what may be done there, and that its paths lead nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from sandbox.debident.clock import real_time
from sandbox.debident.desk import Desk
from sandbox.debident.portal import Portal
from sandbox.debident.settings import PortalSettings, settings_from_environment
from sandbox.debident.sftp_server import sftp_server
from services.debident_gateway.adapters.debident_sftp import SftpDebidentPortal
from services.debident_gateway.domain.answers import Accepted, NotSent, SendOutcome
from services.debident_gateway.domain.model import SftpDoor
from tests.contracts.portal.file_server import led, public_line
from tests.contracts.portal.harness import ADMIN_SECRET, SandboxHarness, sha256
from tests.unit.debident_gateway.builders import ACCOUNT, ORDER, OTHER_PRACTICE, access, package

FILE = f"orders/in/{ORDER}.{sha256(package())}.zip"


@asynccontextmanager
async def _connected(door: SftpDoor, user: str, secret: str) -> AsyncIterator[asyncssh.SFTPClient]:
    async with (
        asyncssh.connect(
            door.host,
            door.port,
            config=None,
            agent_path=None,
            client_keys=None,
            known_hosts=([asyncssh.import_public_key(door.host_key)], [], []),
            username=user,
            password=secret,
        ) as connection,
        connection.start_sftp_client() as client,
    ):
        yield client


@pytest.fixture
async def client(
    sandbox: SandboxHarness, sftp_door: SftpDoor
) -> AsyncIterator[asyncssh.SFTPClient]:
    """A registered client, signed in."""
    await sandbox.register(access())
    async with _connected(sftp_door, "client-a", "s3cret") as found:
        yield found


async def test_a_registered_key_opens_its_own_account_and_no_other(
    sandbox: SandboxHarness, sftp_door: SftpDoor
) -> None:
    own, foreign = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    by_key = replace(sftp_door, sign_in="private-key")
    for who, key, account in (("client-a", own, ACCOUNT), ("client-b", foreign, "CMD-0815")):
        body = {"client_secret": "s3cret", "account_number": account}
        public_key = key.export_public_key().decode()
        await sandbox.admin("PUT", f"/clients/{who}", body | {"public_key": public_key})
    portal = SftpDebidentPortal(timeout_seconds=5, deb_file_bytes_max=1000, connections_max=1)

    async def send(key: asyncssh.SSHKey, door: SftpDoor) -> SendOutcome:
        ours = led(access(), door, client_secret=key.export_private_key().decode())
        return await portal.send_order(ours, ORDER, package(), sha256=sha256(package()))

    assert await send(foreign, by_key) == NotSent("portal-refused-credentials")
    other_server = replace(by_key, host_key=public_line(foreign))
    assert await send(own, other_server) == NotSent("portal-host-key-changed")
    assert await sandbox.uploads(ORDER) == 0
    assert isinstance(await send(own, by_key), Accepted)
    assert await sandbox.uploads(ORDER) == 1
    await sandbox.register(access())
    assert await send(own, by_key) == NotSent("portal-refused-credentials"), (
        "the key was taken away"
    )


async def _put(client: asyncssh.SFTPClient, path: str, data: bytes) -> None:
    async with client.open(path, "wb") as file:
        await file.write(data)


async def test_the_home_shows_the_account_and_nothing_of_this_machine(
    client: asyncssh.SFTPClient,
) -> None:
    assert sorted(str(name) for name in await client.listdir("/")) == [
        "account.json",
        "deb",
        "orders",
    ]
    assert str(await client.realpath("../../etc/../..")) == "/"
    for path in ("../../etc/passwd", "/etc/passwd", "deb/../../etc/passwd", "sftp_host_key"):
        assert not await client.exists(path)
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.open(path, "rb")


@pytest.mark.parametrize(
    "deed",
    [
        lambda client: client.mkdir("orders/mine"),
        lambda client: client.rmdir("deb"),
        lambda client: client.symlink("/etc/passwd", "deb/x"),
        lambda client: client.link("account.json", "deb/x"),
        lambda client: client.readlink("account.json"),
        lambda client: client.chmod("account.json", 0o777),
        lambda client: client.statvfs("/"),
        lambda client: client.remove("account.json"),
        lambda client: _put(client, "account.json", b"x"),
        lambda client: _put(client, FILE, b"straight in"),
        lambda client: _put(client, "deb/1-a.deb", b"x"),
        lambda client: client.posix_rename("account.json", FILE),
    ],
)
async def test_what_is_not_offered_is_denied(
    client: asyncssh.SFTPClient, deed: Callable[[asyncssh.SFTPClient], Awaitable[object]]
) -> None:
    with pytest.raises(asyncssh.SFTPError):
        await deed(client)


async def test_there_is_no_shell(sandbox: SandboxHarness, sftp_door: SftpDoor) -> None:
    await sandbox.register(access())
    async with asyncssh.connect(
        sftp_door.host,
        sftp_door.port,
        config=None,
        agent_path=None,
        client_keys=None,
        known_hosts=([asyncssh.import_public_key(sftp_door.host_key)], [], []),
        username="client-a",
        password="s3cret",
    ) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.run("id")


async def test_a_half_written_upload_is_no_order_and_nobody_elses_to_see(
    sandbox: SandboxHarness, sftp_door: SftpDoor, client: asyncssh.SFTPClient
) -> None:
    await _put(client, f"orders/in/{ORDER}.1.part", package()[:100])
    assert await sandbox.uploads(ORDER) == 0
    theirs = access(OTHER_PRACTICE, "client-b")
    body = {"client_secret": theirs.client_secret, "account_number": "CMD-0815"}
    await sandbox.admin("PUT", "/clients/client-b", body)
    async with _connected(sftp_door, "client-b", "s3cret") as other:
        assert await other.listdir("orders/in") == []
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        await client.posix_rename(f"orders/in/{ORDER}.1.part", f"orders/in/{ORDER}.zip")


async def test_a_package_that_is_not_what_its_name_says_is_refused_in_an_acknowledgement(
    sandbox: SandboxHarness, client: asyncssh.SFTPClient
) -> None:
    await _put(client, f"orders/in/{ORDER}.1.part", package()[:100])
    await client.posix_rename(f"orders/in/{ORDER}.1.part", FILE)
    assert await client.listdir("orders/ack") == [f"{ORDER}.json"]
    async with client.open(f"orders/ack/{ORDER}.json") as file:
        assert '"code": "malformed"' in str(await file.read())
    assert await sandbox.uploads(ORDER) == 0


async def test_an_upload_beyond_all_measure_is_stopped(client: asyncssh.SFTPClient) -> None:
    with pytest.raises(asyncssh.SFTPFailure):
        await _put(client, f"orders/in/{ORDER}.1.part", bytes(5_000_001))


async def test_the_servers_key_survives_a_restart_and_is_nobody_elses_to_read(
    tmp_path: Path,
) -> None:
    settings = PortalSettings(state_dir=tmp_path, admin_secret=ADMIN_SECRET)
    portal = Portal(settings, real=real_time)
    keys = []
    for _ in range(2):
        async with sftp_server(settings, Desk(portal), 0) as address:
            keys.append(address.host_key)
    portal.close()
    assert keys[0] == keys[1]
    assert (tmp_path / "sftp_host_key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("text", "port"), [("", None), ("0", 0), ("2222", 2222)])
def test_the_server_is_there_when_its_port_is_set(text: str, port: int | None) -> None:
    environment = {
        "DEBIDENT_STATE_DIR": "x",
        "DEBIDENT_ADMIN_SECRET": ADMIN_SECRET,
        "DEBIDENT_SFTP_PORT": text,
    }
    assert settings_from_environment(environment).sftp_port == port
