"""The database itself keeps what must hold, whatever the code does."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db import Database, Scope
from shared.runtime.definition import ServiceDefinition
from tests.integration.invoicing.office import Office, open_office
from tests.support.web import ApiClient

TABLES = (
    *("practice", "contract", "provider", "patient", "treatment", "treatment_position"),
    *("invoice", "invoice_treatment", "invoice_history", "invoice_counter"),
)


async def count(database: Database, scope: Scope, table: str) -> int:
    async with database.transaction(scope) as connection:
        statement = text(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name from this file
        return int((await connection.execute(statement)).scalar_one())


async def test_another_practice_and_no_scope_see_nothing(
    office: Office, api: ApiClient, database: Database
) -> None:
    await office.invoice()
    stranger = await open_office(api, database)
    for table in TABLES:
        assert await count(database, Scope.of(office.practice_id), table) >= 1, table
        assert await count(database, Scope(), table) == 0, table
    for table in ("treatment", "invoice", "invoice_history", "invoice_treatment"):
        assert await count(database, Scope.of(stranger.practice_id), table) == 0, table
    async with database.transaction(Scope.of(stranger.practice_id)) as connection:
        moved = await connection.execute(
            text("UPDATE patient SET family_name = 'x' WHERE practice_id = :other"),
            {"other": office.practice_id},
        )
        assert moved.rowcount == 0


async def test_a_row_cannot_be_written_for_a_practice_out_of_scope(
    office: Office, api: ApiClient, database: Database
) -> None:
    stranger = await open_office(api, database)
    with pytest.raises(DBAPIError, match="row-level security"):
        await stranger.rows(
            "INSERT INTO invoice_counter VALUES (:other, 2026, 1) RETURNING 1 AS one",
            other=office.practice_id,
        )


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE invoice SET total_rappen = 1", "permission denied"),
        ("UPDATE invoice SET invoice_number = 'x'", "permission denied"),
        ("UPDATE invoice SET document_sha256 = repeat('a', 64)", "permission denied"),
        ("DELETE FROM invoice", "permission denied"),
        ("DELETE FROM invoice_treatment", "permission denied"),
        ("UPDATE invoice_treatment SET invoice_id = gen_random_uuid()", "permission denied"),
        ("UPDATE treatment_position SET points = 1", "permission denied"),
        ("UPDATE invoice_history SET kind = 'x'", "permission denied"),
        ("DELETE FROM patient", "permission denied"),
        ("UPDATE invoice SET with_factor = true", "invoice_asterisk_needs_acquittal"),
        ("UPDATE invoice SET state = 'ordered'", "invoice_order_while_ordered"),
        ("UPDATE invoice SET state = 'lost', order_id = gen_random_uuid()", "invoice_state"),
        (
            "UPDATE invoice SET state = 'ordered', order_id = gen_random_uuid()",
            "invoice_order",
        ),
        (
            "INSERT INTO invoice_treatment SELECT * FROM invoice_treatment",
            "treatment_billed_once",
        ),
        (
            """INSERT INTO treatment_position (practice_id, treatment_id, place, tariff_type, code,
                 text, performed_on, quantity, points, point_value, vat_rate, amount_rappen)
               SELECT practice_id, treatment_id, 2, tariff_type, code, text, performed_on,
                 quantity, points, point_value, vat_rate, amount_rappen + 1
               FROM treatment_position""",
            "treatment_position_amount_is_exact",
        ),
        (
            "UPDATE contract SET qr_iban = 'CH9300762011623852957'",
            "contract_qr_iban_is_one",
        ),
        (
            "UPDATE practice SET iban = 'CH4431999123000889012'",
            "practice_iban_is_no_qr_iban",
        ),
    ],
)
async def test_what_must_hold_is_kept_by_constraint_or_privilege(
    office: Office, statement: str, complaint: str
) -> None:
    await office.invoice()
    with pytest.raises(DBAPIError, match=complaint):
        await office.rows(f"{statement} RETURNING 1 AS one")


async def test_the_service_is_named_and_assembled_as_its_topics_say(
    definition: ServiceDefinition,
) -> None:
    assert definition.name == "invoicing"
    assert {line.payload_type.TYPE for line in definition.subscriptions} == {
        "order-prepared",
        "order-sent",
        "order-withdrawn",
        "order-confirmed",
        "order-refused",
        "invoice-acquitted",
        "invoice-position-changed",
    }
