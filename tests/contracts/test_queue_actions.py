"""What the queue of exceptions tells a person to do is something that a service really offers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.debident_gateway.domain.errors import IllegalTransmissionMoveError
from services.debident_gateway.domain.transmission import TransmissionState
from services.orders.domain.errors import OrderMayHaveLeftError
from services.orders.domain.order import Fact, FactKind
from services.orders.entrypoints.replies import REMEDIES
from services.reconciliation.entrypoints.replies_exceptions import CLOSE
from services.reconciliation.views.exception_kind import COLUMNS, ExceptionKind
from services.reconciliation.views.exception_kinds import KINDS, KINDS_BY_NAME
from tests.architecture.sources import REPOSITORY
from tests.contracts.consumers import SERVICES, assembled
from tests.unit.debident_gateway.builders import transmission
from tests.unit.orders.builders import NOON, an_order

PAGE = REPOSITORY / "docs/exceptions.md"


async def test_every_action_is_an_operation_of_the_service_that_it_names() -> None:
    offered = {
        (service.name, endpoint.operation_id): {role.value for role in endpoint.roles}
        for service in map(assembled, SERVICES)
        for endpoint in service.endpoints
    }
    everybody = {service for service, _ in offered}
    named = {
        (service, one.operation_id): set(one.roles)
        for kind in KINDS
        for one in (*kind.actions, CLOSE)
        for service in (everybody if one.service is None else (one.service,))
    }
    assert named == {one: offered.get(one) for one in named}


async def test_a_choice_of_an_action_is_one_that_the_operation_knows() -> None:
    bodies = {
        (service.name, endpoint.operation_id): endpoint.request
        for service in map(assembled, SERVICES)
        for endpoint in service.endpoints
    }
    for one in (one for kind in KINDS for one in kind.actions if one.choices):
        body = bodies[one.service or "", one.operation_id]
        assert body is not None
        known = body.model_json_schema()["properties"]["decision"]["enum"]
        assert set(one.choices) <= set(known), one


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
    offered = {one.operation_id for one in kind.actions}
    choices = {f"{one.operation_id}:{each}" for one in kind.actions for each in one.choices}
    assert kind.not_for.keys() <= offered | choices
    assert kind.only_for.keys() <= offered
    kind.sentence.format_map({**dict.fromkeys(COLUMNS, ""), "amount": ""})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_page_tells_of_every_kind_what_the_table_says(kind: ExceptionKind) -> None:
    actions = ", ".join(f"`{one.operation_id}`" for one in kind.actions)
    if kind.closable:
        actions = f"{actions}, `closeException`"
    line = f"| `{kind.name}` | {kind.means} | {kind.ends} | {actions or '-'} |"
    assert line in PAGE.read_text(encoding="utf-8").splitlines(), line


_KIND_AND_STATE = [
    ("order-overdue", "not-arrived", None, {"confirmOrderArrival"}),
    ("order-not-leaving", "package-damaged", None, {"resendOrder", "withdrawOrder"}),
    ("order-not-leaving", "not-sent-in-time", ["withdrawOrder"], {"resendOrder"}),
    ("order-not-leaving", "portal-lost-the-order", ["withdrawOrder"], {"resendOrder"}),
]


@pytest.mark.parametrize(("name", "reason", "never", "expected"), _KIND_AND_STATE)
def test_what_is_offered_for_an_order_is_what_its_state_permits(
    name: str, reason: str, never: list[str] | None, expected: set[str]
) -> None:
    kind = KINDS_BY_NAME[name]
    offered = {one.operation_id for one in kind.offered(reason, never)} - {"getTransmission"}
    assert offered == expected
    sent = Fact(FactKind.SENT, NOON, attempt=1, reference="DBD-1")
    doubt = Fact(FactKind.UNKNOWN, NOON, attempt=1)
    absent = Fact(FactKind.NOT_SENT, NOON, attempt=1)
    facts = {
        "not-arrived": (sent,),
        "portal-lost-the-order": (sent,),
        "not-sent-in-time": (doubt, absent),
    }
    order = an_order()
    order = replace(order, facts=(*order.facts, *facts.get(reason, ())))
    can_withdraw = True
    try:
        order.ask_withdrawal(at=NOON, by="anna")
    except OrderMayHaveLeftError:
        can_withdraw = False
    assert can_withdraw == ("withdrawOrder" in offered)
    state = TransmissionState.SENT if sent in order.facts else TransmissionState.INTENDED
    sending = replace(transmission(), state=state, reason_code=reason)
    can_resend = True
    try:
        sending.send_again(at=NOON)
    except IllegalTransmissionMoveError:
        can_resend = False
    assert can_resend == ("resendOrder" in offered)
