"""The AsyncAPI 3 document: topics as channels, who sends, who receives, and the messages."""

from __future__ import annotations

from shared.contracts.envelope import EventPayload
from shared.contracts.generate.examples import examples_of
from shared.contracts.generate.listeners import listeners_of
from shared.contracts.generate.schemas import JsonObject, schema_file_name
from shared.contracts.registry import EVENT_TYPES, dataschema
from shared.contracts.topics import TOPICS, Topic

_KAFKA_BINDING = "0.5.0"
_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_OPTIONAL_HEADERS = {
    "ce_causationid": {
        "type": "string",
        "description": "Id of the event or request that led here directly",
    },
    "ce_traceparent": {"type": "string", "description": "W3C trace context"},
}


def asyncapi_document() -> JsonObject:
    """Return the whole document; references to payload schemas are relative to its own place."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Quittance events",
            "version": "1.0.0",
            "description": (
                "Events of the Quittance services. CloudEvents 1.0 in Kafka binary mode: the"
                " attributes travel as headers with the prefix `ce_`, the body is JSON. Within a"
                " version only optional fields are added; consumers ignore fields unknown to them."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {
            "messages": {event.TYPE: _message(event) for event in EVENT_TYPES},
        },
    }


def events_on(topic: Topic) -> list[type[EventPayload]]:
    """Return the event types of a topic in the order of the registry."""
    return [event for event in EVENT_TYPES if topic.name == event.TOPIC]


def _channel(topic: Topic) -> JsonObject:
    return {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {
            event.TYPE: {"$ref": f"#/components/messages/{event.TYPE}"}
            for event in events_on(topic)
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": topic.retention_ms,
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _operations() -> JsonObject:
    operations: JsonObject = {}
    for topic in TOPICS:
        events = events_on(topic)
        for producer in topic.producers:
            sent = [event.TYPE for event in events if producer == event.PRODUCER]
            operations[f"{producer}-sends-{topic.name}"] = _operation(
                "send", topic, sent, f"{producer} tells what it decided or saw."
            )
        for consumer in topic.consumers:
            worked = [event.TYPE for event in events if consumer in listeners_of(event.TYPE)]
            operation = _operation(
                "receive",
                topic,
                worked,
                f"{consumer} reads the whole topic into its inbox and works these types of it.",
            )
            operation["bindings"] = {
                "kafka": {
                    "groupId": {"type": "string", "const": consumer},
                    "bindingVersion": _KAFKA_BINDING,
                }
            }
            operations[f"{consumer}-receives-{topic.name}"] = operation
    return operations


def _operation(action: str, topic: Topic, types: list[str], summary: str) -> JsonObject:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in types],
    }


def _message(event: type[EventPayload]) -> JsonObject:
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": summary_of(event),
        "contentType": "application/json",
        "headers": headers_schema(event),
        "payload": {
            "schemaFormat": _SCHEMA_FORMAT,
            "schema": {"$ref": f"./schemas/{schema_file_name(event)}"},
        },
        "correlationId": {
            "description": "The same for everything that one request set in motion.",
            "location": "$message.header#/ce_correlationid",
        },
        "bindings": {
            "kafka": {
                "key": {
                    "type": "string",
                    "format": "uuid",
                    "description": f"Aggregate id: the payload's {event.SUBJECT}",
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "examples": [
            {"name": name, "payload": payload} for name, payload in examples_of(event).items()
        ],
    }


def summary_of(event: type[EventPayload]) -> str:
    """Return the first line of an event's docstring: what it says."""
    return (event.__doc__ or "").strip().splitlines()[0]


def headers_schema(event: type[EventPayload]) -> JsonObject:
    """Return the schema of an event's Kafka headers: its CloudEvents attributes, as text."""
    uuid = {"type": "string", "format": "uuid"}
    required: JsonObject = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {**uuid, "description": "The same for every delivery of the event"},
        "ce_type": {"type": "string", "const": event.TYPE},
        "ce_source": {"type": "string", "const": event.PRODUCER},
        "ce_subject": {**uuid, "description": f"Aggregate id: {event.SUBJECT}"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_dataschema": {"type": "string", "const": dataschema(event)},
        "ce_practiceid": uuid,
        "ce_sequence": {
            "type": "string",
            "pattern": "^[1-9][0-9]*$",
            "description": "The aggregate's version at this source: 1, 2, 3, ...",
        },
        "ce_correlationid": {"type": "string"},
        "content-type": {"type": "string", "const": "application/json"},
    }
    return {
        "type": "object",
        "required": sorted(required),
        "properties": required | _OPTIONAL_HEADERS,
    }
