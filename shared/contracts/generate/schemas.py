"""JSON Schema 2020-12 of every event and document type, from the pydantic models."""

from __future__ import annotations

import json
from typing import Any

from shared.contracts.envelope import Document, EventPayload
from shared.contracts.registry import DOCUMENT_TYPES, EVENT_TYPES, dataschema

JsonObject = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
WireType = type[EventPayload] | type[Document]
WIRE_TYPES: tuple[WireType, ...] = (*EVENT_TYPES, *DOCUMENT_TYPES)


def wire_name(model: WireType) -> str:
    """Return the kebab-case name of an event or document type."""
    return model.TYPE if issubclass(model, EventPayload) else model.DOCUMENT


def schema_file_name(model: WireType) -> str:
    """Return the name of the file that holds a type's schema ("order-confirmed.v1.json")."""
    return f"{wire_name(model)}.v{model.VERSION}.json"


def schema_of(model: WireType) -> JsonObject:
    """Return the JSON Schema of one type, as a consumer must be able to read it.

    Extension keywords (`x-...`) state what else belongs to the contract: the topic, the producer
    and the field that names the aggregate, so that a change of these is seen as a change too.
    """
    schema = model.model_json_schema(mode="validation")
    head: JsonObject = {"$schema": DIALECT}
    if issubclass(model, EventPayload):
        head |= {
            "$id": dataschema(model),
            "x-topic": model.TOPIC,
            "x-producer": model.PRODUCER,
            "x-subject": model.SUBJECT,
        }
    else:
        head |= {"$id": f"/schemas/{model.DOCUMENT}/v{model.VERSION}"}
    return head | schema


def as_json(value: object) -> str:
    """Write JSON in the one committed form: sorted keys, two spaces, newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
