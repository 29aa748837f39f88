"""The forms in which a journal leaves the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from services.reconciliation.domain.exports.beancount import BeancountLedger
from services.reconciliation.domain.exports.entries import Journal, Ledger
from services.reconciliation.domain.exports.hledger import HledgerLedger
from services.reconciliation.domain.exports.table import CsvLedger


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One form; `file_name` is what a download is called."""

    file_name: str
    ledger: Callable[[Journal], Ledger]


ENTRIES_MAX: Final = 50_000
"""The largest export; it is made in memory, so a larger one is refused."""

FORMATS: Final[Mapping[str, ExportFormat]] = {
    "csv": ExportFormat("journal.csv", CsvLedger),
    "beancount": ExportFormat("journal.beancount", BeancountLedger),
    "hledger": ExportFormat("journal.journal", HledgerLedger),
}
