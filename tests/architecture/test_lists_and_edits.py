"""Every list has one envelope, every edit names what it changes, every change says what it was."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from shared.web.changes import Changed
from shared.web.endpoints import Call, Endpoint, Reply
from shared.web.openapi import openapi_document
from shared.web.paging import Page, PageQuery, Totals
from tests.contracts.consumers import SERVICES, assembled

NOT_A_LIST = frozenset({"suggestInvoices"})
"""At most five guesses at what a row may mean, best first: an answer, with no further page."""
_OURS = ("services.", "shared.runtime.", __name__)
NO_ROW_OF_ITS_OWN = frozenset({"getException", "getDeadLetter"})
"""Read from what others keep: an item is assigned, noted and closed as it stands, a letter once."""
ADDED_TO = frozenset({"showPractice"})
"""What is posted there is new, and no change of the practice."""
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


def moves() -> list[tuple[Endpoint, Endpoint]]:
    """Return every POST right under one thing that a GET shows, with that GET."""
    found = []
    for service in SERVICES:
        endpoints = assembled(service).endpoints
        shown = {one.path: one for one in endpoints if one.method == "GET"}
        for one in endpoints:
            thing = shown.get(one.path.rpartition("/")[0])
            is_one = thing is not None and thing.path.endswith("}")
            if one.method == "POST" and thing is not None and is_one:
                found.append((one, thing))
    return found


def test_a_move_of_something_that_is_shown_takes_its_etag() -> None:
    held = {move.operation_id for move, thing in moves() if thing.holds is not None}
    assert {"cancelInvoice", "correctInvoice", "withdrawOrder", "closeOrder", "undoDebFile"} <= held
    assert {
        thing.operation_id for _, thing in moves() if thing.holds is None
    } == NO_ROW_OF_ITS_OWN | ADDED_TO
    for service in SERVICES:
        document = openapi_document(service, service, "1", assembled(service).endpoints)
        for path in document["paths"].values():
            if "post" in path and path["post"]["operationId"] in held:
                names = [one["name"] for one in path["post"]["parameters"]]
                assert "If-Match" in names
                assert "412" in path["post"]["responses"]


def commands() -> list[tuple[str, Endpoint]]:
    """Return every operation that may change something."""
    return [(service, one) for service, one in tables() if not one.reads_only]


def tells(function: Callable[..., Any]) -> bool:
    """Whether an operation says what it changed, itself or by one that it hands over to.

    Its type says that it does, and mypy that the type is true; that nothing but repeats come of it
    only its text can say.
    """
    if inspect.signature(function, eval_str=True).return_annotation is not Changed:
        return False
    names = set(called(function))
    if names & {"changed", "changed_all", "moved"}:
        return True
    return any(tells(other) for other in own_callees(function, names))


def called(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the names of what a function calls."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr


def own_callees(function: Callable[..., Any], names: set[str]) -> Iterator[Callable[..., Any]]:
    """Yield what a function calls of its own object and by a name that its module knows."""
    places = [getattr(function, "__self__", None), inspect.getmodule(function)]
    for name in names - {function.__name__}:
        for place in places:
            found = getattr(place, name, None)
            if inspect.isroutine(found) and found.__module__.startswith(_OURS):
                yield found


async def silent(_: Call) -> Reply:
    return Reply()


async def only_repeats(_: Call) -> Changed:
    return Changed(changes=())


async def hands_over(call: Call) -> Changed:
    return await only_repeats(call)


@pytest.mark.parametrize("faulty", [silent, only_repeats, hands_over])
def test_an_operation_that_tells_nothing_is_found(faulty: Callable[..., Any]) -> None:
    assert not tells(faulty)


def test_the_operations_that_change_something_are_found() -> None:
    found = commands()
    assert {service for service, _ in found} == set(SERVICES)
    assert len(found) >= 45
    assert {one.method for _, one in found} == {"POST", "PUT", "DELETE"}
    assert CONDITIONAL_METHODS.isdisjoint(one.method for _, one in tables() if one.reads_only)


def test_every_operation_that_changes_something_tells_before_and_after() -> None:
    assert [
        f"{service}: {one.operation_id}" for service, one in commands() if not tells(one.handler)
    ] == []
