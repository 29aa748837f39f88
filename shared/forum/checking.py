"""Checks one invoice document by itself: schema, and the rules that the schema leaves unchecked.

Whoever holds a document and the number it should have can ask; nothing else is known or read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

from shared.forum.check_digits import RESERVED_GLNS, is_gln, is_qr_iban, is_qr_reference
from shared.forum.numbers import is_within_bounds
from shared.forum.opening import Fault, NotOpenedError, line_of, open_request
from shared.forum.schema import NAMESPACE
from shared.forum.tax import tax_faults

_NS: Final = {"i": NAMESPACE}
_NOTHING: Final = Decimal(0)
_BEYOND: Final = Decimal("1e30")
_NUMBERS: Final = {
    "*/i:balance": ("amount", "amount_reminder", "amount_prepaid", "amount_due"),
    "*/i:balance/i:vat": ("vat",),
    "*/i:balance/i:vat/i:vat_rate": ("vat_rate", "amount", "vat"),
    "i:services/*": ("quantity", "unit", "unit_factor", "external_factor", "amount", "vat_rate"),
}


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """What is known of a document after the check.

    Attributes:
        version: "4.5" or "5.0"; None if it could not be opened.
        faults: everything that is wrong; empty when nothing is.
        modus: "production", or "test" of a trial; None if it could not be opened.
    """

    version: str | None
    faults: tuple[Fault, ...]
    modus: str | None = None


def check_document(
    data: bytes,
    *,
    invoice_number: str,
    credit_note_number: str | None = None,
    modus: str = "production",
) -> CheckedDocument:
    """Check a document that a factor is to get for the invoice, or credit note, of this number.

    It must say that it is a real invoice ("production"), or a trial ("test"), as `modus` wants.

    An invoice that replaced another one in an import is listed under its number with a suffix
    (`RE-4711.2`), which its document does not have; that is right.
    """
    try:
        version, root = open_request(data)
    except NotOpenedError as refusal:
        return CheckedDocument(None, refusal.faults)
    body = root.find("i:payload/i:body", _NS)
    if body is None:
        encrypted = Fault("encrypted", "The content is encrypted.", line=line_of(root))
        return CheckedDocument(version, (encrypted,), _modus(root))
    found = (
        *_marked(root, modus),
        *_numbers(root, invoice_number, credit_note_number),
        *_kind(version, root, body, is_refund=credit_note_number is not None),
        *_glns(root),
        *_insurer(body),
        *_slip(body),
        *_sums(body),
        *_taxes(body),
    )
    return CheckedDocument(version, found, _modus(root))


def _modus(root: etree._Element) -> str:
    return root.get("modus", "production")


def _marked(root: etree._Element, wanted: str) -> Iterator[Fault]:
    modus = _modus(root)
    if modus != wanted:
        yield _at(root, "other-modus", f'It is marked as "{modus}", not "{wanted}".', "modus")


def _numbers(
    root: etree._Element, invoice_number: str, credit_note_number: str | None
) -> Iterator[Fault]:
    wanted = {"invoice": invoice_number}
    if credit_note_number is not None:
        wanted["credit"] = credit_note_number
    for name, number in wanted.items():
        element = root.find(f"i:payload/i:{name}", _NS)
        said = "" if element is None else " ".join(element.get("request_id", "").split())
        if said != number and not re.fullmatch(rf"{re.escape(said)}\.[0-9]+", number):
            words = f"Its number is {said or 'missing'}, not {number}."
            yield _at(element, "other-number", words, f"{name}.request_id")


def _kind(
    version: str, root: etree._Element, body: etree._Element, *, is_refund: bool
) -> Iterator[Fault]:
    payload = root.find("i:payload", _NS)
    if payload is None or payload.find("i:reminder", _NS) is not None:
        yield _at(payload, "not-an-invoice", "It is a reminder.", "payload")
    elif version == "5.0":
        wanted = ("invoice", "refund" if is_refund else "normal")
        kinds = payload.get("request_type", "invoice"), payload.get("request_subtype", "normal")
        if kinds != wanted:
            yield _at(payload, "not-an-invoice", f"It is a {' '.join(kinds)}.", "payload")
    elif payload.get("type", "invoice") != "invoice" or _is_copy(payload):
        yield _at(payload, "not-an-invoice", "It is no plain invoice.", "payload")
    elif is_refund and not _is_negative(_balance(body)):
        # The version has no kind of its own for it: its number and its sign say it.
        yield _at(payload, "not-an-invoice", "It is no credit note.", "payload")


def _balance(body: etree._Element) -> etree._Element | None:
    return body.find("*/i:balance", _NS)


def _is_negative(balance: etree._Element | None) -> bool:
    return balance is not None and _francs(balance, "amount") < 0


def _is_copy(payload: etree._Element) -> bool:
    return bool({"true", "1"} & {payload.get("storno", ""), payload.get("copy", "")})


def _glns(root: etree._Element) -> Iterator[Fault]:
    places = {
        "i:processing/i:transport": ("from",),
        "i:processing/i:transport/i:via": ("via",),
        "i:payload/i:body//i:biller_gln": ("gln",),
        "i:payload/i:body//i:biller": ("ean_party",),
        "i:payload/i:body//i:provider_gln": ("gln", "gln_location"),
        "i:payload/i:body//i:provider": ("ean_party",),
        "i:payload/i:body/i:services/*": ("provider_id", "responsible_id"),
    }
    told: set[str] = set()
    for path, names in places.items():
        for element in root.findall(path, _NS):
            for gln in (element.get(name) for name in names):
                if gln is not None and gln not in told and not is_gln(gln):
                    told.add(gln)
                    yield _at(element, "gln-check-digit", f"The GLN {gln} is not valid.", "gln")


def _insurer(body: etree._Element) -> Iterator[Fault]:
    """Who owes tiers payant or soldant is the insurer, by a GLN of its own."""
    if body.find("i:tiers_garant", _NS) is not None:
        return
    insurance, debtor = (body.find(f"*/i:{name}", _NS) for name in ("insurance", "debitor"))
    gln, owes = (
        "" if one is None else one.get("gln", one.get("ean_party", ""))
        for one in (insurance, debtor)
    )
    if not is_gln(gln) or gln in RESERVED_GLNS:
        yield _at(insurance, "insurer-gln", f"{gln} is not the GLN of an insurer.", "insurance.gln")
    if owes != gln:
        words = f"The insurer is {gln}, and the debtor {owes}."
        yield _at(debtor, "other-debtor-than-insurer", words, "debitor.gln")


def _slip(body: etree._Element) -> Iterator[Fault]:
    slip = body.find("i:esrQR", _NS)
    if slip is None:
        yield _at(body, "no-qr-reference", "It has no slip with a QR reference.", "payment-slip")
        return
    iban, reference = slip.get("iban", ""), slip.get("reference_number", "")
    if not is_qr_iban(iban):
        yield _at(slip, "qr-iban", f"{iban} is no valid QR-IBAN.", "payment-slip")
    if not is_qr_reference(reference):
        yield _at(slip, "reference-check-digit", "The QR reference is not valid.", "payment-slip")


def _unbounded(body: etree._Element) -> Iterator[Fault]:
    for path, names in _NUMBERS.items():
        for element in body.iterfind(path, _NS):
            for name in names:
                if not is_within_bounds(_number(element, name)):
                    words = f"The number {element.get(name, '')[:40]!r} is beyond all bounds."
                    yield _at(element, "unreadable-value", words, name)


def _sums(body: etree._Element) -> Iterator[Fault]:
    unbounded = [*_unbounded(body)]
    if unbounded:
        yield from unbounded
        return
    balance = _balance(body)
    vat = body.find("*/i:balance/i:vat", _NS)
    if balance is None or vat is None:
        yield _at(body, "schema", "The balance is missing.", "balance")
        return
    amount, rates = _francs(balance, "amount"), vat.findall("i:vat_rate", _NS)
    services = [_francs(one, "amount") for one in body.iterfind("i:services/*", _NS)]
    by_rate = [_francs(rate, "amount") for rate in rates]
    taxes = [_francs(rate, "vat") for rate in rates]
    charged, due = sum(services, _NOTHING), _francs(balance, "amount_due")
    left = amount + _francs(balance, "amount_reminder") - _francs(balance, "amount_prepaid")
    whole = all(_is_francs(one) for one in (amount, left, due, *services, *by_rate, *taxes))
    checks = (
        ("decimals", "A sum is no amount in francs and Rappen.", whole),
        ("sum-of-services", f"The services come to {charged}, not {amount}.", charged == amount),
        ("balance", f"Amount less deposit do not come to {due}.", left == due),
        ("vat", "The amounts by VAT rate do not add up.", sum(by_rate, _NOTHING) == amount),
        (
            "vat",
            "The taxes by VAT rate do not add up.",
            sum(taxes, _NOTHING) == _francs(vat, "vat"),
        ),
    )
    for code, words, holds in checks:
        if not holds:
            yield _at(balance, code, words, "balance")


def _taxes(body: etree._Element) -> Iterator[Fault]:
    vat = body.find("*/i:balance/i:vat", _NS)
    if vat is None or any(_unbounded(body)):
        return
    services = [
        (_number(one, "vat_rate"), _francs(one, "amount"))
        for one in body.iterfind("i:services/*", _NS)
    ]
    rates = [
        (_number(one, "vat_rate"), _francs(one, "amount"), _francs(one, "vat"))
        for one in vat.iterfind("i:vat_rate", _NS)
    ]
    for words in tax_faults(services, rates):
        yield _at(vat, "vat", words, "balance")
    if vat.get("vat_number") is None and any(tax for _, _, tax in rates):
        words = "It says a tax and no VAT number of who charges it."
        yield _at(vat, "missing-vat-number", words, "balance")


def _number(element: etree._Element, name: str) -> Decimal:
    # The schema has let it through as a floating-point number, which may be infinite, or none.
    try:
        return Decimal(element.get(name, "0").strip())
    except InvalidOperation:
        return _BEYOND


def _francs(element: etree._Element, name: str) -> Decimal:
    number = _number(element, name)
    return number if number.is_finite() else _BEYOND


def _is_francs(value: Decimal) -> bool:
    return abs(value) < Decimal("1e12") and (value * 100) % 1 == 0


def _at(element: etree._Element | None, code: str, words: str, field: str) -> Fault:
    return Fault(code, words, field, None if element is None else line_of(element))
