"""Keeps what other services report for the queue, and what ends it; in any order, once each."""

from __future__ import annotations

from services.reconciliation.domain.exceptions import Ending, Report
from services.reconciliation.ports.exceptions import ReportRepository


async def report_exception(report: Report, reports: ReportRepository) -> bool:
    """Keep a report; return False, and change nothing, if it or a later one is known.

    An item that was ended for good, or in this round, before its report came never opens.
    """
    return await reports.report(report)


async def end_exception(ending: Ending, reports: ReportRepository) -> bool:
    """Keep that an item has ended, reported or not; return False if that is known."""
    return await reports.end(ending)
