"""A Debident gateway in a test: events go in, ticks run, rows and outbox come out."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import text

from services.debident_gateway.bootstrap import build, build_workshop
from services.debident_gateway.domain.model import SftpDoor
from services.debident_gateway.entrypoints.timers import Ticks
from services.debident_gateway.handlers.set_portal_credentials import (
    SetPortalCredentials,
    set_portal_credentials,
    version_of,
)
from services.debident_gateway.handlers.set_sftp_credentials import (
    SetSftpCredentials,
    set_sftp_credentials,
)
from services.debident_gateway.ports.portal import DebidentPortal
from services.debident_gateway.settings import DebidentGatewaySettings
from shared.contracts.envelope import ContentRef, EventPayload, WireMoney
from shared.contracts.invoicing.v1 import ContractChanged, PortalTerms
from shared.contracts.orders.v1 import (
    ArrivalEvidence,
    OrderConfirmed,
    OrderLine,
    OrderLinesDocument,
    OrderPrepared,
)
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.context import WorkContext, working_on
from shared.messaging.events import ReceivedEvent
from shared.objectstore import ObjectStore
from shared.runtime.definition import ServiceDefinition
from tests.unit.debident_gateway.builders import package

SECRET = "s3cret"
KEY = base64.b64encode(bytes(32)).decode()
ARRIVAL_CHECK_AFTER = timedelta(hours=4)


def settings(portal_url: str = "http://portal.invalid", **changes: Any) -> DebidentGatewaySettings:
    """Return settings with invented secrets."""
    values: dict[str, Any] = {
        "database_url": SecretStr("postgresql+asyncpg://given"),
        "kafka_bootstrap": "none",
        "object_store_url": "memory:",
        "object_store_key": SecretStr(KEY),
        "jwks_url": "http://none",
        "token_issuer": "none",
        "portal_url": portal_url,
        "credentials_key": SecretStr(KEY),
    }
    return DebidentGatewaySettings(**(values | changes))


class Office:
    """One gateway process, and a practice with a contract."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        store: ObjectStore,
        portal: DebidentPortal | None,
        *,
        account: str = "CMD-4711",
        with_settings: DebidentGatewaySettings | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.store = store
        self.account = account
        self.practice_id = uuid4()
        self.contract_id = uuid4()
        chosen = with_settings or settings()
        self.workshop = build_workshop(
            chosen, database=database, clock=clock, object_store=store, portal=portal
        )
        self.definition: ServiceDefinition = build(
            chosen, database=database, clock=clock, object_store=store, portal=portal
        )
        self.ticks = Ticks(self.workshop)

    def another_process(self, database: Database) -> Ticks:
        """Return the timers of a second gateway process on the same database and portal."""
        workshop = build_workshop(
            settings(),
            database=database,
            clock=self.clock,
            object_store=self.store,
            portal=self.workshop.portal,
        )
        return Ticks(workshop)

    async def receive(self, payload: EventPayload) -> None:
        """Work one event in a transaction of its own, as the processor does."""
        by_type = {each.payload_type: each for each in self.definition.subscriptions}
        event = ReceivedEvent(
            event_id=uuid4(),
            source=payload.PRODUCER,
            subject=getattr(payload, payload.SUBJECT),
            sequence=1,
            practice_id=payload.practice_id,
            occurred_at=self.clock.now(),
            correlation_id="order-story",
            causation_id=None,
            traceparent=None,
            payload=payload,
        )
        with working_on(WorkContext(correlation_id="order-story")):
            async with self.database.transaction(Scope.of(payload.practice_id)) as connection:
                await by_type[type(payload)].handler(event, connection)

    async def open(self, *, credentials: bool = True, **portal: Any) -> Office:
        """Make the contract known, and enter the practice's access."""
        await self.receive(self.contract_changed(**portal))
        if credentials:
            await self.enter_credentials(f"client-of-{self.account}")
        return self

    async def enter_credentials(self, client_id: str, secret: str = SECRET) -> None:
        """Enter the practice's access as its API does."""
        async with self.workshop.units.begin(self.practice_id) as uow:
            known = await uow.credentials.changed_at(self.practice_id, adapter="http")
            read = "" if known is None else version_of(known)
            command = SetPortalCredentials(self.practice_id, client_id, secret, read)
            await set_portal_credentials(command, uow, self.clock)

    async def enter_sftp_access(self, door: SftpDoor, user: str, secret: str = SECRET) -> None:
        """Enter the practice's access over SFTP as its API does."""
        async with self.workshop.units.begin(self.practice_id) as uow:
            known = await uow.credentials.changed_at(self.practice_id, adapter="sftp")
            read = "" if known is None else version_of(known)
            command = SetSftpCredentials(self.practice_id, door, user, secret, read)
            await set_sftp_credentials(command, uow, self.workshop.ssh_keys, self.clock)

    def contract_changed(self, *, version: int = 1, **portal: Any) -> ContractChanged:
        """The contract's terms."""
        return ContractChanged(
            practice_id=self.practice_id,
            contract_id=self.contract_id,
            contract_version=version,
            active=True,
            factor="CMD",
            factor_gln="7601000000026",
            account_number=self.account,
            ledger_account="1088",
            payout_term_days=30,
            portal=PortalTerms(**portal),
        )

    async def prepare(self, *invoice_numbers: str, order_id: UUID | None = None) -> OrderPrepared:
        """Freeze an order as the orders service does, without telling the gateway."""
        order_id, numbers = order_id or uuid4(), invoice_numbers or ("2026-000001",)
        data = package(*numbers, order_id=order_id, account=self.account)
        amount = WireMoney(amount="120.00")
        document = OrderLinesDocument(
            order_id=order_id,
            practice_id=self.practice_id,
            lines=tuple(
                OrderLine(
                    invoice_id=uuid4(),
                    invoice_number=number,
                    debtor_number="10001",
                    amount=amount,
                    document_sha256="0" * 64,
                )
                for number in numbers
            ),
        )
        return OrderPrepared(
            practice_id=self.practice_id,
            order_id=order_id,
            order_number="CMD-2026-0001",
            contract_id=self.contract_id,
            invoice_count=len(numbers),
            total=WireMoney(amount=f"{120 * len(numbers)}.00"),
            package=await self._put("order-package", data, "application/zip"),
            lines=await self._put(
                "order-lines", document.model_dump_json().encode(), "application/json"
            ),
            prepared_at=self.clock.now(),
        )

    async def _put(self, kind: str, data: bytes, media_type: str) -> ContentRef:
        return await self.store.put(
            practice_id=self.practice_id, kind=kind, data=data, media_type=media_type
        )

    async def order(self, *invoice_numbers: str) -> UUID:
        """Prepare an order and tell the gateway; return its id."""
        event = await self.prepare(*invoice_numbers)
        await self.receive(event)
        return event.order_id

    def confirmed_by_person(self, event: OrderPrepared) -> OrderConfirmed:
        """A person's confirmation of an order."""
        return OrderConfirmed(
            practice_id=self.practice_id,
            order_id=event.order_id,
            order_number=event.order_number,
            contract_id=self.contract_id,
            accepted_count=1,
            accepted_total=event.total,
            refused_count=0,
            confirmation=event.lines,
            evidence=ArrivalEvidence(kind="person", reference="seen", observed_at=self.clock.now()),
            confirmed_at=self.clock.now(),
        )

    async def rows(
        self, query: str, scope: Scope | None = None, **values: Any
    ) -> Sequence[dict[str, Any]]:
        """Return the rows of a query in a scope (default: the practice)."""
        chosen = Scope.of(self.practice_id) if scope is None else scope
        async with self.database.transaction(chosen) as connection:
            found = await connection.execute(text(query), values)
            return [dict(row) for row in found.mappings()]

    async def state(self, order_id: UUID) -> tuple[str, str | None]:
        """Return where an order stands and why."""
        [row] = await self.rows(
            "SELECT state, reason_code FROM transmission WHERE order_id = :id", id=order_id
        )
        return row["state"], row["reason_code"]

    async def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the events that wait in the outbox, in order: (type, data)."""
        found = await self.rows("SELECT type, body FROM outbox ORDER BY position")
        return [(row["type"], json.loads(row["body"])) for row in found]

    async def told_types(self) -> list[str]:
        """Return the types of the events in the outbox."""
        return [name for name, _ in await self.told()]
