"""What cannot be on an invoice is refused at the edge, and the answer names the field."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from pydantic import BaseModel

from services.invoicing.entrypoints.schemas.invoices import InvoiceRequest
from services.invoicing.entrypoints.schemas.people import PatientRequest, TreatmentRequest
from services.invoicing.entrypoints.schemas.practices import (
    ContractRequest,
    PracticeRequest,
    ProviderRequest,
)
from shared.kernel.money import Money
from shared.web.problems import ProblemError
from shared.web.validation import parse_body
from tests.unit.invoicing.bodies import (
    A_CONTRACT,
    A_PATIENT,
    A_PRACTICE,
    A_PROVIDER,
    A_TREATMENT,
    AN_INVOICE,
    chf,
)

GOOD: dict[type[BaseModel], dict[str, Any]] = {
    PracticeRequest: A_PRACTICE,
    ContractRequest: A_CONTRACT,
    ProviderRequest: A_PROVIDER,
    PatientRequest: A_PATIENT,
    TreatmentRequest: A_TREATMENT,
    InvoiceRequest: AN_INVOICE,
}
REMOVED = object()
BAD: list[tuple[type[BaseModel], str, object]] = [
    (PracticeRequest, "name", ""),
    (PracticeRequest, "name", " "),
    (PracticeRequest, "name", "x" * 36),
    (PracticeRequest, "name", "line\nbreak"),
    (PracticeRequest, "name", REMOVED),
    (PracticeRequest, "address", None),
    (
        PracticeRequest,
        "address",
        {"street": "x" * 30, "house_no": "123456", "zip": "1", "city": "x"},
    ),
    (PracticeRequest, "address.street", REMOVED),
    (PracticeRequest, "address.zip", "1234567890"),
    (PracticeRequest, "address.city", "x" * 36),
    (PracticeRequest, "gln", "7601000000018"),
    (PracticeRequest, "gln", "73513537"),
    (PracticeRequest, "gln", "2000000000008"),
    (PracticeRequest, "gln", 7601000000019),
    (PracticeRequest, "zsr", "z123456"),
    (PracticeRequest, "uid", "CHE100155213"),
    (PracticeRequest, "canton", "XX"),
    (PracticeRequest, "canton", "vd"),
    (PracticeRequest, "language", "en"),
    (PracticeRequest, "iban", "CH9300762011623852958"),
    (PracticeRequest, "iban", "DE89370400440532013000"),
    (PracticeRequest, "iban", "CH4431999123000889012"),
    (PracticeRequest, "nickname", "x"),
    (ContractRequest, "factor", "x" * 21),
    (ContractRequest, "factor_name", "x" * 36),
    (ContractRequest, "factor_gln", "7601000000041"),
    (ContractRequest, "account_number", "a b"),
    (ContractRequest, "account_number", "1" * 21),
    (ContractRequest, "ledger_account", "108"),
    (ContractRequest, "ledger_account", "١٠٨٨"),
    (ContractRequest, "ledger_account", "1100"),
    (ContractRequest, "ledger_account", "6940"),
    (ContractRequest, "loss_cover", "yes"),
    (ContractRequest, "payout_term_days", True),
    (PatientRequest, "birth_date", 0),
    (ContractRequest, "qr_iban", "CH9300762011623852957"),
    (ContractRequest, "payout_term_days", -1),
    (ContractRequest, "payout_term_days", 366),
    (ContractRequest, "payout_term_days", "soon"),
    (ContractRequest, "payout_basis", "half"),
    (ContractRequest, "reminder_fee_beneficiary", "patient"),
    (ContractRequest, "loss_cover", "perhaps"),
    (ContractRequest, "acquittal", "never"),
    (ContractRequest, "deb_booking", "never"),
    (ContractRequest, "portal.adapter", "fax"),
    (ContractRequest, "portal.arrival_deadline_working_days", 0),
    (ContractRequest, "portal.deb_poll_interval_seconds", 0),
    (ContractRequest, "portal.deb_layout", "Quittance V1"),
    (ContractRequest, "portal.colour", "red"),
    (ProviderRequest, "gln", "7601000000027"),
    (ProviderRequest, "zsr", "123"),
    (ProviderRequest, "title", "x" * 36),
    (ProviderRequest, "family_name", ""),
    (ProviderRequest, "given_name", "x" * 36),
    (PatientRequest, "patient_number", "x" * 21),
    (PatientRequest, "patient_number", "a b"),
    (PatientRequest, "patient_number", ""),
    (PatientRequest, "family_name", "x" * 36),
    (PatientRequest, "given_name", "\u0007"),
    (PatientRequest, "birth_date", "1980-02-30"),
    (PatientRequest, "birth_date", "1899-12-31"),
    (PatientRequest, "birth_date", "01.05.1980"),
    (PatientRequest, "sex", "diverse"),
    (PatientRequest, "gender", "unknown"),
    (PatientRequest, "ssn", "7569217076984"),
    (PatientRequest, "ssn", "123"),
    (PatientRequest, "ssn", "1234567890123"),
    (PatientRequest, "language", "en"),
    (PatientRequest, "address", {"house_no": "2", "zip": "1020", "city": "Renens"}),
    (PatientRequest, "address.zip", ""),
    (PatientRequest, "guarantor.debtor_number", "x" * 21),
    (PatientRequest, "guarantor.family_name", REMOVED),
    (PatientRequest, "guarantor.address.city", "x" * 36),
    (TreatmentRequest, "patient_id", "10001"),
    (TreatmentRequest, "provider_id", None),
    (TreatmentRequest, "begun_on", "yesterday"),
    (TreatmentRequest, "ended_on", REMOVED),
    (TreatmentRequest, "reason", "beauty"),
    (TreatmentRequest, "positions", []),
    (TreatmentRequest, "positions", [A_TREATMENT["positions"][0]] * 201),
    (TreatmentRequest, "positions.0.tariff_type", "22"),
    (TreatmentRequest, "positions.0.tariff_type", "abc"),
    (TreatmentRequest, "positions.0.code", "x" * 31),
    (TreatmentRequest, "positions.0.text", "x" * 351),
    (TreatmentRequest, "positions.0.performed_on", "2026-13-01"),
    (TreatmentRequest, "positions.0.quantity", "0"),
    (TreatmentRequest, "positions.0.quantity", "-1"),
    (TreatmentRequest, "positions.0.quantity", "1.0001"),
    (TreatmentRequest, "positions.0.quantity", "1e3"),
    (TreatmentRequest, "positions.0.quantity", 1),
    (TreatmentRequest, "positions.0.points", "1.001"),
    (TreatmentRequest, "positions.0.points", "NaN"),
    (TreatmentRequest, "positions.0.points", 12.5),
    (TreatmentRequest, "positions.0.point_value", "0.0000"),
    (TreatmentRequest, "positions.0.point_value", "1.00001"),
    (TreatmentRequest, "positions.0.vat_rate", "101"),
    (TreatmentRequest, "positions.0.tooth", "x" * 11),
    (TreatmentRequest, "remark", "x" * 351),
    (InvoiceRequest, "treatment_ids", []),
    (InvoiceRequest, "treatment_ids", ["11111111-1111-4111-8111-111111111111"] * 2),
    (InvoiceRequest, "payment_period_days", True),
    (InvoiceRequest, "payment_period_days", "30"),
    (InvoiceRequest, "treatment_ids.0", "x"),
    (InvoiceRequest, "contract_id", REMOVED),
    (InvoiceRequest, "contract_id", "CMD"),
    (InvoiceRequest, "deposit", "1.00"),
    (InvoiceRequest, "deposit", 1.5),
    (InvoiceRequest, "deposit", None),
    (InvoiceRequest, "deposit.amount", REMOVED),
    (InvoiceRequest, "deposit.amount", "1"),
    (InvoiceRequest, "deposit.amount", "1.001"),
    (InvoiceRequest, "deposit.amount", "١.٠٠"),
    (InvoiceRequest, "deposit.amount", "-1.00"),
    (InvoiceRequest, "deposit.amount", "1000000000.00"),
    (InvoiceRequest, "deposit.amount", 1.5),
    (InvoiceRequest, "deposit.currency", "EUR"),
    (InvoiceRequest, "deposit.colour", "red"),
    (InvoiceRequest, "payment_period_days", 0),
    (InvoiceRequest, "payment_period_days", 181),
]


@pytest.mark.parametrize("model", GOOD, ids=lambda model: model.__name__)
def test_the_good_body_is_taken(model: type[BaseModel]) -> None:
    parsed = parse_body(model, json.dumps(GOOD[model]).encode())
    assert parsed.model_fields_set >= set(GOOD[model])


@pytest.mark.parametrize(("model", "field", "value"), BAD)
def test_a_bad_field_is_refused_by_its_name(
    model: type[BaseModel], field: str, value: object
) -> None:
    raw = json.dumps(changed(GOOD[model], field, value)).encode()
    with pytest.raises(ProblemError) as refused:
        parse_body(model, raw)
    problem = refused.value.problem
    assert problem.status == 422
    assert [error.field for error in problem.errors] == [field]


def test_numbers_are_taken_as_people_write_them() -> None:
    practice = parse_body(
        PracticeRequest,
        json.dumps(
            A_PRACTICE | {"uid": "CHE-100.155.212", "iban": "CH93 0076 2011 6238 5295 7"}
        ).encode(),
    )
    assert (practice.uid, practice.iban) == ("CHE100155212", "CH9300762011623852957")
    patient = parse_body(
        PatientRequest, json.dumps(A_PATIENT | {"ssn": "756.9217.0769.85"}).encode()
    )
    assert patient.ssn == "7569217076985"


@pytest.mark.parametrize(
    ("model", "field", "value", "reason"),
    [
        (
            PracticeRequest,
            "gln",
            "7601000000018",
            "is no GLN of a practice or person, or its check digit is wrong",
        ),
        (
            PracticeRequest,
            "address",
            {"street": "x" * 30, "house_no": "123456", "zip": "1", "city": "x"},
            "street and house number are longer than 35 characters",
        ),
        (InvoiceRequest, "deposit.amount", "-1.00", "must not be negative"),
        (
            InvoiceRequest,
            "deposit.amount",
            "20",
            "must be francs with two decimals and at most nine digits, like 120.00",
        ),
    ],
)
def test_the_reason_is_told_in_our_own_words(
    model: type[BaseModel], field: str, value: object, reason: str
) -> None:
    raw = json.dumps(changed(GOOD[model], field, value)).encode()
    with pytest.raises(ProblemError) as refused:
        parse_body(model, raw)
    assert [(one.field, one.reason) for one in refused.value.problem.errors] == [(field, reason)]


def test_a_deposit_is_in_francs_and_is_nothing_unless_it_is_given() -> None:
    given = changed(AN_INVOICE, "deposit", {"amount": "20.00"})
    taken = parse_body(InvoiceRequest, json.dumps(given).encode())
    assert taken.deposit.model_dump() == chf("20.00")
    without = changed(AN_INVOICE, "deposit", REMOVED)
    assert parse_body(InvoiceRequest, json.dumps(without).encode()).deposit.to_money() == Money(0)


def changed(body: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    """Return the body with one field changed or removed."""
    fresh = copy.deepcopy(body)
    *steps, last = field.split(".")
    place: Any = fresh
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is REMOVED:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return fresh
