"""The twelfth migration on a database with invoices: each gets the stage that its history tells."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

from alembic import command
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.invoicing.bootstrap import MIGRATIONS
from shared.db.engine import Database
from shared.db.migrations import alembic_config, migrate
from shared.db.scope import Scope
from tests.support.servers import ServiceDatabaseFactory

PRACTICE, PATIENT, ORDER = uuid4(), uuid4(), uuid4()
_GROUND = (
    """INSERT INTO practice (practice_id, name, street, zip, city, gln, canton, language, iban)
    VALUES (:practice, 'P', 'S', '1200', 'G', '7601001000018', 'GE', 'fr',
      'CH9300762011623852957')""",
    """INSERT INTO patient (practice_id, patient_id, patient_number, family_name, given_name,
      birth_date, sex, gender)
    VALUES (:practice, :patient, '1', 'A', 'B', '1980-01-01', 'female', 'female')""",
    """INSERT INTO known_order (order_id, practice_id, contract_id, order_number, prepared_at)
    VALUES (:order, :practice, :order, 'CMD-2026-0001', now())""",
)
_INVOICE = text(
    """
    INSERT INTO invoice (practice_id, invoice_id, year, serial, invoice_number, patient_id,
      patient_number, debtor_number, issued_at, issued_on, due_on, language, total_rappen,
      deposit_rappen, debtor_paid_rappen, document_key, document_sha256, document_size_bytes,
      document_media_type, unfit_codes, state, order_id, principal_rappen, with_factor)
    VALUES (:practice, :invoice, 2026, :serial, :number, :patient, '1', 'D', now(), '2026-03-02',
      '2026-04-02', 'fr', 100, 0, 0, 'k', repeat('a', 64), 1, 'm', '{}', :state, :order, 100,
      :with_factor)
    """
)
_LINE = text(
    """
    INSERT INTO invoice_history (practice_id, invoice_id, kind, occurred_on, cause_id, place,
      order_id)
    VALUES (:practice, :invoice, :kind, :day, gen_random_uuid(), 0, :order)
    """
)
ACQUITTED = (("ordered", date(2026, 3, 3)), ("acquitted", date(2026, 3, 4)))
LIVES = {
    "issued": (),
    "ordered": ACQUITTED[:1],
    "acquitted": ACQUITTED,
    "reminded": (
        *ACQUITTED,
        ("instalment_plan", date(2026, 4, 1)),
        ("reminder", date(2026, 5, 1)),
        ("reminder", date(2026, 6, 1)),
    ),
    "learnt late": (*ACQUITTED, ("dispute", date(2026, 6, 1)), ("reminder", date(2026, 5, 1))),
    "with the factor again": (*ACQUITTED, ("recourse", date(2026, 5, 1))),
    "given back": (*ACQUITTED, ("recourse", date(2026, 5, 1)), ("closed", date(2026, 5, 2))),
}


def _to_the_eleventh(connection: Connection) -> None:
    command.upgrade(alembic_config(MIGRATIONS, connection=connection), "0011")


async def _lived(connection: AsyncConnection, number: str, serial: int) -> None:
    state = number if number in ("issued", "ordered") else "acquitted"
    ids = {"practice": PRACTICE, "invoice": uuid4(), "order": ORDER if LIVES[number] else None}
    with_factor = state == "acquitted" and number != "given back"
    facts = {"number": number, "serial": serial, "state": state, "with_factor": with_factor}
    await connection.execute(_INVOICE, {**ids, **facts, "patient": PATIENT})
    for kind, day in LIVES[number]:
        await connection.execute(_LINE, {**ids, "kind": kind, "day": day})


async def test_invoices_from_before_get_the_stage_of_their_history(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls = service_database("invoicing")
    engine = create_async_engine(urls.owner_url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_to_the_eleventh)
    await engine.dispose()
    database = Database(urls.url)
    names = {"practice": PRACTICE, "patient": PATIENT, "order": ORDER}
    async with database.transaction(Scope.of(PRACTICE)) as connection:
        for statement in _GROUND:
            await connection.execute(text(statement), names)
        for serial, number in enumerate(LIVES, start=1):
            await _lived(connection, number, serial)
    await migrate(urls.owner_url, MIGRATIONS)
    async with database.transaction(Scope.of(PRACTICE)) as connection:
        rows = await connection.execute(
            text(
                "SELECT invoice_number, collection_stage, collection_since, reminder_level"
                " FROM invoice"
            )
        )
        found = {number: tuple(rest) for number, *rest in rows}
        back = await connection.execute(
            text(
                "SELECT invoice_number, given_back_by FROM invoice WHERE given_back_by IS NOT NULL"
            )
        )
        assert [tuple(row) for row in back] == [("given back", ORDER)]
    await database.close()
    assert found == {
        "issued": ("not-ordered", None, 0),
        "ordered": ("in-order", date(2026, 3, 3), 0),
        "acquitted": ("with-factor", date(2026, 3, 4), 0),
        "reminded": ("reminded", date(2026, 6, 1), 2),
        "learnt late": ("disputed", date(2026, 6, 1), 1),
        "with the factor again": ("with-factor", date(2026, 3, 4), 0),
        "given back": ("given-back", date(2026, 5, 1), 0),
    }
