"""Booking a DEB file of many rows, against copying what it leaves behind into PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from asyncio import Event
from time import perf_counter

import asyncpg

from bench import booked_file, loading
from bench.booked_file import FILE_ID, ROWS_PER_INVOICE
from bench.place import Place, as_owner, in_child, peak_rss_mib
from bench.results import Aim, Result, result
from sandbox.postgres import ServiceUrls
from services.reconciliation.bootstrap import MIGRATIONS
from shared.contracts.envelope import EventPayload
from shared.contracts.registry import EVENTS_BY_NAME
from shared.db.engine import Database
from shared.runtime.collector import calm_collector

ROWS, ROWS_VARIABLE = 1_000_000, "BENCH_ROWS"
_FEW_ROWS = 10_000
_DEARER_MAX = 0.15
_CHUNK = 20_000
_POLL_SECONDS = 0.02
_OF_THE_FILE = {
    "journal_entry": "SELECT * FROM journal_entry WHERE deb_file_id = $1",
    "posting": "SELECT t.* FROM posting t JOIN journal_entry e USING (entry_id)"
    " WHERE e.deb_file_id = $1",
    "position_fact": "SELECT * FROM position_fact WHERE deb_file_id = $1",
    "outbox": "SELECT * FROM outbox WHERE position > $2 AND $1::uuid IS NOT NULL",
}
_OPEN = ("fetched", "staged")
_STATE = "SELECT status, rows_read, booked FROM deb_file WHERE deb_file_id = $1"


def run(place: Place, *, rows: int | None = None) -> list[Result]:
    """Book a file of so many rows, and one of few rows to see whether a row costs the same.

    Args:
        rows: a million if neither this nor the environment says otherwise.
    """
    rows = rows or int(os.environ.get(ROWS_VARIABLE, ROWS))
    few, _, _ = _booked(place, _FEW_ROWS)
    seconds, peak, urls = _booked(place, rows)
    floor = in_child(_copy, urls)
    per_row, per_row_of_few = seconds / rows, few / _FEW_ROWS
    beside = {
        f"µs per row of {_FEW_ROWS:,}": round(per_row_of_few * 1e6),
        f"µs per row of {rows:,}": round(per_row * 1e6),
    }
    return [
        result(
            "book",
            f"booking a DEB file of {rows:,} rows, from its content in the object store to"
            " deb-file-booked in the outbox: read, verified, staged, booked in batches; a quarter"
            " each are charges to the debtor, payments, charges to the practice and payouts, so"
            " that half of the rows make a journal entry; floor: the same events are written as"
            " JSON, and asyncpg copies entries, postings, facts and events into tables with the"
            " same indexes, without foreign keys and triggers",
            machine=place.machine(),
            seconds=[seconds],
            floor_seconds=[floor],
            rss_mib=peak,
            ratio_min=0.4,
            rss_mib_max=300,
            aims=[
                Aim(
                    f"a row within {_DEARER_MAX:.0%} of one of {_FEW_ROWS:,}",
                    per_row <= per_row_of_few * (1 + _DEARER_MAX),
                )
            ],
            beside=beside | loading.timed(urls, place.folder),
        )
    ]


def _booked(place: Place, rows: int) -> tuple[float, int, ServiceUrls]:
    urls = place.database("reconciliation", MIGRATIONS)
    in_child(_prepare, place, urls, rows)
    seconds, peak = in_child(_book, place, urls, rows)
    return seconds, peak, urls


def _prepare(place: Place, urls: ServiceUrls, rows: int) -> None:
    asyncio.run(booked_file.prepare(place, urls, rows))


def _book(place: Place, urls: ServiceUrls, rows: int) -> tuple[float, int]:
    return asyncio.run(_timed_booking(place, urls, rows))


async def _timed_booking(place: Place, urls: ServiceUrls, rows: int) -> tuple[float, int]:
    database, stop = Database(urls.url), Event()
    owner = await as_owner(urls)
    try:
        definition = booked_file.assemble(place, urls, database)
        (worker,) = (part for part in definition.timers if part.name == "deb-booking")
        await owner.execute("CREATE TABLE before_the_file AS SELECT max(position) FROM outbox")
        calm_collector()  # as a service's process does
        started = perf_counter()
        working = asyncio.create_task(worker.run(stop))
        await _until_closed(owner)
        seconds = perf_counter() - started
        stop.set()
        await working
        state = tuple(await owner.fetchrow(_STATE, FILE_ID))
    finally:
        await owner.close()
        await database.close()
    expected = rows // ROWS_PER_INVOICE * ROWS_PER_INVOICE
    if state != ("booked", expected, expected):
        raise RuntimeError(f"the file came to {state}")
    return seconds, peak_rss_mib()


async def _until_closed(owner: asyncpg.Connection) -> None:
    while await owner.fetchval(_STATE, FILE_ID) in _OPEN:  # noqa: ASYNC110 - another's doing
        await asyncio.sleep(_POLL_SECONDS)


def _copy(urls: ServiceUrls) -> float:
    return asyncio.run(_timed_copy(urls))


async def _timed_copy(urls: ServiceUrls) -> float:
    """Copy what the file left behind; only encoding, copying and the commit are timed."""
    reader, writer, seconds = await as_owner(urls), await as_owner(urls), 0.0
    try:
        before = await reader.fetchval("TABLE before_the_file")
        for table in _OF_THE_FILE:
            await writer.execute(f"CREATE TABLE {table}_copy (LIKE {table} INCLUDING ALL)")
        transaction = writer.transaction()
        await transaction.start()
        for table, query in _OF_THE_FILE.items():
            given = [FILE_ID, before] if table == "outbox" else [FILE_ID]
            async with reader.transaction():
                cursor = await reader.cursor(query, *given)
                while chunk := await cursor.fetch(_CHUNK):
                    rows = [dict(row) for row in chunk]
                    payloads = [_payload(row) for row in rows] if table == "outbox" else []
                    started = perf_counter()
                    for row, payload in zip(rows, payloads, strict=False):
                        row["body"] = payload.model_dump_json().encode()
                    await writer.copy_records_to_table(
                        f"{table}_copy", records=[tuple(row.values()) for row in rows]
                    )
                    seconds += perf_counter() - started
        started = perf_counter()
        await transaction.commit()
        return seconds + perf_counter() - started
    finally:
        await reader.close()
        await writer.close()


def _payload(row: dict[str, object]) -> EventPayload:
    contract = EVENTS_BY_NAME[str(row["type"]), int(str(row["version"]))]
    return contract.model_validate_json(bytes(row["body"]))  # type: ignore[call-overload]
