"""The invoice format of a contract reaches the package of its orders."""

from __future__ import annotations

import json
from io import BytesIO
from zipfile import ZipFile

from services.orders.domain.verification import verify_package
from tests.integration.orders.house import House
from tests.integration.orders.test_credit_notes import package_of
from tests.support.web import ApiClient


async def test_a_package_says_the_format_that_the_contract_wants_if_it_is_not_the_usual_one(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("A-1")
    older = house.contract_changed(version=2).model_copy(update={"invoice_format": "4.5"})
    await house.receive(older)
    body = {"contract_id": str(house.contract_id)}
    _, prepared = await api.post(f"{house.path}/orders", body)
    data = await package_of(house, api, prepared)
    with ZipFile(BytesIO(data)) as package:
        contract = json.loads(package.read("manifest.json"))["contract"]
    assert contract["invoice_format"] == "4.5"
    assert verify_package(data).findings == ()
