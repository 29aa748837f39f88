"""The OpenAPI 3.1 document of an API, a pure function of its table of endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.web import correlation, idempotency
from shared.web.endpoints import Endpoint
from shared.web.problems import MEDIA_TYPE, STALE_CODE
from shared.web.table import PARAMETER, guards_of
from shared.web.uploads import FILES_MAX, FILES_PART, MULTIPART

API_VERSION = "1.0.0"
_JSON = "application/json"
_Mode = Literal["validation", "serialization"]
_Model = tuple[type[BaseModel], _Mode]
_Schemas = Mapping[Any, dict[str, Any]]
_REF = "#/components/schemas/{model}"
_PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
_PROBLEMS = {
    "400": ("BadRequest", "The request is not well-formed."),
    "401": ("Unauthenticated", "There is no bearer token, or it is not valid."),
    "403": ("Forbidden", "The role of the token does not allow this."),
    "404": ("NotFound", "There is no such thing in the practices of the token."),
    "409": ("Conflict", "The present state forbids this."),
    "412": ("Changed", "What is to be changed is no more what you read; read it again."),
    "413": ("TooLarge", "The body is too large."),
    "415": ("UnsupportedMediaType", "The body has another media type."),
    "422": ("Invalid", "The request breaks a rule; the document names fields and reasons."),
    "429": ("TooManyRequests", "Too many requests; see Retry-After."),
    "500": ("InternalError", "A fault of ours; quote the correlation id."),
    "503": ("Unavailable", "Not available for the moment; see Retry-After."),
}
_HEADERS = {
    "CorrelationId": {
        "description": "The number under which this request can be found in every log and event.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "Names what you read, for If-Match.",
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "integer"},
    },
    "IdempotencyReplayed": {
        "description": "Present when this is the stored answer of an earlier request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "In plain words."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "instance": {"type": "string", "description": "The correlation id."},
        "field": {"type": "string", "description": "The field, header or parameter at fault."},
        "facts": {"type": "object", "description": "Further facts, by code."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "reason"],
                "properties": {
                    "field": {"type": "string", "examples": ["positions.0.quantity"]},
                    "code": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
    },
}

_FILES_SCHEMA = {
    "type": "object",
    "required": [FILES_PART],
    "properties": {
        FILES_PART: {
            "type": "array",
            "minItems": 1,
            "maxItems": FILES_MAX,
            "description": "One part for each file, each with its file name.",
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
        }
    },
    "additionalProperties": False,
}


def openapi_document(
    service: str, title: str, version: str, endpoints: Sequence[Endpoint]
) -> dict[str, Any]:
    """Return the document; the same table always gives the same one."""
    models = list(dict.fromkeys(model for one in endpoints for model in _models(one)))
    schemas, definitions = models_json_schema(models, ref_template=_REF)
    guarded = guards_of(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in sorted(endpoints, key=lambda one: (one.path, one.method)):
        operation = _operation(endpoint, schemas, definitions.get("$defs", {}))
        if endpoint.operation_id in guarded:
            _add_guard(operation)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "x-service": service},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "headers": _HEADERS,
            "responses": {
                name: _problem_response(status) for status, (name, _) in _PROBLEMS.items()
            },
            "schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM_SCHEMA},
        },
    }


def _models(endpoint: Endpoint) -> Iterator[_Model]:
    if endpoint.query is not None:
        yield endpoint.query, "validation"
    if endpoint.request is not None:
        yield endpoint.request, "validation"
    if endpoint.response is not None:
        yield endpoint.response, "serialization"


def _operation(
    endpoint: Endpoint, schemas: _Schemas, definitions: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "x-roles": sorted(endpoint.roles),
        "x-all-practices-only": endpoint.all_practices_only,
        "parameters": [
            *_path_parameters(endpoint),
            *_query_parameters(endpoint, schemas, definitions),
            *_header_parameters(endpoint),
        ],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.problem_codes:
        operation["x-problem-codes"] = sorted(endpoint.problem_codes)
    body = _request_body(endpoint, schemas)
    if body is not None:
        operation["requestBody"] = body
    return operation


def _add_guard(operation: dict[str, Any]) -> None:
    operation["parameters"].append(_if_match(required=False))
    codes = {*operation.get("x-problem-codes", ()), STALE_CODE}
    operation["x-problem-codes"] = sorted(codes)
    operation["responses"]["412"] = {"$ref": "#/components/responses/Changed"}


def _path_parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for name in PARAMETER.findall(endpoint.path):
        schema = (
            {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}
        )
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(
    endpoint: Endpoint, schemas: _Schemas, definitions: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    if endpoint.query is None:
        return
    schema = schemas[endpoint.query, "validation"]
    reference = schema.get("$ref", "").removeprefix(_REF.format(model=""))
    model = definitions.get(reference, schema)
    for name, property_schema in model.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "required": name in model.get("required", ()),
            "schema": property_schema,
        }


def _header_parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    yield {
        "name": correlation.HEADER,
        "in": "header",
        "required": False,
        "description": "Your own number for this request; else one is made.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
    }
    if endpoint.method == "POST" and not endpoint.asks_only:
        yield {
            "name": idempotency.HEADER,
            "in": "header",
            "required": True,
            "description": "A repeat with the same key gets the first answer and does nothing.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }
    if endpoint.conditional:
        yield _if_match(required=not endpoint.may_create)
    if endpoint.may_create:
        yield _if_none_match()


def _if_none_match() -> dict[str, Any]:
    return {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "In place of If-Match: there is none yet.",
        "schema": {"type": "string", "enum": ["*"]},
    }


def _if_match(*, required: bool) -> dict[str, Any]:
    return {
        "name": "If-Match",
        "in": "header",
        "required": required,
        "description": "The ETag of what is changed, as it was read.",
        "schema": {"type": "string"},
    }


def _request_body(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any] | None:
    if endpoint.request is not None:
        schema = schemas[endpoint.request, "validation"]
    elif endpoint.request_media_type != _JSON:
        schema = {}
    else:
        return None
    media_types = (endpoint.request_media_type, *endpoint.further_media_types)
    schemas_by_name = {name: _FILES_SCHEMA if name == MULTIPART else schema for name in media_types}
    content = {name: {"schema": one} for name, one in schemas_by_name.items()}
    return {"required": True, "content": content}


def _responses(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    headers = {correlation.HEADER: {"$ref": "#/components/headers/CorrelationId"}}
    if endpoint.method == "POST":
        headers[idempotency.REPLAYED_HEADER] = {"$ref": "#/components/headers/IdempotencyReplayed"}
    if endpoint.holds is not None:
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    success: dict[str, Any] = {"description": endpoint.summary, "headers": headers}
    if endpoint.response is not None:
        schema = schemas[endpoint.response, "serialization"]
        success["content"] = {_JSON: {"schema": schema}}
    elif endpoint.response_media_type != _JSON:
        success["content"] = {endpoint.response_media_type: {"schema": {}}}
    problems = {
        status: {"$ref": f"#/components/responses/{_PROBLEMS[status][0]}"}
        for status in _problem_statuses(endpoint)
    }
    later = {"202": success | {"description": endpoint.waits}} if endpoint.waits else {}
    return {str(endpoint.status): success, **later, **problems}


def _problem_statuses(endpoint: Endpoint) -> list[str]:
    statuses = {"401", "403", "404", "409", "422", "429", "500", "503"}
    if endpoint.method != "GET":
        statuses |= {"400", "413", "415"}
    if endpoint.conditional:
        statuses.add("412")
    return sorted(statuses)


def _problem_response(status: str) -> dict[str, Any]:
    headers = {correlation.HEADER: {"$ref": "#/components/headers/CorrelationId"}}
    if status in {"429", "503"}:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return {
        "description": _PROBLEMS[status][1],
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": _PROBLEM_REF}},
    }
