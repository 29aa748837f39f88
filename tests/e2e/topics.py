"""Reads topics of the running house, and how far reconciliation has acknowledged them."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from shared.contracts import topics


async def records(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Return every record of a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = await _partitions(consumer, topic)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord] = []
        while len(found) < sum(ends.values()):
            batches = await consumer.getmany(timeout_ms=500)
            found.extend(record for batch in batches.values() for record in batch)
        return found
    finally:
        await consumer.stop()


async def unacknowledged(bootstrap: str, topic: str) -> int:
    """Return how many records of a topic reconciliation's group has not acknowledged."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=topics.RECONCILIATION, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = await _partitions(consumer, topic)
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        done = {partition: await consumer.committed(partition) for partition in partitions}
        return sum(end - (done[partition] or 0) for partition, end in ends.items())
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    count = topics.TOPICS_BY_NAME[topic].partitions
    await consumer._client.force_metadata_update()
    return [TopicPartition(topic, number) for number in range(count)]
