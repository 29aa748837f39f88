"""CloudEvents 1.0 in Kafka's binary mode: attributes in headers, the JSON body untouched.

Encoding and decoding live in one place, so that no other module knows a header's name. What is
wrong with an event is told by field and reason, never by value: values may be personal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cloudevents.core.bindings import kafka as binding
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from shared.contracts.envelope import EventPayload
from shared.contracts.faults import where_wrong
from shared.contracts.registry import EVENTS_BY_NAME, dataschema
from shared.contracts.topics import TOPICS_BY_NAME
from shared.kernel.errors import ContractError
from shared.messaging.events import OutgoingEvent, RawRecord, ReceivedEvent
from shared.messaging.outbox import subject_of

BODY_BYTES_MAX = 262_144
CONTENT_TYPE = "application/json"
_TEXT_MAX = 200
_SEQUENCE_MAX = 2**63 - 1
_SEQUENCE = re.compile(rb"[1-9][0-9]{0,18}")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SCHEMA = re.compile(r"/schemas/(?P<type>[a-z0-9-]{1,100})/v(?P<version>[1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """What a producer hands to Kafka."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What ingest reads of a record: headers only. A field that is unreadable is None or empty."""

    event_id: UUID | None
    source: str
    subject: str
    sequence: int | None
    type: str
    practice_id: UUID | None

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Names of the attributes without which the event has no place in any order."""
        present = {
            "id": self.event_id,
            "source": self.source,
            "subject": self.subject,
            "sequence": self.sequence,
            "type": self.type,
            "practiceid": self.practice_id,
        }
        return tuple(name for name, value in present.items() if value in {None, ""})


class _BodyAsItIs(JSONFormat):
    """The SDK's JSON format, except that it leaves the body's bytes alone, both ways."""

    def write_data(
        self,
        data: dict[str, Any] | str | bytes | None,
        datacontenttype: str | None,  # noqa: ARG002 - the signature is the SDK's
    ) -> bytes:
        """Return the body unchanged."""
        if not isinstance(data, bytes):
            raise ContractError("body: must be bytes")
        return data

    def read_data(
        self,
        body: bytes,
        datacontenttype: str | None,  # noqa: ARG002 - the signature is the SDK's
    ) -> bytes:
        """Return the body unchanged."""
        return body


_FORMAT = _BodyAsItIs()


def encode(event: OutgoingEvent) -> EncodedEvent:
    """Write an outbox row as a Kafka record; the key is the subject.

    Raises:
        ContractError: the type and version are in no contract, or the body is too large.
    """
    contract = EVENTS_BY_NAME.get((event.type, event.version))
    if contract is None:
        raise ContractError("type: no contract of that name and version")
    if len(event.body) > BODY_BYTES_MAX:
        raise ContractError(f"body: larger than {BODY_BYTES_MAX} bytes")
    attributes = {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": contract.PRODUCER,
        "type": event.type,
        "subject": str(event.subject),
        "time": event.occurred_at.astimezone(UTC),
        "dataschema": dataschema(contract),
        "datacontenttype": CONTENT_TYPE,
        "practiceid": str(event.practice_id),
        "sequence": str(event.sequence),
        "correlationid": event.correlation_id,
        "causationid": event.causation_id,
        "traceparent": event.traceparent,
    }
    present = {name: value for name, value in attributes.items() if value is not None}
    message = binding.to_binary(CloudEvent(present, event.body), _FORMAT)
    return EncodedEvent(
        key=str(event.subject).encode(), value=message.value, headers=list(message.headers.items())
    )


def read_envelope(headers: Mapping[str, bytes | None]) -> Envelope:
    """Read the few attributes that ingest stores, from headers alone; never raises."""
    event_id = _uuid_or_none(headers.get("ce_id"))
    return Envelope(
        event_id=event_id,
        source=_text_or_empty(headers.get("ce_source")),
        subject=_text_or_empty(headers.get("ce_subject")),
        sequence=_sequence_or_none(headers.get("ce_sequence")),
        type=_text_or_empty(headers.get("ce_type")),
        practice_id=_uuid_or_none(headers.get("ce_practiceid")),
    )


def decode(record: RawRecord) -> ReceivedEvent[EventPayload]:
    """Read a record into a validated event.

    Raises:
        ContractError: anything is missing, malformed or contradictory; the message names the field
            and the reason, never a value.
    """
    body = _body(record)
    attributes = _attributes(record, body)
    contract = _contract(attributes)
    payload = _payload(contract, body)
    event: ReceivedEvent[EventPayload] = ReceivedEvent(
        event_id=_uuid(attributes, "id"),
        source=_text(attributes, "source"),
        subject=_uuid(attributes, "subject"),
        sequence=_sequence(attributes),
        practice_id=_uuid(attributes, "practiceid"),
        occurred_at=_time(attributes),
        correlation_id=_text(attributes, "correlationid"),
        causation_id=attributes.get("causationid"),
        traceparent=attributes.get("traceparent"),
        payload=payload,
    )
    _check_agreement(event, record, contract)
    return event


def check_envelope(record: RawRecord) -> None:
    """Check everything about a record but its body, as far as its type is known here.

    For an event that is passed over: a type without a contract may be one of tomorrow's, and is
    sound if its form is.

    Raises:
        ContractError: as `decode`.
    """
    attributes = _attributes(record, _body(record))
    name, version = _schema(attributes)
    subject = _uuid(attributes, "subject")
    _uuid(attributes, "id")
    _uuid(attributes, "practiceid")
    _sequence(attributes)
    _text(attributes, "correlationid")
    contract = EVENTS_BY_NAME.get((name, version))
    if contract is not None:
        _check_origin(_text(attributes, "source"), record, contract)
    _check_key(subject, record)


def _body(record: RawRecord) -> bytes:
    if record.value is None:
        raise ContractError("body: missing (a tombstone)")
    if len(record.value) > BODY_BYTES_MAX:
        raise ContractError(f"body: larger than {BODY_BYTES_MAX} bytes")
    return record.value


def _attributes(record: RawRecord, body: bytes) -> dict[str, Any]:
    for name in ("specversion", "id", "source", "type", "time"):
        if f"ce_{name}" not in record.headers:
            raise ContractError(f"{name}: missing")
    try:
        message = binding.KafkaMessage(headers=record.headers, key=None, value=body)
        event = binding.from_binary(message, _FORMAT, CloudEvent)
    except CloudEventValidationError as error:
        names = ", ".join(sorted(name for name in error.errors if name.isalnum()))
        raise ContractError(f"{names or 'attributes'}: not a valid CloudEvent 1.0") from None
    except UnicodeDecodeError:
        raise ContractError("headers: not UTF-8") from None
    except (ValueError, AttributeError, OverflowError):
        raise ContractError("time: not a timestamp") from None
    return event.get_attributes()


def _contract(attributes: Mapping[str, Any]) -> type[EventPayload]:
    contract = EVENTS_BY_NAME.get(_schema(attributes))
    if contract is None:
        raise ContractError("type: no contract of that name and version")
    return contract


def _schema(attributes: Mapping[str, Any]) -> tuple[str, int]:
    """Return the name and version that the record claims."""
    if attributes.get("datacontenttype", CONTENT_TYPE) != CONTENT_TYPE:
        raise ContractError(f"datacontenttype: must be {CONTENT_TYPE}")
    match = _SCHEMA.fullmatch(str(attributes.get("dataschema", "")))
    if match is None:
        raise ContractError("dataschema: missing or not /schemas/<type>/v<version>")
    if match["type"] != attributes["type"]:
        raise ContractError("dataschema: names another type than the type attribute")
    return match["type"], int(match["version"])


def _payload(contract: type[EventPayload], body: bytes) -> EventPayload:
    try:
        return contract.model_validate_json(body)
    except ValidationError as error:
        raise ContractError(where_wrong(error, whole="body")) from None


def _check_agreement(
    event: ReceivedEvent[EventPayload], record: RawRecord, contract: type[EventPayload]
) -> None:
    _check_origin(event.source, record, contract)
    if event.practice_id != event.payload.practice_id:
        raise ContractError("practiceid: header and body disagree")
    if event.subject != subject_of(event.payload):
        raise ContractError("subject: header and body disagree")
    _check_key(event.subject, record)


def _check_origin(source: str, record: RawRecord, contract: type[EventPayload]) -> None:
    if source != contract.PRODUCER:
        raise ContractError("source: is not the producer that the contract names")
    if record.topic in TOPICS_BY_NAME and record.topic != contract.TOPIC:
        raise ContractError("type: belongs to another topic")


def _check_key(subject: UUID, record: RawRecord) -> None:
    if record.key != str(subject).encode():
        raise ContractError("key: is not the subject")


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not value:
        raise ContractError(f"{name}: missing")
    return value


def _uuid(attributes: Mapping[str, Any], name: str) -> UUID:
    value = _uuid_or_none(_text(attributes, name).encode())
    if value is None:
        raise ContractError(f"{name}: not a UUID")
    return value


def _sequence(attributes: Mapping[str, Any]) -> int:
    value = _sequence_or_none(_text(attributes, "sequence").encode())
    if value is None:
        raise ContractError("sequence: not a whole number from 1")
    return value


def _time(attributes: Mapping[str, Any]) -> datetime:
    value: datetime = attributes["time"]
    return value.astimezone(UTC)


def _uuid_or_none(value: bytes | None) -> UUID | None:
    if value is None or not _UUID.fullmatch(value):
        return None
    return UUID(value.decode("ascii"))


def _sequence_or_none(value: bytes | None) -> int | None:
    if value is None or not _SEQUENCE.fullmatch(value):
        return None
    number = int(value)
    return number if number <= _SEQUENCE_MAX else None


def _text_or_empty(value: bytes | None) -> str:
    if value is None or len(value) > _TEXT_MAX:
        return ""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""
