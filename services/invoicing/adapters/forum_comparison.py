"""Looks into stored documents of either version: which it is, and whether two say the same."""

from __future__ import annotations

from dataclasses import replace

from services.invoicing.adapters.forum_opening import NotOpenedError, open_request
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.domain.insurance import Law
from services.invoicing.domain.sheet import InvoiceSheet, SheetInsurance, SheetParty
from shared.kernel.errors import DomainError


class ForumDocumentReader:
    """See services.invoicing.ports.documents.DocumentReader."""

    def version(self, document: bytes) -> str:
        """Return the version of a generalInvoiceRequest.

        Raises:
            DomainError: it does not fit the official format.
        """
        try:
            version, _ = open_request(document)
        except NotOpenedError as error:
            raise DomainError(
                "The invoice's document is not of the official format.", code="document-not-valid"
            ) from error
        return version

    def agree(self, before: bytes, after: bytes) -> bool:
        """Whether two documents say the same on paper, as far as both versions can say it.

        4.5 has no place of its own for a tooth, and none for the insured's number under the IVG; it
        writes a street and its number as one line.

        Raises:
            DomainError: one of them lacks what every printed invoice has.
        """
        return _sayable(before) == _sayable(after)


def _sayable(document: bytes) -> InvoiceSheet:
    sheet = read_sheet(document, cancelled=False)
    slip = sheet.slip
    return replace(
        sheet,
        practice=_one_line(sheet.practice),
        debtor=_one_line(sheet.debtor),
        lines=tuple(replace(line, tooth=None) for line in sheet.lines),
        slip=None if slip is None else replace(slip, creditor=_one_line(slip.creditor)),
        insurance=None if sheet.insurance is None else _of_both(sheet.insurance),
    )


def _of_both(insurance: SheetInsurance) -> SheetInsurance:
    return replace(insurance, insured_number=None) if insurance.law is Law.IVG else insurance


def _one_line(party: SheetParty) -> SheetParty:
    street = " ".join(part for part in (party.street, party.house_no) if part)
    return replace(party, street=street or None, house_no=None)
