"""Request bodies of invoicing's API, all invented."""

from __future__ import annotations

from typing import Any
from uuid import UUID


def chf(amount: str) -> dict[str, str]:
    """An amount as the API takes and gives it."""
    return {"amount": amount, "currency": "CHF"}


A_PRACTICE: dict[str, Any] = {
    "name": "Cabinet dentaire Exemple SA",
    "address": {
        "street": "Rue du Lac",
        "house_no": "1",
        "zip": "1003",
        "city": "Lausanne",
        "country": "CH",
    },
    "gln": "7601000000019",
    "zsr": "Z123456",
    "uid": "CHE100155212",
    "canton": "VD",
    "language": "fr",
    "iban": "CH9300762011623852957",
}
A_CONTRACT: dict[str, Any] = {
    "factor": "CMD",
    "factor_name": "Caisse Exemple SA",
    "factor_address": {"street": "Avenue de la Gare", "zip": "1000", "city": "Lausanne"},
    "factor_gln": "7601000000040",
    "account_number": "10.234-5",
    "ledger_account": "1088",
    "acquittal_label": "Transmis CMD",
    "qr_iban": "CH4431999123000889012",
    "payout_term_days": 15,
    "payout_basis": "gross",
    "reminder_fee_beneficiary": "factor",
    "loss_cover": False,
    "acquittal": "automatic",
    "deb_booking": "review",
    "portal": {"adapter": "http"},
}
A_PROVIDER: dict[str, Any] = {
    "gln": "7601000000026",
    "zsr": "P654321",
    "title": "Dr",
    "family_name": "Praticien",
    "given_name": "Alix",
}
A_PATIENT: dict[str, Any] = {
    "patient_number": "10001",
    "family_name": "Exemple",
    "given_name": "Jeanne",
    "birth_date": "1980-05-01",
    "sex": "female",
    "gender": "female",
    "ssn": "7569217076985",
    "language": "fr",
    "address": {
        "street": "Rue Haute",
        "house_no": "2",
        "zip": "1020",
        "city": "Renens",
        "country": "CH",
    },
    "guarantor": {
        "debtor_number": "D-77",
        "family_name": "Exemple",
        "given_name": "Claude",
        "address": {
            "street": "Rue Haute",
            "house_no": "2",
            "zip": "1020",
            "city": "Renens",
            "country": "CH",
        },
    },
}
A_POSITION: dict[str, Any] = {
    "tariff_type": "222",
    "code": "SAMPLE.1",
    "text": "Prestation d'exemple (code fictif)",
    "performed_on": "2026-02-27",
    "quantity": "1",
    "points": "100",
    "point_value": "1.20",
    "vat_rate": "0",
    "tooth": "36",
}
A_TREATMENT: dict[str, Any] = {
    "patient_id": str(UUID(int=1)),
    "provider_id": str(UUID(int=2)),
    "begun_on": "2026-02-27",
    "ended_on": "2026-02-27",
    "reason": "disease",
    "positions": [A_POSITION],
    "remark": "Contrôle",
}
AN_INVOICE: dict[str, Any] = {
    "treatment_ids": [str(UUID(int=3))],
    "contract_id": None,
    "deposit": chf("0.00"),
    "payment_period_days": 30,
}
AN_INSURER: dict[str, Any] = {
    "gln": "7601003000016",
    "company_name": "Assurance Exemple SA",
    "department": "Sinistres",
    "contact_person": "M. Modèle",
    "address": {
        "street": "Rue du Rhône",
        "house_no": "9",
        "zip": "1204",
        "city": "Genève",
        "country": "CH",
    },
}
AN_UVG_CASE: dict[str, Any] = {
    "type": "UVG",
    "insured_number": "99.1234-5",
    "case_number": "26.00017.8",
    "case_date": "2026-02-20",
}
