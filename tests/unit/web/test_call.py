"""A call gives its parts as the types that its endpoint declares, and as no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.web.endpoints import ApiModel, Call, Principal
from shared.web.paging import PageQuery


class Body(ApiModel):
    name: str


class Filter(PageQuery):
    name: str = "x"


def a_call(*, body: BaseModel | None = None, query: BaseModel | None = None) -> Call:
    return Call(
        principal=Principal("office", frozenset(), frozenset(), all_practices=False),
        connection=cast("AsyncConnection", None),
        path={"practice_id": UUID(int=1), "kind": "grid"},
        query=query,
        body=body,
        correlation_id="c",
    )


def test_the_parts_come_as_what_the_endpoint_declares() -> None:
    call = a_call(body=Body(name="a"), query=Filter(limit=7))

    assert call.body_as(Body).name == "a"
    assert call.query_as(Filter).name == "x"
    assert call.query_as(PageQuery).limit == 7
    assert call.practice_id == UUID(int=1)


@pytest.mark.parametrize(
    "take",
    [
        lambda call: call.body_as(Filter),
        lambda call: call.query_as(Body),
        lambda call: a_call().body_as(Body),
        lambda call: a_call().query_as(Filter),
        lambda call: call.path_id("kind"),
    ],
)
def test_a_handler_that_asks_for_another_type_fails_at_once(take: Callable[[Call], Any]) -> None:
    with pytest.raises(AssertionError):
        take(a_call(body=Body(name="a"), query=Filter()))
