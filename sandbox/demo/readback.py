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
        orders_once_overdue: orders of which it became known that they were overdue.
        invoices_given_back: acquittals that live no longer, by recourse or cancellation.
        files_offered_again: DEB files that the portal offered under a further name.
        rows_decided: parked rows about which a person decided.
        deb_rows: rows read = deb_booked + deb_repeats + deb_parked.
        journal_balanced: every check of every practice's books holds: sums, hash chain, factor
            account against positions, positions against facts, rows read against rows booked.
    """

    orders_confirmed: int
    orders_once_overdue: int
    lines_refused: int
    invoices_acquitted: int
    invoices_given_back: int
    files_offered_again: int
    deb_rows: int
    deb_booked: int
    deb_repeats: int
    deb_parked: int
    rows_decided: int
    payouts_agreed: int
    journal_balanced: bool


def read_figures(api: Api) -> Figures:
    """Ask the services for the figures of all practices that they know."""
    practices = [row["practice_id"] for row in api.items("invoicing", "/v1/practices")]
    orders = _of_all(api, practices, "orders", "orders")
    acquittals = _of_all(api, practices, "reconciliation", "acquittals")
    files = _of_all(api, practices, "reconciliation", "deb-files")
    fetched = _of_all(api, practices, "debident_gateway", "deb-files")
    checks = [
        api.get("reconciliation", f"/v1/practices/{practice}/books-check") for practice in practices
    ]
    return Figures(
        orders_confirmed=sum(order["accepted_count"] is not None for order in orders),
        orders_once_overdue=sum(_was_overdue(api, practice) for practice in practices),
        lines_refused=sum(order["refused_count"] or 0 for order in orders),
        invoices_acquitted=sum(bool(acquittal["live"]) for acquittal in acquittals),
        invoices_given_back=sum(not acquittal["live"] for acquittal in acquittals),
        files_offered_again=sum(len(file["portal_file_ids"]) > 1 for file in fetched),
        deb_rows=sum(file["rows_read"] or 0 for file in files),
        deb_booked=sum(file["booked"] or 0 for file in files),
        deb_repeats=sum(file["repeats"] or 0 for file in files),
        deb_parked=sum(file["parked"] or 0 for file in files),
        rows_decided=sum(_decided(api, practice) for practice in practices),
        payouts_agreed=_payouts_agreed(api),
        journal_balanced=bool(checks) and all(_holds(check) for check in checks),
    )


def _was_overdue(api: Api, practice: str) -> int:
    orders = f"/v1/practices/{practice}/orders"
    stories = [
        api.get("orders", f"{orders}/{order['order_id']}")["timeline"]
        for order in api.items("orders", orders)
    ]
    return sum(any(fact["kind"] == "overdue" for fact in story) for story in stories)


def _decided(api: Api, practice: str) -> int:
    files = f"/v1/practices/{practice}/deb-files"
    return sum(
        row["decision"] is not None
        for file in api.items("reconciliation", files)
        for row in api.items("reconciliation", f"{files}/{file['deb_file_id']}/rows")
    )


def _payouts_agreed(api: Api) -> int:
    accounts = api.items("reconciliation", "/v1/bank-accounts")
    return sum(
        len(
            api.items(
                "reconciliation",
                f"/v1/bank-accounts/{account['account_id']}/payouts",
                state="agreed",
            )
        )
        for account in accounts
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
