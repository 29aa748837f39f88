"""A practice's office that works with invoicing over HTTP, and the other services' voices."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from stdnum import ean

from shared.contracts.envelope import ContentRef, Document, EventPayload, WireMoney
from shared.contracts.orders.v1 import (
    ArrivalEvidence,
    ConfirmationDocument,
    ConfirmationLine,
    OrderConfirmed,
    OrderLine,
    OrderLinesDocument,
    OrderPrepared,
)
from shared.db import Database, Scope
from shared.kernel.ids import new_id
from shared.messaging.events import ReceivedEvent, Subscription
from shared.messaging.outbox import subject_of
from shared.objectstore.store import ObjectStore
from tests.support.web import ApiClient
from tests.unit.invoicing.bodies import (
    A_CONTRACT,
    A_PATIENT,
    A_PRACTICE,
    A_PROVIDER,
    A_TREATMENT,
    AN_INVOICE,
)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_SERIAL = itertools.count(1)


def fresh_gln() -> str:
    """Return a GLN that no other test of this session uses."""
    body = f"76010010{next(_SERIAL):04d}"
    return body + str(ean.calc_check_digit(body))


@dataclass
class Office:
    """One practice's office, with a token for that practice only."""

    api: ApiClient
    database: Database
    practice_id: UUID
    contract_id: str = ""
    provider_id: str = ""
    patient_id: str = ""
    numbers: Any = field(default_factory=lambda: itertools.count(10001))

    @property
    def path(self) -> str:
        """Where everything of the practice is."""
        return f"/v1/practices/{self.practice_id}"

    async def post(self, path: str, body: dict[str, Any], *, status: int = 201) -> Any:
        """POST below the practice; the answer's status must be the one expected."""
        given, answer = await self.api.post(f"{self.path}/{path}", body)
        assert given == status, answer
        return answer

    async def get(self, path: str, **query: str) -> Any:
        """GET below the practice; it must be there."""
        status, answer = await self.api.get(f"{self.path}/{path}", **query)
        assert status == 200, answer
        return answer

    async def furnish(self) -> Office:
        """Add a contract, a provider and a patient."""
        self.contract_id = (await self.post("contracts", A_CONTRACT))["contract_id"]
        self.provider_id = (await self.post("providers", A_PROVIDER))["provider_id"]
        self.patient_id = await self.patient()
        return self

    async def patient(self, **changes: Any) -> str:
        """Add a patient with the next number."""
        body = A_PATIENT | {"patient_number": str(next(self.numbers))} | changes
        answer = await self.post("patients", body)
        return str(answer["patient_id"])

    async def treatment(self, **changes: Any) -> str:
        """Record a treatment of CHF 120.00."""
        who = {"patient_id": self.patient_id, "provider_id": self.provider_id}
        answer = await self.post("treatments", A_TREATMENT | who | changes)
        return str(answer["treatment_id"])

    async def invoice(self, *treatments: str, **changes: Any) -> Any:
        """Bill treatments, or a fresh one, with the contract."""
        wanted = list(treatments) or [await self.treatment()]
        body = AN_INVOICE | {"treatment_ids": wanted, "contract_id": self.contract_id} | changes
        return await self.post("invoices", body)

    async def rows(self, statement: str, **values: object) -> list[Any]:
        """Return what a query says in this practice's scope."""
        async with self.database.transaction(Scope.of(self.practice_id)) as connection:
            return list((await connection.execute(text(statement), values)).mappings())


async def open_office(api: ApiClient, database: Database) -> Office:
    """Register a practice as a billing office, and return its furnished office."""
    status, practice = await api.as_user().post("/v1/practices", A_PRACTICE | {"gln": fresh_gln()})
    assert status == 201, practice
    practice_id = UUID(practice["practice_id"])
    own = api.as_user(practices=[practice_id], subject=f"office-{practice_id}")
    return await Office(own, database, practice_id).furnish()


@dataclass
class Voices:
    """The other services, whose events invoicing works one transaction each."""

    database: Database
    store: ObjectStore
    subscriptions: list[Subscription[Any]]

    async def say(
        self, payload: EventPayload, *, sequence: int = 1, event_id: UUID | None = None
    ) -> None:
        """Hand one event to its handler, as the processor does."""
        (line,) = [one for one in self.subscriptions if isinstance(payload, one.payload_type)]
        event = ReceivedEvent(
            event_id=event_id or new_id(),
            source=payload.PRODUCER,
            subject=subject_of(payload),
            sequence=sequence,
            practice_id=payload.practice_id,
            occurred_at=NOW,
            correlation_id="c",
            causation_id=None,
            traceparent=None,
            payload=payload,
        )
        async with self.database.transaction(Scope.of(payload.practice_id)) as connection:
            await line.handler(event, connection)

    async def prepared(
        self, office: Office, *invoices: Any, notices: Sequence[str] = ()
    ) -> OrderPrepared:
        """Return the event of an order with these invoices; its line list is stored."""
        order_id = uuid4()
        lines = OrderLinesDocument(
            order_id=order_id,
            practice_id=office.practice_id,
            lines=tuple(
                OrderLine(
                    invoice_id=one["invoice_id"],
                    invoice_number=one["invoice_number"],
                    debtor_number=one["debtor_number"],
                    amount=WireMoney.model_validate(one["balance"]),
                    document_sha256=one["document_sha256"],
                    notices=tuple(notices),
                )
                for one in invoices
            ),
        )
        ref = await self._stored(office, lines)
        return OrderPrepared(
            practice_id=office.practice_id,
            order_id=order_id,
            order_number=f"CMD-2026-{order_id.hex[:4]}",
            contract_id=UUID(office.contract_id),
            invoice_count=len(invoices),
            total=WireMoney(amount="0.00"),
            package=ref,
            lines=ref,
            prepared_at=NOW + timedelta(seconds=next(_SERIAL)),
        )

    async def confirmed(
        self, office: Office, order_id: UUID, verdicts: dict[str, str | None]
    ) -> OrderConfirmed:
        """Return the event of an arrival; a verdict is None or the reason of the refusal."""
        document = ConfirmationDocument(
            order_id=order_id,
            practice_id=office.practice_id,
            lines=tuple(
                ConfirmationLine(
                    invoice_id=UUID(invoice_id),
                    invoice_number="2026-000001",
                    amount=WireMoney(amount="120.00"),
                    accepted=code is None,
                    refusal_code=code,
                )
                for invoice_id, code in verdicts.items()
            ),
        )
        accepted = sum(code is None for code in verdicts.values())
        return OrderConfirmed(
            practice_id=office.practice_id,
            order_id=order_id,
            order_number="CMD-2026-0001",
            contract_id=UUID(office.contract_id),
            accepted_count=accepted,
            accepted_total=WireMoney(amount="0.00"),
            refused_count=len(verdicts) - accepted,
            confirmation=await self._stored(office, document),
            evidence=ArrivalEvidence(kind="portal-status", reference="r", observed_at=NOW),
            confirmed_at=NOW,
        )

    async def _stored(self, office: Office, document: Document) -> ContentRef:
        return await self.store.put(
            practice_id=office.practice_id,
            kind=document.DOCUMENT,
            data=document.model_dump_json().encode(),
            media_type="application/json",
        )
