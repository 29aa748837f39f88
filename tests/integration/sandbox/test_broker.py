"""Every broker that this machine offers takes topics, messages and consumer groups."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from sandbox.broker import BrokerError, ChosenBroker, RunningBroker, choose, start
from sandbox.broker.contents import topics_with_records
from sandbox.ports import is_free
from tests.integration.sandbox.helpers import finish, next_line, run_script
from tests.support.waiting import eventually_blocking

RUN = """
import sys, time
from pathlib import Path
from sandbox.broker import choose, start
broker = start(choose("embedded"), Path(sys.argv[1]))
print(broker.bootstrap, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module", params=["embedded", "apache"])
def each_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cache_dir: Path
) -> Iterator[RunningBroker]:
    """Run each kind of broker that needs no Docker, as far as the machine has what it needs."""
    kind = str(request.param)
    try:
        chosen = choose(kind)
    except BrokerError as error:
        pytest.skip(str(error))
    broker = start(chosen, tmp_path_factory.mktemp(kind), cache_dir=cache_dir)
    yield broker
    broker.stop()


async def create_topic(bootstrap: str, topic: str) -> None:
    """Create a topic with two partitions through the admin API."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    finally:
        await admin.close()


async def produce(broker: RunningBroker, topic: str, count: int) -> None:
    """Send numbered messages."""
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, enable_idempotence=broker.supports_idempotence
    )
    await producer.start()
    try:
        for number in range(count):
            await producer.send_and_wait(topic, b"%d" % number, key=b"%d" % number)
    finally:
        await producer.stop()


async def consume(broker: RunningBroker, topic: str, group: str, count: int) -> list[bytes]:
    """Read so many messages as a member of a group, and commit."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=broker.session_timeout_seconds * 1000,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            values = [(await consumer.getone()).value for _ in range(count)]
        await consumer.commit()
    finally:
        await consumer.stop()
    return sorted(values)


async def test_topics_messages_and_groups_work(each_broker: RunningBroker) -> None:
    await create_topic(each_broker.bootstrap, "first-topic")
    await produce(each_broker, "first-topic", 5)
    assert await consume(each_broker, "first-topic", "group", 5) == [b"0", b"1", b"2", b"3", b"4"]


async def test_the_sessions_broker_works(
    broker: RunningBroker, fresh_topic: Callable[[str], str], fresh_group: Callable[[str], str]
) -> None:
    topic = fresh_topic("order-events")
    await create_topic(broker.bootstrap, topic)
    await produce(broker, topic, 2)
    assert await consume(broker, topic, fresh_group("orders"), 2) == [b"0", b"1"]


async def test_apache_kafka_keeps_messages_and_offsets_over_a_restart(
    data_dir: Path, cache_dir: Path
) -> None:
    try:
        chosen = choose("apache")
    except BrokerError as error:
        pytest.skip(str(error))
    first = start(chosen, data_dir, cache_dir=cache_dir)
    try:
        assert first.keeps_messages
        await create_topic(first.bootstrap, "kept")
        await produce(first, "kept", 3)
        assert len(await consume(first, "kept", "group", 2)) == 2
    finally:
        first.stop()
    second = start(chosen, data_dir, cache_dir=cache_dir)
    try:
        assert second.bootstrap == first.bootstrap
        assert len(await consume(second, "kept", "group", 1)) == 1
        assert len(await consume(second, "kept", "another-group", 3)) == 3
    finally:
        second.stop()


def test_the_embedded_broker_ends_with_a_killed_run(data_dir: Path) -> None:
    run = run_script(RUN, str(data_dir))
    bootstrap = next_line(run)
    run.kill()
    assert finish(run) == -signal.SIGKILL
    port = int(bootstrap.rpartition(":")[2])
    eventually_blocking(lambda: is_free(port), because="the broker ended with its run")


def test_auto_falls_back_to_the_embedded_broker_and_says_why(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programmes(monkeypatch, data_dir, java="echo 'openjdk version \"21.0.1\"' >&2", mvn="exit 1")
    chosen = choose("auto")
    assert (chosen.kind, chosen.may_fall_back) == ("apache", True)
    broker = start(chosen, data_dir, cache_dir=data_dir / "empty-cache")
    try:
        assert broker.kind == "embedded"
        assert "because the first choice (apache) failed: Maven did not bring" in broker.why
        assert not broker.keeps_messages
        assert not broker.supports_idempotence
    finally:
        broker.stop()


def test_what_was_asked_for_by_name_is_not_replaced_by_something_else(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programmes(monkeypatch, data_dir, java="echo 'openjdk version \"21.0.1\"' >&2", mvn="exit 1")
    with pytest.raises(BrokerError, match="Maven did not bring"):
        start(choose("apache"), data_dir, cache_dir=data_dir / "empty-cache")


@pytest.mark.parametrize(
    ("programmes", "reason"),
    [
        ({}, "mvn is not installed"),
        ({"mvn": "exit 0"}, "java is not installed"),
        ({"mvn": "exit 0", "java": "echo 'java version \"11.0.2\"'"}, "java is version 11"),
    ],
)
def test_auto_without_docker_java_or_maven_takes_the_embedded_broker(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, programmes: dict[str, str], reason: str
) -> None:
    _programmes(monkeypatch, data_dir, **programmes)
    chosen = choose("auto")
    assert chosen.kind == "embedded"
    assert reason in chosen.why
    with pytest.raises(BrokerError, match=reason):
        choose("apache")
    with pytest.raises(BrokerError, match="no Docker engine"):
        choose("docker")


def test_auto_takes_docker_where_its_engine_answers(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programmes(monkeypatch, data_dir, docker="echo 28.0.1")
    assert choose("auto").kind == "docker"


def test_a_docker_engine_that_hangs_is_not_waited_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programmes(monkeypatch, data_dir, docker="exec sleep 60")
    monkeypatch.setattr("sandbox.broker.choice._DOCKER_SECONDS", 0.2)
    assert choose("auto").kind == "embedded"


def test_an_external_broker_is_used_as_it_is(data_dir: Path) -> None:
    own = start(choose("embedded"), data_dir)
    try:
        external = start(choose(own.bootstrap), data_dir / "other")
        assert (external.kind, external.bootstrap) == ("external", own.bootstrap)
        external.stop()
        assert start(choose(own.bootstrap), data_dir / "other").bootstrap == own.bootstrap
    finally:
        own.stop()


def test_an_external_broker_that_does_not_answer_is_reported(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.broker.running._EXTERNAL_SECONDS", 0.2)
    with pytest.raises(BrokerError, match=r"no Kafka broker answers at 127\.0\.0\.1:9"):
        start(choose("127.0.0.1:9"), data_dir)


@pytest.mark.parametrize("spec", ["kafka", "host:", "host:99999", "a b:9092", ""])
def test_a_broker_nobody_knows_is_refused_with_the_words_that_are_known(spec: str) -> None:
    with pytest.raises(BrokerError, match="say auto, embedded, apache, docker, or the host:port"):
        choose(spec)


def test_a_chosen_broker_states_what_it_can_do() -> None:
    embedded, apache = ChosenBroker("embedded", "x"), ChosenBroker("apache", "x")
    assert (embedded.keeps_messages, embedded.supports_idempotence) == (False, False)
    assert (apache.keeps_messages, apache.supports_idempotence) == (True, True)
    assert embedded.session_timeout_seconds == 6


def _programmes(monkeypatch: pytest.MonkeyPatch, data_dir: Path, **scripts: str) -> None:
    """Make these shell scripts the only programmes on the path, beside `sleep`."""
    folder = data_dir / "programmes"
    folder.mkdir()
    for name, script in {**scripts, "sleep": 'exec /bin/sleep "$@"'}.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


async def test_a_broker_tells_which_topics_hold_records(
    each_broker: RunningBroker, fresh_topic: Callable[[str], str]
) -> None:
    empty, used, absent = fresh_topic("empty"), fresh_topic("used"), fresh_topic("absent")
    await create_topic(each_broker.bootstrap, empty)
    await create_topic(each_broker.bootstrap, used)
    await produce(each_broker, used, 1)
    names = [empty, used, absent]
    told = await asyncio.to_thread(topics_with_records, each_broker.bootstrap, names)
    assert told == [used]
    again = await asyncio.to_thread(topics_with_records, each_broker.bootstrap, [absent])
    assert again == [], "asking does not create a topic"
