"""Creates the topics that a service needs, and refuses one that has other partitions than agreed.

Brokers create nothing on their own here: a topic made by accident would have the wrong number of
partitions, and so the wrong order per key.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.contracts.topics import Topic, topics_consumed_by, topics_produced_by
from shared.kernel.errors import PermanentError, TransientError
from shared.messaging.kafka import client_options
from shared.messaging.stopping import CLOSE_SECONDS, close_within, unless_stopped
from shared.runtime.settings import ServiceSettings

_LOG = logging.getLogger(__name__)
_DEAD_LETTERS_KEPT_MS = 30 * 24 * 3600 * 1000
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it must exist on the broker."""

    name: str
    partitions: int
    retention_ms: int


def topics_of(service: str) -> list[WantedTopic]:
    """Return what a service writes, reads, and copies its dead letters to."""
    consumed = topics_consumed_by(service)
    names: dict[str, Topic] = {t.name: t for t in (*topics_produced_by(service), *consumed)}
    wanted = [WantedTopic(t.name, t.partitions, t.retention_ms) for t in names.values()]
    letters = [
        WantedTopic(topic.dead_letter_topic(service), 1, _DEAD_LETTERS_KEPT_MS)
        for topic in consumed
    ]
    return wanted + letters


async def ensure_topics(settings: ServiceSettings, topics: Iterable[WantedTopic]) -> None:
    """Create what is missing and check what is there; harmless when done again or by two at once.

    Raises:
        TransientError: the broker does not answer.
        PermanentError: a topic exists with another number of partitions, or may not be created.
    """
    wanted = list(topics)
    async with _admin(settings) as client:
        present = await _partitions(client)
        missing = [topic for topic in wanted if topic.name not in present]
        if missing:
            await _create(client, missing, settings.kafka_replication_factor)
            present = await _partitions(client)
        _check(wanted, present)


async def wait_for_topics(
    settings: ServiceSettings, topics: Iterable[WantedTopic], *, stop: asyncio.Event
) -> None:
    """Do what `ensure_topics` does, waiting for the broker with backoff until `stop` is set.

    It returns at once when that happens, whatever the broker does.

    Raises:
        PermanentError: as `ensure_topics`.
    """
    wanted = list(topics)
    delay = 0.2
    while not stop.is_set():
        try:
            await unless_stopped(ensure_topics(settings, wanted), stop=stop)
            return
        except TransientError as error:
            _LOG.warning(
                "the broker or a topic is not there yet, trying again",
                extra={"retry_in_seconds": round(delay, 1), "error": str(error)},
            )
            await pause(stop, delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            delay = min(delay * 2, 5.0)


async def partition_counts(settings: ServiceSettings) -> dict[str, int]:
    """Return the number of partitions of each topic on the broker.

    Raises:
        TransientError: the broker does not answer.
    """
    async with _admin(settings) as client:
        return await _partitions(client)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


@asynccontextmanager
async def _admin(settings: ServiceSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield a connected client; a broker that is away or silent raises TransientError."""
    client = AIOKafkaAdminClient(**client_options(settings))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.start()
        async with asyncio.timeout(ANSWER_SECONDS):
            yield client
    except (KafkaError, OSError) as error:  # a TimeoutError is an OSError
        raise TransientError(f"the broker did not answer: {type(error).__name__}") from error
    finally:
        await close_within(CLOSE_SECONDS, client.close(), what="the admin client")


async def _partitions(client: AIOKafkaAdminClient) -> dict[str, int]:
    """Return the number of partitions of each topic that exists.

    All topics are asked for: some brokers create, with their own default, a topic that is named
    in the question.
    """
    described = await client.describe_topics()
    return {
        topic["topic"]: len(topic["partitions"])
        for topic in described
        if topic["error_code"] == 0 and topic["partitions"]
    }


async def _create(
    client: AIOKafkaAdminClient, missing: Iterable[WantedTopic], replication_factor: int
) -> None:
    response = await client.create_topics(
        [
            NewTopic(
                name=topic.name,
                num_partitions=topic.partitions,
                replication_factor=replication_factor,
                topic_configs={"retention.ms": str(topic.retention_ms)},
            )
            for topic in missing
        ]
    )
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code == 0 or error is TopicAlreadyExistsError:
            continue
        if error.retriable:
            raise TransientError(f"topic {name} could not be created yet: {error.__name__}")
        raise PermanentError(f"topic {name} could not be created: {error.__name__}")


def _check(wanted: Iterable[WantedTopic], present: dict[str, int]) -> None:
    for topic in wanted:
        partitions = present.get(topic.name)
        if partitions is None:
            raise TransientError(f"topic {topic.name} is not visible yet")
        if partitions != topic.partitions:
            raise PermanentError(
                f"topic {topic.name} has {partitions} partitions, but {topic.partitions} are"
                " agreed: order per aggregate would break"
            )
