"""The reconciliation service in a test: events go in as the processor brings them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import text

from services.reconciliation.bootstrap import build
from services.reconciliation.entrypoints.timers import DebBooker
from services.reconciliation.settings import ReconciliationSettings
from services.reconciliation.views.check import BooksCheck, books_check
from shared.contracts.debident.v1 import DebFileFetched
from shared.contracts.envelope import ContentRef, EventPayload, WireMoney
from shared.contracts.invoicing.v1 import (
    ContractChanged,
    InvoiceIssued,
    PortalTerms,
    PracticeRegistered,
)
from shared.contracts.orders.v1 import (
    ArrivalEvidence,
    ConfirmationDocument,
    ConfirmationLine,
    OrderConfirmed,
    OrderLine,
    OrderLinesDocument,
    OrderPrepared,
)
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.context import WorkContext, working_on
from shared.kernel.ids import derived_id
from shared.kernel.money import Money
from shared.messaging.events import ReceivedEvent
from shared.objectstore import ObjectStore, open_object_store
from shared.runtime.definition import ServiceDefinition
from shared.testing import FrozenClock
from tests.support.deb_builder import DebFile

START = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
ISSUED_ON = date(2026, 3, 2)
_NOWHERE = ContentRef(key="x/y/z", sha256="0" * 64, size_bytes=1, media_type="application/xml")


def chf(amount: str) -> WireMoney:
    """An amount on the wire."""
    return WireMoney(amount=amount)


class House:
    """One service, and one practice with one contract that only this test knows."""

    def __init__(
        self,
        database: Database,
        clock: FrozenClock,
        *,
        store: ObjectStore | None = None,
        **settings: Any,
    ) -> None:
        self.database = database
        self.clock = clock
        self.store = store or open_object_store("memory:", key=bytes(32))
        self.definition = self.define(**settings)
        self.practice_id = uuid4()
        self.contract_id = uuid4()

    def define(self, **settings: Any) -> ServiceDefinition:
        """Assemble another process of the same service."""
        values: dict[str, Any] = {
            "database_url": SecretStr("postgresql+asyncpg://given"),
            "kafka_bootstrap": "none",
            "object_store_url": "memory:",
            "object_store_key": SecretStr(base64.b64encode(bytes(32)).decode()),
            "jwks_url": "http://none",
            "token_issuer": "none",
            "deb_early_grace_seconds": 0,
        }
        return build(
            ReconciliationSettings(**values | settings),
            database=self.database,
            clock=self.clock,
            object_store=self.store,
        )

    @property
    def path(self) -> str:
        """The practice's part of the API."""
        return f"/v1/practices/{self.practice_id}"

    @property
    def booker(self) -> DebBooker:
        """The worker of the assembled service."""
        return booker_of(self.definition)

    async def receive(self, payload: EventPayload, *, scope: UUID | None = None) -> None:
        """Work one event in a transaction of its own, as the processor does."""
        by_type = {each.payload_type: each for each in self.definition.subscriptions}
        event = ReceivedEvent(
            event_id=uuid4(),
            source=payload.PRODUCER,
            subject=getattr(payload, payload.SUBJECT),
            sequence=1,
            practice_id=payload.practice_id,
            occurred_at=self.clock.now(),
            correlation_id="test",
            causation_id=None,
            traceparent=None,
            payload=payload,
        )
        async with self.database.transaction(Scope.of(scope or payload.practice_id)) as connection:
            with working_on(WorkContext("test", str(event.event_id))):
                await by_type[type(payload)].handler(event, connection)

    async def open(self, **terms: Any) -> None:
        """Register the practice and its contract."""
        await self.receive(self.practice_registered())
        await self.receive(self.contract_changed(**terms))

    def practice_registered(self) -> PracticeRegistered:
        """The event that opens the books."""
        return PracticeRegistered(
            practice_id=self.practice_id,
            gln="7601000000002",
            canton="VD",
            language="fr",
            registered_at=self.clock.now(),
        )

    def contract_changed(self, **terms: Any) -> ContractChanged:
        """The event that gives the terms."""
        values: dict[str, Any] = {
            "practice_id": self.practice_id,
            "contract_id": self.contract_id,
            "contract_version": 1,
            "active": True,
            "factor": "CMD",
            "factor_gln": "7601000000019",
            "account_number": "CMD-77",
            "ledger_account": "1088",
            "payout_term_days": 15,
            "portal": PortalTerms(),
        }
        return ContractChanged(**values | terms)

    def invoice_issued(
        self, number: str, balance: str, *, deposit: str = "0.00", **values: Any
    ) -> InvoiceIssued:
        """The event of an issued invoice; its id follows from its number."""
        total = str(Money.parse(balance) + Money.parse(deposit))
        given: dict[str, Any] = {
            "practice_id": self.practice_id,
            "invoice_id": self.invoice_id(number),
            "invoice_number": number,
            "contract_id": self.contract_id,
            "patient_number": "10001",
            "debtor_number": "10001",
            "qr_reference": None,
            "issued_on": ISSUED_ON,
            "due_on": date(2026, 4, 1),
            "language": "fr",
            "total": chf(total),
            "deposit": chf(deposit),
            "balance": chf(balance),
            "document": _NOWHERE,
        }
        return InvoiceIssued(**given | values)

    def invoice_id(self, number: str) -> UUID:
        """The id of this practice's invoice of that number."""
        return derived_id("test-invoice", self.practice_id, number)

    def order_id(self, number: str) -> UUID:
        """The id of this practice's order of that number."""
        return derived_id("test-order", self.practice_id, number)

    async def order_confirmed(
        self,
        lines: Sequence[tuple[str, str, bool]],
        *,
        number: str = "CMD-2026-0001",
        **values: Any,
    ) -> OrderConfirmed:
        """The event of a confirmed order; lines are (invoice number, amount, accepted)."""
        document = ConfirmationDocument(
            order_id=self.order_id(number),
            practice_id=self.practice_id,
            lines=tuple(
                ConfirmationLine(
                    invoice_id=self.invoice_id(invoice),
                    invoice_number=invoice,
                    amount=chf(amount),
                    accepted=accepted,
                    refusal_code=None if accepted else "address-incomplete",
                )
                for invoice, amount, accepted in lines
            ),
        )
        ref = await self.store.put(
            practice_id=self.practice_id,
            kind="order-confirmation",
            data=document.model_dump_json().encode(),
            media_type="application/json",
        )
        accepted = [Money.parse(amount) for _, amount, is_accepted in lines if is_accepted]
        given: dict[str, Any] = {
            "practice_id": self.practice_id,
            "order_id": self.order_id(number),
            "order_number": number,
            "contract_id": self.contract_id,
            "accepted_count": len(accepted),
            "accepted_total": WireMoney.of(Money.total(accepted)),
            "refused_count": len(lines) - len(accepted),
            "confirmation": ref,
            "evidence": ArrivalEvidence(
                kind="portal-status", reference="P-1", observed_at=self.clock.now()
            ),
            "confirmed_at": self.clock.now(),
        }
        return OrderConfirmed(**given | values)

    async def order_prepared(self, number: str = "CMD-2026-0001", *invoices: str) -> OrderPrepared:
        """The event of a prepared order that holds these invoices, its lines stored."""
        document = OrderLinesDocument(
            order_id=self.order_id(number),
            practice_id=self.practice_id,
            lines=tuple(
                OrderLine(
                    invoice_id=self.invoice_id(invoice),
                    invoice_number=invoice,
                    debtor_number="10001",
                    amount=chf("120.00"),
                    document_sha256="0" * 64,
                )
                for invoice in invoices
            ),
        )
        lines = await self.store.put(
            practice_id=self.practice_id,
            kind="order-lines",
            data=document.model_dump_json().encode(),
            media_type="application/json",
        )
        return OrderPrepared(
            practice_id=self.practice_id,
            order_id=self.order_id(number),
            order_number=number,
            contract_id=self.contract_id,
            invoice_count=1,
            total=chf("120.00"),
            package=_NOWHERE,
            lines=lines,
            prepared_at=self.clock.now(),
        )

    async def acquitted_invoices(self, *amounts: str, number: str = "CMD-2026-0001") -> None:
        """Open the books, issue one invoice per amount and acquit them all through one order."""
        await self.open()
        lines = []
        for place, amount in enumerate(amounts, 1):
            invoice = f"2026-{place:06d}"
            await self.receive(self.invoice_issued(invoice, amount))
            lines.append((invoice, amount, True))
        await self.receive(await self.order_confirmed(lines, number=number))

    async def fetched(self, file: DebFile | bytes, **values: Any) -> DebFileFetched:
        """The event of a fetched DEB file, its bytes stored."""
        data = file if isinstance(file, bytes) else file.data()
        ref = await self.store.put(
            practice_id=self.practice_id, kind="deb-file", data=data, media_type="text/plain"
        )
        given: dict[str, Any] = {
            "practice_id": self.practice_id,
            "deb_file_id": derived_id("deb-file", self.practice_id, ref.sha256),
            "contract_id": self.contract_id,
            "portal_file_id": "deb-1.txt",
            "layout": "quittance-v1",
            "file": ref,
            "fetched_at": self.clock.now(),
        }
        return DebFileFetched(**given | values)

    async def book(self, file: DebFile | bytes, **values: Any) -> UUID:
        """Bring a DEB file in and let the worker work until nothing is left."""
        event = await self.fetched(file, **values)
        await self.receive(event)
        await self.work()
        return event.deb_file_id

    async def work(self) -> None:
        """Let the worker work until nothing is left."""
        while await self.booker.tick():
            pass

    async def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read rows in the practice's scope, as the runtime role."""
        async with self.database.transaction(Scope.of(self.practice_id)) as connection:
            result = await connection.execute(text(sql), parameters)
            return [dict(row) for row in result.mappings()]

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the practice's events of a type, in the order of the outbox."""
        rows = await self.rows(
            "SELECT body FROM outbox WHERE practice_id = :practice_id AND type = :kind"
            " ORDER BY position",
            practice_id=self.practice_id,
            kind=kind,
        )
        return [json.loads(row["body"]) for row in rows]

    async def balances(self) -> dict[str, str]:
        """Every account's balance that is not zero."""
        rows = await self.rows(
            "SELECT account, sum(amount_rappen)::bigint AS rappen FROM posting"
            " GROUP BY account HAVING sum(amount_rappen) <> 0 ORDER BY account"
        )
        return {row["account"]: str(Money(row["rappen"])) for row in rows}

    async def position(self, invoice: str) -> str:
        """An invoice's position as text: "D 120.00 P 100.00 *"."""
        rows = await self.rows(
            """SELECT p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen
                 + p.costs_rappen AS d, p.factor_owes_rappen AS p,
                 EXISTS (SELECT FROM acquittal a WHERE a.invoice_id = p.invoice_id AND a.live)
                   AS with_factor
               FROM invoice_position p WHERE p.invoice_number = :invoice""",
            invoice=invoice,
        )
        asterisk = " *" if rows[0]["with_factor"] else ""
        return f"D {Money(rows[0]['d'])} P {Money(rows[0]['p'])}{asterisk}"

    async def file(self, deb_file_id: UUID) -> dict[str, Any]:
        """A DEB file's row."""
        return (await self.rows("SELECT * FROM deb_file WHERE deb_file_id = :id", id=deb_file_id))[
            0
        ]

    async def outcomes(self, deb_file_id: UUID) -> list[str]:
        """What became of each row of a file: "2 booked", "3 parked unknown-kind"."""
        rows = await self.rows(
            "SELECT line, status, reason_code FROM deb_row WHERE deb_file_id = :id ORDER BY line",
            id=deb_file_id,
        )
        return [" ".join(str(part) for part in row.values() if part is not None) for row in rows]

    async def check(self) -> BooksCheck:
        """What the check of the books says."""
        async with self.database.transaction(Scope.of(self.practice_id)) as connection:
            found = await books_check(connection, self.practice_id)
        assert found is not None
        return found

    async def assert_books_hold(self) -> None:
        """Fail with the check's own words if anything is wrong."""
        found = await self.check()
        assert not found.detail
        assert found.balanced
        assert found.hash_chain_intact


def booker_of(definition: ServiceDefinition) -> DebBooker:
    """The worker behind the part that the definition names."""
    booker = definition.timers[0].run.__self__  # type: ignore[attr-defined]
    assert isinstance(booker, DebBooker)
    return booker
