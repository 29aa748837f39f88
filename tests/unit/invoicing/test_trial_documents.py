"""A document that says it is a trial is no real invoice, unless the whole service is a trial."""

from __future__ import annotations

import pytest

from services.invoicing.adapters.invoice_files import ForumInvoiceFiles
from services.invoicing.domain.incoming import ImportOutcome
from tests.unit.invoicing.import_desk import Desk
from tests.unit.invoicing.requests import a_request, a_zip, changed, reference

BOTH = pytest.mark.parametrize("version", ["5.0", "4.5"])


def a_trial(version: str, **changes: str) -> bytes:
    """Return a file that says it is a trial."""
    return changed(a_request(version, **changes), 'modus="production"', 'modus="test"')


@BOTH
async def test_a_trial_is_refused_with_its_line_and_nothing_is_kept(version: str) -> None:
    desk = Desk()
    report = await desk.one(a_trial(version))
    assert (report.outcome, report.invoice_id) == (ImportOutcome.REFUSED, None)
    (fault,) = report.faults
    assert (fault.code, fault.field, fault.line is not None) == ("test-document", "payload", True)
    assert not desk.uow.invoices.by_id
    assert not desk.documents.data


@BOTH
async def test_a_file_that_does_not_say_what_it_is_is_a_real_invoice(version: str) -> None:
    data = changed(a_request(version), ' modus="production"', "")
    assert (await Desk().one(data)).outcome is ImportOutcome.IMPORTED


@BOTH
async def test_a_service_that_is_a_trial_itself_takes_trials(version: str) -> None:
    desk = Desk(files=ForumInvoiceFiles(takes_trials=True))
    assert (await desk.one(a_trial(version))).outcome is ImportOutcome.IMPORTED


async def test_a_trial_stops_no_other_file_and_no_conflict_is_made_of_it() -> None:
    desk = Desk()
    other = a_request(number="RE-2", reference=reference(2))
    bad, fine = await desk.upload(a_zip({"a.xml": a_trial("5.0"), "b.xml": other}))
    assert (bad.outcome, fine.outcome) == (ImportOutcome.REFUSED, ImportOutcome.IMPORTED)
    again = a_trial("5.0", number="RE-2", reference=reference(2), note="Autre prestation")
    assert (await desk.one(again)).outcome is ImportOutcome.REFUSED
