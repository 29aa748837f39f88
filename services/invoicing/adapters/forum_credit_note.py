"""Writes a credit note in the Forum format, out of the document of the invoice that it reduces.

The format has no document of its own for it: it is an invoice request whose `credit` block has the
credit note's number and whose amounts are negative; 5.0 has the subtype "refund" for it besides.
Parties, payment and treatment are those of the invoice, so the original bytes are the template, and
the version is the invoice's.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from lxml import etree

from services.invoicing.adapters.forum_elements import NAMESPACE, add
from services.invoicing.domain.correction import CreditNoteDraft
from shared.forum.opening import NotOpenedError, open_request
from shared.forum.schema import invoice_schema
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import DomainError, PermanentError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money

_NAMES = {"de": "Gutschrift", "fr": "Note de crédit", "it": "Nota di credito"}
_SPACES = {"invoice": NAMESPACE}
_OF_THE_ACT = ("tariff_type", "code", "date_begin", "provider_id", "responsible_id")


class ForumCreditNoteRenderer:
    """See services.invoicing.ports.CreditNoteRenderer."""

    def render(self, note: CreditNoteDraft, invoice_document: bytes) -> bytes:
        """Return the document's bytes: UTF-8, with an XML declaration, valid against the schema.

        Raises:
            DomainError: the invoice's document is of another format, or the schema refuses.
        """
        try:
            version, root = open_request(invoice_document)
            _turn(root, note, version)
            invoice_schema(version).assertValid(root)
        except (NotOpenedError, etree.DocumentInvalid, LookupError, PermanentError) as error:
            raise DomainError(
                "The invoice's document cannot be turned into a credit note of the official"
                " format.",
                code="document-not-valid",
            ) from error
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _turn(root: etree._Element, note: CreditNoteDraft, version: str) -> None:
    payload = _one(root, "invoice:payload")
    if version == "5.0":
        root.set("guid", derived_id("credit-note-document", note.credit_note_id).hex)
        payload.set("request_subtype", "refund")
    issued_at = note.issued_at.astimezone(SWISS_TIME)
    for former in _all(payload, "invoice:credit"):
        payload.remove(former)
    credit = add(
        payload,
        "credit",
        request_timestamp=str(int(issued_at.timestamp())),
        request_date=issued_at.isoformat(timespec="seconds"),
        request_id=note.number,
    )
    payload.insert(0, credit)
    name = f"{_NAMES.get(root.get('language', ''), _NAMES['de'])} {note.number}"
    _reduce(_one(payload, "invoice:body"), note, name)


def _reduce(body: etree._Element, note: CreditNoteDraft, name: str) -> None:
    balance = _one(body, "*/invoice:balance")
    rates = _all(balance, "invoice:vat/invoice:vat_rate")
    shares = shared_out(note.amount, [Decimal(rate.get("amount", "0")) for rate in rates])
    tax = Money.zero()
    for rate, share in zip(rates, shares, strict=True):
        percent = Decimal(rate.get("vat_rate", "0"))
        part = Money.rounded(share.francs * percent / (100 + percent))
        _set(rate, amount=str(-share), vat=str(-part))
        tax = tax + part
    _one(balance, "invoice:vat").set("vat", str(-tax))
    _set(balance, amount=str(-note.amount), amount_due=str(-note.amount))
    _set(balance, amount_reminder="0.00")
    if "amount_prepaid" in balance.attrib:
        _set(balance, amount_prepaid="0.00")
    if "amount_obligations" in balance.attrib:
        del balance.attrib["amount_obligations"]
    services = _one(body, "invoice:services")
    template = _one(services, "*")
    services.clear()
    percents = [rate.get("vat_rate", "0") for rate in rates]
    for record_id, (rate_text, share) in enumerate(zip(percents, shares, strict=True), start=1):
        services.append(_line(template, name, record_id, rate_text, share))


def _line(
    template: etree._Element, name: str, record_id: int, vat_rate: str, share: Money
) -> etree._Element:
    # Whatever kind of service the invoice began with: a plain one of the same act and people.
    line = etree.Element(etree.QName(NAMESPACE, "service"))
    for attribute in _OF_THE_ACT:
        if (value := template.get(attribute)) is not None:
            line.set(attribute, value)
    _set(
        line,
        record_id=str(record_id),
        name=name,
        quantity="1",
        unit=str(-share),
        unit_factor="1",
        amount=str(-share),
        vat_rate=vat_rate,
    )
    return line


def shared_out(amount: Money, weights: Sequence[Decimal]) -> list[Money]:
    """Split an amount in the ratio of the weights; the parts add up to it exactly.

    Raises:
        PermanentError: the weights come to nothing.
    """
    whole = sum(weights, Decimal(0))
    if whole <= 0:
        raise PermanentError("there is nothing to split the amount by")
    parts, sofar, given = [], Decimal(0), Money.zero()
    for weight in weights:
        sofar += weight
        upto = Money.rounded(amount.francs * sofar / whole)
        parts.append(upto - given)
        given = upto
    return parts


def _set(element: etree._Element, **attributes: str) -> None:
    for name, value in attributes.items():
        element.set(name, value)


def _all(element: etree._Element, path: str) -> list[etree._Element]:
    found: Any = element.findall(path, _SPACES)
    return list(found)


def _one(element: etree._Element, path: str) -> etree._Element:
    found = element.find(path, _SPACES)
    if found is None:
        raise LookupError(path)
    return found
