"""How long other programmes need only to load what a file left in the journal."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from bench.people import NOW, PRACTICE_ID
from bench.place import in_child
from sandbox.postgres import ServiceUrls
from services.reconciliation.domain.exports.entries import Journal
from services.reconciliation.domain.exports.formats import FORMATS
from services.reconciliation.views import exports
from services.reconciliation.views.exports import Span
from shared.db.engine import Database
from shared.db.scope import Scope

_LOADS: Mapping[str, tuple[str, ...]] = {
    "hledger": ("hledger", "--file", "{}", "check"),
    "beancount": ("bean-check", "--no-cache", "{}"),
}


def timed(urls: ServiceUrls, folder: Path) -> dict[str, float]:
    """Return seconds by programme, of those that are here; both refuse entries out of balance."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    seconds = {}
    for form, (programme, *arguments) in _LOADS.items():
        found, path = shutil.which(programme, path=search), folder / f"journal.{form}"
        if found is None:
            continue
        entries = in_child(_export, urls, form, path)
        command = [found, *(each.format(path) for each in arguments)]
        started = perf_counter()
        subprocess.run(command, check=True, env=os.environ | {"LC_ALL": "C.UTF-8"})  # noqa: S603 - ours
        took = perf_counter() - started
        seconds[f"s in which {programme} loads the {entries:,} entries"] = round(took, 1)
    return seconds


def _export(urls: ServiceUrls, form: str, path: Path) -> int:
    return asyncio.run(_written(urls, form, path))


async def _written(urls: ServiceUrls, form: str, path: Path) -> int:
    """Write the entries that come from a DEB file, by the service's own exporter."""
    database, span, count = Database(urls.url), Span(PRACTICE_ID), 0
    try:
        async with database.transaction(Scope.of(PRACTICE_ID)) as connection:
            found = await exports.extent(connection, span)
            if found is None:
                raise RuntimeError("there are no books")
            journal = Journal(PRACTICE_ID, None, None, NOW.date(), found.head, found.accounts)
            ledger = FORMATS[form].ledger(journal)
            with path.open("w", encoding="utf-8") as file:
                file.write(ledger.opening())
                async for batch in exports.batches(connection, span, found.head, limit=5000):
                    ours = [entry for entry in batch if entry.source is not None]
                    file.writelines(ledger.entry(entry) for entry in ours)
                    count += len(ours)
    finally:
        await database.close()
    return count
