"""Downloads of credit notes: the stored document, and the printed one."""

from __future__ import annotations

import hashlib

import pytest
from lxml import etree

from shared.kernel.ids import new_id
from tests.integration.invoicing.office import Office, Voices, open_office
from tests.integration.invoicing.test_correcting_sent import sent_invoice
from tests.integration.invoicing.test_corrections import WHY
from tests.support.web import ApiAnswer
from tests.unit.invoicing.bodies import chf


async def fetch(office: Office, path: str) -> ApiAnswer:
    """GET below the practice."""
    return await office.api.request("GET", f"{office.path}/{path}")


async def test_a_credit_note_is_downloaded_as_it_was_stored_and_printed(
    office: Office, voices: Voices
) -> None:
    _, one, _ = await sent_invoice(office, voices)
    note = await office.post(f"{one}/credit-notes", WHY | {"amount": chf("20.05")})
    path = f"{one}/credit-notes/{note['credit_note_id']}"
    document = await fetch(office, f"{path}/document")
    assert (document.status, document.headers["Content-Type"]) == (200, "application/xml")
    assert hashlib.sha256(document.raw).hexdigest() == note["document_sha256"]
    assert 'filename="CN-2026-000001.xml"' in document.headers["Content-Disposition"]
    credit = etree.fromstring(document.raw).find("{*}payload/{*}credit")
    assert credit is not None
    assert credit.get("request_id") == "CN-2026-000001"
    printed = await fetch(office, f"{path}/pdf")
    assert (printed.status, printed.headers["Content-Type"]) == (200, "application/pdf")
    assert 'filename="CN-2026-000001.pdf"' in printed.headers["Content-Disposition"]
    assert printed.raw.startswith(b"%PDF-")


@pytest.mark.parametrize("what", ["document", "pdf"])
async def test_a_credit_note_is_found_with_its_own_invoice_and_practice_only(
    office: Office, voices: Voices, what: str
) -> None:
    _, one, _ = await sent_invoice(office, voices)
    other, _, _ = await sent_invoice(office, voices)
    note = await office.post(f"{one}/credit-notes", WHY | {"amount": chf("20.05")})
    note_id = note["credit_note_id"]
    paths = (
        f"invoices/{other['invoice_id']}/credit-notes/{note_id}/{what}",
        f"{one}/credit-notes/{new_id()}/{what}",
    )
    answers = [await fetch(office, path) for path in paths]
    stranger = await open_office(office.api, office.database)
    answers.append(await fetch(stranger, f"{one}/credit-notes/{note_id}/{what}"))
    assert [(one.status, one.code) for one in answers] == [(404, "credit-note-not-found")] * 3
