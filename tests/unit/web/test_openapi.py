"""The document follows from the table and is valid OpenAPI 3.1."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.web.endpoints import Call, Endpoint, Reply, UserRole
from shared.web.openapi import openapi_document
from tests.integration.web import notebook


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document("notebook", "Notebook", "1.2.3", notebook.endpoints())


def test_it_is_valid_and_json(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(json.loads(json.dumps(document))).validate()


def test_every_line_of_the_table_is_in_it_and_nothing_else(document: dict[str, Any]) -> None:
    found = {
        (method.upper(), path, operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    assert found == {(one.method, one.path, one.operation_id) for one in notebook.endpoints()}
    assert document["info"] == {
        "title": "Notebook",
        "version": "1.2.3",
        "x-service": "notebook",
    }


def test_a_post_says_what_it_needs_and_what_it_answers(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/practices/{practice_id}/notes"]["post"]

    needed = {one["name"]: one["in"] for one in operation["parameters"] if one["required"]}
    assert needed == {"practice_id": "path", "Idempotency-Key": "header"}
    assert operation["x-roles"] == ["admin", "assistant", "billing_office"]
    assert operation["x-problem-codes"] == ["note-known"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/NewNote"}
    answer = operation["responses"]["201"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Note"}
    assert "Idempotency-Replayed" in answer["headers"]
    assert {"400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503"} < set(
        operation["responses"]
    )


def test_work_that_may_have_to_wait_says_what_202_means() -> None:
    (endpoint,) = [one for one in notebook.endpoints() if one.operation_id == "addNote"]
    waiting = replace(endpoint, waits="The note is added once the notebook is back")
    document = openapi_document("notebook", "Notebook", "1", [waiting])
    responses = document["paths"][endpoint.path]["post"]["responses"]
    assert responses["202"] == responses["201"] | {"description": waiting.waits}
    OpenAPIV31SpecValidator(json.loads(json.dumps(document))).validate()


def test_a_get_lists_its_query_parameters(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/practices/{practice_id}/notes"]["get"]

    query = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
    assert set(query) == {"limit", "words"}
    assert query["limit"]["schema"]["maximum"] == 500
    assert not query["limit"]["required"]
    assert "requestBody" not in operation


def test_every_operation_needs_a_token_and_every_refusal_is_a_problem(
    document: dict[str, Any],
) -> None:
    assert document["security"] == [{"bearer": []}]
    for response in document["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]


def test_an_upload_and_a_download_name_their_media_types(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/practices/{practice_id}/uploads"]["post"]

    assert list(operation["requestBody"]["content"]) == ["application/octet-stream"]
    assert list(operation["responses"]["200"]["content"]) == ["application/octet-stream"]


def test_the_same_table_in_another_order_gives_the_same_document() -> None:
    table = notebook.endpoints()

    one = openapi_document("notebook", "Notebook", "1", table)
    other = openapi_document("notebook", "Notebook", "1", table[::-1])

    assert json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def test_an_empty_table_has_a_valid_document() -> None:
    OpenAPIV31SpecValidator(openapi_document("x", "X", "1", [])).validate()


def test_a_query_parameter_may_be_of_a_named_type() -> None:
    async def handler(_: Call) -> Reply:
        return Reply()

    endpoint = Endpoint(
        "GET", "/v1/x", "listX", "List", handler, frozenset({UserRole.ADMIN}),
        query=notebook.NoteFilter, status=204,
    )  # fmt: skip

    OpenAPIV31SpecValidator(openapi_document("x", "X", "1", [endpoint])).validate()
