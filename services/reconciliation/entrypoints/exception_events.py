"""What the queue of exceptions listens to: what other services say is wrong, and what ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.exceptions import Report
from services.reconciliation.handlers.report_exception import end_exception, report_exception
from services.reconciliation.ports.exceptions import ReportRepository
from services.reconciliation.translate import exceptions as translate
from shared.contracts.dead_letters import BY_SERVICE, DeadLetterChanged
from shared.contracts.debident.v1 import (
    DebFileGapClosed,
    DebFileMissing,
    OrderRefused,
    OrderSendFailed,
    PortalReachable,
    PortalUnreachable,
)
from shared.contracts.envelope import EventPayload
from shared.contracts.orders.v1 import OrderMovedOn, OrderNotLeaving, OrderOverdue, OrderWithdrawn
from shared.messaging.events import ReceivedEvent, Subscription

Handler = Callable[[ReceivedEvent[Any], AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ExceptionEvents:
    """One method per event type; each works on the processor's transaction.

    None of them needs anything that another event brings, so they may come in any order.
    """

    reports_on: Callable[[AsyncConnection], ReportRepository]

    async def order_overdue(
        self, event: ReceivedEvent[OrderOverdue], connection: AsyncConnection
    ) -> None:
        """An order has not arrived."""
        await report_exception(translate.overdue_order(event.payload), self.reports_on(connection))

    async def order_not_leaving(
        self, event: ReceivedEvent[OrderNotLeaving], connection: AsyncConnection
    ) -> None:
        """An order does not leave."""
        report = translate.order_not_leaving(event.payload)
        await report_exception(report, self.reports_on(connection))

    async def order_moved_on(
        self, event: ReceivedEvent[OrderMovedOn], connection: AsyncConnection
    ) -> None:
        """It left after all, or is settled in another way."""
        await end_exception(translate.order_moved_on(event.payload), self.reports_on(connection))

    async def order_send_failed(
        self, event: ReceivedEvent[OrderSendFailed], connection: AsyncConnection
    ) -> None:
        """A sending that never left is not waited for."""
        ending = translate.order_not_sent(event.payload)
        if ending is not None:
            await end_exception(ending, self.reports_on(connection))

    async def order_withdrawn(
        self, event: ReceivedEvent[OrderWithdrawn], connection: AsyncConnection
    ) -> None:
        """A withdrawn order is not waited for."""
        await end_exception(translate.withdrawn_order(event.payload), self.reports_on(connection))

    async def order_refused(
        self, event: ReceivedEvent[OrderRefused], connection: AsyncConnection
    ) -> None:
        """A refused order is not waited for; a person sees to why it was."""
        report, ending = translate.refused_order(event.payload)
        reports = self.reports_on(connection)
        await end_exception(ending, reports)
        await report_exception(report, reports)

    async def deb_file_missing(
        self, event: ReceivedEvent[DebFileMissing], connection: AsyncConnection
    ) -> None:
        """DEB files did not come."""
        report = translate.missing_deb_files(event.payload)
        await report_exception(report, self.reports_on(connection))

    async def deb_file_gap_closed(
        self, event: ReceivedEvent[DebFileGapClosed], connection: AsyncConnection
    ) -> None:
        """They came after all."""
        await end_exception(translate.closed_gap(event.payload), self.reports_on(connection))

    async def dead_letter_changed(
        self, event: ReceivedEvent[DeadLetterChanged], connection: AsyncConnection
    ) -> None:
        """Another service could not work an event, or a person saw to that."""
        told, reports = translate.dead_letter(event.payload), self.reports_on(connection)
        if isinstance(told, Report):
            await report_exception(told, reports)
        else:
            await end_exception(told, reports)

    async def portal_unreachable(
        self, event: ReceivedEvent[PortalUnreachable], connection: AsyncConnection
    ) -> None:
        """An outage began."""
        report = translate.unreachable_portal(event.payload)
        await report_exception(report, self.reports_on(connection))

    async def portal_reachable(
        self, event: ReceivedEvent[PortalReachable], connection: AsyncConnection
    ) -> None:
        """An outage is over."""
        await end_exception(translate.reachable_portal(event.payload), self.reports_on(connection))


def exception_subscriptions(events: ExceptionEvents) -> tuple[Subscription[Any], ...]:
    """Return what the queue listens to."""
    return (
        Subscription(OrderOverdue, events.order_overdue),
        Subscription(OrderNotLeaving, events.order_not_leaving),
        Subscription(OrderMovedOn, events.order_moved_on),
        Subscription(OrderSendFailed, events.order_send_failed),
        Subscription(OrderWithdrawn, events.order_withdrawn),
        Subscription(OrderRefused, events.order_refused),
        Subscription(DebFileMissing, events.deb_file_missing),
        Subscription(DebFileGapClosed, events.deb_file_gap_closed),
        *(Subscription(letter, events.dead_letter_changed) for letter in BY_SERVICE.values()),
        Subscription(PortalUnreachable, events.portal_unreachable),
        Subscription(PortalReachable, events.portal_reachable),
    )


def together(*subscriptions: Subscription[Any]) -> tuple[Subscription[Any], ...]:
    """Return one subscription per event type; what several want to know is told to each in turn."""
    by_type: dict[type[EventPayload], list[Handler]] = {}
    for one in subscriptions:
        by_type.setdefault(one.payload_type, []).append(one.handler)
    return tuple(Subscription(kind, _in_turn(handlers)) for kind, handlers in by_type.items())


def _in_turn(handlers: Sequence[Handler]) -> Handler:
    if len(handlers) == 1:
        return handlers[0]

    async def handle(event: ReceivedEvent[Any], connection: AsyncConnection) -> None:
        for handler in handlers:
            await handler(event, connection)

    return handle
