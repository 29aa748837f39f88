"""What each misbehaviour of the stand-in looks like from outside, over HTTP and over SFTP."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    Arrived,
    InDoubt,
    NotSent,
    Received,
    Refused,
    RefusedOnArrival,
    SendOutcome,
    StatusAnswer,
)
from services.debident_gateway.ports.portal import PortalSilentError
from tests.contracts.portal.harness import SandboxHarness, downloaded, sha256
from tests.support.waiting import eventually
from tests.unit.debident_gateway.builders import ACCOUNT, ORDER, access, package

HTTP, SFTP = "http", "sftp"


@dataclass
class Scene:
    """A stand-in, the way to it, and how it was told."""

    site: SandboxHarness
    way: str
    how: str

    async def send(self) -> SendOutcome:
        data = package()
        return await self.site.portal.send_order(access(), ORDER, data, sha256=sha256(data))

    async def status(self) -> StatusAnswer:
        return await self.site.portal.order_status(access(), ORDER)

    async def files(self) -> list[bytes]:
        page = await self.site.portal.list_deb_files(access(), after=0)
        return [await downloaded(self.site.portal, access(), file) for file in page.files]

    async def arrived(self) -> None:
        assert isinstance(await self.send(), Accepted)
        await self.site.let_arrive()

    async def published(self) -> list[bytes]:
        await self.arrived()
        await self.site.publish(ACCOUNT)
        return await self.files()

    async def later(self, days: float) -> None:
        await self.site.admin("POST", "/advance", {"days": days})

    async def uploads(self) -> int:
        return await self.site.uploads(ORDER)


Check = Callable[[Scene], Awaitable[None]]


async def late(scene: Scene) -> None:
    await scene.arrived()
    assert isinstance(await scene.status(), Received)
    await scene.later(2)
    assert isinstance(await scene.status(), Arrived)


async def lost_answer(scene: Scene) -> None:
    assert await scene.send() == InDoubt("connection-lost")
    assert await scene.uploads() == 1
    assert isinstance(await scene.status(), Received)


async def drop_request(scene: Scene) -> None:
    assert await scene.send() == InDoubt("connection-lost")
    assert await scene.uploads() == 0


async def already_have_it(scene: Scene) -> None:
    outcome = await scene.send()
    # Over SFTP the rename is answered "no", and what lies in the folders tells that it is there.
    assert isinstance(outcome, AlreadyHaveIt if scene.way == HTTP else Accepted)
    assert await scene.uploads() == 1


async def malformed_upload(scene: Scene) -> None:
    outcome = await scene.send()
    # Over SFTP the rename said yes; the acknowledgement behind it is the one that says nothing.
    if scene.way == HTTP:
        assert isinstance(outcome, InDoubt)
        assert outcome.code in {"unreadable-answer", "answer-too-large"}
    else:
        assert outcome == Accepted(str(ORDER))
    assert await scene.uploads() == 1
    known = await scene.status()
    assert isinstance(known, Received)
    assert known.reference != str(ORDER)


async def malformed_question(scene: Scene) -> None:
    # The events of the upload come first; what is meant is the question after it.
    if scene.how == "api":
        assert isinstance(await scene.send(), Accepted)
        await scene.site.misbehave(malformed_answer=1)
    else:
        assert isinstance(await scene.send(), Accepted)
    with pytest.raises(PortalSilentError) as silent:
        await scene.status()
    assert silent.value.code in {"unreadable-answer", "answer-too-large"}
    assert isinstance(await scene.status(), Received)


async def unavailable(scene: Scene) -> None:
    outcome = await scene.send()
    assert isinstance(outcome, NotSent)
    assert outcome.code == "portal-unavailable"
    assert await scene.uploads() == 0
    assert isinstance(await scene.send(), Accepted)


async def hang(scene: Scene) -> None:
    # Over SFTP it is the sign-in that hangs, before anything can have left.
    doubt = InDoubt("time-out") if scene.way == HTTP else NotSent("time-out")
    assert await scene.send() == doubt
    assert await scene.uploads() == 0
    assert isinstance(await scene.send(), Accepted)


async def slow(scene: Scene) -> None:
    began = time.monotonic()
    assert isinstance(await scene.send(), Accepted)
    assert time.monotonic() - began >= 0.5


async def refuse_orders(scene: Scene) -> None:
    outcome = await scene.send()
    assert isinstance(outcome, Refused)
    assert outcome.code == "order-limit-reached"
    assert await scene.uploads() == 0


async def refused_lines(scene: Scene) -> None:
    await scene.arrived()
    status = await scene.status()
    assert isinstance(status, Arrived)
    [line] = status.lines
    assert (line.accepted, line.code) == (False, "address-unknown")


async def refuse_arrival(scene: Scene) -> None:
    await scene.arrived()
    assert isinstance(await scene.status(), RefusedOnArrival)


async def duplicate(scene: Scene) -> None:
    first, again = await scene.published()
    assert first == again


async def overlapping(scene: Scene) -> None:
    [first] = await scene.published()
    if scene.how == "api":
        await scene.site.misbehave(overlapping_deb=1)
    await scene.site.admin("POST", f"/accounts/{ACCOUNT}/deb-files", {"advance_days": 60})
    _, second = await scene.files()
    assert set(_rows(first)) < set(_rows(second))


async def truncated(scene: Scene) -> None:
    [cut] = await scene.published()
    await scene.later(1.1)
    [whole] = await scene.files()
    assert whole.startswith(cut)
    assert b"\r\nT" in whole
    assert b"\r\nT" not in cut


async def wrong_totals(scene: Scene) -> None:
    [wrong] = await scene.published()
    await scene.later(1.1)
    [right] = await scene.files()
    assert _rows(wrong) == _rows(right)
    assert abs(int(_trailer(wrong)[10:26]) - int(_trailer(right)[10:26])) == 1


async def hostile_file(scene: Scene) -> None:
    [broken] = await scene.published()
    await scene.later(1.1)
    [right] = await scene.files()
    assert broken != right


async def hostile_rows(scene: Scene) -> None:
    [file] = await scene.published()
    assert b"\x00" in file
    assert b"<script>" in file


async def withheld(scene: Scene) -> None:
    assert await scene.published() == []
    await scene.later(3.1)
    assert len(await scene.files()) == 1


def down(how: str) -> Check:
    async def check(scene: Scene) -> None:
        outcome = await scene.send()
        code = {
            "unavailable": "portal-unavailable",
            "hang": "time-out",
            # Over SFTP the break comes while the connection is still being made.
            "cut-off": "connection-lost" if scene.way == HTTP else "could-not-connect",
        }[how]
        assert isinstance(outcome, (NotSent, InDoubt))
        assert outcome.code == code
        # By seed it begins with the upload itself, whose token had been given before.
        if scene.way == SFTP or how == "unavailable":
            assert isinstance(outcome, NotSent)
        assert await scene.uploads() == 0
        if scene.how == "api":
            await scene.site.misbehave()

        async def answers_again() -> bool:
            return isinstance(await scene.send(), Accepted)

        await eventually(answers_again, within_seconds=40, because="the outage ends")

    return check


def _rows(content: bytes) -> list[bytes]:
    return [line for line in content.split(b"\r\n") if line.startswith(b"R")]


def _trailer(content: bytes) -> bytes:
    return next(line for line in content.split(b"\r\n") if line.startswith(b"T"))
