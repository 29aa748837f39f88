"""A gateway worker as a process of its own; its portal is a socket of the test that started it.

Called with the database's URL, the object store's URL and the port. It sends and asks until it is
ended. The portal's side of the socket: one line of JSON per call, one line with the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from uuid import UUID

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.bootstrap import build_workshop
from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    InDoubt,
    Received,
    SendOutcome,
    StatusAnswer,
    UnknownToPortal,
)
from services.debident_gateway.domain.model import PortalAccess
from services.debident_gateway.entrypoints.timers import Ticks
from shared.db.engine import Database
from shared.kernel.clock import SystemClock
from shared.objectstore import open_object_store
from tests.integration.debident_gateway.office import settings

PACE = {
    "portal_timeout_seconds": 0.25,
    "lease_spare_seconds": 1.0,
    "doubt_settle_seconds": 0.0,
    "outage_failures_max": 1000,
    "parallel_calls": 3,
}
TICK_SECONDS = 0.02


class SocketPortal(FakeDebidentPortal):
    """A portal behind a socket."""

    port = 0

    async def _call(self, name: str, order_id: UUID, sha256: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        call = {"call": name, "order": str(order_id), "sha256": sha256, "pid": os.getpid()}
        writer.write(json.dumps(call).encode() + b"\n")
        await writer.drain()
        answer = await reader.readline()
        writer.close()
        return answer.decode().strip()

    async def send_order(
        self, access: PortalAccess, order_id: UUID, package: bytes, *, sha256: str
    ) -> SendOutcome:
        """Hand over an order."""
        answer = await self._call("send", order_id, sha256)
        if answer == "accepted":
            return Accepted("S-1")
        return AlreadyHaveIt("S-1") if answer == "already" else InDoubt("connection-lost")

    async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
        """Ask about an order."""
        sha256 = await self._call("ask", order_id, "")
        return Received("S-1", sha256) if len(sha256) == 64 else UnknownToPortal()


async def run(database_url: str, store_url: str, port: int) -> None:
    """Work until ended."""
    portal = SocketPortal()
    portal.port = port
    clock = SystemClock()
    workshop = build_workshop(
        settings(**PACE),
        database=Database(database_url),
        clock=clock,
        object_store=open_object_store(store_url, key=bytes(32)),
        portal=portal,
    )
    ticks = Ticks(workshop)
    while True:
        await ticks.send_orders()
        await ticks.ask_about_orders()
        await clock.sleep(TICK_SECONDS)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
