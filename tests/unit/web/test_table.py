"""A table of endpoints that contradicts itself is found before anything is served."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.web.endpoints import EVERY_ROLE, ApiModel, Call, Endpoint, Reply
from shared.web.table import check_table


class Body(ApiModel):
    x: int


async def handler(_: Call) -> Reply:
    return Reply()


GOOD = Endpoint("POST", "/v1/x/{x_id}", "changeX", "Change", handler, EVERY_ROLE, request=Body)


def test_a_good_table_passes() -> None:
    other = replace(GOOD, method="GET", operation_id="showX", request=None)

    check_table([GOOD, other])
    check_table([])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"roles": frozenset()}, "has no roles"),
        ({"method": "TRACE"}, "its method is unknown"),
        ({"path": "v1/x"}, "its path has another form"),
        ({"path": "/v1/x/"}, "its path has another form"),
        ({"path": "/v1/{x_id:.*}"}, "its path has another form"),
        ({"path": "/health/live"}, "its path is reserved"),
        ({"path": "/v1/{a_id}/{a_id}"}, "its path names a parameter twice"),
        ({"operation_id": "change-x"}, "its name is not camelCase"),
        ({"method": "GET"}, "a GET has no body"),
        ({"request_media_type": "text/csv"}, "an upload has no request model"),
        ({"status": 404}, "its status is not a success"),
    ],
)
def test_a_wrong_line_is_named(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=f"{changes.get('operation_id', 'changeX')}: {fault}"):
        check_table([replace(GOOD, **changes)])


def test_two_lines_with_one_route_or_one_name_are_refused() -> None:
    same_route = replace(GOOD, path="/v1/x/{y_id}", operation_id="other")

    with pytest.raises(ValueError, match=r"POST /v1/x/\{\} occurs twice"):
        check_table([GOOD, same_route])
    with pytest.raises(ValueError, match="changeX occurs twice"):
        check_table([GOOD, replace(GOOD, path="/v1/y")])
