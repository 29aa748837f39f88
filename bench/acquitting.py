"""Acquitting an order of 10,000 invoices, against copying the same journal rows into PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from uuid import UUID

from sqlalchemy import text

from bench.events import receive
from bench.people import CONTRACT_ID, NOW, PATIENTS, PRACTICE_ID, contract, practice
from bench.place import Place, as_owner, in_child, peak_rss_mib
from bench.results import Result, result
from sandbox.postgres import ServiceUrls
from services.invoicing.domain.events import ContractHasChanged, PracticeWasRegistered
from services.invoicing.translate import to_wire
from services.reconciliation.bootstrap import MIGRATIONS, build
from services.reconciliation.settings import ReconciliationSettings
from shared.contracts.envelope import WireMoney
from shared.contracts.orders.v1 import (
    ArrivalEvidence,
    ConfirmationDocument,
    ConfirmationLine,
    OrderConfirmed,
)
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.ids import derived_id, new_id
from shared.kernel.money import Money
from shared.messaging import inbox
from shared.messaging.codec import encode
from shared.messaging.events import OutgoingEvent, RawRecord
from shared.messaging.processor import Processor
from shared.objectstore import ObjectStore
from shared.runtime.collector import calm_collector
from shared.testing import FrozenClock

_REPEATS = 3
_TABLES = ("journal_entry", "posting")
_POSITIONS = """
    INSERT INTO invoice_position (invoice_id, practice_id, invoice_number, contract_id,
      debtor_number, issued_on, due_on, total_rappen, deposit_rappen, principal_rappen)
    SELECT given.invoice_id, $1::uuid, given.number, $2::uuid, given.debtor, $3::date,
      $3::date + 30, given.amount, 0, given.amount
    FROM unnest($4::uuid[], $5::text[], $6::bigint[], $7::text[])
      AS given (invoice_id, number, amount, debtor)
"""
_ACQUITTED = text(
    """
    SELECT (SELECT count(*) FROM outbox WHERE type = 'invoice-acquitted') AS told,
      (SELECT count(*) FROM inbox WHERE status <> 'done') AS waiting
    """
)


@dataclass(frozen=True, slots=True)
class Line:
    """An accepted invoice."""

    invoice_id: UUID
    number: str
    amount: Money
    debtor_number: str


def run(place: Place, *, count: int = 10_000, repeats: int = _REPEATS) -> list[Result]:
    """Acquit an order of so many invoices."""
    ours, floor, peaks = [], [], []
    for _ in range(repeats):
        urls = place.database("reconciliation", MIGRATIONS)
        seconds, peak = in_child(_acquit, place, urls, count)
        ours.append(seconds)
        peaks.append(peak)
        floor.append(in_child(_copy, urls, count))
    return [
        result(
            "acquit",
            f"acquitting an order of {count:,} invoices, from order-confirmed in the inbox to the"
            " last invoice-acquitted in the outbox; floor: asyncpg copies the same journal entries"
            " and postings into tables with the same indexes, without foreign keys and triggers",
            machine=place.machine(),
            seconds=ours,
            floor_seconds=floor,
            rss_mib=max(peaks),
            seconds_max=3 if count == 10_000 else None,
        )
    ]


def lines(first: int, count: int) -> list[Line]:
    """Return so many invoices, numbered from `first`."""
    return [
        Line(
            derived_id("bench", "invoice", n),
            f"2026-{n:06d}",
            Money(5000 + n % 50_000),
            str(10_000 + n % PATIENTS),
        )
        for n in range(first, first + count)
    ]


def _acquit(place: Place, urls: ServiceUrls, count: int) -> tuple[float, int]:
    return asyncio.run(_timed_acquittal(place, urls, lines(1, count)))


async def _timed_acquittal(
    place: Place, urls: ServiceUrls, invoices: list[Line]
) -> tuple[float, int]:
    database, clock = Database(urls.url), FrozenClock(NOW)
    try:
        definition = build(
            ReconciliationSettings(**place.settings(urls)), database=database, clock=clock
        )
        known = (PracticeWasRegistered(practice(), NOW), ContractHasChanged(contract()))
        await receive(definition, database, *(to_wire(event) for event in known))
        await open_positions(urls, invoices)
        arrived = await confirmed(place.store(), invoices)
        async with database.transaction(Scope.everything()) as connection:
            await inbox.store(connection, [_record(arrived)], now=NOW, via="ingest")
        calm_collector()  # as a service's process does
        processor = Processor(
            database=database, subscriptions=definition.subscriptions, clock=clock
        )
        started = perf_counter()
        while await processor.step():
            pass
        seconds = perf_counter() - started
        async with database.transaction(Scope.everything()) as connection:
            row = (await connection.execute(_ACQUITTED)).one()
    finally:
        await database.close()
    if (row.told, row.waiting) != (len(invoices), 0):
        raise RuntimeError(f"{row.told} invoices were acquitted, {row.waiting} events wait")
    return seconds, peak_rss_mib()


async def open_positions(urls: ServiceUrls, invoices: list[Line]) -> None:
    """Put the positions of issued invoices in, as if their events had come."""
    owner = await as_owner(urls)
    try:
        await owner.execute(
            _POSITIONS,
            PRACTICE_ID,
            CONTRACT_ID,
            NOW.date(),
            [line.invoice_id for line in invoices],
            [line.number for line in invoices],
            [line.amount.rappen for line in invoices],
            [line.debtor_number for line in invoices],
        )
        await owner.execute("ANALYZE invoice_position")
    finally:
        await owner.close()


async def confirmed(
    store: ObjectStore, invoices: list[Line], order_number: str = "CMD-2026-0001"
) -> OrderConfirmed:
    """Store the confirmation of an order that was accepted whole; return its event."""
    order_id = new_id()
    document = ConfirmationDocument(
        order_id=order_id,
        practice_id=PRACTICE_ID,
        lines=tuple(
            ConfirmationLine(
                invoice_id=line.invoice_id,
                invoice_number=line.number,
                amount=WireMoney.of(line.amount),
                accepted=True,
                refusal_code=None,
            )
            for line in invoices
        ),
    )
    stored = await store.put(
        practice_id=PRACTICE_ID,
        kind="order-confirmation",
        data=document.model_dump_json().encode(),
        media_type="application/json",
    )
    return OrderConfirmed(
        practice_id=PRACTICE_ID,
        order_id=order_id,
        order_number=order_number,
        contract_id=CONTRACT_ID,
        accepted_count=len(invoices),
        accepted_total=WireMoney.of(Money.total(line.amount for line in invoices)),
        refused_count=0,
        confirmation=stored,
        evidence=ArrivalEvidence(kind="portal-status", reference="P-1", observed_at=NOW),
        confirmed_at=NOW,
    )


def _record(payload: OrderConfirmed) -> RawRecord:
    """The event as it would come from Kafka."""
    encoded = encode(
        OutgoingEvent(
            position=1,
            event_id=new_id(),
            practice_id=payload.practice_id,
            topic=payload.TOPIC,
            subject=payload.order_id,
            sequence=1,
            type=payload.TYPE,
            version=payload.VERSION,
            body=payload.model_dump_json().encode(),
            correlation_id="bench",
            causation_id=None,
            traceparent=None,
            occurred_at=NOW,
        )
    )
    return RawRecord(payload.TOPIC, 0, 1, encoded.key, encoded.value, dict(encoded.headers))


def _copy(urls: ServiceUrls, count: int) -> float:
    return asyncio.run(_timed_copy(urls, count))


async def _timed_copy(urls: ServiceUrls, count: int) -> float:
    owner = await as_owner(urls)
    try:
        rows = {}
        for table in _TABLES:
            rows[table] = [
                tuple(row)
                for row in await owner.fetch(f"SELECT * FROM {table}")  # noqa: S608 - our names
            ]
            await owner.execute(f"CREATE TABLE {table}_copy (LIKE {table} INCLUDING ALL)")
        if len(rows["journal_entry"]) != count:
            raise RuntimeError(f"the journal has {len(rows['journal_entry'])} entries")
        started = perf_counter()
        async with owner.transaction():
            for table in _TABLES:
                await owner.copy_records_to_table(f"{table}_copy", records=rows[table])
        return perf_counter() - started
    finally:
        await owner.close()
