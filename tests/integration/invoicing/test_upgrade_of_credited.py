"""The eighteenth migration where there are credit notes: what was credited whole is free again."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
from alembic import command
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from services.invoicing.bootstrap import MIGRATIONS
from shared.db.migrations import alembic_config, migrate
from tests.support.servers import ServiceDatabaseFactory

_KEYS = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
    FROM pg_constraint WHERE contype = 'f'
      AND conrelid IN ('invoice'::regclass, 'credit_note'::regclass, 'invoice_treatment'::regclass)
"""
_INVOICE = """
    INSERT INTO invoice (practice_id, invoice_id, year, serial, invoice_number, patient_id,
      patient_number, debtor_number, issued_at, issued_on, due_on, language, total_rappen,
      deposit_rappen, debtor_paid_rappen, document_key, document_sha256, document_size_bytes,
      document_media_type, unfit_codes, state, principal_rappen, with_factor,
      order_id)
    VALUES ($1, $2, 2026, $3::integer, $3::integer::text, $2, '1', 'D', now(),
      '2026-03-02', '2026-04-02', 'fr',
      12000, 2000, 0, 'k', repeat('a', 64), 1, 'm', '{}', 'acquitted', 10000, true, $2)
"""
_NOTE = """
    INSERT INTO credit_note (practice_id, credit_note_id, year, serial, credit_note_number,
      invoice_id, amount_rappen, reason_code, document_key, document_sha256, document_size_bytes,
      document_media_type, issued_at, issued_on, issued_by)
    VALUES ($1, gen_random_uuid(), 2026, $3::integer, $3::integer::text, $2, $4, 'r', 'k',
      repeat('a', 64), 1, 'm',
      now(), '2026-03-09', 'lea')
"""
NOTES = {1: (6_000, 4_000), 2: (9_999,), 3: ()}
"""Rappen of credit notes on invoices of 100.00 each, the deposit deducted."""


def _to_the_seventeenth(connection: Connection) -> None:
    command.upgrade(alembic_config(MIGRATIONS, connection=connection), "0017")


async def test_treatments_of_invoices_that_were_credited_whole_are_free(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls, practice = service_database("invoicing"), uuid4()
    engine = create_async_engine(urls.owner_url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_to_the_seventeenth)
    await engine.dispose()
    owner = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
    try:
        await owner.execute("SET quittance.system = 'on'")
        for (statement,) in await owner.fetch(_KEYS):
            await owner.execute(statement)
        for serial, amounts in NOTES.items():
            invoice = uuid4()
            await owner.execute(_INVOICE, practice, invoice, serial)
            await owner.execute(
                "INSERT INTO invoice_treatment VALUES ($1, gen_random_uuid(), $2)",
                practice,
                invoice,
            )
            for place, rappen in enumerate(amounts):
                await owner.execute(_NOTE, practice, invoice, 10 * serial + place, rappen)
        await migrate(urls.owner_url, MIGRATIONS)
        found = await owner.fetch(
            """SELECT i.serial, i.credited_whole, t.released FROM invoice i
               JOIN invoice_treatment t USING (practice_id, invoice_id) ORDER BY 1"""
        )
    finally:
        await owner.close()
    assert [tuple(row) for row in found] == [(1, True, True), (2, False, False), (3, False, False)]
