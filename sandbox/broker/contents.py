"""Which topics of a broker hold records, so that a demo does not mix its events with others."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from sandbox.blocking import run_blocking


def topics_with_records(bootstrap: str, names: Iterable[str]) -> list[str]:
    """Return which of these topics exist and hold at least one record, sorted.

    Raises:
        aiokafka.errors.KafkaError: the broker does not answer.
    """
    return run_blocking(_topics_with_records(bootstrap, set(names)))


async def _topics_with_records(bootstrap: str, names: set[str]) -> list[str]:
    partitions = await _partitions(bootstrap, names)
    if not partitions:
        return []
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        consumer.assign(partitions)
        first = await consumer.beginning_offsets(partitions)
        end = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return sorted({each.topic for each in partitions if end[each] > first[each]})


async def _partitions(bootstrap: str, names: set[str]) -> list[TopicPartition]:
    """Return the partitions of those topics that exist.

    All topics are asked for: some brokers create a topic that is named in the question.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        if topic["topic"] in names
        for partition in topic["partitions"]
    ]
