"""A corrected invoice begins anew: nothing of what became of the wrong one is carried over."""

from __future__ import annotations

import json

from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_corrections import WHY, in_an_order


async def test_a_corrected_invoice_does_not_inherit_the_order_of_the_wrong_one(
    office: Office, voices: Voices
) -> None:
    wrong, order = await in_an_order(office, voices)
    await voices.say(await voices.confirmed(office, order.order_id, {wrong["invoice_id"]: "bad"}))
    made = await office.post(f"invoices/{wrong['invoice_id']}/correct", WHY)
    right = await office.get(f"invoices/{made['invoice_id']}")
    assert (right["replaces"], right["state"]) == (wrong["invoice_id"], "issued")
    assert (right["refusal_code"], len(right["history"])) == (None, 1)
    placed = await office.rows("SELECT invoice_id FROM placement")
    assert [str(row["invoice_id"]) for row in placed] == [wrong["invoice_id"]]
    assert order.order_number not in json.dumps(right)
