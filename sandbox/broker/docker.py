"""Kafka in a container, through testcontainers, which is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.broker.choice import BrokerError
from sandbox.broker.readiness import wait_until_ready

_IMAGE = "confluentinc/cp-kafka:7.9.2"
_READY_SECONDS = 30


def start() -> tuple[str, Callable[[], None]]:
    """Start a container; return the broker's address and what removes the container.

    Raises:
        BrokerError: testcontainers is not installed, or the container does not come up.
    """
    try:
        from testcontainers.community.kafka import KafkaContainer
    except ImportError as error:
        raise BrokerError("BROKER=docker needs the package testcontainers (extra: test)") from error
    container = KafkaContainer(_IMAGE).with_kraft()
    container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    container.with_env("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
    try:
        container.start()
        bootstrap = str(container.get_bootstrap_server())
    except Exception as error:  # the Docker client raises its own many kinds
        container.stop()
        raise BrokerError(f"the Kafka container did not start: {error}") from error
    if not wait_until_ready(bootstrap, within_seconds=_READY_SECONDS):
        container.stop()
        raise BrokerError("the Kafka container started but does not answer")
    return bootstrap, container.stop
