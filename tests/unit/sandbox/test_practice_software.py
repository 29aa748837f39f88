"""The demo's practice software writes what the import takes, with the figures of the demo."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sandbox.demo import practice_software, world
from services.invoicing.adapters.invoice_files import ForumInvoiceFiles
from services.invoicing.domain.incoming import GivenFile
from services.invoicing.domain.incoming_rules import Setting, faults_of, unfit_codes_of
from shared.kernel.money import Money
from tests.unit.invoicing.builders import a_contract, a_practice

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_every_exported_invoice_is_fit_and_comes_to_what_was_done() -> None:
    exported = world.WINTERTHUR
    data = practice_software.export(exported, issued_at=NOW)
    files = list(ForumInvoiceFiles().read([GivenFile("export.zip", data)]))
    practice = replace(a_practice(), gln=world.gln(exported.gln_body))
    contract = replace(a_contract(practice), qr_iban=world.swiss_iban("31999" + exported.account))
    setting = Setting(practice, contract, NOW.date(), takes_trials=True)
    totals = []
    for file in files:
        assert file.invoice is not None, file.faults
        assert file.invoice.is_trial
        assert faults_of(file.invoice, setting) == ()
        assert unfit_codes_of(file.invoice, setting) == ()
        totals.append(Money.from_decimal(file.invoice.balance.amount))
    assert [str(total) for total in totals] == ["231.00", "94.50", "1024.50", "152.50"]
    assert practice_software.patient_numbers(exported, issued_at=NOW) == {
        f"2026-00410{n}": f"2000{n}" for n in range(1, 5)
    }


def test_the_same_day_gives_the_same_bytes_so_that_a_second_import_changes_nothing() -> None:
    names = [
        [file.data for file in ForumInvoiceFiles().read([GivenFile("export.zip", data)])]
        for data in (practice_software.export(world.WINTERTHUR, issued_at=NOW) for _ in "ab")
    ]
    assert names[0] == names[1]
