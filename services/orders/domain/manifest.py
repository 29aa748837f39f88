"""What may be wrong with the members of a package's manifest, each in a sentence.

Nothing is believed: a member may be missing, or of any kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.orders.domain.communication import checked_communication
from services.orders.domain.model import USUAL_FORMAT
from services.orders.domain.notices import checked_notices, read
from services.orders.domain.package import credit_note_file_name, file_name
from shared.kernel.errors import DomainError
from shared.kernel.money import CURRENCY, Money

_FORMATS = ("4.5", USUAL_FORMAT)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GLN = re.compile(r"[0-9]{13}")


def head_faults(manifest: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the order as a whole, a sentence each."""
    practice, contract = manifest.get("practice"), manifest.get("contract")
    checks = {
        "order_id is not a UUID": _is_uuid(manifest.get("order_id")),
        "order_number is not a text": _is_text(manifest.get("order_number"), 35),
        "practice is not whole": isinstance(practice, dict)
        and _is_uuid(practice.get("practice_id"))
        and _fits(_GLN, practice.get("gln")),
        "contract is not whole": isinstance(contract, dict)
        and _is_uuid(contract.get("contract_id"))
        and _is_text(contract.get("factor"), 20)
        and _is_text(contract.get("account_number"), 20)
        and contract.get("invoice_format", USUAL_FORMAT) in _FORMATS,
        "communication is not usable": _is_communication(manifest.get("communication")),
        "invoice_count is not a number": type(manifest.get("invoice_count")) is int,
        "total is not an amount": _is_money(manifest.get("total")),
        "notices are not usable": _are_notices(manifest),
    }
    return [f"{fault}." for fault, right in checks.items() if not right]


def invoice_faults(place: int, invoice: object) -> list[str]:
    """Return what is wrong with the entry of the invoice in this place, counted from 1."""
    if not isinstance(invoice, dict):
        return ["It is not an object."]
    checks = {
        f"its file is not {file_name(place)}": invoice.get("file") == file_name(place),
        "its number is not a text": _is_text(invoice.get("invoice_number"), 35),
        **_document_checks(invoice),
        "its notices are not usable": _are_notices(invoice),
    }
    return [f"{fault}.".capitalize() for fault, right in checks.items() if not right]


def credit_note_faults(place: int, note: object) -> list[str]:
    """Return what is wrong with the entry of the credit note in this place, counted from 1."""
    if not isinstance(note, dict):
        return ["It is not an object."]
    name = credit_note_file_name(place)
    checks = {
        f"its file is not {name}": note.get("file") == name,
        "its number is not a text": _is_text(note.get("credit_note_number"), 35),
        "its invoice's number is not a text": _is_text(note.get("invoice_number"), 35),
        **_document_checks(note),
    }
    return [f"{fault}.".capitalize() for fault, right in checks.items() if not right]


def _document_checks(entry: Mapping[str, Any]) -> dict[str, bool]:
    return {
        "its debtor number is not a text": _is_text(entry.get("debtor_number"), 20),
        "its amount is none above zero": _is_money(entry.get("amount"))
        and Money.parse(entry["amount"]["amount"]) > Money.zero(),
        "its hash is none": _fits(_SHA256, entry.get("sha256")),
    }


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def _is_money(value: object) -> bool:
    if not isinstance(value, dict) or set(value) != {"amount", "currency"}:
        return False
    try:
        Money.parse(value["amount"])
    except (TypeError, ValueError):
        return False
    return bool(value["currency"] == CURRENCY)


def _is_communication(value: object) -> bool:
    try:
        return isinstance(value, str) and checked_communication(value) == value
    except DomainError:
        return False


def _are_notices(holder: Mapping[str, Any]) -> bool:
    if "notices" not in holder:
        return True
    try:
        notices = [read(members) for members in holder["notices"]]
        return bool(notices) and list(checked_notices(notices, field="notices")) == notices
    except (DomainError, AttributeError, KeyError, TypeError, ValueError):
        return False
