"""Reads a stored credit note into what a printed one says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from lxml import etree

from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.domain.sheet import InvoiceSheet, SheetCredit
from shared.kernel.errors import DomainError


def read_credit_note_sheet(document: bytes) -> InvoiceSheet:
    """Return what a credit note's document says on paper: no slip, for nothing is to be paid.

    Raises:
        DomainError: it lacks what every printed credit note has.
    """
    sheet = read_sheet(document, cancelled=False)
    credit = _credit(document)
    if credit is None:
        raise DomainError(
            "The credit note's document cannot be printed; its XML can be downloaded.",
            code="document-not-printable",
        )
    return replace(sheet, slip=None, credit=credit)


def _credit(document: bytes) -> SheetCredit | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    found = etree.fromstring(document, parser).find("{*}payload/{*}credit")
    number = None if found is None else found.get("request_id")
    instant = None if found is None else found.get("request_date")
    if number is None or instant is None:
        return None
    return SheetCredit(number, date.fromisoformat(instant[:10]))
