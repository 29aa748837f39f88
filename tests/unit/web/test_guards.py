"""A move of something that is shown with an ETag takes that ETag, and the documents say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.web.endpoints import ApiModel, Call, Endpoint, Reply, UserRole
from shared.web.openapi import openapi_document
from shared.web.operation import answer_of
from shared.web.table import check_table, guards_of


class Thing(ApiModel):
    state: str


async def handler(_: Call) -> Reply:
    return Reply()


async def hold(_: Call) -> None:
    return None


ADMIN = frozenset({UserRole.ADMIN})
SHOWN = Endpoint(
    "GET", "/v1/things/{thing_id}", "showThing", "Show", handler, ADMIN, response=Thing, holds=hold
)
MOVE = Endpoint("POST", "/v1/things/{thing_id}/close", "closeThing", "Close", handler, ADMIN)
OTHERS = [
    Endpoint("POST", "/v1/things", "addThing", "Add", handler, ADMIN),
    Endpoint("POST", "/v1/things/{thing_id}/ask", "ask", "Ask", handler, ADMIN, asks_only=True),
    Endpoint("POST", "/v1/things/{thing_id}/parts/{id}/close", "closePart", "", handler, ADMIN),
    Endpoint("PUT", "/v1/things/{thing_id}/name", "name", "", handler, ADMIN, conditional=True),
]  # fmt: skip
TABLE = [SHOWN, MOVE, *OTHERS]


def test_only_moves_right_under_what_is_held_are_guarded() -> None:
    assert guards_of(TABLE) == {"closeThing": SHOWN}
    assert guards_of([replace(SHOWN, holds=None), MOVE]) == {}


def test_what_is_held_is_shown_with_an_etag_of_its_answer() -> None:
    first, again, other = (
        answer_of(SHOWN, Reply(Thing(state=state))).headers["ETag"] for state in ("a", "a", "b")
    )
    assert first == again != other
    assert first.startswith('"')
    assert "ETag" not in answer_of(replace(SHOWN, holds=None), Reply(Thing(state="a"))).headers
    own = answer_of(SHOWN, Reply(Thing(state="a"), headers={"ETag": '"7"'}))
    assert own.headers["ETag"] == '"7"'


def test_the_document_tells_the_etag_and_where_it_goes() -> None:
    paths = openapi_document("s", "S", "1", TABLE)["paths"]
    shown, move = paths[SHOWN.path]["get"], paths[MOVE.path]["post"]
    assert "ETag" in shown["responses"]["200"]["headers"]
    (if_match,) = (one for one in move["parameters"] if one["name"] == "If-Match")
    assert if_match["required"] is False
    assert move["x-problem-codes"] == ["changed-meanwhile"]
    assert "412" in move["responses"]
    assert "412" in paths["/v1/things/{thing_id}/name"]["put"]["responses"]
    assert "412" not in paths["/v1/things"]["post"]["responses"]


@pytest.mark.parametrize("changes", [{"method": "POST"}, {"path": "/v1/things"}, {"query": Thing}])
def test_only_a_get_of_one_thing_holds_it(changes: dict[str, object]) -> None:
    check_table(TABLE)
    with pytest.raises(ValueError, match="only a GET of one thing holds it"):
        check_table([replace(SHOWN, **changes)])  # type: ignore[arg-type]
