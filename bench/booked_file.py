"""A practice with acquitted invoices, and a DEB file about them that waits to be booked."""

from __future__ import annotations

from collections.abc import Iterator

from bench.acquitting import Line, confirmed, lines, open_positions
from bench.events import receive
from bench.people import CONTRACT_ID, NOW, PRACTICE_ID, contract, practice
from bench.place import Place, as_owner
from sandbox.debident.deb_writer import DebHeader, DebRow, write_deb_file
from sandbox.postgres import ServiceUrls
from services.invoicing.domain.events import ContractHasChanged, PracticeWasRegistered
from services.invoicing.translate import to_wire
from services.reconciliation.bootstrap import build
from services.reconciliation.domain.rules import PAYMENT
from services.reconciliation.settings import ReconciliationSettings
from shared.contracts.debident.v1 import DebFileFetched
from shared.db.engine import Database
from shared.kernel.ids import derived_id
from shared.kernel.money import Money
from shared.runtime.definition import ServiceDefinition
from shared.testing import FrozenClock

ROWS_PER_INVOICE = 4
"""A reminder fee and a payment, which make no entry; a charge and a payout, which make one each."""
FILE_ID = derived_id("bench", "deb-file")
_INVOICES_PER_ORDER = 10_000
_REMINDER_FEE, _CHARGE = Money(2000), Money(300)


def assemble(place: Place, urls: ServiceUrls, database: Database) -> ServiceDefinition:
    """Return the service as its process would assemble it; files do not wait for invoices."""
    settings = ReconciliationSettings(**place.settings(urls) | {"deb_early_grace_seconds": 0})
    return build(settings, database=database, clock=FrozenClock(NOW))


async def prepare(place: Place, urls: ServiceUrls, rows: int) -> None:
    """Acquit the invoices that the file is about, by the service's own handlers; register it."""
    database = Database(urls.url)
    try:
        definition = assemble(place, urls, database)
        known = (PracticeWasRegistered(practice(), NOW), ContractHasChanged(contract()))
        await receive(definition, database, *(to_wire(event) for event in known))
        told: list[DebRow] = []
        for order_number, invoices in _orders(rows // ROWS_PER_INVOICE):
            await open_positions(urls, invoices)
            arrived = await confirmed(place.store(), invoices, order_number)
            await receive(definition, database, arrived)
            told += (row for line in invoices for row in _told_of(line, order_number))
        await receive(definition, database, await _fetched(place, told))
    finally:
        await database.close()
    # As the server does by itself once rows have come to rest.
    owner = await as_owner(urls)
    try:
        await owner.execute("VACUUM (ANALYZE)")
    finally:
        await owner.close()


def _orders(invoices: int) -> Iterator[tuple[str, list[Line]]]:
    for place, first in enumerate(range(1, invoices + 1, _INVOICES_PER_ORDER), 1):
        count = min(_INVOICES_PER_ORDER, invoices + 1 - first)
        yield f"CMD-2026-{place:04d}", lines(first, count)


def _told_of(line: Line, order_number: str) -> Iterator[DebRow]:
    amounts = {
        "reminder_fee": _REMINDER_FEE,
        PAYMENT: line.amount + _REMINDER_FEE,
        "factor_fee": _CHARGE,
        "payout": line.amount - _CHARGE,
    }
    for kind, amount in amounts.items():
        yield DebRow(
            record_id=f"{line.number}-{kind}",
            kind=kind,
            invoice_number=line.number,
            order_number=order_number,
            debtor_number=line.debtor_number,
            event_date=NOW.date(),
            amount=amount,
        )


async def _fetched(place: Place, rows: list[DebRow]) -> DebFileFetched:
    header = DebHeader("BENCH-1", None, contract().account_number, NOW)
    stored = await place.store().put(
        practice_id=PRACTICE_ID,
        kind="deb-file",
        data=write_deb_file(header, rows),
        media_type="text/plain",
    )
    return DebFileFetched(
        practice_id=PRACTICE_ID,
        deb_file_id=FILE_ID,
        contract_id=CONTRACT_ID,
        portal_file_id="BENCH-1",
        layout="quittance-v1",
        file=stored,
        fetched_at=NOW,
    )
