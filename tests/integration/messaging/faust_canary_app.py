"""One case of the table of known losses, in a process of its own (see test_faust_canary.py).

Run as `python -m tests.integration.messaging.faust_canary_app CASE BOOTSTRAP TOPIC GROUP`. Six
messages lie on partition 0; the handler fails or hangs on number 3.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import faust
from mode import CrashingSupervisor, OneForOneSupervisor

from tests.support.waiting import eventually

SESSION_SECONDS = 3.0
COMMIT_SECONDS = 0.2
_LIMIT_SECONDS = 30.0
_AFTER_SECONDS = 1.5
CULPRIT = 3


class Number(faust.Record):
    """The typed value of the case with broken JSON."""

    n: int


@dataclass(frozen=True, slots=True)
class Case:
    """How the agent is arranged, and what happens to it at message 3.

    Attributes:
        end: "raise", or "hang" and then be killed (SIGKILL) or stopped (as on SIGTERM).
        others: how many other messages are handled before the end.
    """

    agent: str
    end: str
    others: int
    crashing: bool = False
    concurrency: int = 1
    typed: bool = False


CASES = {
    "default-raise": Case("plain", "raise", 5),
    "events-raise": Case("events", "raise", 5),
    "take-raise": Case("take", "raise", 3),
    "noack-events-raise": Case("noack", "raise", 5),
    "noack-take-raise": Case("noack_take", "raise", 3),
    "default-crashing-raise": Case("events", "raise", 3, crashing=True),
    "noack-crashing-raise": Case("noack", "raise", 3, crashing=True),
    "concurrency-2-kill": Case("events", "kill", 5, concurrency=2),
    "noack-concurrency-2-kill": Case("noack", "kill", 5, concurrency=2),
    "concurrency-1-kill": Case("events", "kill", 3),
    "default-stop": Case("events", "stop", 3),
    "noack-stop": Case("noack", "stop", 3),
    "bad-json-typed": Case("events", "raise", 5, typed=True),
}


class Run:
    """The handler and what it has seen."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.handled: set[int] = set()
        self.hanging = asyncio.Event()

    async def handle(self, value: Any) -> None:
        number = value.n if isinstance(value, Number) else int(value)
        if number != CULPRIT:
            self.handled.add(number)
        elif self.case.end == "raise":
            raise RuntimeError("the handler fails on 3")
        else:
            self.hanging.set()
            await asyncio.Event().wait()

    def agent(self) -> Callable[[Any], Awaitable[None]]:
        """Return the agent of the case."""

        async def plain(stream: Any) -> None:
            async for value in stream:
                await self.handle(value)

        async def events(stream: Any) -> None:
            async for event in stream.events():
                await self.handle(event.value)

        async def take(stream: Any) -> None:
            async for values in stream.take(10, within=0.5):
                for value in values:
                    await self.handle(value)

        async def noack(stream: Any) -> None:
            async for event in stream.noack().events():
                await self.handle(event.value)
                event.ack()

        async def noack_take(stream: Any) -> None:
            async for batch in stream.noack_take(10, within=0.5):
                for event in batch:
                    await self.handle(event.value)
                    event.ack()

        agents = {
            "plain": plain,
            "events": events,
            "take": take,
            "noack": noack,
            "noack_take": noack_take,
        }
        return agents[self.case.agent]


def build(case: Case, run: Run, bootstrap: str, topic: str, group: str) -> faust.App:
    """Return the app of a case; what is not set here is Faust's default."""
    app = faust.App(
        group,
        broker=f"aiokafka://{bootstrap}",
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=0.5,
        broker_commit_interval=COMMIT_SECONDS,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=tempfile.mkdtemp(prefix="canary-"),
        store="memory://",
    )
    source = app.topic(
        topic,
        value_type=Number if case.typed else bytes,
        value_serializer="json" if case.typed else "raw",
    )
    supervisor = CrashingSupervisor if case.crashing else OneForOneSupervisor
    app.agent(source, concurrency=case.concurrency, supervisor_strategy=supervisor)(run.agent())
    return app


async def run_in_loop(name: str, app: faust.App, run: Run) -> None:
    """Run the case until its end has come, then stop as on SIGTERM, or be killed."""
    await app.start()
    await eventually(
        lambda: _is_over(run), within_seconds=_LIMIT_SECONDS, because=f"{name} came to its end"
    )
    await asyncio.sleep(_AFTER_SECONDS)
    if run.case.end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    await app.stop()


def main(name: str, bootstrap: str, topic: str, group: str) -> None:
    """Run one case; a crashing one under Faust's own worker, which is what ends the process."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    run = Run(CASES[name])
    app = build(run.case, run, bootstrap, topic, group)
    if run.case.crashing:
        app.Worker(loglevel="CRITICAL", redirect_stdouts=False).execute_from_commandline()
    else:
        loop.run_until_complete(run_in_loop(name, app, run))


def _is_over(run: Run) -> bool:
    hangs = run.case.end in {"kill", "stop"}
    return len(run.handled) >= run.case.others and (run.hanging.is_set() or not hangs)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(*sys.argv[1:5])
