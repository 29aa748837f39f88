"""Plays the software that a practice already has: it writes its invoices as official XML files.

A writer of its own: an import that only reads what the product itself wrote proves little.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Final

from lxml import etree
from stdnum.ch import esr

from sandbox.demo import world
from shared.kernel.clock import SWISS_TIME

_NAMESPACE: Final = "http://www.forum-datenaustausch.ch/invoice"
_PRIVATE_GLN: Final = "2000000000008"
_NO_RECIPIENT_GLN: Final = "2006666666008"
_ZERO: Final = "0.00"
_FIRST_SERIAL: Final = 4101
"""The software has written invoices for years: its numbers do not begin with 1."""


def export(practice: world.Practice, *, issued_at: datetime) -> bytes:
    """Return a ZIP of the practice's invoices, one generalInvoiceRequest 5.0 each."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, treatment in _numbered(practice, issued_at):
            document = _Invoice(practice, treatment, number, issued_at).document()
            archive.writestr(f"{number}.xml", document)
    return buffer.getvalue()


def patient_numbers(practice: world.Practice, *, issued_at: datetime) -> dict[str, str]:
    """Return, by invoice number, the number of the patient whose invoice it is."""
    return {
        number: treatment.patient_number for number, treatment in _numbered(practice, issued_at)
    }


def _numbered(
    practice: world.Practice, issued_at: datetime
) -> Iterator[tuple[str, world.Treatment]]:
    year = issued_at.astimezone(SWISS_TIME).year
    for serial, treatment in enumerate(practice.treatments, start=_FIRST_SERIAL):
        yield f"{year}-{serial:06}", treatment


class _Invoice:
    """One invoice of the practice software."""

    def __init__(
        self, practice: world.Practice, treatment: world.Treatment, number: str, issued_at: datetime
    ) -> None:
        self._practice = practice
        self._treatment = treatment
        self._number = number
        self._issued_at = issued_at.astimezone(SWISS_TIME)
        (self._patient,) = (
            one for one in practice.patients if one.number == treatment.patient_number
        )

    def document(self) -> bytes:
        """Return the file."""
        root = etree.Element(
            f"{{{_NAMESPACE}}}request",
            {
                "language": self._practice.language,
                "modus": "test",
                "guid": sha256(f"{self._practice.slug} {self._number}".encode()).hexdigest()[:32],
            },
            nsmap={"invoice": _NAMESPACE},
        )
        gln = world.gln(self._practice.gln_body)
        transport = _add(
            _add(root, "processing"), "transport", {"from": gln, "to": _NO_RECIPIENT_GLN}
        )
        _add(transport, "via", {"via": world.FACTOR_GLN, "sequence_id": "1"})
        payload = _add(root, "payload", {"request_type": "invoice"})
        head = {
            "request_timestamp": str(int(self._issued_at.timestamp())),
            "request_date": self._issued_at.isoformat(timespec="seconds"),
            "request_id": self._number,
        }
        _add(payload, "invoice", head)
        self._body(_add(payload, "body", {"role": "dentist", "place": "practice"}))
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)

    def _body(self, body: etree._Element) -> None:
        _add(_add(body, "prolog"), "generator", {"name": "Musterpraxis", "version": "11"})
        self._tiers(_add(body, "tiers_garant"))
        slip = {
            "iban": world.swiss_iban("31999" + self._practice.account),
            "reference_number": self._reference(),
            "payment_period": "P30D",
        }
        creditor = _add(_add(body, "esrQR", slip), "creditor")
        _company(creditor, world.FACTOR_NAME, ("Rue du Modèle 9", "1000", "Lausanne"))
        _add(body, "law", {"type": "ORG"})
        day = self._issued_at.date().isoformat()
        when = {"date_begin": day, "date_end": day, "reason": "disease"}
        _add(body, "treatment", when | {"canton": self._practice.canton})
        services = _add(body, "services")
        for place, position in enumerate(self._treatment.positions, start=1):
            _add(services, "service", self._service(place, position, day))

    def _tiers(self, tiers: etree._Element) -> None:
        practice, gln = self._practice, world.gln(self._practice.gln_body)
        here = self._address(practice.house_no)
        _company(_add(_add(tiers, "billers"), "biller_gln", {"gln": gln}), practice.name, here)
        self._person(_add(tiers, "debitor", {"gln": _PRIVATE_GLN}))
        provider = {"gln": world.gln(practice.provider_gln_body), "gln_location": gln}
        element = _add(_add(tiers, "providers"), "provider_gln", provider)
        _person(element, practice.provider_name, here)
        patient = {
            "gender": self._patient.sex,
            "sex": self._patient.sex,
            "birthdate": self._patient.birth_date,
            "ssn": world.social_security_number(self._patient.serial),
        }
        self._person(_add(tiers, "patient", patient))
        self._person(_add(tiers, "guarantor"))
        _add(tiers, "partners")
        total, deposit = self._total(), Decimal(self._treatment.deposit)
        balance = {
            "currency": "CHF",
            "amount": str(total),
            "amount_prepaid": str(deposit),
            "amount_due": str(total - deposit),
        }
        vat = _add(_add(tiers, "balance", balance), "vat", {"vat": _ZERO})
        _add(vat, "vat_rate", {"vat_rate": "0", "amount": str(total), "vat": _ZERO})

    def _service(self, place: int, position: world.Position, day: str) -> dict[str, str]:
        provider = world.gln(self._practice.provider_gln_body)
        return {
            "record_id": str(place),
            "tariff_type": "222",
            "code": position.code,
            "name": position.text,
            "quantity": position.quantity,
            "date_begin": f"{day}T00:00:00",
            "provider_id": provider,
            "responsible_id": provider,
            "unit": position.points,
            "unit_factor": self._practice.point_value,
            "amount": str(self._amount(position)),
        }

    def _amount(self, position: world.Position) -> Decimal:
        exact = (
            Decimal(position.points)
            * Decimal(position.quantity)
            * Decimal(self._practice.point_value)
        )
        return exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)

    def _total(self) -> Decimal:
        return sum((self._amount(one) for one in self._treatment.positions), Decimal("0.00"))

    def _reference(self) -> str:
        account = "".join(one for one in self._practice.account_number if one.isdigit())
        body = f"{account:0>10}{self._number.replace('-', ''):0>16}"
        return body + str(esr.calc_check_digit(body))

    def _person(self, parent: etree._Element) -> None:
        name = self._patient.family_name, self._patient.given_name
        _person(parent, name, self._address(self._patient.number[-2:]))

    def _address(self, house_no: str) -> tuple[str, str, str]:
        practice = self._practice
        return f"{practice.street} {house_no}", practice.zip_code, practice.city


def _add(
    parent: etree._Element, name: str, attributes: dict[str, str] | None = None
) -> etree._Element:
    return etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}", attributes or {})


def _text(parent: etree._Element, name: str, text: str) -> None:
    _add(parent, name).text = text


def _company(parent: etree._Element, name: str, address: tuple[str, str, str]) -> None:
    company = _add(parent, "company")
    _text(company, "companyname", name)
    _postal(company, address)


def _person(parent: etree._Element, name: tuple[str, str], address: tuple[str, str, str]) -> None:
    person = _add(parent, "person")
    _text(person, "familyname", name[0])
    _text(person, "givenname", name[1])
    _postal(person, address)


def _postal(parent: etree._Element, address: tuple[str, str, str]) -> None:
    postal = _add(parent, "postal")
    for name, text in zip(("street", "zip", "city"), address, strict=True):
        _text(postal, name, text)
