"""Check digits of the numbers on an invoice, because the official schema checks none of them.

Rests on python-stdnum; the length checks are ours, since the library also takes shorter codes.
"""

from __future__ import annotations

import re
from functools import lru_cache

from stdnum import ean, iban, iso11649
from stdnum.ch import esr

_SWISS_IBAN = re.compile(r"(?:CH|LI)[0-9]{7}[0-9A-Z]{12}")
_QR_INSTITUTIONS = range(30000, 32000)
NO_GLN = "2000000000008"
"""Stands for a private person, who has no GLN."""
NO_ELECTRONIC_RECIPIENT = "2006666666008"
"""Stands for "nobody receives this electronically" (fixed by the schema of 5.0)."""
RESERVED_GLNS = frozenset({NO_GLN, NO_ELECTRONIC_RECIPIENT, "2005555555003"})


# The few of a practice stand on every invoice of an upload.
@lru_cache(maxsize=1024)
def is_gln(text: str) -> bool:
    """Whether this is a GLN of 13 digits with a right check digit."""
    return is_digits(text, 13) and bool(ean.is_valid(text))


@lru_cache(maxsize=1024)
def is_swiss_iban(text: str) -> bool:
    """Whether this is a compact CH or LI IBAN with right check digits."""
    return _SWISS_IBAN.fullmatch(text) is not None and bool(iban.is_valid(text))


def is_qr_iban(text: str) -> bool:
    """Whether this IBAN is of the range (30000 to 31999) that demands a QR reference."""
    return is_swiss_iban(text) and _institution(text) in _QR_INSTITUTIONS


# The rules ask several times for each invoice.
@lru_cache(maxsize=1024)
def is_qr_reference(text: str) -> bool:
    """Whether this is a QR reference of 27 digits, not all zero, with a right check digit."""
    return is_digits(text, 27) and text.strip("0") != "" and bool(esr.is_valid(text))


def is_creditor_reference(text: str) -> bool:
    """Whether this is a creditor reference (RF..., ISO 11649) with right check digits."""
    return bool(iso11649.is_valid(text))


def is_digits(text: str, length: int) -> bool:
    """Whether this is exactly so many of the digits 0 to 9."""
    return len(text) == length and text.isascii() and text.isdigit()


def _institution(text: str) -> int:
    institution = text[4:9]
    return int(institution) if institution.isdigit() else -1
