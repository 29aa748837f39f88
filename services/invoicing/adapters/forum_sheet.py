"""Reads the stored document of an invoice as what is printed of it.

The document, not the present master data, is the invoice: a patient who has moved since does not
change an invoice that was issued.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from lxml import etree

from services.invoicing.adapters.forum_countries import country_of
from services.invoicing.adapters.forum_dates import swiss_day
from services.invoicing.domain.insurance import Law, Tiers
from services.invoicing.domain.practice import Language
from services.invoicing.domain.sheet import (
    NO_SUCH_PLACE,
    InvoiceSheet,
    SheetInsurance,
    SheetLine,
    SheetParty,
    SheetSlip,
)
from shared.kernel.errors import DomainError
from shared.kernel.money import Money

_OWES = {
    "tiers_garant": ("guarantor", "debitor"),
    "tiers_payant": ("debitor",),
    "tiers_soldant": ("debitor",),
}


def read_sheet(document: bytes, *, cancelled: bool) -> InvoiceSheet:
    """Return what a stored document (generalInvoiceRequest) says on paper.

    Raises:
        DomainError: it lacks what every printed invoice has.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return _sheet(_Node(etree.fromstring(document, parser)), cancelled=cancelled)
    except (LookupError, ValueError, ArithmeticError) as error:
        raise DomainError(
            "The invoice's document cannot be printed; its XML can be downloaded.",
            code="document-not-printable",
        ) from error


class _Node:
    """An element, looked into by local names, whichever version's namespace it has."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element

    @property
    def name(self) -> str:
        return etree.QName(self.element).localname

    def get(self, name: str) -> str | None:
        return self.element.get(name)

    def need(self, name: str) -> str:
        value = self.element.get(name)
        if value is None:
            raise LookupError(name)
        return value

    def all(self, path: str) -> list[_Node]:
        found: Any = self.element.findall("/".join(f"{{*}}{step}" for step in path.split("/")))
        return [_Node(element) for element in found]

    def children(self, path: str) -> list[_Node]:
        return [_Node(child) for child in self.one(path).element if isinstance(child.tag, str)]

    def first(self, *paths: str) -> _Node | None:
        return next((node for path in paths for node in self.all(path)), None)

    def one(self, *paths: str) -> _Node:
        found = self.first(*paths)
        if found is None:
            raise LookupError(paths[0])
        return found

    def text(self, path: str) -> str | None:
        found = self.first(path)
        text = found.element.text if found is not None else None
        return text.strip() or None if text else None


def _sheet(root: _Node, *, cancelled: bool) -> InvoiceSheet:
    invoice, body = root.one("payload/invoice"), root.one("payload/body")
    tiers = body.one("tiers_garant", "tiers_payant", "tiers_soldant")
    balance = tiers.one("balance")
    biller = tiers.one("billers/biller_gln", "billers/biller_zsr", "biller")
    patient = tiers.one("patient")
    provider = tiers.first("providers/provider_gln", "providers/provider_zsr", "provider")
    issued_on = _day(invoice, "request_date")
    slip, due = body.first("esrQR", "esrQRRed"), _money(balance.get("amount_due"))
    return InvoiceSheet(
        number=invoice.need("request_id"),
        language=Language(root.need("language")),
        issued_on=issued_on,
        due_on=issued_on + _period(slip, tiers),
        practice=_party(biller),
        practice_gln=_gln(biller) or "",
        debtor=_party(tiers.one(*_OWES[tiers.name])),
        patient_name=_party(patient).name,
        patient_birth_date=_day(patient, "birthdate"),
        provider_name=_party(provider).name if provider is not None else None,
        provider_gln=_gln(provider) if provider is not None else None,
        lines=tuple(_line(service) for service in body.children("services")),
        total=_money(balance.get("amount")),
        deposit=_money(balance.get("amount_prepaid")),
        due=due,
        vat=tuple(_vat(balance)),
        vat_number=balance.one("vat").get("vat_number"),
        slip=_slip(slip) if slip is not None and due > Money.zero() and not cancelled else None,
        cancelled=cancelled,
        insurance=_insurance(tiers, body),
    )


def _insurance(tiers: _Node, body: _Node) -> SheetInsurance | None:
    if tiers.name == "tiers_garant":
        return None
    law = body.one("law", *(one.value.lower() for one in Law))
    case_date = law.get("case_date")
    return SheetInsurance(
        tiers=Tiers(tiers.name.removeprefix("tiers_")),
        law=Law(law.get("type") or law.name.upper()),
        insured_number=law.get("insured_id"),
        case_number=law.get("case_id"),
        case_date=None if case_date is None else date.fromisoformat(case_date.strip()[:10]),
    )


def _party(node: _Node) -> SheetParty:
    entity = node.one("company", "person")
    names = (entity.text("familyname"), entity.text("givenname"))
    name = entity.text("companyname") or " ".join(part for part in names if part)
    further = (entity.text("department"), entity.text("subaddressing"))
    postal = entity.one("postal")
    street = postal.first("street")
    country = country_of(postal.element)
    if country is None:
        raise LookupError("country")
    return SheetParty(
        name=name,
        further=tuple(line for line in further if line),
        street=(street.get("street_name") if street else None) or postal.text("street"),
        house_no=street.get("house_no") if street and street.get("street_name") else None,
        zip=postal.text("zip") or NO_SUCH_PLACE,
        city=postal.text("city") or "",
        country=country,
    )


def _line(service: _Node) -> SheetLine:
    tooth = next(
        (one.get("value") for one in service.all("xtra_service") if one.get("token") == "tooth"),
        None,
    )
    return SheetLine(
        day=_day(service, "date_begin"),
        tariff=service.get("tariff_type") or "",
        code=service.get("code") or "",
        text=service.get("name") or "",
        tooth=tooth,
        quantity=Decimal(service.get("quantity") or "1"),
        points=_number(service.get("unit")),
        point_value=_number(service.get("unit_factor")),
        amount=_money(service.get("amount")),
    )


def _vat(balance: _Node) -> list[tuple[Decimal, Money, Money]]:
    rates = [
        (Decimal(one.need("vat_rate")), _money(one.get("amount")), _money(one.get("vat")))
        for one in balance.all("vat/vat_rate")
    ]
    return [rate for rate in rates if rate[0]]


def _slip(node: _Node) -> SheetSlip:
    return SheetSlip(
        iban=node.need("iban"),
        creditor=_party(node.one("creditor")),
        reference=node.get("reference_number"),
    )


def _period(slip: _Node | None, tiers: _Node) -> timedelta:
    # 5.0 says it with the slip, 4.5 with the parties.
    given = (slip.get("payment_period") if slip else None) or tiers.get("payment_period")
    found = re.fullmatch(r"P(?:([0-9]{1,2})M)?(?:([0-9]{1,3})D)?", given or "")
    days = int(found[1] or 0) * 30 + int(found[2] or 0) if found else 0
    return timedelta(days=days or 30)


def _day(node: _Node, name: str) -> date:
    return swiss_day(node.need(name).strip())


def _gln(party: _Node) -> str | None:
    return party.get("gln") or party.get("ean_party")


def _money(text: str | None) -> Money:
    return Money.rounded(Decimal(text or "0"))


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
