"""The constraints that carry the promises are in force, and docs/architecture.md names them."""

from __future__ import annotations

import asyncpg
import pytest

from shared.db.migrations import migrate
from tests.architecture.sources import REPOSITORY
from tests.integration.architecture.catalogue import plain
from tests.support.servers import ServiceDatabaseFactory

PROMISES: dict[str, dict[str, tuple[str, ...]]] = {
    "orders": {
        "P2": ("one_order_in_flight",),
        "P3": ("one_live_order_per_invoice", "order_line_invoice_once_per_order"),
    },
    "debident_gateway": {"P2": ("one_in_flight_per_contract",)},
    "reconciliation": {
        "P1": (
            "posting_to_factor_needs_confirmation",
            "posting_rests_on_an_accepted_line",
            "posting_confirmation_fk",
            "posting_account_fk",
            "acquittal_confirmation_fk",
        ),
        "P4": (
            "acquittal_one_live_per_invoice",
            "acquittal_once_per_order",
            "deb_file_bytes_once",
            "deb_file_id_booked_once",
            "deb_row_fact_once",
            "position_fact_row_once",
        ),
        "P5": ("deb_file_rows_add_up", "deb_row_parked_for_a_reason", "deb_file_held_for_a_reason"),
        "P6": (
            "journal_entry_balances",
            "posting_balances",
            "journal_entry_in_an_open_period",
            "period_closing_follows_the_last",
        ),
        "P7": ("position_fact_entry_fk", "position_fact_row_fk", "journal_chain_does_not_fork"),
    },
}
IN_FORCE = """
SELECT conname FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND convalidated AND contype <> 't'
UNION
SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indisunique AND indisvalid
UNION
SELECT tgname FROM pg_trigger WHERE tgenabled = 'O' AND NOT tgisinternal
"""


@pytest.mark.parametrize("service", sorted(PROMISES))
async def test_every_constraint_behind_a_promise_is_in_force(
    service: str, service_database: ServiceDatabaseFactory
) -> None:
    urls = service_database(service)
    await migrate(urls.owner_url, REPOSITORY / "services" / service / "migrations")
    connection = await asyncpg.connect(plain(urls.owner_url))
    try:
        found = {row[0] for row in await connection.fetch(IN_FORCE)}
    finally:
        await connection.close()
    for promise, names in PROMISES[service].items():
        assert set(names) <= found, promise


def test_the_architecture_page_names_each_of_them_under_its_promise() -> None:
    page = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    rows = {line[4:6]: line for line in page.splitlines() if line.startswith("| **P")}
    assert sorted(rows) == [f"P{number}" for number in range(1, 9)]
    for promises in PROMISES.values():
        for promise, names in promises.items():
            assert [name for name in names if f"`{name}`" not in rows[promise]] == []
