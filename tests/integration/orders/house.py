"""The orders service in a test: events go in as the processor would bring them, rows come out."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import text

from services.orders.bootstrap import build, build_workshop
from services.orders.entrypoints.timers import Ticks
from services.orders.settings import OrdersSettings
from shared.contracts.debident.v1 import (
    ArrivalDocument,
    ArrivalLine,
    OrderArrived,
    OrderRefused,
    OrderSendFailed,
    OrderSent,
    OrderWithheld,
)
from shared.contracts.envelope import ContentRef, EventPayload, WireMoney
from shared.contracts.invoicing.v1 import (
    ContractChanged,
    InvoiceIssued,
    PortalTerms,
    PracticeRegistered,
)
from shared.contracts.orders.v1 import ArrivalEvidence
from shared.contracts.reconciliation.v1 import (
    DebtorBalance,
    InvoicePositionChanged,
    OrderAcquitted,
)
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.messaging.events import ReceivedEvent
from shared.objectstore import ObjectStore, open_object_store
from shared.runtime.definition import ServiceDefinition
from shared.testing import FrozenClock
from tests.support.web import ApiClient

ZERO = WireMoney(amount="0.00")


def chf(amount: str) -> WireMoney:
    """An amount on the wire."""
    return WireMoney(amount=amount)


class FixedHolidays:
    """The holidays that a test decides on: (day, canton)."""

    def __init__(self) -> None:
        self.days: set[tuple[date, str | None]] = set()

    def is_holiday(self, day: date, canton: str | None) -> bool:
        """Whether the test made it one."""
        return (day, canton) in self.days


class House:
    """One orders service, and one practice with one contract that only this test knows."""

    def __init__(
        self, database: Database, clock: FrozenClock, store: ObjectStore | None = None
    ) -> None:
        self.database = database
        self.clock = clock
        self.store = store or open_object_store("memory:", key=bytes(32))
        self.holidays = FixedHolidays()
        self.definition = self._definition()
        self.practice_id = uuid4()
        self.contract_id = uuid4()

    def _definition(self) -> ServiceDefinition:
        settings = OrdersSettings(
            database_url=SecretStr("postgresql+asyncpg://given"),
            kafka_bootstrap="none",
            object_store_url="memory:",
            object_store_key=SecretStr(base64.b64encode(bytes(32)).decode()),
            jwks_url="http://none",
            token_issuer="none",
        )
        self.workshop = build_workshop(
            settings,
            database=self.database,
            clock=self.clock,
            object_store=self.store,
            holidays=self.holidays,
        )
        self.ticks = Ticks(self.workshop)
        return build(
            settings,
            database=self.database,
            clock=self.clock,
            object_store=self.store,
            holidays=self.holidays,
        )

    @property
    def path(self) -> str:
        """The practice's part of the API."""
        return f"/v1/practices/{self.practice_id}"

    async def receive(self, payload: EventPayload, *, practice_id: UUID | None = None) -> None:
        """Work one event in a transaction of its own, as the processor does."""
        by_type = {each.payload_type: each for each in self.definition.subscriptions}
        event = ReceivedEvent(
            event_id=uuid4(),
            source=payload.PRODUCER,
            subject=getattr(payload, payload.SUBJECT),
            sequence=1,
            practice_id=practice_id or payload.practice_id,
            occurred_at=self.clock.now(),
            correlation_id="test",
            causation_id=None,
            traceparent=None,
            payload=payload,
        )
        async with self.database.transaction(Scope.of(event.practice_id)) as connection:
            await by_type[type(payload)].handler(event, connection)

    async def open(self) -> House:
        """Register the practice and its contract."""
        await self.receive(self.practice_registered())
        await self.receive(self.contract_changed())
        return self

    def practice_registered(self) -> PracticeRegistered:
        """The practice's registration."""
        return PracticeRegistered(
            practice_id=self.practice_id,
            gln="7601000000019",
            canton="VD",
            language="fr",
            registered_at=self.clock.now(),
        )

    def contract_changed(
        self,
        *,
        contract_id: UUID | None = None,
        version: int = 1,
        active: bool = True,
        factor: str = "CMD",
        working_days: int = 1,
        invoice_format: Literal["4.5", "5.0"] = "5.0",
    ) -> ContractChanged:
        """The terms of a contract."""
        return ContractChanged(
            practice_id=self.practice_id,
            contract_id=contract_id or self.contract_id,
            contract_version=version,
            active=active,
            factor=factor,
            factor_gln="7601000000026",
            account_number="4711-1",
            ledger_account="1088",
            payout_term_days=30,
            invoice_format=invoice_format,
            portal=PortalTerms(arrival_deadline_working_days=working_days),
        )

    async def issue(
        self,
        number: str,
        balance: str = "120.00",
        *,
        contract_id: UUID | None = None,
        without_contract: bool = False,
        unfit_codes: tuple[str, ...] = (),
        document: ContentRef | None = None,
        issued_on: date = date(2026, 3, 2),
        document_number: str | None = None,
        document_format: Literal["4.5", "5.0"] | None = None,
    ) -> UUID:
        """Issue an invoice with its stored document; return its id."""
        document = document or await self.store.put(
            practice_id=self.practice_id,
            kind="invoice-document",
            data=f"<invoice number='{number}'/>".encode(),
            media_type="application/xml",
        )
        invoice_id = uuid4()
        issued = InvoiceIssued(
            practice_id=self.practice_id,
            invoice_id=invoice_id,
            invoice_number=number,
            contract_id=None if without_contract else contract_id or self.contract_id,
            patient_number="P-1",
            debtor_number="10001",
            qr_reference=None,
            issued_on=issued_on,
            due_on=date(2026, 4, 1),
            language="fr",
            total=chf("120.00"),
            deposit=ZERO,
            balance=chf(balance),
            document=document,
            unfit_codes=unfit_codes,
            document_number=document_number,
            document_format=document_format,
        )
        await self.receive(issued)
        return invoice_id

    async def change_balance(self, invoice_id: UUID, amount: str) -> None:
        """Let the books say what the debtor owes."""
        self.clock.advance(timedelta(seconds=1))
        owes = DebtorBalance(
            principal=chf(amount),
            reminder_fees=ZERO,
            interest=ZERO,
            costs=ZERO,
            total=chf(amount),
        )
        changed = InvoicePositionChanged(
            practice_id=self.practice_id,
            invoice_id=invoice_id,
            contract_id=self.contract_id,
            debtor_owes=owes,
            factor_owes=ZERO,
            with_factor=False,
            deb_file_id=None,
            changes=(),
            changed_at=self.clock.now(),
        )
        await self.receive(changed)

    def order_sent(self, order: dict[str, Any], *, attempt: int = 1) -> OrderSent:
        """The portal took the order."""
        return OrderSent(
            **self._names(order),
            attempt=attempt,
            portal_reference="DBD-1",
            package_sha256=order["package"]["sha256"],
            sent_at=self.clock.now(),
        )

    def order_send_failed(self, order: dict[str, Any], outcome: str) -> OrderSendFailed:
        """An attempt did not end well."""
        return OrderSendFailed.model_validate(
            {
                **self._names(order),
                "attempt": 1,
                "outcome": outcome,
                "reason_code": "timeout",
                "next_attempt_at": None,
                "failed_at": self.clock.now(),
            }
        )

    def order_refused(self, order: dict[str, Any]) -> OrderRefused:
        """The portal refused the whole order."""
        return OrderRefused(
            **self._names(order), reason_code="unreadable", refused_at=self.clock.now()
        )

    def order_withheld(self, order: dict[str, Any]) -> OrderWithheld:
        """The gateway gave the order up before anything left."""
        return OrderWithheld(**self._names(order), withheld_at=self.clock.now())

    async def order_arrived(
        self, order: dict[str, Any], answers: dict[str, str | None]
    ) -> OrderArrived:
        """The arrival, with an answer per invoice number: None, or the refusal's code."""
        document = ArrivalDocument(
            order_id=order["order_id"],
            practice_id=self.practice_id,
            lines=tuple(
                ArrivalLine(invoice_number=number, accepted=code is None, refusal_code=code)
                for number, code in answers.items()
            ),
        )
        lines = await self.store.put(
            practice_id=self.practice_id,
            kind="order-arrival",
            data=document.model_dump_json().encode(),
            media_type="application/json",
        )
        accepted = sum(code is None for code in answers.values())
        return OrderArrived(
            **self._names(order),
            evidence=ArrivalEvidence(
                kind="portal-status", reference="DBD-1", observed_at=self.clock.now()
            ),
            accepted_count=accepted,
            refused_count=len(answers) - accepted,
            lines=lines,
            arrived_at=self.clock.now(),
        )

    def order_acquitted(self, order: dict[str, Any], count: int, total: str) -> OrderAcquitted:
        """The books acquitted the order."""
        return OrderAcquitted(
            **self._names(order),
            invoice_count=count,
            total=chf(total),
            acquitted_on=self.clock.today(),
        )

    def _names(self, order: dict[str, Any]) -> dict[str, Any]:
        return {
            "practice_id": self.practice_id,
            "order_id": order["order_id"],
            "contract_id": order["contract_id"],
        }

    async def ordered(self, api: ApiClient, *numbers: str, **body: Any) -> dict[str, Any]:
        """Open the practice, issue invoices of these numbers and prepare an order of them."""
        await self.open()
        for number in numbers:
            await self.issue(number)
        wish = {"contract_id": str(self.contract_id), **body}
        status, order = await api.post(f"{self.path}/orders", wish)
        assert status == 201, order
        return dict(order)

    async def rows(self, sql: str, *, scope: Scope | None = None, **values: Any) -> list[Any]:
        """Run a statement in the practice's scope (or another); return its rows."""
        scope = scope or Scope.of(self.practice_id)
        async with self.database.transaction(scope) as connection:
            result = await connection.execute(text(sql), values)
            return list(result) if result.returns_rows else []

    async def told(self) -> list[dict[str, Any]]:
        """The events in the outbox, oldest first: type, sequence and body."""
        rows = await self.rows("SELECT type, sequence, body FROM outbox ORDER BY position")
        return [
            {"type": row.type, "sequence": row.sequence, **json.loads(row.body)} for row in rows
        ]

    async def stored(self, ref: dict[str, Any]) -> bytes:
        """The bytes behind a claim check of an event."""
        return await self.store.get(ContentRef.model_validate(ref), practice_id=self.practice_id)
