"""Reads the bank's camt.054 and camt.053 (ISO 20022), of any version, by element name.

Source: Swiss Payment Standards, implementation guidelines cash management. Entities and network are
off; amounts are exact; a batch whose transactions do not add up to its entry is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from services.reconciliation.domain.bank import (
    BankEntry,
    Statement,
    StatementRefusedError,
    tokens_of,
)
from shared.kernel.money import CURRENCY, Money

_ROOTS = {
    "BkToCstmrDbtCdtNtfctn": ("camt.054", "Ntfctn"),
    "BkToCstmrStmt": ("camt.053", "Stmt"),
}
_REFERENCES = (
    "Refs/EndToEndId",
    "Refs/TxId",
    "Refs/PmtInfId",
    "Refs/InstrId",
    "RmtInf/Strd/CdtrRefInf/Ref",
)
_XML_SPACE = " \t\r\n"
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
"""The lexical form of xs:decimal, which amounts have."""
_NOT_GIVEN = "NOTPROVIDED"
_TEXT_MAX = 140


def read_statements(data: bytes) -> list[Statement]:
    """Return every notification or statement of a file.

    Raises:
        StatementRefusedError: it is no camt.054 or camt.053, is in another currency, lacks what
            identifies an entry, or does not add up; `facts` name the line.
    """
    document = _parsed(data)
    body = next((child for child in document if _name(child) in _ROOTS), None)
    if body is None:
        raise _refused("statement-unknown-type", "This is no camt.054 and no camt.053.", document)
    message_type, part_name = _ROOTS[_name(body)]
    message_id = _text(body, "GrpHdr/MsgId") or ""
    parts = [child for child in body if _name(child) == part_name]
    if not message_id or not parts:
        raise _refused("statement-incomplete", "It names no message or no account.", body)
    return [_statement(part, message_type, message_id) for part in parts]


def _parsed(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise StatementRefusedError(
            "The file is not well-formed XML.", code="statement-not-xml", line=line
        ) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype:
        raise _refused("statement-not-xml", "The file declares a document type.", root)
    return root


def _statement(part: etree._Element, message_type: str, message_id: str) -> Statement:
    iban = _text(part, "Acct/Id/IBAN")
    if not iban:
        raise _refused("statement-incomplete", "The account has no IBAN.", part)
    entries = [
        entry
        for element in part
        if _name(element) == "Ntry" and _is_booked(element)
        for entry in _movements(element)
    ]
    own_id = _text(part, "Id") or message_id
    return Statement(message_type, f"{message_id}/{own_id}", iban, tuple(entries))


def _is_booked(entry: etree._Element) -> bool:
    """Status is a text in version 4 and a code below it from version 8 on."""
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts") or "BOOK"
    return status.strip() == "BOOK"


def _movements(entry: etree._Element) -> Iterator[BankEntry]:
    total = _amount(entry)
    booked_on, value_on = _day(entry, "BookgDt"), _day(entry, "ValDt")
    first = booked_on or value_on
    if first is None:
        raise _refused("statement-incomplete", "An entry has no date.", entry)
    details = _all(entry, "NtryDtls/TxDtls")
    amounts = [_detail_amount(one, entry, len(details), total) for one in details]
    if details and Money.total(amounts) != total:
        raise _refused(
            "statement-does-not-add-up",
            f"An entry of {total} has transactions of {Money.total(amounts)} in all.",
            entry,
        )
    reference = _text(entry, "AcctSvcrRef") or _text(entry, "NtryDtls/TxDtls/Refs/AcctSvcrRef")
    is_reversal = (_text(entry, "RvslInd") or "false").strip() == "true"
    for ordinal, (source, amount) in enumerate(
        zip(details or [entry], amounts or [total], strict=True), 1
    ):
        yield BankEntry(
            entry_reference=reference,
            ordinal=ordinal,
            booked_on=first,
            value_on=value_on or first,
            amount=amount,
            tokens=_tokens(source),
            counterparty_iban=_counterparty(source, came_in=amount.rappen >= 0),
            is_reversal=is_reversal,
        )


def _tokens(source: etree._Element) -> tuple[str, ...]:
    references = [text for path in _REFERENCES for text in _texts(source, path)]
    given = [one for one in references if one.strip() != _NOT_GIVEN]
    return tokens_of(given, [one[:_TEXT_MAX] for one in _texts(source, "RmtInf/Ustrd")])


def _counterparty(source: etree._Element, *, came_in: bool) -> str | None:
    side = "DbtrAcct" if came_in else "CdtrAcct"
    return _text(source, f"RltdPties/{side}/Id/IBAN")


def _detail_amount(
    detail: etree._Element, entry: etree._Element, count: int, total: Money
) -> Money:
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = _all(detail, path)
        if found:
            return _signed(found[0], detail if _text(detail, "CdtDbtInd") else entry)
    if count == 1:
        return total
    raise _refused("statement-incomplete", "A transaction of a batch has no amount.", detail)


def _amount(entry: etree._Element) -> Money:
    found = _all(entry, "Amt")
    if not found:
        raise _refused("statement-incomplete", "An entry has no amount.", entry)
    return _signed(found[0], entry)


def _signed(amount: etree._Element, owner: etree._Element) -> Money:
    currency = amount.get("Ccy")
    if currency != CURRENCY:
        raise _refused("statement-currency", f"An amount is in {currency}, not in CHF.", amount)
    direction = (_text(owner, "CdtDbtInd") or "").strip()
    if direction not in {"CRDT", "DBIT"}:
        raise _refused("statement-incomplete", "It is not said whether money came or went.", owner)
    text = (amount.text or "").strip(_XML_SPACE)
    # Decimal reads more than XML Schema allows: underscores, other digits, exponents.
    if _DECIMAL.fullmatch(text) is None:
        raise _refused("statement-amount", "An amount cannot be read.", amount)
    try:
        money = Money.from_decimal(Decimal(text))
    except (InvalidOperation, ValueError):
        raise _refused("statement-amount", "An amount cannot be read.", amount) from None
    if not 0 <= money.rappen < 10**14:
        raise _refused("statement-amount", "An amount is negative or absurd.", amount)
    return money if direction == "CRDT" else -money


def _day(entry: etree._Element, path: str) -> date | None:
    text = _text(entry, f"{path}/Dt") or (_text(entry, f"{path}/DtTm") or "")[:10]
    if not text:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise _refused("statement-date", "A date cannot be read.", entry) from None


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _all(element: etree._Element, path: str) -> list[etree._Element]:
    found = [element]
    for step in path.split("/"):
        found = [child for parent in found for child in parent if _name(child) == step]
    return found


def _texts(element: etree._Element, path: str) -> list[str]:
    return [one.text.strip() for one in _all(element, path) if one.text and one.text.strip()]


def _text(element: etree._Element, path: str) -> str | None:
    return next(iter(_texts(element, path)), None)


def _refused(code: str, message: str, at: etree._Element) -> StatementRefusedError:
    return StatementRefusedError(message, code=code, line=at.sourceline)
