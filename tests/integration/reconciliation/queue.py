"""The queue of exceptions in a test: what one practice's people see, and what is reported to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.contracts.debident.v1 import (
    DebFileGapClosed,
    DebFileMissing,
    OrderRefused,
    OrderSendFailed,
    PortalReachable,
    PortalUnreachable,
)
from shared.contracts.orders.v1 import OrderOverdue, OrderWithdrawn
from shared.db.scope import Scope
from shared.kernel.ids import derived_id
from tests.integration.reconciliation.house import START, House, chf
from tests.support.web import ApiClient

EXCEPTIONS = "/v1/exceptions"


class Queue:
    """What the people of one practice, or of some, see and do."""

    def __init__(self, api: ApiClient, *houses: House) -> None:
        self._api, self._practices = api, [house.practice_id for house in houses]

    @property
    def api(self) -> ApiClient:
        """The API, called with a token of this moment."""
        return self._api.as_user(practices=self._practices)

    async def page(self, **query: str | list[str]) -> dict[str, Any]:
        """One page of the list."""
        status, answer = await self.api.get(EXCEPTIONS, **query)
        assert status == 200, answer
        page: dict[str, Any] = answer
        return page

    async def items(self, **query: str | list[str]) -> list[dict[str, Any]]:
        """The open items."""
        items: list[dict[str, Any]] = (await self.page(**query))["items"]
        return items

    async def kinds(self) -> list[str]:
        """The kinds of the open items, oldest first."""
        return [item["kind"] for item in await self.items()]

    async def only(self, kind: str) -> dict[str, Any]:
        """The only open item, which is of this kind."""
        [item] = await self.items()
        assert item["kind"] == kind, item
        return item

    async def show(self, item: str) -> dict[str, Any]:
        """One item, open or not."""
        status, answer = await self.api.get(f"{EXCEPTIONS}/{item}")
        assert status == 200, answer
        shown: dict[str, Any] = answer
        return shown

    async def do(self, item: str, verb: str, **body: Any) -> tuple[int, Any]:
        """Assign, note or close."""
        return await self.api.post(f"{EXCEPTIONS}/{item}/{verb}", body)

    async def history(self, item: str) -> list[str]:
        """What happened to an item."""
        return [line["event"] for line in (await self.show(item))["history"]]


class Reports:
    """The events of other services about one practice."""

    def __init__(self, house: House, number: str = "CMD-2026-0001") -> None:
        self.house, self.number = house, number
        self.about = {
            "practice_id": house.practice_id,
            "contract_id": house.contract_id,
            "order_id": house.order_id(number),
        }

    def overdue(self, attempt: int = 1, **values: Any) -> OrderOverdue:
        """The order has not arrived."""
        deadline = START - timedelta(hours=1) + timedelta(hours=attempt)
        given: dict[str, Any] = self.about | {
            "order_number": self.number,
            "state": "sent",
            "attempt": attempt,
            "sent_at": deadline - timedelta(days=1),
            "deadline": deadline,
            "days_late": 0,
            "invoice_count": 1,
            "total": chf("120.00"),
            "noted_at": deadline,
        }
        return OrderOverdue(**given | values)

    def send_failed(self, attempt: int = 1, outcome: str = "not-sent") -> OrderSendFailed:
        """A sending did not end well."""
        return OrderSendFailed.model_validate(
            self.about
            | {
                "attempt": attempt,
                "outcome": outcome,
                "reason_code": "timeout",
                "next_attempt_at": None,
                "failed_at": self.house.clock.now(),
            }
        )

    def withdrawn(self) -> OrderWithdrawn:
        """The order was taken back."""
        now = self.house.clock.now()
        return OrderWithdrawn(**self.about, order_number=self.number, withdrawn_at=now)

    def refused(self) -> OrderRefused:
        """The portal refused the order."""
        now = self.house.clock.now()
        return OrderRefused(**self.about, reason_code="account-unknown", refused_at=now)

    def missing(self) -> DebFileMissing:
        """A DEB file did not come."""
        return DebFileMissing(
            practice_id=self.house.practice_id,
            contract_id=self.house.contract_id,
            gap_id=derived_id("gap", self.house.contract_id, 5),
            first_number=5,
            last_number=5,
            seen_number=6,
            reason_code="not-listed",
            noticed_at=self.house.clock.now(),
        )

    def gap_closed(self) -> DebFileGapClosed:
        """It came after all."""
        return DebFileGapClosed(
            practice_id=self.house.practice_id,
            contract_id=self.house.contract_id,
            gap_id=derived_id("gap", self.house.contract_id, 5),
            closed_at=self.house.clock.now(),
        )

    def unreachable(self, outage_id: UUID) -> PortalUnreachable:
        """An outage began."""
        return PortalUnreachable(
            practice_id=self.house.practice_id,
            outage_id=outage_id,
            adapter="http",
            scope="portal",
            reason_code="could-not-connect",
            failures=5,
            since=self.house.clock.now(),
            next_call_at=self.house.clock.now(),
            noted_at=self.house.clock.now(),
        )

    def reachable(self, outage_id: UUID) -> PortalReachable:
        """The outage is over."""
        return PortalReachable(
            practice_id=self.house.practice_id,
            outage_id=outage_id,
            adapter="http",
            scope="portal",
            since=self.house.clock.now(),
            reachable_at=self.house.clock.now(),
        )


async def dead_letter(house: House, practice_id: UUID | None) -> UUID:
    """Put a dead letter where the processor puts it; return its event's id."""
    event_id = uuid4()
    died_at = datetime(2026, 4, 1, tzinfo=UTC)
    values = {"event_id": event_id, "practice_id": practice_id, "at": died_at}
    async with house.database.transaction(Scope.everything()) as connection:
        await connection.execute(
            text(
                """INSERT INTO inbox (event_id, practice_id, source, subject, sequence, type, topic,
                     kafka_partition, kafka_offset, headers, status)
                   VALUES (:event_id, :practice_id, 'orders', 'one', 1, 'order-confirmed',
                     'order-events', 0, 0, '{}', 'dead')"""
            ),
            values,
        )
        await connection.execute(
            text(
                """INSERT INTO dead_letter (event_id, practice_id, topic, kafka_partition,
                     kafka_offset, headers, reason, detail, died_at)
                   VALUES (:event_id, :practice_id, 'order-events', 0, 0, '{}', 'refused', 'no',
                     :at)"""
            ),
            values,
        )
    return event_id
