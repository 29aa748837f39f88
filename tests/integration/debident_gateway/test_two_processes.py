"""Real worker processes over one database, one of which dies in the middle of a call."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.postgres import ServiceUrls
from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from shared.db.engine import Database
from shared.kernel.clock import SystemClock
from shared.objectstore import open_object_store
from tests.architecture.sources import REPOSITORY
from tests.integration.debident_gateway.office import Office
from tests.integration.debident_gateway.worker_process import PACE
from tests.support.waiting import eventually

ORDERS = 12
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Portal:
    """The portal's side: what it holds, who calls, and how many calls of what kind at once.

    Attributes:
        mortal: how many sends of the first caller are never answered.
        taken: whether what such a send brought is kept all the same.
    """

    def __init__(self, *, taken: bool) -> None:
        self.taken = taken
        self.held: dict[str, str] = {}
        self.uploads: Counter[str] = Counter()
        self.sending: Counter[str] = Counter()
        self.by_process: Counter[int] = Counter()
        self.most_per_order = 0
        self.most_per_process = 0
        self.victim: int | None = None
        self.unanswered: set[str] = set()
        self.callers: set[int] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call, or hang until the caller is dead."""
        call = json.loads(await reader.readline())
        order, pid = call["order"], call["pid"]
        self.callers.add(pid)
        if call["call"] == "ask":
            answer = self.held.get(order, "unknown")
        else:
            answer = await self._take(order, pid, call["sha256"], reader)
        if answer:
            writer.write(answer.encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _take(self, order: str, pid: int, sha256: str, reader: asyncio.StreamReader) -> str:
        self.victim = self.victim or pid
        self.sending[order] += 1
        self.by_process[pid] += 1
        self.most_per_order = max(self.most_per_order, self.sending[order])
        self.most_per_process = max(self.most_per_process, self.by_process[pid])
        try:
            if pid == self.victim:
                self.unanswered.add(order)
                if self.taken:
                    self._hold(order, sha256)
                await reader.read()  # The end of the stream: the process is gone.
                return ""
            return self._hold(order, sha256)
        finally:
            self.sending[order] -= 1
            self.by_process[pid] -= 1

    def _hold(self, order: str, sha256: str) -> str:
        self.uploads[order] += 1
        known = order in self.held
        self.held[order] = sha256
        return "already" if known else "accepted"


class Workers:
    """Worker processes of this test."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self.running: list[asyncio.subprocess.Process] = []

    async def start(self) -> asyncio.subprocess.Process:
        """Start one."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.debident_gateway.worker_process",
            *self._arguments,
            cwd=REPOSITORY,
        )
        self.running.append(process)
        return process

    async def end(self) -> None:
        """End those that still run."""
        for process in self.running:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture(params=[True, False], ids=["the-bytes-had-come", "nothing-had-come"])
async def portal(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Portal, int]]:
    """The portal and its port."""
    portal = Portal(taken=request.param)
    server = await asyncio.start_server(portal.serve, "127.0.0.1", 0)
    yield portal, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_when_a_process_dies_in_the_middle_of_its_calls_the_other_one_ends_them_once_each(
    portal: tuple[Portal, int], urls: ServiceUrls, database: Database, tmp_path: Path
) -> None:
    theirs, port = portal
    store_url = f"file://{tmp_path}"
    office = Office(
        database,
        SystemClock(),
        open_object_store(store_url, key=bytes(32)),
        FakeDebidentPortal(),
    )
    await office.open()
    orders = []
    for _ in range(ORDERS):
        office.contract_id = uuid4()
        await office.receive(office.contract_changed())
        orders.append(str(await office.order()))
    workers = Workers([urls.url, store_url, str(port)])
    try:
        first = await workers.start()
        parallel = int(PACE["parallel_calls"])
        await eventually(lambda: len(theirs.unanswered) == parallel, because="it has begun")
        await workers.start()
        await eventually(
            lambda: len(theirs.held.keys() - theirs.unanswered) >= 1, because="the other one sends"
        )
        first.kill()
        assert await first.wait() != 0

        async def everything_is_sent() -> bool:
            rows = await office.rows("SELECT state FROM transmission")
            return [row["state"] for row in rows] == ["sent"] * ORDERS

        await eventually(everything_is_sent, within_seconds=60, because="the lease runs out")
    finally:
        await workers.end()
    assert len(theirs.callers) == 2
    assert theirs.uploads == dict.fromkeys(orders, 1)
    assert theirs.most_per_order == 1
    assert theirs.most_per_process == parallel
    attempts = await office.rows(
        "SELECT order_id, outcome FROM send_attempt ORDER BY order_id, number"
    )
    doubts = {str(row["order_id"]) for row in attempts if row["outcome"] == "unknown"}
    assert doubts == theirs.unanswered
