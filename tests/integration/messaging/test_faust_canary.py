"""Faust 0.15.3's known losses, repeated: a version that behaves otherwise must be seen.

Each case runs in a process of its own; what counts is the offset that the group has committed
afterwards. Message 3 of 0..5 failed or hung, so a committed offset above 3 means that it is lost.
The arrangement that the product uses is `noack-crashing-raise`, and it must stay at 3.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from sandbox.broker import RunningBroker
from shared.messaging.events import RawRecord
from tests.integration.messaging.faust_canary_app import CASES
from tests.integration.messaging.helpers import make_topic, produce, settings_for

_ROOT = Path(__file__).resolve().parents[3]
_AT_ONCE = 5
_CHILD_SECONDS = 60.0
_ATTEMPTS = 3

LOST = {
    "default-raise": 6,
    "events-raise": 6,
    "take-raise": 6,
    "noack-events-raise": 6,
    "default-crashing-raise": 4,
    "concurrency-2-kill": 6,
    "noack-concurrency-2-kill": 6,
    "default-stop": 4,
    "bad-json-typed": 6,
}
KEPT = {
    "noack-take-raise": 3,
    "noack-crashing-raise": 3,
    "concurrency-1-kill": 3,
    "noack-stop": 3,
}


async def _committed(bootstrap: str, topic: str, group: str) -> int | None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        offset: int | None = await consumer.committed(place)
        return offset
    finally:
        await consumer.stop()


async def _child_ends(name: str, bootstrap: str, topic: str, group: str, scratch: Path) -> bool:
    """Run the case's process; False if it hung (Faust's own start and stop sometimes do)."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.messaging.faust_canary_app",
        name,
        bootstrap,
        topic,
        group,
        cwd=_ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "TMPDIR": str(scratch)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await asyncio.wait_for(child.communicate(), _CHILD_SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()
        return False
    assert b"AssertionError" not in errors, errors.decode()
    return True


async def _run_case(
    name: str, bootstrap: str, unique: str, limit: asyncio.Semaphore, scratch: Path
) -> int | None:
    """Return the offset committed in the end.

    A process that hung, or was ended on a busy machine before its last commit, shows nothing: the
    case is tried again. A kept message that is lost even once is the answer at once.
    """
    typed = CASES[name].typed
    values = [b'{"n": %d}' % n if typed else b"%d" % n for n in range(6)]
    if typed:
        values[3] = b"{broken"
    committed: int | None = None
    for attempt in range(_ATTEMPTS):
        topic = group = f"canary-{name}-{unique}-{attempt}"
        await make_topic(settings_for(bootstrap), topic)
        records = [RawRecord(topic, 0, n, b"k", value, {}) for n, value in enumerate(values)]
        await produce(bootstrap, records)
        async with limit:
            ended = await _child_ends(name, bootstrap, topic, group, scratch)
        if not ended:
            continue
        committed = await _committed(bootstrap, topic, group)
        if name in LOST and committed == LOST[name]:
            break
        if name in KEPT and committed is not None and committed >= KEPT[name]:
            break
    return committed


def test_faust_is_the_version_that_these_cases_were_measured_with() -> None:
    assert version("faust-streaming") == "0.15.3"


def test_each_case_is_expected_to_be_lost_or_kept() -> None:
    assert {**LOST, **KEPT}.keys() == CASES.keys()


@pytest.mark.timeout(480)
async def test_the_known_losses_and_the_safe_arrangement_are_as_measured(
    broker: RunningBroker, fresh_topic: Callable[[str], str], tmp_path: Path
) -> None:
    unique, limit = fresh_topic("x"), asyncio.Semaphore(_AT_ONCE)
    names = list(CASES)
    committed = await asyncio.gather(
        *(_run_case(name, broker.bootstrap, unique, limit, tmp_path) for name in names)
    )
    assert dict(zip(names, committed, strict=True)) == {**LOST, **KEPT}
