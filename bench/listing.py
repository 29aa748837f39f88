"""Page 1,000 of the list of a million invoices, against page 1 of the same list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from time import perf_counter
from typing import Literal

from bench.furnishing import furnish
from bench.people import CONTRACT_ID, NOW, PRACTICE_ID, contract, practice
from bench.place import Place, as_owner, in_child
from bench.results import Machine, Result, result
from sandbox.postgres import ServiceUrls
from services.invoicing.bootstrap import MIGRATIONS
from services.invoicing.domain.numbers import qr_reference
from services.invoicing.entrypoints.schemas.invoices import InvoiceTotals
from services.invoicing.views.invoices import InvoiceFilter, invoice_page, invoice_selection
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.ids import derived_id
from shared.web.paging import PageQuery
from shared.web.totals import COUNTED_ROWS_MAX, totals_of

PAGE_ROWS = 100
FAR_PAGE = 1000
_REPEATS = 40
_TOTALS_REPEATS = 10
TotalsKind = Literal["first-page", "exact"]
_WARM = 8  # PostgreSQL decides on the plan of a prepared statement at its sixth execution
_RATIO_MIN = 0.833  # page 1,000 takes 1.2 times as long as page 1, at most
_PATIENT_COUNT = 50_000
_OLDER_CONTRACT = derived_id("bench", "older contract")

# The last digit of a QR reference, modulo 10 recursive.
_CHECK_DIGIT = """
    CREATE FUNCTION pg_temp.with_check_digit(body text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
      steps integer[] := ARRAY[0, 9, 4, 6, 8, 2, 7, 1, 3, 5];
      carry integer := 0;
    BEGIN
      FOR place IN 1..length(body) LOOP
        carry := steps[(carry + substr(body, place, 1)::integer) % 10 + 1];
      END LOOP;
      RETURN body || ((10 - carry) % 10)::text;
    END $$
"""
_PATIENTS = """
    INSERT INTO patient (practice_id, patient_id, patient_number, family_name, given_name,
      birth_date, sex, gender, ssn, zip, city, street)
    SELECT $1, ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, n::text,
      'Exemple' || chr(97 + n % 26), 'Camille', DATE '1940-01-01' + n % 20000, 'female', 'female',
      NULL, '1020', 'Renens', 'Rue Haute 2'
    FROM generate_series(0, $2::integer - 1) AS n
"""
_ORDERS = """
    INSERT INTO known_order (order_id, practice_id, contract_id, order_number, prepared_at)
    SELECT ('20000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, $2,
      'CMD-' || lpad(n::text, 6, '0'), $3
    FROM generate_series(0, $4::integer - 1) AS n
"""
# As in life: the oldest third is under an earlier contract, what is old is done with, and what
# waits for its order is at the end.
_INVOICES = """
    INSERT INTO invoice (practice_id, invoice_id, year, serial, invoice_number, contract_id,
      patient_id, patient_number, debtor_number, qr_reference, issued_at, issued_on, due_on,
      language, total_rappen, deposit_rappen, document_key, document_sha256, document_size_bytes,
      document_media_type, unfit_codes, state, order_id, with_factor, principal_rappen,
      debtor_paid_rappen, cancelled_at, cancelled_by, cancel_reason)
    SELECT $1::uuid, ('30000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, year, serial,
      year || '-' || lpad(serial::text, 6, '0'),
      CASE WHEN n <= $4::integer * 3 / 10 THEN $3::uuid ELSE $2::uuid END,
      ('10000000-0000-4000-8000-' || lpad((n % $5::integer)::text, 12, '0'))::uuid,
      (n % $5::integer)::text, (n % $5::integer)::text,
      pg_temp.with_check_digit($6::text || year || lpad(serial::text, 7, '0')),
      day + TIME '08:00', day, day + 30, 'fr', 5000 + n % 90000, 0, 'none', repeat('ab', 32), 1,
      'application/xml', '{}', state,
      CASE WHEN state NOT IN ('issued', 'cancelled')
        THEN ('20000000-0000-4000-8000-' || lpad((n / 10000)::text, 12, '0'))::uuid END,
      state = 'acquitted',
      CASE WHEN state IN ('issued', 'ordered', 'acquitted') THEN 5000 + n % 90000 ELSE 0 END,
      CASE WHEN state = 'closed' THEN 5000 + n % 90000 ELSE 0 END,
      CASE WHEN state = 'cancelled' THEN day + TIME '09:00' END,
      CASE WHEN state = 'cancelled' THEN 'bench' END,
      CASE WHEN state = 'cancelled' THEN 'invented' END
    FROM (
      SELECT n, 2016 + (n - 1) / ($4::integer / 10) AS year, (n - 1) % ($4 / 10) + 1 AS serial,
        DATE '2016-01-01' + (n::bigint * 3650 / $4)::integer AS day,
        CASE WHEN n % 50 = 0 THEN 'cancelled'
          WHEN n > $4 * 87 / 100 THEN CASE WHEN n % 10 = 1 THEN 'ordered' ELSE 'issued' END
          WHEN n > $4 * 7 / 10 OR n % 20 = 1 THEN 'acquitted' ELSE 'closed' END AS state
      FROM generate_series(1, $4) AS n
    ) AS made
"""
_FILTERS = {
    "listing": ("without a filter", InvoiceFilter()),
    "listing-state": ("those in state issued (one in eight)", InvoiceFilter(states=("issued",))),
    "listing-states": (
        "those in state issued or ordered",
        InvoiceFilter(states=("issued", "ordered")),
    ),
    "listing-balance": (
        "those with a balance from 60 francs on",
        InvoiceFilter(balance_from_rappen=6_000),
    ),
    "listing-day": (
        "those of the last fifth of the time",
        InvoiceFilter(issued_from=date(2024, 1, 1)),
    ),
    "listing-contract": (
        "those under one of two contracts",
        InvoiceFilter(contract_id=CONTRACT_ID),
    ),
}


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of each repeat."""

    first: list[float]
    far: list[float]


def run(place: Place, *, count: int = 1_000_000, repeats: int = _REPEATS) -> list[Result]:
    """Page through so many invoices of one practice, at least 1,000 pages of each selection."""
    urls = place.database("invoicing", MIGRATIONS)
    asyncio.run(_fill(urls, count))
    machine, results = place.machine(), []
    for name, (words, wanted) in _FILTERS.items():
        timed = in_child(_pages, urls, wanted, repeats)
        results.append(
            result(
                name,
                f"page {FAR_PAGE:,} ({PAGE_ROWS} each) of the list of {count:,} invoices, {words},"
                " through the view and its keyset cursor; floor: page 1 of the same list",
                machine=machine,
                seconds=timed.far,
                floor_seconds=timed.first,
                ratio_min=_RATIO_MIN,
            )
        )
    return [
        *results,
        *(_totals_result(urls, machine, count, kind) for kind in ("first-page", "exact")),
    ]


def _totals_result(urls: ServiceUrls, machine: Machine, count: int, kind: TotalsKind) -> Result:
    timed = in_child(_totals, urls, kind)
    words = (
        "with the totals of the whole selection (`totals=exact`)"
        if kind == "exact"
        else f"with its totals, which are counted to {COUNTED_ROWS_MAX:,} rows"
    )
    return result(
        f"listing-{kind}",
        f"page 1 ({PAGE_ROWS} each) of the list of {count:,} invoices, {words}, as the endpoint"
        " reads it; floor: the same page without totals, as further pages are read",
        machine=machine,
        seconds=timed.far,
        floor_seconds=timed.first,
    )


async def _fill(urls: ServiceUrls, count: int) -> None:
    older = replace(contract(), contract_id=_OLDER_CONTRACT, account_number="10.234-4")
    database = Database(urls.url)
    try:
        await furnish(database, contract(), older)
    finally:
        await database.close()
    known = qr_reference(
        account_number=contract().account_number, practice_gln=practice().gln, year=2016, serial=1
    )
    owner = await as_owner(urls)
    try:
        await owner.execute(_CHECK_DIGIT)
        await owner.execute(_PATIENTS, PRACTICE_ID, _PATIENT_COUNT)
        await owner.execute(_ORDERS, PRACTICE_ID, CONTRACT_ID, NOW, count // 10_000 + 1)
        prefix = known[:-12]
        given = (PRACTICE_ID, CONTRACT_ID, _OLDER_CONTRACT, count, _PATIENT_COUNT, prefix)
        await owner.execute(_INVOICES, *given)
        if not await owner.fetchval("SELECT count(*) FROM invoice WHERE qr_reference = $1", known):
            raise RuntimeError("the QR references have other check digits than the product's")
        await owner.execute("VACUUM (ANALYZE) patient, known_order, invoice")
    finally:
        await owner.close()


def _pages(urls: ServiceUrls, wanted: InvoiceFilter, repeats: int) -> Timed:
    return asyncio.run(_timed_pages(urls, wanted, repeats))


async def _timed_pages(urls: ServiceUrls, wanted: InvoiceFilter, repeats: int) -> Timed:
    """Turn the two pages over in turns, so that whatever else goes on meets both alike."""
    database, timed = Database(urls.url), Timed([], [])
    try:
        before = await _end_of_page(database, wanted, FAR_PAGE - 1)
        for repeat in range(_WARM + repeats):
            first, far = await _page(database, wanted, None), await _page(database, wanted, before)
            if repeat >= _WARM:
                timed.first.append(first)
                timed.far.append(far)
    finally:
        await database.close()
    return timed


async def _end_of_page(database: Database, wanted: InvoiceFilter, page: int) -> tuple[int, int]:
    async with database.transaction(Scope.of(PRACTICE_ID)) as connection:
        rows = await invoice_page(connection, PRACTICE_ID, wanted=wanted, limit=page * PAGE_ROWS)
    if len(rows) < page * PAGE_ROWS:
        raise RuntimeError(f"the selection has no page {page}")
    return rows[-1]["year"], rows[-1]["serial"]


async def _page(database: Database, wanted: InvoiceFilter, after: tuple[int, int] | None) -> float:
    async with database.transaction(Scope.of(PRACTICE_ID)) as connection:
        started = perf_counter()
        rows = await invoice_page(
            connection, PRACTICE_ID, wanted=wanted, limit=PAGE_ROWS + 1, after=after
        )
        seconds = perf_counter() - started
    if len(rows) != PAGE_ROWS + 1:
        raise RuntimeError(f"a page of {len(rows)} rows")
    return seconds


def _totals(urls: ServiceUrls, kind: TotalsKind) -> Timed:
    return asyncio.run(_timed_totals(urls, kind))


async def _timed_totals(urls: ServiceUrls, kind: TotalsKind) -> Timed:
    """Read the first page without and with its totals, in turns."""
    database, timed, wanted = Database(urls.url), Timed([], []), InvoiceFilter()
    query = PageQuery(limit=PAGE_ROWS, totals=kind)
    try:
        for repeat in range(_WARM + _TOTALS_REPEATS):
            bare = await _page(database, wanted, None)
            rows = await _page(database, wanted, None)
            async with database.transaction(Scope.of(PRACTICE_ID)) as connection:
                started = perf_counter()
                selection, values = invoice_selection([PRACTICE_ID], wanted)
                found = await totals_of(connection, query, InvoiceTotals, selection, values)
                seconds = rows + perf_counter() - started
            if found is None or found.exact != (kind == "exact"):
                raise RuntimeError("these are not the totals that were asked for")
            if repeat >= _WARM:
                timed.first.append(bare)
                timed.far.append(seconds)
    finally:
        await database.close()
    return timed
