"""What other services report to the queue of exceptions, and what ends it."""

from __future__ import annotations

from services.reconciliation.domain.exceptions import (
    DEB_FILE_MISSING,
    FOR_GOOD,
    ORDER_NOT_LEAVING,
    ORDER_OVERDUE,
    ORDER_REFUSED,
    Ending,
    ItemId,
    Report,
    letter_item,
    outage_item,
)
from shared.contracts.dead_letters import DeadLetterChanged
from shared.contracts.debident.v1 import (
    DebFileGapClosed,
    DebFileMissing,
    OrderRefused,
    OrderSendFailed,
    PortalReachable,
    PortalUnreachable,
)
from shared.contracts.orders.v1 import OrderMovedOn, OrderNotLeaving, OrderOverdue, OrderWithdrawn

_WHY_NOT_LEAVING = {
    "contract-uses-manual": "nobody has handed it over on the portal's site",
    "not-sent-in-time": "it was not sent within its time",
    "package-damaged": "its package is not what was prepared",
    "portal-credentials-missing": "the practice's access to the portal is missing",
    "portal-credentials-unreadable": "the practice's access to the portal cannot be read",
    "portal-folder-missing": "a folder is missing on the portal's server",
    "portal-host-key-changed": "the portal's server is not the one that was entered",
    "portal-lost-the-order": "the portal took it and does not know it any more",
    "portal-opens-another-account": "the practice's access opens another account",
    "portal-refused-credentials": "the portal does not accept the practice's access",
    "portal-refused-file": "the portal's server does not let its files be used",
}
"""The gateway's reasons in plain words, as far as a person can do something about them."""


def overdue_order(event: OrderOverdue) -> Report:
    """Return the report of an order that has not arrived; each sending is a round of its own."""
    certain = "it was taken" if event.state == "sent" else "it may have left"
    return Report(
        item=ItemId(ORDER_OVERDUE, event.order_id),
        practice_id=event.practice_id,
        round=event.attempt,
        since=event.deadline,
        reason_code="not-arrived" if event.state == "sent" else "arrival-doubtful",
        detail=f"{certain} and has not arrived by the deadline",
        contract_id=event.contract_id,
        order_id=event.order_id,
        order_number=event.order_number,
        amount=event.total.to_money(),
    )


def order_not_sent(event: OrderSendFailed) -> Ending | None:
    """Return the end of waiting for this sending, or None while it may have left."""
    if event.outcome != "not-sent":
        return None
    return Ending(
        item=ItemId(ORDER_OVERDUE, event.order_id),
        practice_id=event.practice_id,
        round=event.attempt,
        at=event.failed_at,
        because="it is certain that this sending never left",
    )


def withdrawn_order(event: OrderWithdrawn) -> Ending:
    """Return the end of waiting for an order that was taken back."""
    item = ItemId(ORDER_OVERDUE, event.order_id)
    because = "the order is withdrawn"
    return Ending(item, event.practice_id, FOR_GOOD, event.withdrawn_at, because)


def order_not_leaving(event: OrderNotLeaving) -> Report:
    """Return the report of an order that does not leave; each reason is a round of its own."""
    return Report(
        item=ItemId(ORDER_NOT_LEAVING, event.order_id),
        practice_id=event.practice_id,
        round=event.round,
        since=event.since,
        reason_code=event.reason_code,
        detail=_WHY_NOT_LEAVING.get(event.reason_code, f"the latest reason is {event.reason_code}"),
        contract_id=event.contract_id,
        order_id=event.order_id,
        order_number=event.order_number,
        amount=event.total.to_money(),
        may_have_left=event.may_have_left,
        told_at=event.noted_at,
    )


def order_moved_on(event: OrderMovedOn) -> Ending:
    """Return the end of an order's not leaving."""
    return Ending(
        item=ItemId(ORDER_NOT_LEAVING, event.order_id),
        practice_id=event.practice_id,
        round=event.round,
        at=event.moved_on_at,
        because=f"the order is {event.state}",
    )


def refused_order(event: OrderRefused) -> tuple[Report, Ending]:
    """Return the report of a refused order, and the end of waiting for it."""
    report = Report(
        item=ItemId(ORDER_REFUSED, event.order_id),
        practice_id=event.practice_id,
        round=1,
        since=event.refused_at,
        reason_code=event.reason_code,
        detail="the portal refused the whole order",
        contract_id=event.contract_id,
        order_id=event.order_id,
    )
    overdue = ItemId(ORDER_OVERDUE, event.order_id)
    because = "the order is refused"
    return report, Ending(overdue, event.practice_id, FOR_GOOD, event.refused_at, because)


def missing_deb_files(event: DebFileMissing) -> Report:
    """Return the report of DEB files that the portal has counted and that are not here."""
    first, last = event.first_number, event.last_number
    which = f"Number {first}" if first == last else f"Numbers {first} to {last}"
    return Report(
        item=ItemId(DEB_FILE_MISSING, event.gap_id),
        practice_id=event.practice_id,
        round=1,
        since=event.noticed_at,
        reason_code=event.reason_code,
        detail=f"{which} of the portal's DEB files did not come, as {event.seen_number} shows",
        contract_id=event.contract_id,
    )


def closed_gap(event: DebFileGapClosed) -> Ending:
    """Return the end of a gap: none of its files is missing any more."""
    item = ItemId(DEB_FILE_MISSING, event.gap_id)
    because = "none of the files is missing any more"
    return Ending(item, event.practice_id, FOR_GOOD, event.closed_at, because)


def dead_letter(event: DeadLetterChanged) -> Report | Ending:
    """Return the report of another service's dead letter, or what a person did about it."""
    item = letter_item(event.PRODUCER, event.letter_id)
    if event.state == "dead":
        return Report(
            item=item,
            practice_id=event.practice_id,
            round=event.round,
            since=event.changed_at,
            reason_code=event.reason_code,
            detail=f"{event.event_type or '(unknown)'} of {event.event_source or '(unknown)'}",
            service=event.PRODUCER,
            event_id=event.event_id,
        )
    done = "sent through again" if event.state == "replayed" else "dropped"
    because = f"{done}: {event.why}" if event.why else done
    return Ending(item, event.practice_id, event.round, event.changed_at, because, by=event.by)


def unreachable_portal(event: PortalUnreachable) -> Report:
    """Return the report of an outage, for this practice."""
    what = "The portal" if event.scope == "portal" else "The practice's account at the portal"
    return Report(
        item=outage_item(event.outage_id, event.practice_id),
        practice_id=event.practice_id,
        round=1,
        since=event.since,
        reason_code=event.reason_code,
        detail=f"{what} ({event.adapter}) cannot be reached",
    )


def reachable_portal(event: PortalReachable) -> Ending:
    """Return the end of an outage, for this practice."""
    item = outage_item(event.outage_id, event.practice_id)
    because = (
        "the practice uses another portal by now"
        if event.left
        else "the portal gives answers again"
    )
    return Ending(item, event.practice_id, FOR_GOOD, event.reachable_at, because)
