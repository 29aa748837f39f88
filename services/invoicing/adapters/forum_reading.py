"""Reads a generalInvoiceRequest, 4.5 or 5.0, into what invoicing takes over of an invoice.

The versions name the parties, the slip and the kind of request differently; the rest is the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar

from lxml import etree

from services.invoicing.adapters.forum_countries import country_of
from services.invoicing.adapters.forum_dates import instant, swiss_day
from services.invoicing.adapters.forum_elements import NAMESPACE
from services.invoicing.adapters.forum_opening import NotOpenedError, open_request
from services.invoicing.domain.incoming import (
    Fault,
    IncomingBalance,
    IncomingDebtor,
    IncomingInsurance,
    IncomingInvoice,
    IncomingPatient,
    IncomingProvider,
    IncomingService,
    IncomingVat,
    Slip,
    SlipKind,
)
from services.invoicing.domain.insurance import Law, Tiers
from services.invoicing.domain.people import DebtorName, Gender, OfficeName, PersonName, Sex
from services.invoicing.domain.practice import Address, Language
from services.invoicing.domain.treatment import Reason
from shared.forum.numbers import is_within_bounds
from shared.forum.opening import line_of
from shared.kernel.clock import SWISS_TIME

_NS: Final = {"i": NAMESPACE}
_PERIOD = re.compile(r"P(?:([0-9]{1,2})M)?(?:([0-9]{1,3})D)?")
_PERIOD_DAYS_MAX: Final = 180
_PERIOD_DAYS_USUAL: Final = 30
_UNKNOWN_ZIP: Final = "0000"
_NO_GIVEN_NAME: Final = "-"
_STREET_MAX: Final = 35
T = TypeVar("T")


def read_request(data: bytes) -> IncomingInvoice:
    """Return what a file says.

    Raises:
        NotOpenedError: it cannot be opened, or a text or date in it cannot be read.
    """
    version, root = open_request(data)
    body = root.find("i:payload/i:body", _NS)
    if body is None:
        raise NotOpenedError(Fault("encrypted", "The content of the invoice is encrypted."))
    return _Reader(version, root, body).invoice()


class _Reader:
    """Reads one request; `lines` collects where each field stands."""

    def __init__(self, version: str, root: etree._Element, body: etree._Element) -> None:
        self._root = root
        self._body = body
        self._new = version == "5.0"
        self._version = version
        self._payload = _child(root, "payload")
        self._tiers = next(one for one in body if _name(one).startswith("tiers_"))
        self._slip = next(one for one in body if _name(one).startswith("esr"))
        self._lines: dict[str, int] = {}

    def invoice(self) -> IncomingInvoice:
        head = self._at("invoice", _child(self._payload, "invoice"))
        treatment = self._at("treatment", _child(self._body, "treatment"))
        issued_at = _instant(head, "request_date")
        remark = self._body.findtext("i:remark", None, _NS)
        return IncomingInvoice(
            version=self._version,
            language=Language(_given(self._root, "language")),
            is_original=self._is_original(),
            number=_line_of(_given(head, "request_id"), head),
            issued_at=issued_at,
            issued_on=issued_at.astimezone(SWISS_TIME).date(),
            timestamp=int(_given(head, "request_timestamp")),
            biller_gln=self._biller_gln(),
            transport_glns=self._transport(),
            provider=self._provider(),
            patient=self._patient(),
            debtor=self._debtor(),
            insurance=self._insurance(),
            slip=self._payment_slip(),
            payment_period_days=self._payment_period(),
            balance=self._balance(),
            begun_on=_day(treatment, "date_begin"),
            ended_on=_day(treatment, "date_end"),
            reason=Reason(_given(treatment, "reason")),
            remark=_line_of(remark, self._body) if remark else None,
            services=self._services(),
            content_sha256=_content_hash(self._payload),
            lines=self._lines,
            is_trial=self._root.get("modus") == "test",
        )

    def _at(self, field: str, element: etree._Element) -> etree._Element:
        self._lines[field] = line_of(element) or 0
        return element

    def _is_original(self) -> bool:
        payload = self._at("payload", self._payload)
        if payload.find("i:reminder", _NS) is not None:
            return False
        if self._new:
            kinds = payload.get("request_type", "invoice"), payload.get("request_subtype", "normal")
            return kinds == ("invoice", "normal")
        flags = (payload.get("storno", "false"), payload.get("copy", "false"))
        return payload.get("type", "invoice") == "invoice" and not {"true", "1"} & set(flags)

    def _biller_gln(self) -> str:
        path = "billers/i:biller_gln" if self._new else "biller"
        return _given(self._at("biller", _child(self._tiers, path)), self._gln)

    @property
    def _gln(self) -> str:
        return "gln" if self._new else "ean_party"

    def _transport(self) -> tuple[str, ...]:
        transport = self._at("transport", _child(self._root, "processing/i:transport"))
        return (
            _given(transport, "from"),
            *(_given(via, "via") for via in transport.findall("i:via", _NS)),
        )

    def _provider(self) -> IncomingProvider:
        path = "providers/i:provider_gln" if self._new else "provider"
        element = self._at("provider", _child(self._tiers, path))
        with_zsr = self._tiers.find("i:providers/i:provider_zsr", _NS) if self._new else element
        person = element.find("i:person", _NS)
        title = person.get("title") if person is not None else None
        return IncomingProvider(
            _given(element, self._gln),
            None if with_zsr is None else with_zsr.get("zsr"),
            _line_of(title, element) if title else None,
            *_names(element),
        )

    def _patient(self) -> IncomingPatient:
        element = self._at("patient", _child(self._tiers, "patient"))
        gender = _given(element, "gender")
        return IncomingPatient(
            *_names(element),
            birth_date=_day(element, "birthdate"),
            sex=Sex(element.get("sex", gender)),
            gender=Gender(gender),
            ssn=element.get("ssn"),
            address=_address(element),
        )

    def _debtor(self) -> IncomingDebtor:
        element = self._at("debtor", _child(self._tiers, "guarantor"))
        return IncomingDebtor(_debtor_name(element), address=_address(element))

    def _insurance(self) -> IncomingInsurance | None:
        tiers = Tiers(_name(self._tiers).removeprefix("tiers_"))
        if tiers is Tiers.GARANT:
            return None
        element = self._at("insurance", _child(self._tiers, "insurance"))
        owes = self._at("owes", _child(self._tiers, "debitor"))
        laws = ["law", *(one.value.lower() for one in Law)]
        law = self._at("law", next(one for one in self._body if _name(one) in laws))
        return IncomingInsurance(
            tiers=tiers,
            gln=_given(element, self._gln),
            name=_debtor_name(element),
            address=_address(element),
            debtor_gln=_given(owes, self._gln),
            law=Law(law.get("type", _name(law).upper())),
            insured_number=_line_if_any(law, "insured_id"),
            case_number=_line_if_any(law, "case_id"),
            case_date=None if law.get("case_date") is None else _day(law, "case_date"),
        )

    def _payment_slip(self) -> Slip:
        slip = self._at("payment-slip", self._slip)
        reference = slip.get("reference_number")
        if _name(slip) in {"esr9", "esrRed"}:
            return Slip(SlipKind.ABOLISHED, None, reference)
        is_qr = reference is not None and reference.isdigit()
        kind = SlipKind.QR_REFERENCE if is_qr else SlipKind.OTHER_QR
        return Slip(kind, _given(slip, "iban"), reference)

    def _payment_period(self) -> int:
        given = (self._slip if self._new else self._tiers).get("payment_period")
        if given is None:
            return _PERIOD_DAYS_USUAL
        found = _PERIOD.fullmatch(given.strip())
        days = int(found[1] or 0) * 30 + int(found[2] or 0) if found else 0
        if not 1 <= days <= _PERIOD_DAYS_MAX:
            raise _unreadable("payment-period", f"{given} is no term of payment.", self._slip)
        return days

    def _balance(self) -> IncomingBalance:
        element = self._at("balance", _child(self._tiers, "balance"))
        vat = _child(element, "vat")
        return IncomingBalance(
            amount=_number(element, "amount"),
            reminder=_number(element, "amount_reminder", "0"),
            prepaid=_number(element, "amount_prepaid", "0"),
            due=_number(element, "amount_due"),
            vat=_number(vat, "vat"),
            vat_rates=tuple(
                IncomingVat(
                    _number(rate, "vat_rate"), _number(rate, "amount"), _number(rate, "vat")
                )
                for rate in vat.findall("i:vat_rate", _NS)
            ),
            vat_number=vat.get("vat_number"),
        )

    def _services(self) -> tuple[IncomingService, ...]:
        services = _child(self._body, "services")
        return tuple(self._service(place, one) for place, one in enumerate(services))

    def _service(self, place: int, element: etree._Element) -> IncomingService:
        self._at(f"services.{place}", element)
        tooth = element.find("i:xtra_service[@token='tooth']", _NS)
        return IncomingService(
            place=place,
            tariff_type=_given(element, "tariff_type"),
            code=_line_of(_given(element, "code"), element),
            text=_line_of(_given(element, "name"), element),
            performed_on=_day(element, "date_begin"),
            quantity=_number(element, "quantity"),
            points=_number(element, "unit", "0"),
            point_value=_number(element, "unit_factor", "1"),
            external_factor=_number(element, "external_factor", "1"),
            amount=_number(element, "amount"),
            vat_rate=_number(element, "vat_rate", "0"),
            tooth=None if tooth is None else _line_of(_given(tooth, "value"), element),
            glns=(_given(element, "provider_id"), _given(element, "responsible_id")),
            plain=_name(element) == "service",
        )


def _names(element: etree._Element) -> tuple[str, str]:
    """Family and given name; an office has its department, or a dash, as given name."""
    person = element.find("i:person", _NS)
    if person is not None:
        return _text(person, "familyname"), _text(person, "givenname")
    office = _office_name(_child(element, "company"))
    return office.company_name, office.department or _NO_GIVEN_NAME


def _debtor_name(element: etree._Element) -> DebtorName:
    company = element.find("i:company", _NS)
    return PersonName(*_names(element)) if company is None else _office_name(company)


def _office_name(company: etree._Element) -> OfficeName:
    department, contact_person = (
        None if company.find(f"i:{name}", _NS) is None else _text(company, name)
        for name in ("department", "subaddressing")
    )
    return OfficeName(_text(company, "companyname"), department, contact_person)


def _address(element: etree._Element) -> Address | None:
    postal = next(element.iter(f"{{{NAMESPACE}}}postal"))
    zip_code = _text(postal, "zip")
    if zip_code == _UNKNOWN_ZIP:
        return None
    country = country_of(postal)
    if country is None:
        raise _unreadable("unknown-country", "The country of an address is none.", postal)
    street, city = postal.find("i:street", _NS), _text(postal, "city")
    line, name, house_no = None, None, None
    if street is not None:
        line = _line_of(street.text, street)
        name, house_no = street.get("street_name"), street.get("house_no")
    if name and house_no and len(f"{name} {house_no}") <= _STREET_MAX and street is not None:
        return Address(_line_of(name, street), _line_of(house_no, street), zip_code, city, country)
    return Address(line, None, zip_code, city, country)


def _child(parent: etree._Element, path: str) -> etree._Element:
    found = parent.find(f"i:{path}", _NS)
    if found is None:
        raise _unreadable("schema", f"{path.replace('i:', '')} is missing.", parent)
    return found


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _given(element: etree._Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise _unreadable("schema", f"{name} is missing.", element)
    return value.strip()


def _text(parent: etree._Element, name: str) -> str:
    return _line_of(parent.findtext(f"i:{name}", None, _NS), parent)


def _line_of(text: str | None, element: etree._Element) -> str:
    """One line of text, blanks drawn together; the house keeps no other."""
    line = " ".join((text or "").split())
    if not line or not line.isprintable():
        raise _unreadable("text", "A text is empty or has characters nobody can read.", element)
    return line


def _line_if_any(element: etree._Element, name: str) -> str | None:
    return None if element.get(name) is None else _line_of(element.get(name), element)


def _number(element: etree._Element, name: str, default: str | None = None) -> Decimal:
    text = element.get(name, default) or ""
    number = _converted(element, text, lambda given: Decimal(given.replace("INF", "Infinity")))
    if not is_within_bounds(number):
        raise _unreadable(
            "unreadable-value", f"{name}: the number {text[:40]!r} is beyond all bounds.", element
        )
    return number


def _day(element: etree._Element, name: str) -> date:
    return _converted(element, _given(element, name), swiss_day)


def _instant(element: etree._Element, name: str) -> datetime:
    return _converted(element, _given(element, name), instant)


def _converted(element: etree._Element, text: str, convert: Callable[[str], T]) -> T:
    try:
        return convert(text.strip())
    except (ValueError, ArithmeticError):
        raise _unreadable("value", f"{text[:40]!r} cannot be read.", element) from None


def _unreadable(code: str, reason: str, element: etree._Element) -> NotOpenedError:
    return NotOpenedError(Fault(code, reason, _name(element), line_of(element)))


def _content_hash(payload: etree._Element) -> str:
    return hashlib.sha256(etree.tostring(payload, method="c14n", exclusive=True)).hexdigest()
