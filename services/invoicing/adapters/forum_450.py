"""Writes an invoice as generalInvoiceRequest 4.5, for a factor that does not take 5.0 yet.

What 4.5 demands and the house does not know is said with what it knows: the bank's place is the
creditor's, and without a factor the practice itself stands between. What 4.5 has no place for (the
tooth, a gender beyond two) goes into a remark or is left out. It ends with the year 2030.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from lxml import etree

from services.invoicing.adapters.forum_amounts import GENERATOR, add_balance, service_attributes
from services.invoicing.adapters.forum_countries import named_abroad
from services.invoicing.adapters.forum_elements import NAMESPACE, add, add_text
from services.invoicing.adapters.forum_parties import add_office_name, unknown_address
from services.invoicing.domain.document import DocumentLine, InvoiceDocument
from services.invoicing.domain.insurance import Insurance, Law, check_sayable_in_450
from services.invoicing.domain.numbers import NO_GLN
from services.invoicing.domain.people import Debtor, OfficeName
from services.invoicing.domain.practice import Address, Language
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import DomainError

_TOOTH: Final = {Language.GERMAN: "Zahn", Language.FRENCH: "Dent", Language.ITALIAN: "Dente"}
_REMARK_MAX: Final = 350
_LAWS_WITH_SSN: Final = {Law.UVG, Law.IVG, Law.MVG}


def request_450(document: InvoiceDocument, *, modus: str) -> etree._Element:
    """Return the request; the caller holds it against the schema.

    Raises:
        DomainError: neither provider nor practice has the ZSR number that 4.5 demands, or it has no
            place for the insurance, or demands more numbers for it.
    """
    insurance = document.insurance
    if insurance is not None:
        check_sayable_in_450(insurance, ssn=document.patient.ssn)
    root = etree.Element(
        etree.QName(NAMESPACE, "request"),
        {"language": document.language.value, "modus": modus},
        nsmap={"invoice": NAMESPACE},
    )
    practice, contract = document.practice, document.contract
    recipient = NO_GLN if insurance is None else insurance.insurer.gln
    parties = {"from": practice.gln, "to": recipient}
    transport = add(add(root, "processing"), "transport", **parties)
    via = practice.gln if contract is None else contract.factor_gln
    add(transport, "via", via=via, sequence_id="1")
    payload = add(root, "payload", type="invoice", storno="false", copy="false")
    issued_at = document.issued_at.astimezone(SWISS_TIME)
    add(
        payload,
        "invoice",
        request_timestamp=str(int(issued_at.timestamp())),
        request_date=issued_at.isoformat(timespec="seconds"),
        request_id=document.number,
    )
    _add_body(payload, document)
    return root


def _add_body(payload: etree._Element, document: InvoiceDocument) -> None:
    body = add(payload, "body", role="dentist", place="practice")
    add(add(body, "prolog"), "generator", **GENERATOR)
    name = "tiers_garant" if document.insurance is None else "tiers_payant"
    tiers = add(body, name, payment_period=f"P{document.payment_period_days}D")
    _add_parties(tiers, document)
    add_balance(tiers, document)
    _add_payment_slip(body, document)
    _add_law(body, document.insurance, ssn=document.patient.ssn)
    add(
        body,
        "treatment",
        date_begin=_midnight(document.begun_on),
        date_end=_midnight(document.ended_on),
        canton=document.practice.canton,
        reason=document.reason.value,
    )
    services = add(body, "services")
    for record_id, line in enumerate(document.lines(), start=1):
        remark = _remark(line, document.language)
        add(services, "service", **service_attributes(line, record_id, remark=remark))


def _add_parties(tiers: etree._Element, document: InvoiceDocument) -> None:
    practice, provider, patient = document.practice, document.provider, document.patient
    unknown = unknown_address(document.language)
    biller = add(tiers, "biller", ean_party=practice.gln, zsr=practice.zsr)
    _add_company(biller, practice.name, practice.address)
    insurance = document.insurance
    owes = NO_GLN if insurance is None else insurance.insurer.gln
    _add_debtor(add(tiers, "debitor", ean_party=owes), document.debtor, unknown)
    zsr = provider.zsr or practice.zsr
    if zsr is None:
        raise DomainError(
            "The factor takes invoices in the format 4.5, which needs the ZSR number of the"
            " provider or the practice.",
            code="zsr-missing",
        )
    _add_person(
        add(tiers, "provider", ean_party=provider.gln, zsr=zsr),
        provider.family_name,
        provider.given_name,
        practice.address,
        title=provider.title,
    )
    if insurance is not None:
        _add_debtor(add(tiers, "insurance", ean_party=owes), document.debtor, unknown)
    _add_person(
        add(
            tiers,
            "patient",
            gender=patient.sex.value,
            birthdate=_midnight(patient.birth_date),
            ssn=patient.ssn,
        ),
        patient.family_name,
        patient.given_name,
        patient.address or unknown,
    )
    _add_debtor(add(tiers, "guarantor"), document.guarantor, unknown)


def _add_law(body: etree._Element, insurance: Insurance | None, *, ssn: str | None) -> None:
    if insurance is None:
        add(body, "org")
        return
    law, case_date = insurance.law, insurance.case_date
    add(
        body,
        law.value.lower(),
        # Under the IVG the patient is known by the AHV number alone.
        insured_id=None if law is Law.IVG else insurance.insured_number,
        case_id=insurance.case_number,
        case_date=None if case_date is None else _midnight(case_date),
        ssn=ssn if law in _LAWS_WITH_SSN else None,
    )


def _add_payment_slip(body: etree._Element, document: InvoiceDocument) -> None:
    practice, contract = document.practice, document.contract
    slip = add(
        body,
        "esrQR",
        iban=practice.iban if contract is None else contract.qr_iban,
        reference_number=document.qr_reference,
    )
    creditor = (
        (practice.name, practice.address)
        if contract is None
        else (contract.factor_name, contract.factor_address)
    )
    _add_company(add(slip, "bank"), *creditor)
    _add_company(add(slip, "creditor"), *creditor)
    if contract is None:
        add_text(slip, "payment_reason", document.number)


def _add_company(parent: etree._Element, name: str, address: Address) -> None:
    _add_postal(add_office_name(parent, OfficeName(name)), address)


def _add_debtor(parent: etree._Element, debtor: Debtor, unknown: Address) -> None:
    name, address = debtor.name, debtor.address or unknown
    if isinstance(name, OfficeName):
        _add_postal(add_office_name(parent, name), address)
    else:
        _add_person(parent, name.family_name, name.given_name, address)


def _add_person(
    parent: etree._Element,
    family_name: str,
    given_name: str,
    address: Address,
    *,
    title: str | None = None,
) -> None:
    person = add(parent, "person", title=title)
    add_text(person, "familyname", family_name)
    add_text(person, "givenname", given_name)
    _add_postal(person, address)


def _add_postal(parent: etree._Element, address: Address) -> None:
    postal = add(parent, "postal")
    add_text(postal, "street", address.street_line)
    add_text(postal, "zip", address.zip, countrycode=named_abroad(address.country))
    add_text(postal, "city", address.city)


def _remark(line: DocumentLine, language: Language) -> str | None:
    if line.position.tooth is None:
        return line.remark
    tooth = f"{_TOOTH[language]} {line.position.tooth}"
    return tooth if line.remark is None else f"{tooth}; {line.remark}"[:_REMARK_MAX]


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"
