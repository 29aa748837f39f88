"""The numbers on an invoice: their check digits, and the QR references that the house gives."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from stdnum.ch import esr, ssn, uid

from shared.forum.check_digits import (
    NO_ELECTRONIC_RECIPIENT,
    NO_GLN,
    RESERVED_GLNS,
    is_creditor_reference,
    is_digits,
    is_gln,
    is_qr_iban,
    is_qr_reference,
    is_swiss_iban,
)

__all__ = [
    "NO_ELECTRONIC_RECIPIENT",
    "NO_GLN",
    "RESERVED_GLNS",
    "house_reference",
    "is_ahv_number",
    "is_creditor_reference",
    "is_gln",
    "is_qr_iban",
    "is_qr_reference",
    "is_swiss_iban",
    "is_uid",
    "qr_reference",
]

_ACCOUNT_DIGITS = 9


@lru_cache(maxsize=1024)
def is_ahv_number(text: str) -> bool:
    """Whether this is a Swiss social security number (756...) with a right check digit."""
    return is_digits(text, 13) and bool(ssn.is_valid(text))


def is_uid(text: str) -> bool:
    """Whether this is a Swiss business number (CHE and nine digits) with a right check digit."""
    return re.fullmatch(r"CHE[0-9]{9}", text) is not None and bool(uid.is_valid(text))


def qr_reference(*, account_number: str, practice_gln: str, year: int, serial: int) -> str:
    """Return the QR reference of an invoice: 26 digits that name it, and a check digit.

    The digits are the account at the factor (10), the practice (5, of its GLN), the year (4) and
    the invoice's serial number of that year (7), so two invoices never share a reference.

    Raises:
        ValueError: the serial number has more than 7 digits.
    """
    if not 1 <= serial <= 9_999_999:
        raise ValueError(f"not a serial number: {serial}")
    body = f"{_account_part(account_number)}{practice_gln[7:12]}{year:04d}{serial:07d}"
    return body + str(esr.calc_check_digit(body))


def house_reference(reference: str, *, account_number: str, practice_gln: str) -> str | None:
    """Return the number ("2026-000001") of the invoice whose QR reference this would be here.

    None if the house gives no such reference to this practice's invoices under this account.
    """
    if not reference.startswith(f"{_account_part(account_number)}{practice_gln[7:12]}"):
        return None
    return f"{reference[15:19]}-{int(reference[19:26]):06d}"


def _account_part(account_number: str) -> str:
    digits = account_number.replace("-", "").replace(".", "")
    if digits.isdigit() and len(digits) <= _ACCOUNT_DIGITS:
        return "0" + digits.zfill(_ACCOUNT_DIGITS)
    hashed = int.from_bytes(hashlib.sha256(account_number.encode()).digest()[:8], "big")
    return "9" + f"{hashed % 10**_ACCOUNT_DIGITS:0{_ACCOUNT_DIGITS}d}"
