"""The registry keeps its own rules: names, versions, producers, privacy, size."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from shared.contracts.envelope import EventPayload
from shared.contracts.generate.listeners import LISTENERS
from shared.contracts.generate.schemas import schema_of, wire_name
from shared.contracts.registry import EVENT_TYPES, EVENTS_BY_NAME, dataschema
from shared.contracts.topics import TOPICS, TOPICS_BY_NAME, Topic, topics_consumed_by
from tests.contracts.biggest import biggest_instance

MAX_EVENT_BYTES = 256 * 1024
KEBAB = re.compile(r"[a-z]+(-[a-z]+)*")
PERSONAL = re.compile(
    r"name|birth|street|address|zip|postcode|city|town|phone|mail|ssn|ahv|avs|insur|sex|gender"
    r"|patient|debtor|diagnos|treatment|tooth|text|comment|communication|iban"
)
NOT_PERSONAL = {
    "patient_number",  # the practice's own number; who it is stays in invoicing
    "debtor_number",  # the same for the debtor
    "debtor_owes",  # an amount by component
}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_topic_names_are_kebab_case_without_dots(topic: Topic) -> None:
    for name in (topic.name, *(topic.dead_letter_topic(c) for c in topic.consumers)):
        assert KEBAB.fullmatch(name), name
        assert len(name) <= 249


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_an_owner_partitions_and_a_retention(topic: Topic) -> None:
    assert topic.producers
    assert topic.partitions >= 1
    assert topic.retention_ms == -1 or topic.retention_ms > 0
    assert topic.purpose.endswith(".")


def test_topic_names_and_dead_letter_names_are_unique() -> None:
    names = [topic.name for topic in TOPICS]
    names += [topic.dead_letter_topic(c) for topic in TOPICS for c in topic.consumers]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_every_event_may_be_written_to_its_topic_by_its_producer(
    event: type[EventPayload],
) -> None:
    assert event.PRODUCER in TOPICS_BY_NAME[event.TOPIC].producers


def test_every_producer_of_a_topic_writes_at_least_one_event_there() -> None:
    for topic in TOPICS:
        writers = {event.PRODUCER for event in EVENT_TYPES if topic.name == event.TOPIC}
        assert writers == set(topic.producers), topic.name


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_who_works_an_event_reads_its_topic(event: type[EventPayload]) -> None:
    for service in LISTENERS[event.TYPE]:
        assert TOPICS_BY_NAME[event.TOPIC] in topics_consumed_by(service), service


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_the_subject_is_a_required_uuid_of_the_payload(event: type[EventPayload]) -> None:
    rule = schema_of(event)["properties"][event.SUBJECT]
    assert rule["format"] == "uuid"
    assert event.SUBJECT in schema_of(event)["required"]


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_event_names_are_kebab_case_of_their_class(event: type[EventPayload]) -> None:
    assert re.sub(r"(?<!^)([A-Z])", r"-\1", event.__name__).lower() == event.TYPE
    assert dataschema(event).endswith(f"/v{event.VERSION}")


def test_versions_of_every_event_count_1_2_3() -> None:
    assert len(EVENTS_BY_NAME) == len(EVENT_TYPES), "a name and version occurs twice"
    for name in {event.TYPE for event in EVENT_TYPES}:
        versions = sorted(event.VERSION for event in EVENT_TYPES if name == event.TYPE)
        assert versions == list(range(1, len(versions) + 1)), name


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_no_event_has_a_field_that_smells_of_a_person(event: type[EventPayload]) -> None:
    assert personal_fields(event) == []


def test_the_smell_of_a_person_is_noticed_in_nested_models() -> None:
    class Recipient(BaseModel):
        family_name: str

    class LetterSent(BaseModel):
        letter_id: int
        recipients: tuple[Recipient, ...]
        date_of_birth: str | None

    assert personal_fields(LetterSent) == ["family_name", "date_of_birth"]


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_the_biggest_legal_event_fits_into_256_kib(event: type[EventPayload]) -> None:
    body = biggest_instance(event).model_dump_json().encode()
    assert len(body) <= MAX_EVENT_BYTES


def personal_fields(model: type[BaseModel]) -> list[str]:
    """Return the field names of a model, nested ones too, that may hold a person's data."""
    return [
        name for name, _ in _fields(model) if PERSONAL.search(name) and name not in NOT_PERSONAL
    ]


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, info in model.model_fields.items():
        yield name, info.annotation
        for inner in _models_in(info.annotation):
            yield from _fields(inner)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
