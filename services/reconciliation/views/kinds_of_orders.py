"""Orders that do not leave, that do not arrive, or that are refused, as items of the queue."""

from __future__ import annotations

from services.reconciliation.domain.exceptions import (
    ORDER_NOT_LEAVING,
    ORDER_OVERDUE,
    ORDER_REFUSED,
)
from services.reconciliation.views.exception_kind import (
    ANYBODY,
    OFFICE,
    OPEN_REPORT,
    REPORTED,
    WORKERS,
    Action,
    ExceptionKind,
    reported,
)

_BY_HAND = frozenset({"contract-uses-manual"})
_LOST = frozenset({"portal-lost-the-order"})
_ACCESS = frozenset(
    {
        "portal-credentials-missing",
        "portal-credentials-unreadable",
        "portal-host-key-changed",
        "portal-opens-another-account",
        "portal-refused-credentials",
    }
)
"""The gateway's reasons against which another access helps."""

_NOT_LEAVING = ExceptionKind(
    name=ORDER_NOT_LEAVING,
    means="an order waits for a person before it can leave, or has not left within its time",
    ends="the order leaves, or it is settled in another way",
    sentence="Order {order_number} does not leave: {detail}.",
    source=reported(ORDER_NOT_LEAVING),
    key="e.key",
    practice="e.practice_id",
    is_open=OPEN_REPORT,
    columns=REPORTED,
    actions=(
        Action("debident-gateway", "putPortalCredentials", OFFICE),
        Action("debident-gateway", "putSftpCredentials", OFFICE),
        Action("debident-gateway", "downloadOrderPackage", WORKERS),
        Action("debident-gateway", "handOverOrder", WORKERS),
        Action("debident-gateway", "resendOrder", WORKERS),
        Action("orders", "withdrawOrder", WORKERS),
        Action("debident-gateway", "getTransmission", ANYBODY),
    ),
    only_for={
        "putPortalCredentials": _ACCESS,
        "putSftpCredentials": _ACCESS,
        "downloadOrderPackage": _BY_HAND,
        "handOverOrder": _BY_HAND,
    },
    not_for={"resendOrder": _BY_HAND, "withdrawOrder": _LOST},
    never="CASE WHEN e.may_have_left THEN ARRAY['withdrawOrder'] END",
)

_OVERDUE = ExceptionKind(
    name=ORDER_OVERDUE,
    means="an order should have arrived at the factor by its deadline and has not",
    ends="the order is confirmed or refused, or it is certain that it never left",
    sentence="Order {order_number} is overdue: {detail}.",
    source=reported(ORDER_OVERDUE),
    key="e.key",
    practice="e.practice_id",
    is_open=f"{OPEN_REPORT}"
    " AND NOT EXISTS (SELECT FROM order_confirmation c WHERE c.order_id = e.key)",
    columns=REPORTED,
    # What may have left is neither withdrawn nor sent anew; what the portal lost is another kind.
    actions=(
        Action("orders", "confirmOrderArrival", WORKERS),
        Action("debident-gateway", "getTransmission", ANYBODY),
    ),
    history="""
    SELECT confirmed_at AS at, 'resolved' AS event, NULL AS by_person,
      'the order is confirmed' AS why
    FROM order_confirmation WHERE order_id = :key""",
)

_REFUSED = ExceptionKind(
    name=ORDER_REFUSED,
    means="the portal refused a whole order; its invoices are free again",
    ends="a person closes it, once the cause is put right and the invoices are ordered anew",
    sentence="The portal refused order {order_number}: {reason_code}.",
    source="""reported_exception e LEFT JOIN prepared_order o ON o.order_id = e.key
    WHERE e.kind = 'order-refused' AND e.round > 0""",
    key="e.key",
    practice="e.practice_id",
    is_open=OPEN_REPORT,
    columns={**REPORTED, "order_number": "o.order_number", "amount_rappen": "o.total_rappen"},
    actions=(
        Action("orders", "prepareOrder", WORKERS),
        Action("orders", "listOrderLines", ANYBODY),
    ),
    closable=True,
)

ORDER_KINDS = (_NOT_LEAVING, _OVERDUE, _REFUSED)
