"""An office as guarantor: kept, shown, found, changed, printed, and what was one before 0013."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, pool, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.bootstrap import MIGRATIONS
from services.invoicing.domain.people import OfficeName
from shared.db.engine import Database
from shared.db.migrations import alembic_config, migrate
from shared.db.scope import Scope
from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_edits_and_prices import document, put
from tests.support.servers import ServiceDatabaseFactory
from tests.unit.invoicing.bodies import A_PATIENT

SOCIAL_SERVICES: dict[str, Any] = {
    "debtor_number": "D-900",
    "company_name": "Service social de l'Étang",
    "department": "Curatelles",
    "contact_person": "Mme Modèle",
    "address": {
        "street": "Place Neuve",
        "house_no": "1",
        "zip": "1020",
        "city": "Renens",
        "country": "CH",
    },
}
NO_PERSON = {"family_name": None, "given_name": None}
NO_OFFICE = {"company_name": None, "department": None, "contact_person": None}


async def a_ward(office: Office, **changes: Any) -> str:
    """Add a patient for whom social services pay."""
    names = {"family_name": "Pupille", "given_name": "Ana"}
    return await office.patient(**names, guarantor=SOCIAL_SERVICES | changes)


async def bill(office: Office, patient_id: str) -> Any:
    """Bill a fresh treatment of the patient."""
    return await office.invoice(await office.treatment(patient_id=patient_id))


async def test_an_office_is_kept_shown_and_listed_as_it_was_given(office: Office) -> None:
    patient_id = await a_ward(office)
    shown = await office.get(f"patients/{patient_id}")
    assert shown["guarantor"] == SOCIAL_SERVICES | NO_PERSON
    listed = await office.get("patients", patient_number=shown["patient_number"])
    assert [one["guarantor"] for one in listed["items"]] == [shown["guarantor"]]


async def test_an_invoice_to_an_office_names_it_in_lists_csv_document_and_on_paper(
    office: Office,
) -> None:
    invoice = await bill(office, await a_ward(office))
    assert invoice["debtor_name"] == "Service social de l'Étang, Curatelles"
    assert invoice["unfit_codes"] == []
    incoming = read_request(await document(office, invoice))
    assert incoming.debtor.name == OfficeName(
        "Service social de l'Étang", "Curatelles", "Mme Modèle"
    )
    answer = await office.api.request("GET", f"{office.path}/invoices.csv")
    (row,) = csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")), delimiter=";")
    assert row["debtor_name"] == "Service social de l'Étang, Curatelles"
    pdf = await office.api.request("GET", f"{office.path}/invoices/{invoice['invoice_id']}/pdf")
    assert (pdf.status, pdf.raw[:5]) == (200, b"%PDF-")


async def test_text_finds_an_office_by_any_word_and_a_guarantor_by_name(office: Office) -> None:
    of_office = await bill(office, await a_ward(office))
    of_parent = await office.invoice()
    cases = {
        "service": {1},
        "social etang": {1},
        "l'étang": {1},
        "CURAT": {1},
        "modele": {1},
        "pupille service": {1},
        "claude": {2},
        "tang": set(),
        "social claude": set(),
    }
    numbers = {of_office["invoice_number"]: 1, of_parent["invoice_number"]: 2}
    for words, expected in cases.items():
        page = await office.get("invoices", text=words)
        assert {numbers[one["invoice_number"]] for one in page["items"]} == expected, words


async def test_a_guarantor_becomes_an_office_and_a_person_again_by_who_read_the_last_version(
    office: Office,
) -> None:
    _ = await office.invoice()
    path = f"/patients/{office.patient_id}"
    by_office = A_PATIENT | {"guarantor": SOCIAL_SERVICES}
    changed = await put(office, path, by_office, '"1"')
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json["guarantor"] == SOCIAL_SERVICES | NO_PERSON
    assert len((await office.get("invoices", text="etang"))["items"]) == 1
    stale = await put(office, path, A_PATIENT, '"1"')
    assert (stale.status, stale.code) == (412, "changed-meanwhile")
    same = await put(office, path, by_office, '"2"')
    assert (same.status, same.headers["ETag"]) == (200, '"2"')
    again = await put(office, path, A_PATIENT, '"2"')
    assert again.json["guarantor"] == A_PATIENT["guarantor"] | NO_OFFICE
    assert (await office.get("invoices", text="etang"))["items"] == []
    nobody = await put(office, path, A_PATIENT | {"guarantor": None}, '"3"')
    assert (nobody.status, nobody.json["guarantor"]) == (200, None)
    assert (await office.get("invoices", text="claude"))["items"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"family_name": "Exemple", "given_name": "Claude"}, "guarantor"),
        ({"company_name": None}, "guarantor.company_name"),
        (NO_OFFICE, "guarantor"),
    ],
)
async def test_a_guarantor_that_is_both_or_neither_is_refused(
    office: Office, changes: dict[str, Any], field: str
) -> None:
    body = A_PATIENT | {"patient_number": "9", "guarantor": SOCIAL_SERVICES | changes}
    problem = await office.post("patients", body, status=422)
    assert [one["field"] for one in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "change",
    [
        "debtor_company_name = 'Office'",
        "debtor_given_name = NULL",
        "debtor_department = 'Curatelles'",
        "debtor_number = NULL",
    ],
)
async def test_the_database_takes_no_half_guarantor(office: Office, change: str) -> None:
    patient_id = await office.patient(family_name="Test")
    with pytest.raises(IntegrityError, match="patient_guarantor_whole"):
        await office.rows(
            f"UPDATE patient SET {change} WHERE patient_id = :id RETURNING 1",  # noqa: S608
            id=patient_id,
        )


async def test_the_published_description_says_that_it_is_one_of_both(office: Office) -> None:
    _, api = await office.api.get("/openapi.json")
    person, of_office = api["components"]["schemas"]["GuarantorBody"]["oneOf"]
    assert person["required"] == ["family_name", "given_name"]
    assert of_office["required"] == ["company_name"]


def _to_the_twelfth(connection: Connection) -> None:
    command.upgrade(alembic_config(MIGRATIONS, connection=connection), "0012")


async def test_an_office_that_was_imported_before_becomes_one_and_is_found_by_its_words(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls = service_database("invoicing")
    engine = create_async_engine(urls.owner_url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_to_the_twelfth)
    await engine.dispose()
    practice_id = uuid4()
    ground = text(
        "INSERT INTO practice (practice_id, name, street, zip, city, gln, canton, language, iban)"
        " VALUES (:practice, 'P', 'S', '1200', 'G', '7601001000018', 'GE', 'fr',"
        " 'CH9300762011623852957')"
    )
    one = text(
        "INSERT INTO patient (practice_id, patient_id, patient_number, family_name, given_name,"
        " birth_date, sex, gender, debtor_number, debtor_family_name, debtor_given_name)"
        " VALUES (:practice, gen_random_uuid(), :number, 'A', 'B', '1980-01-01', 'female',"
        " 'female', :debtor, :family, :given)"
    )
    guarantors = [("D-1", "Service social", "-"), ("D-2", "Exemple", "Claude"), (None, None, None)]
    database = Database(urls.url)
    async with database.transaction(Scope.of(practice_id)) as connection:
        await connection.execute(ground, {"practice": practice_id})
        for number, (debtor, family, given) in enumerate(guarantors, start=1):
            values = {"number": str(number), "debtor": debtor, "family": family, "given": given}
            await connection.execute(one, {"practice": practice_id, **values})
    await migrate(urls.owner_url, MIGRATIONS)
    async with database.transaction(Scope.of(practice_id)) as connection:
        rows = await connection.execute(
            text(
                "SELECT p.version, debtor_company_name, debtor_family_name, debtor_given_name,"
                " (SELECT string_agg(word, ' ' ORDER BY word) FROM debtor_word w"
                "  WHERE w.patient_id = p.patient_id) FROM patient p ORDER BY patient_number"
            )
        )
        assert [tuple(row) for row in rows] == [
            (2, "Service social", None, None, "service social"),
            (1, None, "Exemple", "Claude", "claude exemple"),
            (1, None, None, None, None),
        ]
    await database.close()
