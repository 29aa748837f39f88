"""Check digits of the numbers on an invoice, because the official schema checks none of them.

Rests on python-stdnum; the length checks are ours, since the library also takes shorter codes.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from stdnum import ean, iban, iso11649
from stdnum.ch import esr, ssn, uid

NO_GLN = "2000000000008"
"""Stands for a private person, who has no GLN."""
NO_ELECTRONIC_RECIPIENT = "2006666666008"
"""Stands for "nobody receives this electronically" (fixed by the schema of 5.0)."""
RESERVED_GLNS = frozenset({NO_GLN, NO_ELECTRONIC_RECIPIENT, "2005555555003"})

_SWISS_IBAN = re.compile(r"(?:CH|LI)[0-9]{7}[0-9A-Z]{12}")
_QR_INSTITUTIONS = range(30000, 32000)
_ACCOUNT_DIGITS = 9


# The few of a practice stand on every invoice of an upload.
@lru_cache(maxsize=1024)
def is_gln(text: str) -> bool:
    """Whether this is a GLN of 13 digits with a right check digit."""
    return _is_digits(text, 13) and bool(ean.is_valid(text))


def is_ahv_number(text: str) -> bool:
    """Whether this is a Swiss social security number (756...) with a right check digit."""
    return _is_digits(text, 13) and bool(ssn.is_valid(text))


def is_uid(text: str) -> bool:
    """Whether this is a Swiss business number (CHE and nine digits) with a right check digit."""
    return re.fullmatch(r"CHE[0-9]{9}", text) is not None and bool(uid.is_valid(text))


@lru_cache(maxsize=1024)
def is_swiss_iban(text: str) -> bool:
    """Whether this is a compact CH or LI IBAN with right check digits."""
    return _SWISS_IBAN.fullmatch(text) is not None and bool(iban.is_valid(text))


def is_qr_iban(text: str) -> bool:
    """Whether this IBAN is of the range (30000 to 31999) that demands a QR reference."""
    return is_swiss_iban(text) and _institution(text) in _QR_INSTITUTIONS


def is_qr_reference(text: str) -> bool:
    """Whether this is a QR reference of 27 digits, not all zero, with a right check digit."""
    return _is_digits(text, 27) and text.strip("0") != "" and bool(esr.is_valid(text))


def is_creditor_reference(text: str) -> bool:
    """Whether this is a creditor reference (RF..., ISO 11649) with right check digits."""
    return bool(iso11649.is_valid(text))


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


def _institution(text: str) -> int:
    institution = text[4:9]
    return int(institution) if institution.isdigit() else -1


def _is_digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()
