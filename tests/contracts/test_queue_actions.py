"""What the queue of exceptions tells a person to do is something that a service really offers."""

from __future__ import annotations

import pytest

from services.orders.entrypoints.replies import REMEDIES
from services.reconciliation.entrypoints.replies_exceptions import CLOSE
from services.reconciliation.views.exception_kind import COLUMNS, ExceptionKind
from services.reconciliation.views.exception_kinds import KINDS, KINDS_BY_NAME
from tests.architecture.sources import REPOSITORY
from tests.contracts.consumers import SERVICES, assembled

PAGE = REPOSITORY / "docs/exceptions.md"


async def test_every_action_is_an_operation_of_the_service_that_it_names() -> None:
    offered = {
        (service.name, endpoint.operation_id)
        for service in map(assembled, SERVICES)
        for endpoint in service.endpoints
    }
    everybody = tuple({service for service, _ in offered})
    named = {
        (service, one.operation_id)
        for kind in KINDS
        for one in (*kind.actions, CLOSE)
        for service in (everybody if one.service is None else (one.service,))
    }
    assert named <= offered, named - offered


async def test_every_remedy_of_an_order_is_an_operation_of_invoicing() -> None:
    offered = {endpoint.operation_id for endpoint in assembled("invoicing").endpoints}
    assert set(REMEDIES.values()) <= offered


def test_there_is_no_kind_that_a_person_can_do_nothing_about() -> None:
    assert [kind.name for kind in KINDS if not kind.actions and not kind.closable] == []


def test_an_action_of_the_service_that_the_item_names_is_of_a_kind_that_names_one() -> None:
    for kind in KINDS:
        if any(one.service is None for one in kind.actions):
            assert "service" in kind.columns, kind.name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_whole(kind: ExceptionKind) -> None:
    assert KINDS_BY_NAME[kind.name] is kind
    assert {"since", "reason_code"} <= kind.columns.keys() <= COLUMNS.keys()
    assert kind.not_for.keys() <= {one.operation_id for one in kind.actions}
    kind.sentence.format_map({**dict.fromkeys(COLUMNS, ""), "amount": ""})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_page_tells_of_every_kind_what_the_table_says(kind: ExceptionKind) -> None:
    actions = ", ".join(f"`{one.operation_id}`" for one in kind.actions)
    if kind.closable:
        actions = f"{actions}, `closeException`"
    line = f"| `{kind.name}` | {kind.means} | {kind.ends} | {actions or '-'} |"
    assert line in PAGE.read_text(encoding="utf-8").splitlines(), line
