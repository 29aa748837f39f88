"""Whoever charges value-added tax says under which number; without one nothing is billed."""

from __future__ import annotations

from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_edits_and_prices import document, own_data, put
from tests.unit.invoicing.bodies import A_POSITION, AN_INVOICE


async def test_a_tax_is_billed_once_the_practice_has_a_business_number(office: Office) -> None:
    data = await own_data(office)
    bare = await put(office, "", data | {"uid": None}, '"1"')
    assert (bare.status, bare.json["uid"]) == (200, None)
    treatment = await office.treatment(positions=[A_POSITION | {"vat_rate": "8.1"}])
    body = AN_INVOICE | {"treatment_ids": [treatment], "contract_id": office.contract_id}
    refused = await office.post("invoices", body, status=422)
    assert refused["code"] == "uid-missing"
    await office.invoice()
    named = await put(office, "", data, '"2"')
    assert named.status == 200
    invoice = await office.post("invoices", body)
    assert b'vat_number="CHE100155212"' in await document(office, invoice)
