"""The rules under which Faust loses nothing, asserted on the app as it is really built."""

from __future__ import annotations

import asyncio
import inspect
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.auth import SASLCredentials
from mode import CrashingSupervisor
from pydantic import SecretStr

from shared.kernel.errors import PermanentError
from shared.messaging.sources import faust_source
from shared.messaging.sources.faust_source import FaustSource, cython_is_on
from tests.integration.messaging.helpers import settings_for


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Faust asks for the thread's loop already when an app is built."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def built(tmp_path: Path, loop: None) -> faust.App:
    """The app of a source on two topics, with its agent."""
    return _built(tmp_path)


def _built(datadir: Path, **settings: Any) -> faust.App:
    source = FaustSource(
        group="orders",
        topics=["order-events", "invoice-events"],
        settings=settings_for("127.0.0.1:1,127.0.0.1:2", **settings),
    )
    app = source.build_app(str(datadir))

    async def sink(records: object) -> None:
        raise AssertionError

    source.add_agent(app, sink, stop=asyncio.Event(), failure=asyncio.Future())
    return app


def _agent(app: faust.App) -> Any:
    [agent] = app.agents.values()
    return agent


def test_faust_is_pinned_to_the_version_that_was_measured() -> None:
    assert version("faust-streaming") == "0.15.3"
    pyproject = Path(__file__).parents[3] / "pyproject.toml"
    dependencies = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    assert "faust-streaming==0.15.3" in dependencies


def test_the_compiled_loops_are_on() -> None:
    assert cython_is_on()


def test_bytes_come_through_undecoded(built: faust.App) -> None:
    topic = _agent(built).channel
    assert topic.value_type is bytes
    assert topic.value_serializer == "raw"
    assert topic.key_serializer == "raw"
    assert sorted(topic.topics) == ["invoice-events", "order-events"]


def test_one_agent_works_one_event_after_the_other(built: faust.App) -> None:
    assert _agent(built).concurrency == 1


def test_a_crash_of_the_agent_ends_the_process(built: faust.App) -> None:
    assert _agent(built).supervisor_strategy is CrashingSupervisor


def test_the_agent_acknowledges_by_hand_and_after_the_sink() -> None:
    source = inspect.getsource(faust_source)
    taking = source.index("stream.noack().noack_take(")
    storing = source.index("await deliver(sink", taking)
    assert source.index("event.ack()") > storing


def test_a_stop_does_not_wait_for_streams(built: faust.App) -> None:
    assert built.conf.stream_wait_empty is False


def test_there_are_no_tables_and_no_exactly_once(built: faust.App) -> None:
    assert list(built.tables) == []
    assert str(built.conf.store) == "memory:"
    assert built.conf.processing_guarantee.value == "at_least_once"
    assert not built.in_transaction


def test_nothing_is_produced_through_faust(built: faust.App) -> None:
    assert built.conf.producer_threaded is False
    assert list(built.boot_strategy.kafka_producer()) == []


def test_the_web_server_is_off(built: faust.App) -> None:
    assert built.conf.web_enabled is False
    assert list(built.boot_strategy.web_server()) == []


def test_no_topic_is_made_or_led_by_faust(built: faust.App) -> None:
    assert built.conf.topic_allow_declare is False
    assert built.conf.topic_disable_leader is True


def test_group_brokers_session_and_offsets_come_from_the_settings(tmp_path: Path) -> None:
    app = _built(tmp_path, kafka_session_timeout_seconds=6)
    assert app.conf.id == "orders"
    assert [str(url) for url in app.conf.broker] == [
        "aiokafka://127.0.0.1:1",
        "aiokafka://127.0.0.1:2",
    ]
    assert app.conf.broker_session_timeout == 6
    assert app.conf.broker_request_timeout > app.conf.broker_session_timeout
    assert app.conf.consumer_auto_offset_reset == "earliest"
    assert app.conf.datadir == tmp_path


def test_credentials_are_used_and_never_without_sasl(tmp_path: Path) -> None:
    login = {"kafka_username": "orders", "kafka_password": SecretStr("word")}
    app = _built(tmp_path, kafka_security_protocol="SASL_SSL", **login)
    credentials = app.conf.broker_credentials
    assert isinstance(credentials, SASLCredentials)
    assert (credentials.protocol.value, credentials.username) == ("SASL_SSL", "orders")
    with pytest.raises(PermanentError, match="SASL_SSL"):
        _built(tmp_path, **login)
