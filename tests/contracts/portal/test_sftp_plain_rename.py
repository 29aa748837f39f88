"""Servers without posix-rename: the order is handed over by the plain rename, as safely."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncssh.sftp import SFTPServerHandler

from services.debident_gateway.adapters.debident_sftp import SftpDebidentPortal
from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    InDoubt,
    NotSent,
    Received,
    SendOutcome,
    UnknownToPortal,
)
from tests.contracts.portal.file_server import (
    Fault,
    FileServer,
    cut,
    file_server,
    hang,
    led,
    not_offered,
    say_no,
)
from tests.contracts.portal.harness import sha256
from tests.unit.debident_gateway.builders import ORDER, access, package

PACKAGE = package()
DIGEST = sha256(PACKAGE)
FILE = f"{ORDER}.{DIGEST}.zip"


@pytest.fixture(params=["not announced", "announced and refused"])
async def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FileServer]:
    """A server that knows the plain rename only."""
    if request.param == "not announced":
        known = SFTPServerHandler._extensions
        kept = [one for one in known if one[0] != b"posix-rename@openssh.com"]
        assert len(kept) == len(known) - 1
        monkeypatch.setattr(SFTPServerHandler, "_extensions", kept)
    async with file_server(tmp_path / "home") as found:
        found.faults["before-rename"] = not_offered
        yield found


def _portal(timeout_seconds: float = 5) -> SftpDebidentPortal:
    return SftpDebidentPortal(
        timeout_seconds=timeout_seconds, deb_file_bytes_max=1000, connections_max=4
    )


async def _send(server: FileServer, *, timeout_seconds: float = 5) -> SendOutcome:
    ours = led(access(), server.door())
    return await _portal(timeout_seconds).send_order(ours, ORDER, PACKAGE, sha256=DIGEST)


async def test_without_posix_rename_an_order_is_handed_over_by_the_plain_one(
    server: FileServer,
) -> None:
    assert await _send(server) == Accepted(str(ORDER))
    assert (server.dropped(), server.plain_renames) == ([FILE], 1)
    assert (server.folder / "orders/in" / FILE).read_bytes() == PACKAGE
    assert await _send(server) == AlreadyHaveIt(str(ORDER))
    assert server.plain_renames == 1


@pytest.mark.parametrize(
    ("when", "fault", "outcome", "is_there"),
    [
        ("before-plain-rename", cut, InDoubt("connection-lost"), False),
        ("after-plain-rename", cut, InDoubt("connection-lost"), True),
        ("before-plain-rename", say_no, NotSent("portal-refused-file"), False),
        ("after-plain-rename", say_no, Accepted(str(ORDER)), True),
        ("before-plain-rename", hang, InDoubt("time-out"), False),
    ],
)
async def test_after_a_plain_rename_too_only_what_lies_in_the_folder_decides(
    server: FileServer, when: str, fault: Fault, outcome: SendOutcome, is_there: bool
) -> None:
    server.faults[when] = fault
    assert await _send(server, timeout_seconds=1) == outcome
    del server.faults[when]
    answer = await _portal().order_status(led(access(), server.door()), ORDER)
    assert isinstance(answer, Received if is_there else UnknownToPortal)
