"""A service whose documents are trials takes trials in; any other refuses them."""

from __future__ import annotations

import pytest

from shared.db import Database
from shared.objectstore.store import ObjectStore
from shared.testing import FrozenClock
from tests.contracts.consumers import assembled
from tests.integration.invoicing.office import open_office
from tests.integration.invoicing.test_edits_and_prices import document
from tests.integration.invoicing.test_imports import gln_of, report
from tests.support.web import api_client
from tests.unit.invoicing.requests import a_request, changed


@pytest.mark.parametrize(
    ("modus", "outcome", "codes"),
    [("production", "refused", ["test-document"]), ("test", "imported", [])],
)
async def test_the_modus_that_is_written_is_the_one_that_is_read(
    database: Database,
    store: ObjectStore,
    clock: FrozenClock,
    modus: str,
    outcome: str,
    codes: list[str],
) -> None:
    definition = assembled(
        "invoicing", database=database, object_store=store, clock=clock, document_modus=modus
    )
    async with api_client(definition.endpoints, database, clock=clock) as api:
        office = await open_office(api, database)
        own = await document(office, await office.invoice())
        assert f'modus="{modus}"'.encode() in own
        data = a_request(practice=await gln_of(office))
        trial = changed(data, 'modus="production"', 'modus="test"')
        (file,) = (await report(office, trial))["files"]
        assert file["outcome"] == outcome
        assert [fault["code"] for fault in file["faults"]] == codes
