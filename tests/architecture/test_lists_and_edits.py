"""Every list of every service has one envelope, and every edit names what it changes."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from shared.web.endpoints import Endpoint
from shared.web.openapi import openapi_document
from shared.web.paging import Page, PageQuery, Totals
from tests.contracts.consumers import SERVICES, assembled

NOT_A_LIST = frozenset({"suggestInvoices"})
"""At most five guesses at what a row may mean, best first: an answer, with no further page."""
CONDITIONAL_METHODS = frozenset({"PUT", "PATCH", "DELETE"})


def tables() -> list[tuple[str, Endpoint]]:
    """Return every operation of every service."""
    return [(name, one) for name in SERVICES for one in assembled(name).endpoints]


def lists() -> list[tuple[str, Endpoint]]:
    """Return every operation that answers a list."""
    return [
        (service, one)
        for service, one in tables()
        if one.method == "GET"
        and one.response is not None
        and ("items" in one.response.model_fields or one.operation_id.startswith("list"))
        and one.operation_id not in NOT_A_LIST
    ]


def totals_kinds(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the model of a page's totals."""
    annotation = model.model_fields["totals"].annotation
    parts = getattr(annotation, "__args__", ())
    return [part for part in parts if isinstance(part, type) and issubclass(part, Totals)]


def carries_money(model: type[BaseModel]) -> bool:
    """Whether a list's items have an amount of their own."""
    (item,) = model.model_fields["items"].annotation.__args__  # type: ignore[union-attr]
    return not {"amount", "total", "balance"}.isdisjoint(item.model_fields)


def test_the_lists_are_found() -> None:
    found = {service for service, _ in lists()}
    assert found == set(SERVICES)
    assert len(lists()) >= 20


@pytest.mark.parametrize(
    ("service", "endpoint"), lists(), ids=lambda one: getattr(one, "operation_id", one)
)
def test_a_list_has_items_a_cursor_and_totals(service: str, endpoint: Endpoint) -> None:
    response, query = endpoint.response, endpoint.query
    assert response is not None
    assert issubclass(response, Page)
    assert "items" in response.model_fields
    assert query is not None
    assert issubclass(query, PageQuery)
    (kind,) = totals_kinds(response)
    sums = set(kind.model_fields) - set(Totals.model_fields)
    assert sums or not carries_money(response), "amounts are added up where items have some"


def test_the_documents_promise_the_same() -> None:
    for service in SERVICES:
        document = openapi_document(service, service, "1", assembled(service).endpoints)
        schemas = document["components"]["schemas"]
        for name, one in lists():
            if name == service and one.response is not None:
                required = schemas[one.response.__name__]["required"]
                assert {"items", "next", "totals"} <= set(required), one.operation_id


def test_every_edit_is_conditional() -> None:
    edits = [one for _, one in tables() if one.method in CONDITIONAL_METHODS]
    assert len(edits) >= 6
    assert [one.operation_id for one in edits if not one.conditional] == []
