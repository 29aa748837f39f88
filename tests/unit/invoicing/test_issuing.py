"""Registering, recording and issuing, through the handlers with the ports in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest

from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.events import (
    ContractHasChanged,
    InvoiceWasIssued,
    PracticeWasRegistered,
)
from services.invoicing.domain.invoice import Invoice
from services.invoicing.domain.people import Patient, Provider
from services.invoicing.domain.practice import Contract, Practice
from services.invoicing.domain.treatment import Reason, Treatment
from services.invoicing.handlers.add_contract import AddContract, add_contract
from services.invoicing.handlers.add_patient import AddPatient, add_patient
from services.invoicing.handlers.add_provider import AddProvider, add_provider
from services.invoicing.handlers.issue_invoice import IssueInvoice, issue_invoice
from services.invoicing.handlers.record_treatment import RecordTreatment, record_treatment
from services.invoicing.handlers.register_practice import RegisterPractice, register_practice
from services.invoicing.translate import to_wire
from shared.contracts.envelope import EventPayload
from shared.kernel.errors import ConflictError, DomainError, NotFoundError, TransientError
from shared.kernel.money import Money
from shared.testing import FrozenClock
from tests.unit.invoicing.builders import (
    DAY,
    NOW,
    a_contract,
    a_guarantor,
    a_patient,
    a_position,
    a_practice,
    a_provider,
    a_treatment,
)
from tests.unit.invoicing.fakes import FakeDocuments, FakeRenderer, FakeUnitOfWork


@dataclass
class Office:
    """A practice with everything that an invoice needs."""

    uow: FakeUnitOfWork = field(default_factory=FakeUnitOfWork)
    renderer: FakeRenderer = field(default_factory=FakeRenderer)
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOW))
    practice: Practice = field(default_factory=a_practice)

    async def opened(self) -> Office:
        await register_practice(RegisterPractice(self.practice), self.uow, clock=self.clock)
        self.contract: Contract = a_contract(self.practice)
        self.provider: Provider = a_provider(self.practice)
        self.patient: Patient = a_patient(self.practice)
        await add_contract(AddContract(self.contract), self.uow)
        await add_provider(AddProvider(self.provider), self.uow)
        await add_patient(AddPatient(self.patient), self.uow, clock=self.clock)
        return self

    async def treated(self, **changes: object) -> Treatment:
        treatment = a_treatment(self.patient, self.provider, **changes)
        return await record_treatment(RecordTreatment(treatment), self.uow, clock=self.clock)

    async def issue(self, *treatments: UUID, **changes: object) -> Invoice:
        values: dict[str, object] = {
            "practice_id": self.practice.practice_id,
            "invoice_id": uuid4(),
            "treatment_ids": treatments,
            "contract_id": self.contract.contract_id,
            "deposit": Money.zero(),
            "payment_period_days": 30,
        }
        return await issue_invoice(
            IssueInvoice(**(values | changes)),  # type: ignore[arg-type]
            self.uow,
            renderer=self.renderer,
            documents=self.documents,
            clock=self.clock,
        )

    def told(self) -> list[EventPayload]:
        return [to_wire(event) for event in self.uow.events]


@pytest.fixture
async def office() -> Office:
    """An office that is open."""
    return await Office().opened()


async def test_an_invoice_gets_number_reference_document_and_event(office: Office) -> None:
    first, second = await office.treated(), await office.treated(remark="Suite")
    invoice = await office.issue(
        first.treatment_id, second.treatment_id, deposit=Money.parse("40.00")
    )
    assert invoice.number == "2026-000001"
    assert (str(invoice.total), str(invoice.open_amount)) == ("240.00", "200.00")
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 3, 2), date(2026, 4, 1))
    assert office.documents.data[invoice.document.key] == b"2026-000001"
    assert office.uow.events[-1] == InvoiceWasIssued(invoice)
    standing = office.uow.invoices.standings[invoice.invoice_id]
    assert standing.balance.total == standing.total - Money.parse("40.00")
    assert office.uow.invoices.story(invoice.invoice_id) == ["issued"]


async def test_numbers_follow_each_other_and_begin_anew_each_swiss_year(office: Office) -> None:
    numbers = [(await office.issue((await office.treated()).treatment_id)).number for _ in "ab"]
    office.clock.move_to(datetime(2026, 12, 31, 23, 15, tzinfo=UTC))
    numbers.append((await office.issue((await office.treated()).treatment_id)).number)
    assert numbers == ["2026-000001", "2026-000002", "2027-000001"]


async def test_a_billed_treatment_is_refused_with_its_invoice(office: Office) -> None:
    treatment, other = await office.treated(), await office.treated()
    invoice = await office.issue(treatment.treatment_id)
    with pytest.raises(ConflictError, match=invoice.number) as refused:
        await office.issue(other.treatment_id, treatment.treatment_id)
    assert refused.value.code == "treatment-billed"
    assert refused.value.facts == {
        "treatment_id": str(treatment.treatment_id),
        "invoice_number": "2026-000001",
    }
    assert refused.value.field == "treatment_ids.1"


async def test_a_deposit_of_the_whole_amount_is_fine_and_one_rappen_more_is_not(
    office: Office,
) -> None:
    treatment = await office.treated()
    with pytest.raises(DomainError, match="larger than the invoice") as refused:
        await office.issue(treatment.treatment_id, deposit=Money.parse("120.01"))
    assert refused.value.field == "deposit.amount"
    invoice = await office.issue(treatment.treatment_id, deposit=Money.parse("120.00"))
    assert invoice.open_amount.is_zero
    assert office.uow.invoices.standings[invoice.invoice_id].paid


async def test_an_invoice_without_a_factor_has_no_reference(office: Office) -> None:
    invoice = await office.issue((await office.treated()).treatment_id, contract_id=None)
    assert (invoice.qr_reference, invoice.contract_id) == (None, None)


async def test_the_guarantor_is_the_debtor(office: Office) -> None:
    child = a_patient(
        office.practice,
        patient_number="10002",
        birth_date=date(2018, 1, 1),
        guarantor=a_guarantor(),
    )
    await add_patient(AddPatient(child), office.uow, clock=office.clock)
    treatment = await office.treated(patient_id=child.patient_id)
    invoice = await office.issue(treatment.treatment_id)
    assert (invoice.patient_number, invoice.debtor_number) == ("10002", "D-77")
    assert invoice.unfit_codes == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"treatment_ids": (uuid4(),)}, "unknown-treatment"),
        ({"contract_id": uuid4()}, "unknown-contract"),
    ],
)
async def test_what_the_practice_does_not_have_is_refused(
    office: Office, changes: dict[str, object], code: str
) -> None:
    treatment = await office.treated()
    with pytest.raises(DomainError) as refused:
        await office.issue(**({"treatment_ids": (treatment.treatment_id,)} | changes))
    assert refused.value.code == code
    assert refused.value.field is not None


async def test_treatments_of_two_patients_or_reasons_are_refused(office: Office) -> None:
    first = await office.treated()
    accident = await office.treated(reason=Reason.ACCIDENT)
    other = a_patient(office.practice, patient_number="10003")
    await add_patient(AddPatient(other), office.uow, clock=office.clock)
    strange = await office.treated(patient_id=other.patient_id)
    for second, code in ((accident, "several-reasons"), (strange, "several-patients")):
        with pytest.raises(DomainError) as refused:
            await office.issue(first.treatment_id, second.treatment_id)
        assert refused.value.code == code


async def test_more_than_an_invoice_can_hold_is_refused_and_nothing_is_billed(
    office: Office,
) -> None:
    many = [await office.treated(positions=(a_position(),) * 200) for _ in range(3)]
    dear = [await office.treated(positions=(a_position(points="500000"),)) for _ in range(2)]
    for treatments, code in ((many, "too-many-positions"), (dear, "amount-too-large")):
        with pytest.raises(DomainError) as refused:
            await office.issue(*(treatment.treatment_id for treatment in treatments))
        assert (refused.value.code, refused.value.field) == (code, "treatment_ids")
    issued = await office.issue(*(treatment.treatment_id for treatment in many[:2]))
    assert issued.total == Money.parse("48000.00")


async def test_nothing_is_kept_when_the_object_store_is_away(office: Office) -> None:
    treatment = await office.treated()
    office.documents.away = True
    with pytest.raises(TransientError):
        await office.issue(treatment.treatment_id)
    assert office.uow.invoices.by_id == {}
    assert not any(isinstance(event, InvoiceWasIssued) for event in office.uow.events)


async def test_a_contract_of_another_practice_is_unknown(office: Office) -> None:
    stranger = a_practice(gln="7601000000033")
    office.uow.practices.by_id[stranger.practice_id] = stranger
    contract = a_contract(stranger)
    await add_contract(AddContract(contract), office.uow)
    treatment = await office.treated()
    with pytest.raises(DomainError) as refused:
        await office.issue(treatment.treatment_id, contract_id=contract.contract_id)
    assert refused.value.code == "unknown-contract"


async def test_practice_and_contract_are_told_with_all_terms(office: Office) -> None:
    practice, contract = office.uow.events
    assert isinstance(practice, PracticeWasRegistered)
    assert isinstance(contract, ContractHasChanged)
    told = [payload.model_dump(mode="json") for payload in office.told()]
    assert told[0]["gln"] == office.practice.gln
    assert told[1]["contract_version"] == 1
    assert told[1]["account_number"] == office.contract.account_number
    assert told[1]["portal"]["arrival_check_after_seconds"] == 14400


async def test_the_invoice_event_holds_no_name_and_fits_its_contract_strictly(
    office: Office,
) -> None:
    await office.issue((await office.treated()).treatment_id)
    payload = office.told()[-1]
    again = type(payload).model_validate_json(payload.model_dump_json(), extra="forbid")
    assert again == payload
    for secret in ("Exemple", "Jeanne", "1980", "7569217076985", "SAMPLE"):
        assert secret not in payload.model_dump_json()


async def test_a_second_practice_contract_provider_or_patient_of_the_same_name_is_refused(
    office: Office,
) -> None:
    practice = office.practice
    attempts = [
        (
            register_practice(RegisterPractice(a_practice()), office.uow, clock=office.clock),
            "practice-exists",
            "gln",
        ),
        (
            add_contract(AddContract(a_contract(practice)), office.uow),
            "contract-exists",
            "account_number",
        ),
        (add_provider(AddProvider(a_provider(practice)), office.uow), "provider-exists", "gln"),
        (
            add_patient(AddPatient(a_patient(practice)), office.uow, clock=office.clock),
            "patient-exists",
            "patient_number",
        ),
    ]
    for attempt, code, name in attempts:
        with pytest.raises(ConflictError) as refused:
            await attempt
        assert (refused.value.code, refused.value.field) == (code, name)


async def test_nothing_is_added_to_an_unknown_practice() -> None:
    uow, clock, stranger = FakeUnitOfWork(), FrozenClock(NOW), a_practice()
    patient, provider = a_patient(stranger), a_provider(stranger)
    treatment = a_treatment(patient, provider)
    for attempt in (
        add_contract(AddContract(a_contract(stranger)), uow),
        add_provider(AddProvider(provider), uow),
        add_patient(AddPatient(patient), uow, clock=clock),
        record_treatment(RecordTreatment(treatment), uow, clock=clock),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    assert uow.events == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"patient_id": uuid4()}, "unknown-patient"),
        ({"provider_id": uuid4()}, "unknown-provider"),
        ({"begun_on": date(1980, 4, 30)}, "treatment-dates"),
        ({"ended_on": date(2026, 3, 3)}, "treatment-dates"),
    ],
)
async def test_a_treatment_that_cannot_be_is_not_recorded(
    office: Office, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        await office.treated(**changes)
    assert refused.value.code == code
    assert office.uow.treatments.by_id == {}


async def test_a_patient_is_not_born_in_the_future(office: Office) -> None:
    tomorrow = a_patient(office.practice, patient_number="9", birth_date=date(2026, 3, 3))
    with pytest.raises(DomainError) as refused:
        await add_patient(AddPatient(tomorrow), office.uow, clock=office.clock)
    assert refused.value.field == "birth_date"


async def test_treatments_stand_on_the_invoice_in_the_order_of_their_days(
    office: Office,
) -> None:
    later = await office.treated()
    early = date(2026, 1, 5)
    earlier = await office.treated(
        begun_on=early, ended_on=early, positions=(a_position(performed_on=early),)
    )
    await office.issue(later.treatment_id, earlier.treatment_id)
    (document,) = office.renderer.rendered
    assert [one.begun_on for one in document.treatments] == [early, DAY]


class Order(FakeRenderer):
    """Notes in which thread a document is rendered, and which number was drawn last by then."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self._office = office
        self.threads: list[int] = []
        self.drawn: list[dict[tuple[UUID, int], int]] = []

    def render(self, document: InvoiceDocument) -> bytes:
        self.threads.append(threading.get_ident())
        self.drawn.append(dict(self._office.uow.invoices.last))
        return super().render(document)


async def test_the_document_is_rendered_elsewhere_and_before_the_number_is_locked(
    office: Office,
) -> None:
    office.renderer = seen = Order(office)
    invoice = await office.issue((await office.treated()).treatment_id)
    assert invoice.number == "2026-000001"
    assert seen.drawn == [{}]
    assert threading.get_ident() not in seen.threads


async def test_a_number_that_somebody_else_took_meanwhile_is_not_on_the_document(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.uow.invoices.last[office.practice.practice_id, 2026] = 6

    async def late(practice_id: UUID, year: int) -> int:
        return 5

    monkeypatch.setattr(office.uow.invoices, "probable_serial", late)
    invoice = await office.issue((await office.treated()).treatment_id)
    assert invoice.number == "2026-000007"
    assert b"2026-000007" in office.documents.data[invoice.document.key]
