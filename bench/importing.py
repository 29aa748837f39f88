"""Importing invoices of other practice software, against parsing and validating them alone."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from lxml import etree
from stdnum.ch import esr

from bench.furnishing import furnish
from bench.people import CONTRACT_ID, NOW, PRACTICE_ID, batches, contract
from bench.place import Place, in_child, peak_rss_mib
from bench.results import Result, result
from sandbox.postgres import ServiceUrls
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.bootstrap import MIGRATIONS, build_desk
from services.invoicing.domain.incoming import GivenFile
from services.invoicing.entrypoints.desk import Desk
from services.invoicing.handlers.import_invoices import ImportInvoices, import_invoices
from shared.db.engine import Database
from shared.forum.schema import invoice_schema
from shared.kernel.ids import new_id
from shared.testing import FrozenClock

_FILES_PER_ARCHIVE = 1000
_REPEATS = 3
_REFERENCE = re.compile(rb'reference_number="([0-9]{27})"')


def run(place: Place, *, count: int = 10_000, repeats: int = _REPEATS) -> list[Result]:
    """Import so many files, in archives as large as the import takes them."""
    archives = _write_archives(place.folder, count)
    ours, floor, peaks = [], [], []
    for _ in range(repeats):
        floor.append(in_child(_floor, archives))
        urls = place.database("invoicing", MIGRATIONS)
        seconds, peak = in_child(_import_all, place, urls, archives, count)
        ours.append(seconds)
        peaks.append(peak)
    return [
        result(
            "import",
            f"import of {count:,} invoice files (generalInvoiceRequest 5.0) in archives of"
            f" {_FILES_PER_ARCHIVE:,}, into PostgreSQL and the object store; floor: lxml parses the"
            " same files and validates them against the same schema",
            machine=place.machine(),
            seconds=ours,
            floor_seconds=floor,
            rss_mib=max(peaks),
        )
    ]


def _write_archives(folder: Path, count: int) -> list[Path]:
    archives = []
    for place, some in enumerate(batches(count, _FILES_PER_ARCHIVE)):
        path = folder / f"{place}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for content, data in some:
                # Other software numbers in its own way; the house's own numbers would be its own.
                foreign = data.replace(b'request_id="2026-', b'request_id="RE-2026-')
                archive.writestr(f"{content.number}.xml", _REFERENCE.sub(_foreign, foreign))
        archives.append(path)
    return archives


def _foreign(found: re.Match[bytes]) -> bytes:
    """Return a reference that the house does not give: another account's, with its check digit."""
    body = "77" + found[1].decode()[2:26]
    return f'reference_number="{body}{esr.calc_check_digit(body)}"'.encode()


def _floor(archives: list[Path]) -> float:
    schema, seconds = invoice_schema("5.0"), 0.0
    for files in _unpacked(archives):
        started = perf_counter()
        for data in files:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            schema.assertValid(etree.fromstring(data, parser))
        seconds += perf_counter() - started
    return seconds


def _unpacked(archives: list[Path]) -> Iterator[list[bytes]]:
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            yield [archive.read(name) for name in archive.namelist()]


def _import_all(
    place: Place, urls: ServiceUrls, archives: list[Path], count: int
) -> tuple[float, int]:
    return asyncio.run(_timed_import(place, urls, archives, count))


async def _timed_import(
    place: Place, urls: ServiceUrls, archives: list[Path], count: int
) -> tuple[float, int]:
    database = Database(urls.url)
    desk = build_desk(
        database=database,
        clock=FrozenClock(NOW),
        object_store=place.store(),
        renderer=ForumInvoiceRenderer(),
    )
    try:
        await furnish(database, contract())
        outcomes: Counter[str] = Counter()
        started = perf_counter()
        for path in archives:
            outcomes += await _upload(desk, path)
        seconds = perf_counter() - started
    finally:
        await database.close()
    if outcomes != Counter({"imported": count}):
        raise RuntimeError(f"not everything was imported: {dict(outcomes)}")
    return seconds, peak_rss_mib()


async def _upload(desk: Desk, path: Path) -> Counter[str]:
    command = ImportInvoices(
        practice_id=PRACTICE_ID,
        import_id=new_id(),
        contract_id=CONTRACT_ID,
        given=[GivenFile(path.name, await asyncio.to_thread(path.read_bytes))],
    )
    reports = await import_invoices(
        command,
        lambda: desk.own_transaction(PRACTICE_ID),
        files=desk.invoice_files,
        documents=desk.documents,
        clock=desk.clock,
    )
    return Counter(report.outcome.value for report in reports)
