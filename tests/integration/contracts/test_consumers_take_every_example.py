"""Every service takes every example of every event that it listens to.

Taking means: it works the event, or says in the words of the error tree why it does not (too early,
a rule of the trade). Anything else, a missing field, a wrong type, a refused statement, is a
consumer that does not fit the contract.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.envelope import EventPayload
from shared.contracts.generate.examples import examples_of
from shared.contracts.generate.schemas import wire_name
from shared.contracts.registry import DOCUMENT_TYPES, EVENT_TYPES
from shared.db import Database, Scope
from shared.db.migrations import migrate
from shared.kernel.context import WorkContext, working_on
from shared.kernel.errors import ContractError, PermanentError, QuittanceError, TransientError
from shared.kernel.ids import derived_id
from shared.messaging.events import ReceivedEvent, Subscription
from shared.messaging.outbox import subject_of
from shared.objectstore import ObjectStore, open_object_store
from shared.runtime.definition import ServiceDefinition
from shared.testing import FrozenClock
from tests.contracts.consumers import SERVICES, STORE_KEY, assembled
from tests.support.servers import ServiceDatabaseFactory

FIRST_FACTS = {"practice-registered", "contract-changed", "invoice-issued"}
"""What needs nothing before it must be worked, not merely refused in good order."""


@dataclass
class Answers:
    """What a service said to each example, by "event/example"."""

    worked: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


@pytest.fixture(params=SERVICES)
async def service(
    request: pytest.FixtureRequest, service_database: ServiceDatabaseFactory
) -> AsyncIterator[ServiceDefinition]:
    """One service on its migrated database, with the example documents in its object store."""
    urls = service_database(request.param)
    store = open_object_store("memory:", key=STORE_KEY)
    await _store_documents(store)
    database = Database(urls.url, pool_size=2)
    definition = assembled(
        request.param,
        database=database,
        object_store=store,
        clock=FrozenClock(datetime(2026, 4, 10, 8, 0, tzinfo=UTC)),
    )
    await migrate(urls.owner_url, definition.migrations)
    yield definition
    await database.close()


async def test_every_example_is_taken(service: ServiceDefinition) -> None:
    answers = await feed(service, in_the_order_of_the_registry(service.subscriptions))
    assert not answers.broken, "\n".join(f"{k}: {v}" for k, v in answers.broken.items())
    must_work = {
        f"{line.payload_type.TYPE}/{name}"
        for line in service.subscriptions
        if line.payload_type.TYPE in FIRST_FACTS
        for name in examples_of(line.payload_type)
    }
    assert must_work <= answers.worked, answers.refused
    assert answers.worked or answers.refused


async def test_every_example_is_taken_by_a_service_that_knows_nothing_yet(
    service: ServiceDefinition,
) -> None:
    backwards = list(reversed(in_the_order_of_the_registry(service.subscriptions)))
    answers = await feed(service, backwards)
    assert not answers.broken, "\n".join(f"{k}: {v}" for k, v in answers.broken.items())


async def test_every_example_is_taken_a_second_time(service: ServiceDefinition) -> None:
    lines = in_the_order_of_the_registry(service.subscriptions)
    first = await feed(service, lines)
    second = await feed(service, lines, sequence_from=1000)
    assert not second.broken, "\n".join(f"{k}: {v}" for k, v in second.broken.items())
    assert first.worked <= second.worked, second.refused


def in_the_order_of_the_registry(
    subscriptions: Any,
) -> list[Subscription[Any]]:
    """Return a service's subscriptions in the order in which a practice's life brings them."""
    return sorted(subscriptions, key=lambda line: EVENT_TYPES.index(line.payload_type))


async def feed(
    service: ServiceDefinition, lines: list[Subscription[Any]], *, sequence_from: int = 1
) -> Answers:
    """Hand every example of the lines to the service, one transaction each."""
    answers = Answers()
    sequence = sequence_from
    for line in lines:
        for name, example in examples_of(line.payload_type).items():
            label = f"{wire_name(line.payload_type)}/{name}"
            payload = line.payload_type.model_validate(example, extra="forbid")
            await _hand_over(service, line, _received(payload, sequence), label, answers)
            sequence += 1
    return answers


async def _hand_over(
    service: ServiceDefinition,
    line: Subscription[Any],
    event: ReceivedEvent[Any],
    label: str,
    answers: Answers,
) -> None:
    scope = Scope.of(event.practice_id)
    try:
        with working_on(WorkContext(event.correlation_id, causation_id=str(event.event_id))):
            async with service.database.transaction(scope) as connection:
                await line.handler(event, connection)
    except ContractError as error:
        answers.broken[label] = repr(error)
    except (TransientError, PermanentError) as error:
        answers.refused[label] = f"{type(error).__name__}: {error}"
    except QuittanceError as error:
        answers.broken[label] = f"a handler must translate {error!r} for the processor"
    except Exception as error:  # noqa: BLE001 - this is what the test looks for
        answers.broken[label] = repr(error)
    else:
        answers.worked.add(label)


def _received(payload: EventPayload, sequence: int) -> ReceivedEvent[Any]:
    event_id = derived_id("example", payload.TYPE, sequence)
    return ReceivedEvent(
        event_id=event_id,
        source=payload.PRODUCER,
        subject=subject_of(payload),
        sequence=sequence,
        practice_id=payload.practice_id,
        occurred_at=datetime(2026, 4, 10, 7, 0, tzinfo=UTC),
        correlation_id=str(event_id),
        causation_id=None,
        traceparent=None,
        payload=payload,
    )


async def _store_documents(store: ObjectStore) -> None:
    """Put the example documents where the examples' content references point."""
    for model in DOCUMENT_TYPES:
        for example in examples_of(model).values():
            data = model.model_validate(example).model_dump_json().encode()
            ref = await store.put(
                practice_id=model.model_validate(example).practice_id,  # type: ignore[attr-defined]
                kind=model.DOCUMENT,
                data=data,
                media_type="application/json",
            )
            assert ref.sha256 == hashlib.sha256(data).hexdigest()
