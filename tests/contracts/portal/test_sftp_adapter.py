"""What only the SFTP adapter must stand: half-written files, strange servers, odd names."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from services.debident_gateway.adapters.debident_sftp import SftpDebidentPortal
from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    InDoubt,
    ListedDebFile,
    NotSent,
    Received,
    Refused,
    SendOutcome,
    UnknownToPortal,
)
from services.debident_gateway.domain.model import PortalAccess
from services.debident_gateway.ports.portal import DebFileRejectedError, PortalSilentError
from tests.contracts.portal.file_server import (
    CLIENT_KEY,
    Fault,
    FileServer,
    cut,
    file_server,
    hang,
    led,
    public_line,
    say_no,
)
from tests.contracts.portal.harness import downloaded, sha256
from tests.unit.debident_gateway.builders import (
    ORDER,
    OTHER_PRACTICE,
    SECOND_ORDER,
    access,
    package,
)

PACKAGE = package()
DIGEST = sha256(PACKAGE)
FILE = f"{ORDER}.{DIGEST}.zip"
REFERENCE = str(ORDER)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FileServer]:
    """A server on which files only lie."""
    async with file_server(tmp_path / "home") as found:
        yield found


def _portal(timeout_seconds: float = 5, connections_max: int = 4) -> SftpDebidentPortal:
    return SftpDebidentPortal(
        timeout_seconds=timeout_seconds, deb_file_bytes_max=1000, connections_max=connections_max
    )


def _ours(server: FileServer) -> PortalAccess:
    return led(access(), server.door())


async def _send(
    server: FileServer, with_access: PortalAccess | None = None, *, timeout_seconds: float = 5
) -> SendOutcome:
    chosen = with_access or _ours(server)
    return await _portal(timeout_seconds).send_order(chosen, ORDER, PACKAGE, sha256=DIGEST)


async def _silence(server: FileServer) -> str:
    with pytest.raises(PortalSilentError) as silent:
        await _portal().order_status(_ours(server), ORDER)
    return silent.value.code


async def test_an_order_lies_under_its_final_name_until_the_portal_answers(
    server: FileServer,
) -> None:
    assert await _send(server) == Accepted(REFERENCE)
    assert server.dropped() == [FILE]
    assert (server.folder / "orders/in" / FILE).read_bytes() == PACKAGE
    assert await _portal().order_status(_ours(server), ORDER) == Received(REFERENCE, DIGEST)
    assert await _send(server) == AlreadyHaveIt(REFERENCE)
    server.acknowledge(ORDER, PACKAGE)
    (server.folder / "orders/in" / FILE).unlink()
    assert await _portal().order_status(_ours(server), ORDER) == Received("DBD-1", DIGEST)
    assert await _send(server) == AlreadyHaveIt("DBD-1")


async def test_what_breaks_off_during_the_upload_was_not_sent_and_never_goes_along_later(
    server: FileServer,
) -> None:
    server.faults["after-write"] = cut
    assert await _send(server) == NotSent("connection-lost")
    [left_over] = server.dropped()
    assert left_over.endswith(".part")
    assert await _portal().order_status(_ours(server), ORDER) == UnknownToPortal()
    server.faults.clear()
    other = package(order_id=SECOND_ORDER)
    outcome = await _portal().send_order(_ours(server), SECOND_ORDER, other, sha256=sha256(other))
    assert isinstance(outcome, Accepted)
    assert left_over in server.dropped()
    assert await _send(server) == Accepted(REFERENCE)
    assert server.dropped() == [FILE, f"{SECOND_ORDER}.{sha256(other)}.zip"]


async def test_orders_of_the_same_moment_lie_in_files_of_their_own(server: FileServer) -> None:
    other = package(order_id=SECOND_ORDER)
    portal = _portal()
    await asyncio.gather(
        portal.send_order(_ours(server), ORDER, PACKAGE, sha256=DIGEST),
        portal.send_order(_ours(server), SECOND_ORDER, other, sha256=sha256(other)),
    )
    assert server.dropped() == [FILE, f"{SECOND_ORDER}.{sha256(other)}.zip"]
    contents = [(server.folder / "orders/in" / name).read_bytes() for name in server.dropped()]
    assert contents == [PACKAGE, other]


@pytest.mark.parametrize(
    ("when", "fault", "outcome", "is_there"),
    [
        ("before-rename", cut, InDoubt("connection-lost"), False),
        ("after-rename", cut, InDoubt("connection-lost"), True),
        ("before-rename", say_no, NotSent("portal-refused-file"), False),
        ("after-rename", say_no, Accepted(REFERENCE), True),
        ("after-write", say_no, NotSent("portal-refused-file"), False),
    ],
)
async def test_only_what_lies_in_the_folder_decides_after_a_rename(
    server: FileServer, when: str, fault: Fault, outcome: SendOutcome, is_there: bool
) -> None:
    server.faults[when] = fault
    assert await _send(server) == outcome
    server.faults.clear()
    answer = await _portal().order_status(_ours(server), ORDER)
    assert isinstance(answer, Received if is_there else UnknownToPortal)


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        ("before-read", NotSent("time-out")),
        ("after-write", NotSent("time-out")),
        ("before-rename", InDoubt("time-out")),
    ],
)
async def test_a_server_that_hangs_costs_a_bounded_time(
    server: FileServer, when: str, outcome: SendOutcome
) -> None:
    server.faults[when] = hang
    began = time.monotonic()
    assert await _send(server, timeout_seconds=1) == outcome
    assert time.monotonic() - began < 5  # one sign-in, twice the time for the visit, a goodbye


async def test_other_content_under_the_same_order_is_a_doubt_and_nothing_is_put_down(
    server: FileServer,
) -> None:
    there = f"{ORDER}.{'0' * 64}.zip"
    (server.folder / "orders/in" / there).write_bytes(b"other")
    assert await _send(server) == InDoubt("portal-has-other-content")
    assert server.dropped() == [there]
    (server.folder / "orders/in" / there).unlink()
    server.acknowledge(ORDER, b"other")
    assert await _send(server) == InDoubt("portal-has-other-content")
    assert server.dropped() == []


async def test_a_refusal_that_lies_there_is_a_refusal(server: FileServer) -> None:
    server.acknowledge(ORDER, PACKAGE, state="refused", code="Account CLOSED")
    assert await _send(server) == Refused("account-closed")


@pytest.mark.parametrize("other", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
async def test_a_server_with_another_key_is_shown_no_password(
    server: FileServer, other: str
) -> None:
    pinned = public_line(asyncssh.generate_private_key(other))
    outcome = await _send(server, led(access(), server.door(host_key=pinned)))
    assert outcome == NotSent("portal-host-key-changed")
    assert (server.passwords, server.users, server.dropped()) == ([], [], [])


async def test_a_wrong_password_or_key_opens_nothing(server: FileServer) -> None:
    wrong = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    door = server.door(sign_in="private-key")
    for refused in (
        led(access(), server.door(), client_secret="wrong"),
        led(access(), door, client_secret=wrong),
    ):
        assert await _send(server, refused) == NotSent("portal-refused-credentials")
    assert server.dropped() == []


async def test_a_private_key_opens_the_door(server: FileServer) -> None:
    own = CLIENT_KEY.export_private_key().decode()
    door = server.door(sign_in="private-key")
    assert await _send(server, led(access(), door, client_secret=own)) == Accepted(REFERENCE)


async def test_a_server_that_does_not_listen_was_sent_nothing(server: FileServer) -> None:
    nobody = led(access(), server.door(port=1))
    assert await _send(server, nobody) == NotSent("could-not-connect")


async def test_a_door_to_another_account_takes_and_tells_nothing(server: FileServer) -> None:
    (server.folder / "account.json").write_text('{"account_number": "CMD-0815"}')
    assert await _send(server) == Refused("wrong-account")
    assert await _silence(server) == "portal-opens-another-account"
    assert server.dropped() == []


@pytest.mark.parametrize("folder", ["orders/in", "orders/ack"])
async def test_a_missing_folder_is_no_proof_of_absence(server: FileServer, folder: str) -> None:
    (server.folder / folder).rmdir()
    assert await _silence(server) == "portal-folder-missing"
    assert await _send(server) == NotSent("portal-folder-missing")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"order_id": str(SECOND_ORDER)}, "unreadable-answer"),
        ({"state": "arrived", "lines": []}, "unreadable-answer"),
        ({"sha256": "short"}, "unreadable-answer"),
        ({"text": "x" * 5_000_000}, "answer-too-large"),
    ],
)
async def test_an_acknowledgement_that_is_none_tells_nothing(
    server: FileServer, changes: dict[str, Any], code: str
) -> None:
    server.acknowledge(ORDER, PACKAGE, **changes)
    assert await _silence(server) == code


async def test_a_deb_file_without_its_checksum_or_with_a_hostile_name_is_not_listed(
    server: FileServer,
) -> None:
    server.publish("000007-file-7.deb", b"rows")
    (server.folder / "deb/000008-file-8.deb").write_bytes(b"ro")
    (server.folder / "deb/000009-file-9.deb.part").write_bytes(b"ro")
    hostile = [b"../../x", b"1-a/../../b.deb", b"2-a\nb.deb", b"3-..deb", b"\xff.deb", b"0-a.deb"]
    server.names = hostile + [name + b".sha256" for name in hostile]
    page = await _portal().list_deb_files(_ours(server), after=0)
    listed = ListedDebFile(7, "file-7", "000007-file-7.deb", sha256(b"rows"), 4)
    assert (page.files, page.more) == ((listed,), False)
    assert await downloaded(_portal(), _ours(server), listed) == b"rows"


async def test_a_checksum_that_states_none_is_seen_by_a_person(server: FileServer) -> None:
    server.publish("1-a.deb", b"rows", digest="no digest")
    with pytest.raises(PortalSilentError, match="unreadable-answer"):
        await _portal().list_deb_files(_ours(server), after=0)


async def test_a_listing_without_end_is_not_read_to_its_end(server: FileServer) -> None:
    server.names = [b"x"] * 20_001
    with pytest.raises(PortalSilentError, match="listing-too-large"):
        await _portal(30).list_deb_files(_ours(server), after=0)


async def test_pages_follow_the_numbers_and_never_part_two_files_of_one_number(
    server: FileServer,
) -> None:
    for number in range(1, 103):
        server.publish(f"{number:03d}-a.deb", b"rows")
    server.publish("100-b.deb", b"more")
    first = await _portal().list_deb_files(_ours(server), after=0)
    assert (len(first.files), first.files[-1].name, first.more) == (101, "100-b.deb", True)
    second = await _portal().list_deb_files(_ours(server), after=first.files[-1].position)
    assert ([file.position for file in second.files], second.more) == ([101, 102], False)


@pytest.mark.parametrize(
    ("content", "size_bytes", "digest", "code"),
    [
        (b"row", 4, sha256(b"rows"), "deb-file-of-other-size"),
        (b"x" * 900, 4, sha256(b"rows"), "deb-file-of-other-size"),
        (b"rowz", 4, sha256(b"rows"), "deb-file-of-other-content"),
        (b"x" * 1001, 1001, sha256(b"x" * 1001), "deb-file-too-large"),
    ],
)
async def test_a_truncated_or_swollen_deb_file_is_not_taken(
    server: FileServer, content: bytes, size_bytes: int, digest: str, code: str
) -> None:
    server.publish("1-a.deb", content)
    listed = ListedDebFile(1, "a", "1-a.deb", digest, size_bytes)
    with pytest.raises(DebFileRejectedError) as rejected:
        await downloaded(_portal(), _ours(server), listed)
    assert rejected.value.code == code


@pytest.mark.parametrize("name", ["../orders/in/1-a.deb", "1-a.deb.sha256", "account.json"])
async def test_only_a_deb_file_is_ever_downloaded(server: FileServer, name: str) -> None:
    with pytest.raises(PortalSilentError):
        await downloaded(_portal(), _ours(server), ListedDebFile(1, "a", name, "0" * 64, 4))


async def test_each_call_signs_in_as_its_own_practice_and_few_at_a_time(
    server: FileServer,
) -> None:
    theirs = led(access(OTHER_PRACTICE, "client-b"), server.door())
    portal = _portal(connections_max=2)
    calls = [portal.list_deb_files(who, after=0) for who in (_ours(server), theirs) * 3]
    await asyncio.gather(*calls)
    assert sorted(server.users) == ["client-a"] * 3 + ["client-b"] * 3
    assert server.open_most <= 2
