"""Plays the practice's bank: it notifies a payment that came in, as camt.054.

Source: Swiss Payment Standards, implementation guidelines cash management, camt.054.001.08.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from lxml import etree

from sandbox.demo import world

_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"
_NAMESPACES: Final[dict[Any, str]] = {None: _NAMESPACE}
_CURRENCY: Final = "CHF"


def notification(payout: Mapping[str, Any], *, iban: str, written_at: datetime) -> bytes:
    """Return the notification of one payout, as the DEB files announce it.

    Args:
        payout: an item of the payout list; its announced amount comes in on its day.
        iban: the account onto which it comes.
    """
    reference, amount = payout["payout_reference"], payout["announced"]["amount"]
    root = etree.Element(f"{{{_NAMESPACE}}}Document", nsmap=_NAMESPACES)
    body = _add(root, "BkToCstmrDbtCdtNtfctn")
    header = _add(body, "GrpHdr")
    _text(header, "MsgId", f"DEMO-{reference}")
    _text(header, "CreDtTm", _moment(written_at))
    notice = _add(body, "Ntfctn")
    _text(notice, "Id", f"DEMO-{reference}-1")
    _text(notice, "CreDtTm", _moment(written_at))
    _text(notice, "Acct/Id/IBAN", iban)
    entry = _add(notice, "Ntry")
    _money(entry, amount)
    _text(entry, "Sts/Cd", "BOOK")
    _text(entry, "BookgDt/Dt", payout["paid_on"])
    _text(entry, "ValDt/Dt", payout["paid_on"])
    _text(entry, "AcctSvcrRef", f"DEMO-{reference}")
    domain = _add(_add(entry, "BkTxCd"), "Domn")
    _text(domain, "Cd", "PMNT")
    family = _add(domain, "Fmly")
    _text(family, "Cd", "RCDT")
    _text(family, "SubFmlyCd", "AUTT")
    details = _add(_add(entry, "NtryDtls"), "TxDtls")
    _text(details, "Refs/EndToEndId", reference)
    _money(details, amount)
    parties = _add(details, "RltdPties")
    _text(parties, "Dbtr/Pty/Nm", world.FACTOR_NAME)
    _text(parties, "DbtrAcct/Id/IBAN", world.FACTOR_IBAN)
    _text(details, "RmtInf/Ustrd", f"Payout {reference}")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _money(parent: etree._Element, amount: str) -> None:
    element = _add(parent, "Amt")
    element.set("Ccy", _CURRENCY)
    element.text = amount
    _text(parent, "CdtDbtInd", "CRDT")


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _add(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}")


def _text(parent: etree._Element, path: str, text: str) -> None:
    element = parent
    for name in path.split("/"):
        element = _add(element, name)
    element.text = text
