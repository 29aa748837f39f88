"""The parties of an invoice in the Forum format: biller, debtor, provider, patient."""

from __future__ import annotations

from lxml import etree

from services.invoicing.adapters.forum_countries import named_abroad
from services.invoicing.adapters.forum_elements import add, add_text
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.numbers import NO_GLN
from services.invoicing.domain.people import Debtor, OfficeName, Patient, Provider
from services.invoicing.domain.practice import Address, Language

# The schema demands a postal code, a city and a number for every patient. Where they are not
# known, the document says so; such an invoice is marked unfit and never leaves in an order.
_UNKNOWN_ZIP = "0000"
_UNKNOWN_CITY = {
    Language.GERMAN: "unbekannt",
    Language.FRENCH: "inconnu",
    Language.ITALIAN: "sconosciuto",
}
_NO_SSN = "0000"


def add_parties(tiers: etree._Element, document: InvoiceDocument) -> None:
    """Append the parties in the order that the schema demands."""
    _add_billers(tiers, document)
    insurance, owes = document.insurance, document.debtor
    gln = NO_GLN if insurance is None else insurance.insurer.gln
    _add_debtor(add(tiers, "debitor", gln=gln), owes, document.language)
    _add_providers(tiers, document)
    if insurance is not None:
        _add_debtor(add(tiers, "insurance", gln=gln), owes, document.language)
    _add_patient(tiers, document.patient, document.language)
    _add_debtor(add(tiers, "guarantor"), document.guarantor, document.language)
    add(tiers, "partners")


def add_company(parent: etree._Element, name: str, address: Address) -> None:
    """Append a company with its address."""
    _add_postal(add_office_name(parent, OfficeName(name)), address)


def add_office_name(parent: etree._Element, office: OfficeName) -> etree._Element:
    """Append a company with what its address stands below; a contact is a line of the address."""
    company = add(parent, "company")
    add_text(company, "companyname", office.company_name)
    add_text(company, "department", office.department)
    add_text(company, "subaddressing", office.contact_person)
    return company


def _add_billers(tiers: etree._Element, document: InvoiceDocument) -> None:
    practice = document.practice
    billers = add(tiers, "billers")
    add_company(add(billers, "biller_gln", gln=practice.gln), practice.name, practice.address)
    if practice.zsr is not None:
        add_company(add(billers, "biller_zsr", zsr=practice.zsr), practice.name, practice.address)


def _add_providers(tiers: etree._Element, document: InvoiceDocument) -> None:
    provider, practice = document.provider, document.practice
    providers = add(tiers, "providers")
    with_gln = add(providers, "provider_gln", gln=provider.gln, gln_location=practice.gln)
    _add_provider(with_gln, provider, practice.address)
    if provider.zsr is not None:
        _add_provider(add(providers, "provider_zsr", zsr=provider.zsr), provider, practice.address)


def _add_provider(parent: etree._Element, provider: Provider, address: Address) -> None:
    person = add(parent, "person", title=provider.title)
    _add_names(person, provider.family_name, provider.given_name)
    _add_postal(person, address)


def _add_patient(tiers: etree._Element, patient: Patient, language: Language) -> None:
    element = add(
        tiers,
        "patient",
        gender=patient.gender.value,
        sex=patient.sex.value,
        birthdate=patient.birth_date.isoformat(),
        ssn=patient.ssn or _NO_SSN,
    )
    person = add(element, "person")
    _add_names(person, patient.family_name, patient.given_name)
    _add_postal(person, patient.address or unknown_address(language))


def _add_debtor(parent: etree._Element, debtor: Debtor, language: Language) -> None:
    if isinstance(debtor.name, OfficeName):
        named = add_office_name(parent, debtor.name)
    else:
        named = add(parent, "person")
        _add_names(named, debtor.name.family_name, debtor.name.given_name)
    _add_postal(named, debtor.address or unknown_address(language))


def _add_names(person: etree._Element, family_name: str, given_name: str) -> None:
    add_text(person, "familyname", family_name)
    add_text(person, "givenname", given_name)


def _add_postal(parent: etree._Element, address: Address) -> None:
    postal = add(parent, "postal")
    add_text(
        postal,
        "street",
        address.street_line,
        street_name=address.street,
        house_no=address.house_no,
    )
    add_text(postal, "zip", address.zip)
    add_text(postal, "city", address.city)
    abroad = named_abroad(address.country)
    add_text(postal, "country", abroad, country_code=abroad)


def unknown_address(language: Language) -> Address:
    """Return what a document says of somebody whose address is not known."""
    return Address(None, None, _UNKNOWN_ZIP, _UNKNOWN_CITY[language])
