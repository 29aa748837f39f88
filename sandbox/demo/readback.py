"""Reads the figures of a run back from the services; the demo itself counts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.demo.api import Api


@dataclass(frozen=True, slots=True)
class Figures:
    """What the services say at the end, over all practices.

    Attributes:
        deb_rows: rows read = deb_booked + deb_repeats + deb_parked.
        journal_balanced: every check of every practice's books holds: sums, hash chain, factor
            account against positions, positions against facts, rows read against rows booked.
    """

    orders_confirmed: int
    invoices_acquitted: int
    deb_rows: int
    deb_booked: int
    deb_repeats: int
    deb_parked: int
    journal_balanced: bool


def read_figures(api: Api) -> Figures:
    """Ask the services for the figures of all practices that they know."""
    practices = [row["practice_id"] for row in api.items("invoicing", "/v1/practices")]
    orders = _of_all(api, practices, "orders", "orders")
    acquittals = _of_all(api, practices, "reconciliation", "acquittals")
    files = _of_all(api, practices, "reconciliation", "deb-files")
    checks = [
        api.get("reconciliation", f"/v1/practices/{practice}/books-check") for practice in practices
    ]
    return Figures(
        orders_confirmed=sum(order["accepted_count"] is not None for order in orders),
        invoices_acquitted=sum(bool(acquittal["live"]) for acquittal in acquittals),
        deb_rows=sum(file["rows_read"] or 0 for file in files),
        deb_booked=sum(file["booked"] or 0 for file in files),
        deb_repeats=sum(file["repeats"] or 0 for file in files),
        deb_parked=sum(file["parked"] or 0 for file in files),
        journal_balanced=bool(checks) and all(_holds(check) for check in checks),
    )


def _holds(check: Mapping[str, Any]) -> bool:
    verdicts = [value for value in check.values() if isinstance(value, bool)]
    return all(verdicts) and not check["detail"]


def _of_all(api: Api, practices: Sequence[str], service: str, what: str) -> list[dict[str, Any]]:
    return [
        row
        for practice in practices
        for row in api.items(service, f"/v1/practices/{practice}/{what}")
    ]
