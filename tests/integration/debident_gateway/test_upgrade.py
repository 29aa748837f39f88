"""Migrations on a database in use: old doubts still count, and open outages still have an end."""

from __future__ import annotations

from uuid import uuid4

from alembic import command
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.debident_gateway.bootstrap import MIGRATIONS
from shared.db.engine import Database
from shared.db.migrations import alembic_config, migrate
from shared.db.scope import Scope
from tests.support.servers import ServiceDatabaseFactory

_TERMS = text(
    """
    INSERT INTO contract_terms VALUES (:contract, :practice, 1, 'CMD-1', 'http', '4 hours',
      '15 minutes', '1 hour', 'quittance-v1')
    """
)
_TRANSMISSION = text(
    """
    INSERT INTO transmission (order_id, practice_id, contract_id, order_number, invoice_count,
      package_key, package_sha256, package_size_bytes, package_media_type, lines_key, lines_sha256,
      lines_size_bytes, lines_media_type, prepared_at, state, attempts, failures, polls, held,
      already_had_it, next_action_at)
    VALUES (:order, :practice, :contract, :number, 1, 'k', 's', 1, 'm', 'k', 's', 1, 'm', now(),
      'intended', 1, 0, 0, false, false, now())
    """
)
_ATTEMPT = text(
    """
    INSERT INTO send_attempt (order_id, number, practice_id, began_at, ended_at, outcome)
    VALUES (:order, 1, :practice, now(), now(), :outcome)
    """
)


_ACCESS = text(
    """
    INSERT INTO portal_sftp_credentials
    VALUES (:practice, :host, 22, 'user', 'key', 'password', 'sealed', now())
    """
)
_OUTAGE = text(
    """
    INSERT INTO portal_circuit (adapter, failures, outage_id, pauses, next_probe_at)
    VALUES ('sftp', 5, gen_random_uuid(), 1, now()), ('http', 0, NULL, 0, NULL)
    """
)
_ACCOUNT = text(
    """
    INSERT INTO account_circuit (practice_id, adapter, failures, pauses)
    VALUES (:practice, 'sftp', 1, 0)
    """
)


async def _upgrade_to(revision: str, owner_url: str) -> None:
    def upgrade(connection: Connection) -> None:
        command.upgrade(alembic_config(MIGRATIONS, connection=connection), revision)

    engine = create_async_engine(owner_url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


async def test_an_old_doubt_is_remembered_and_an_old_failure_is_none(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls = service_database("debident_gateway")
    await _upgrade_to("0001", urls.owner_url)
    practice, contract = uuid4(), uuid4()
    database = Database(urls.url)
    names = {"practice": practice, "contract": contract}
    async with database.transaction(Scope.of(practice)) as connection:
        await connection.execute(_TERMS, names)
        for outcome in ("not-sent", "unknown"):
            order = {"order": uuid4(), "practice": practice}
            values = {**order, "contract": contract, "number": outcome}
            await connection.execute(_TRANSMISSION, values)
            await connection.execute(_ATTEMPT, {**order, "outcome": outcome})
    await migrate(urls.owner_url, MIGRATIONS)
    async with database.transaction(Scope.of(practice)) as connection:
        rows = await connection.execute(
            text("SELECT order_number, may_have_left FROM transmission ORDER BY order_number")
        )
        found = [tuple(row) for row in rows]
    await database.close()
    assert found == [("not-sent", False), ("unknown", True)]


async def test_an_open_outage_of_sftp_goes_on_for_each_server_and_can_end_there(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls = service_database("debident_gateway")
    await _upgrade_to("0007", urls.owner_url)
    database = Database(urls.url)
    async with database.transaction(Scope.everything()) as connection:
        for host in ("One.example", "one.example", "two.example"):
            practice = uuid4()
            await connection.execute(_ACCESS, {"practice": practice, "host": host})
            await connection.execute(_ACCOUNT, {"practice": practice})
        await connection.execute(_OUTAGE)
    await migrate(urls.owner_url, MIGRATIONS)
    async with database.transaction(Scope.everything()) as connection:
        rows = await connection.execute(
            text("SELECT adapter, address, outage_id FROM portal_circuit ORDER BY 1, 2")
        )
        portals = [tuple(row) for row in rows]
        rows = await connection.execute(text("SELECT address FROM account_circuit ORDER BY 1"))
        accounts = [row.address for row in rows]
    await database.close()
    assert [(adapter, address) for adapter, address, _ in portals] == [
        ("http", ""),
        ("sftp", "one.example:22"),
        ("sftp", "two.example:22"),
    ]
    assert len({outage for adapter, _, outage in portals if adapter == "sftp"}) == 1
    assert accounts == ["one.example:22", "one.example:22", "two.example:22"]


_SFTP_TERMS = text(
    """
    INSERT INTO contract_terms (contract_id, practice_id, version, account_number, adapter,
      arrival_check_after, arrival_poll_interval, deb_poll_interval, deb_layout)
    VALUES (gen_random_uuid(), :practice, 1, 'CMD-1', 'sftp', '4h', '1h', '1h', 'quittance-v1')
    """
)


async def test_who_uses_a_portal_that_is_out_of_reach_is_taken_to_have_been_told(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls = service_database("debident_gateway")
    await _upgrade_to("0007", urls.owner_url)
    database = Database(urls.url)
    practices = {host: uuid4() for host in ("one.example", "two.example")}
    async with database.transaction(Scope.everything()) as connection:
        for host, practice in practices.items():
            await connection.execute(_ACCESS, {"practice": practice, "host": host})
            await connection.execute(_SFTP_TERMS, {"practice": practice})
        await connection.execute(_OUTAGE)
    await migrate(urls.owner_url, MIGRATIONS)
    async with database.transaction(Scope.everything()) as connection:
        rows = await connection.execute(
            text("SELECT practice_id, address, scope FROM outage_told WHERE ended_at IS NULL")
        )
        told = {tuple(row) for row in rows}
    await database.close()
    assert told == {(practice, f"{host}:22", "portal") for host, practice in practices.items()}
