"""What the codec writes is what the AsyncAPI document promises, and it is read back unchanged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.contracts.envelope import EventPayload
from shared.contracts.generate.asyncapi import headers_schema
from shared.contracts.generate.examples import examples_of
from shared.contracts.registry import EVENT_TYPES
from shared.kernel.ids import derived_id
from shared.messaging.codec import decode, encode
from shared.messaging.events import OutgoingEvent, RawRecord
from shared.messaging.outbox import subject_of

CASES = [
    pytest.param(event.model_validate(example), id=f"{event.TYPE}/{name}")
    for event in EVENT_TYPES
    for name, example in examples_of(event).items()
]


def outgoing(payload: EventPayload, **optional: Any) -> OutgoingEvent:
    """Return an outbox row that carries this payload."""
    return OutgoingEvent(
        position=1,
        event_id=derived_id("example", payload.model_dump_json()),
        practice_id=payload.practice_id,
        topic=payload.TOPIC,
        subject=subject_of(payload),
        sequence=7,
        type=payload.TYPE,
        version=payload.VERSION,
        body=payload.model_dump_json().encode(),
        correlation_id="f1f0c1a2-0000-4000-8000-000000000001",
        occurred_at=datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC),
        **({"causation_id": None, "traceparent": None} | optional),
    )


@pytest.mark.parametrize("payload", CASES)
@pytest.mark.parametrize(
    "optional",
    [{}, {"causation_id": "request-1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}],
    ids=["bare", "traced"],
)
def test_headers_are_those_of_the_asyncapi_document(
    payload: EventPayload, optional: dict[str, str]
) -> None:
    encoded = encode(outgoing(payload, **optional))
    headers = {name: value.decode() for name, value in encoded.headers}
    schema = headers_schema(type(payload))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(headers)
    assert set(headers) <= set(schema["properties"])
    assert len(headers) == len(schema["required"]) + len(optional)
    assert encoded.key.decode() == headers["ce_subject"]


@pytest.mark.parametrize("payload", CASES)
def test_an_example_is_read_back_as_it_was_written(payload: EventPayload) -> None:
    event = outgoing(payload)
    encoded = encode(event)
    received = decode(
        RawRecord(payload.TOPIC, 0, 0, encoded.key, encoded.value, dict(encoded.headers))
    )
    assert received.payload == payload
    assert received.event_id == event.event_id
    assert received.subject == UUID(encoded.key.decode())
    assert (received.sequence, received.source) == (7, payload.PRODUCER)
    assert received.occurred_at == event.occurred_at
