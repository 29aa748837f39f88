"""Importing: all is linked, nothing comes in twice, and one bad file does not stop the rest."""

from __future__ import annotations

import pytest

from services.invoicing.domain.events import InvoiceWasIssued
from services.invoicing.domain.incoming import ImportOutcome
from services.invoicing.domain.practice import Language
from services.invoicing.domain.taking_over import house_number
from shared.kernel.errors import DomainError, NotFoundError
from shared.kernel.money import Money
from tests.unit.invoicing.builders import (
    AHV,
    a_guarantor,
    a_patient,
    a_provider,
)
from tests.unit.invoicing.import_desk import Desk
from tests.unit.invoicing.requests import (
    NUMBER,
    REFERENCE,
    a_request,
    a_zip,
    changed,
    reference,
)


@pytest.fixture
def desk() -> Desk:
    """A practice with a contract and nothing else."""
    return Desk()


@pytest.mark.parametrize("version", ["5.0", "4.5"])
async def test_an_imported_invoice_brings_its_people_its_number_and_its_original_bytes(
    desk: Desk, version: str
) -> None:
    data = a_request(version)
    report = await desk.one(data)
    assert report.outcome is ImportOutcome.IMPORTED
    invoice = desk.invoice(report)
    assert (invoice.number, invoice.qr_reference) == (NUMBER, REFERENCE)
    assert (invoice.total, invoice.deposit) == (Money(12000), Money(2000))
    assert invoice.language is Language.FRENCH
    assert desk.contract is not None
    assert invoice.contract_id == desk.contract.contract_id
    assert desk.documents.data[invoice.document.key] == data
    (patient,) = desk.uow.patients.by_id.values()
    (provider,) = desk.uow.practices.people.values()
    (treatment,) = desk.uow.treatments.by_id.values()
    assert (patient.ssn, patient.family_name, patient.guarantor) == (AHV, "Exemple", None)
    assert invoice.debtor_number == invoice.patient_number == patient.patient_number
    assert (provider.gln, provider.title) == ("7601000000026", "Dr")
    assert treatment.total == invoice.total
    assert desk.uow.treatments.bills == {treatment.treatment_id: NUMBER}
    assert desk.uow.invoices.standings[invoice.invoice_id].balance.total == Money(10000)
    assert desk.uow.invoices.story(invoice.invoice_id) == ["issued", "imported"]
    assert desk.uow.events == [InvoiceWasIssued(invoice)]


async def test_the_same_file_twice_changes_nothing(desk: Desk) -> None:
    first = await desk.one(a_request())
    before = (dict(desk.uow.invoices.by_id), list(desk.uow.events), dict(desk.documents.data))
    again = await desk.one(a_request())
    assert (again.outcome, again.invoice_id) == (ImportOutcome.ALREADY_KNOWN, first.invoice_id)
    assert (desk.uow.invoices.by_id, desk.uow.events, desk.documents.data) == before


async def test_the_same_content_exported_anew_is_known(desk: Desk) -> None:
    await desk.one(a_request())
    again = await desk.one(changed(a_request(), "0123456789abcdef" * 2, "e" * 32))
    assert again.outcome is ImportOutcome.ALREADY_KNOWN
    assert len(desk.uow.invoices.by_id) == 1


async def test_a_file_twice_in_one_archive_is_imported_once(desk: Desk) -> None:
    reports = await desk.upload(a_zip({"a.xml": a_request(), "b.xml": a_request()}))
    assert [one.outcome.value for one in reports] == ["imported", "already-known"]
    assert len(desk.uow.invoices.by_id) == 1


async def test_a_bad_file_is_refused_and_the_others_are_imported(desk: Desk) -> None:
    good = {
        f"{serial}.xml": a_request(number=f"RE-{serial}", reference=reference(serial))
        for serial in (1, 3)
    }
    bad = changed(a_request(number="RE-2"), 'amount_due="100.00"', 'amount_due="99.00"')
    reports = await desk.upload(
        a_zip({"1.xml": good["1.xml"], "2.xml": bad, "3.xml": good["3.xml"]})
    )
    assert [one.outcome.value for one in reports] == ["imported", "refused", "imported"]
    (fault,) = reports[1].faults
    assert (fault.code, fault.field, reports[1].invoice_number) == (
        "balance",
        "balance.due",
        "RE-2",
    )
    assert {one.number for one in desk.uow.invoices.by_id.values()} == {"RE-1", "RE-3"}
    assert len(desk.uow.patients.by_id) == len(desk.uow.practices.people) == 1


async def test_more_files_than_are_worked_at_once_know_of_each_other(desk: Desk) -> None:
    files = {
        f"{n:03}.xml": a_request(number=f"RE-{n}", reference=reference(n + 1)) for n in range(205)
    }
    reports = await desk.upload(a_zip(files | {"z.xml": files["000.xml"]}))
    assert {one.outcome for one in reports[:-1]} == {ImportOutcome.IMPORTED}
    assert reports[-1].outcome is ImportOutcome.ALREADY_KNOWN
    assert len(desk.uow.patients.by_id) == 1


async def test_people_on_record_are_linked_and_not_changed(desk: Desk) -> None:
    patient = a_patient(desk.practice, family_name="Exemple-Married")
    provider = a_provider(desk.practice)
    await desk.uow.patients.add(patient)
    await desk.uow.practices.add_provider(provider)
    report = await desk.one(a_request())
    assert desk.invoice(report).patient_id == patient.patient_id
    assert list(desk.uow.patients.by_id.values()) == [patient]
    assert list(desk.uow.practices.people.values()) == [provider]
    assert report.unfit_codes == ("other-debtor-on-record",)


async def test_without_an_ahv_number_name_birth_date_and_address_decide(
    desk: Desk,
) -> None:
    known = a_patient(desk.practice, ssn=None, family_name="EXEMPLE")
    other = a_patient(desk.practice, patient_number="2", ssn=None, given_name="Claude")
    for patient in (known, other):
        await desk.uow.patients.add(patient)
    report = await desk.one(a_request(ssn="0000"))
    assert desk.invoice(report).patient_id == known.patient_id
    assert report.unfit_codes == ("missing-ssn",)


async def test_the_same_name_with_another_ahv_number_is_another_person(desk: Desk) -> None:
    await desk.uow.patients.add(a_patient(desk.practice, ssn="7561234567897"))
    report = await desk.one(a_request())
    assert len(desk.uow.patients.by_id) == 2
    assert desk.invoice(report).patient_number.startswith("IMP")


async def test_a_guarantor_is_one_debtor_for_all_the_children(desk: Desk) -> None:
    first = a_request(number="A", reference=reference(1), ssn="0000", guarantor="Parent")
    second = a_request(
        number="B", reference=reference(2), ssn="0000", given="Luc", guarantor="Parent"
    )
    reports = await desk.upload(a_zip({"a.xml": first, "b.xml": second}))
    debtors = {desk.invoice(one).debtor_number for one in reports}
    assert len(debtors) == 1
    assert debtors == {one.debtor.debtor_number for one in desk.uow.patients.by_id.values()}
    assert debtors.isdisjoint({one.patient_number for one in desk.uow.patients.by_id.values()})


async def test_the_guarantor_on_record_keeps_the_debtor_number(desk: Desk) -> None:
    guarantor = a_guarantor(family_name="Parent", given_name="Claude")
    await desk.uow.patients.add(a_patient(desk.practice, guarantor=guarantor))
    report = await desk.one(a_request(guarantor="Parent"))
    assert (desk.invoice(report).debtor_number, report.unfit_codes) == ("D-77", ())


async def test_a_doubtful_ahv_number_is_not_kept_as_the_patients(desk: Desk) -> None:
    report = await desk.one(a_request(ssn="7569217076984"))
    assert report.unfit_codes == ("doubtful-ssn",)
    assert [one.ssn for one in desk.uow.patients.by_id.values()] == [None]


async def test_a_discount_is_kept_in_the_document_alone(desk: Desk) -> None:
    data = changed(a_request(), 'unit="25" unit_factor="1.20" amount="60"',
                   'unit="-5" unit_factor="1.20" amount="-12"')  # fmt: skip
    data = data.replace(b'amount="120.00"', b'amount="48.00"')
    report = await desk.one(changed(data, 'amount_due="100.00"', 'amount_due="28.00"'))
    assert report.outcome is ImportOutcome.IMPORTED
    assert desk.invoice(report).total == Money(4800)
    assert desk.uow.treatments.by_id == {}


async def test_a_reference_of_another_invoice_is_refused(desk: Desk) -> None:
    await desk.one(a_request())
    report = await desk.one(a_request(number="RE-2"))
    assert [fault.code for fault in report.faults] == ["reference-taken"]


async def test_without_a_contract_there_is_no_reference_of_a_factor(desk: Desk) -> None:
    report = await desk.one(a_request(), contract=False)
    invoice = desk.invoice(report)
    assert (invoice.contract_id, invoice.qr_reference) == (None, None)


async def test_an_unknown_practice_or_contract_is_refused(desk: Desk) -> None:
    desk.uow.practices.contracts.clear()
    with pytest.raises(DomainError, match="no such contract"):
        await desk.upload(a_request())
    desk.uow.practices.by_id.clear()
    with pytest.raises(NotFoundError):
        await desk.upload(a_request())


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("2026-000123", (2026, 123)),
        ("2026-1000000", (2026, 1_000_000)),
        ("2026-000000", None),
        ("2026-0000123", None),
        ("2026-00123", None),
        ("RE-4711", None),
    ],
)
def test_a_number_of_the_houses_form_has_a_place_in_its_count(
    number: str, place: tuple[int, int] | None
) -> None:
    assert house_number(number) == place


async def test_a_foreign_number_counts_beyond_the_houses_own(desk: Desk) -> None:
    own = desk.invoice(await desk.one(a_request(number="2026-000123", reference=reference(1))))
    foreign = desk.invoice(await desk.one(a_request(number="X.1", reference=reference(2))))
    assert (own.year, own.serial, own.number) == (2026, 123, "2026-000123")
    assert foreign.serial > 9_999_999
    assert foreign.number == "X.1"
