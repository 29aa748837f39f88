"""The history of the queue on a database in use: what is held keeps its reason and its sum."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from services.reconciliation.bootstrap import MIGRATIONS
from shared.db.migrations import migrate
from tests.support.servers import ServiceDatabaseFactory

_FILE = """
    INSERT INTO deb_file (deb_file_id, practice_id, contract_id, portal_file_id, layout,
      content_key, content_sha256, content_size_bytes, content_media_type, fetched_at, received_at,
      next_attempt_at, correlation_id, status, reason_code, reason_detail, finished_at)
    VALUES ($1, $2, $3, 'f', 'quittance-v1', 'k', $4, 1, 'm', '2026-04-01 08:00+00',
      '2026-04-01 08:00+00', now(), 'c', $5, $6, $7, $8::text::timestamptz)
"""


async def test_what_is_held_and_what_was_released_is_taken_over(
    service_database: ServiceDatabaseFactory, tmp_path: Path
) -> None:
    urls = service_database("reconciliation")
    before = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, before)
    for later in (before / "versions").glob("*.py"):
        if later.name >= "0024":
            later.unlink()
    await migrate(urls.owner_url, before)
    practice, contract, held, released, quiet = (uuid4() for _ in range(5))
    connection = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
    try:
        await connection.execute("SET quittance.system = 'on'")
        # Practice and contract do not matter here.
        await connection.execute("ALTER TABLE deb_file DROP CONSTRAINT deb_file_contract_fk")
        for file, state in (
            (held, ("held", "truncated", "it ends", "2026-04-02 09:00+00")),
            (released, ("fetched", None, None, None)),
            (quiet, ("fetched", None, None, None)),
        ):
            await connection.execute(_FILE, file, practice, contract, str(file), *state)
        await connection.execute(
            """INSERT INTO deb_file_decision (decision_id, practice_id, deb_file_id, decision,
              reason, decided_by, decided_at)
            VALUES (gen_random_uuid(), $1, $2, 'release', 'all is well', 'anna',
              '2026-04-03 10:00+00')""",
            practice,
            released,
        )
        await connection.execute(
            """INSERT INTO deb_row (deb_file_id, line, practice_id, contract_id, content_sha256,
              raw, record_id, status, amount_rappen, booking_rank)
            VALUES ($1, 2, $2, $3, 's', '', 'R-1', 'staged', -700, 1)""",
            held,
            practice,
            contract,
        )
        await migrate(urls.owner_url, MIGRATIONS)
        holds = await connection.fetch(
            "SELECT deb_file_id, event, reason_code, by_person, why FROM deb_file_hold"
            " ORDER BY place"
        )
        stake = await connection.fetchval(
            "SELECT at_stake_rappen FROM deb_file WHERE deb_file_id = $1", held
        )
    finally:
        await connection.close()
    found: list[tuple[UUID, str, str, str | None, str | None]] = [tuple(row) for row in holds]
    assert found == [
        (released, "held", "not-kept", None, None),
        (released, "ended", "not-kept", "anna", "all is well"),
        (held, "held", "truncated", None, None),
    ]
    assert stake == 700
