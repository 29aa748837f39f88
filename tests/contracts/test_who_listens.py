"""What the documents say of who listens is what the services subscribe to."""

from __future__ import annotations

import pytest

from shared.contracts.generate.listeners import LISTENERS
from shared.contracts.topics import TOPICS_BY_NAME
from tests.contracts.consumers import SERVICES, assembled


@pytest.mark.parametrize("package", SERVICES)
async def test_the_documents_name_exactly_the_events_that_a_service_works(package: str) -> None:
    service = assembled(package)
    documented = {event for event, listeners in LISTENERS.items() if service.name in listeners}
    assert {line.payload_type.TYPE for line in service.subscriptions} == documented


@pytest.mark.parametrize("package", SERVICES)
async def test_a_service_subscribes_to_each_event_once_and_reads_its_topic(package: str) -> None:
    service = assembled(package)
    types = [line.payload_type for line in service.subscriptions]
    assert len(types) == len(set(types)) > 0
    for event in types:
        assert service.name in TOPICS_BY_NAME[event.TOPIC].consumers, event.TYPE
