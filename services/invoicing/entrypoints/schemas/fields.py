"""Field types of the API: what an official invoice can hold, refused here with the field's name.

The lengths are those of the Forum Datenaustausch schema. A number with a check digit is checked.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from services.invoicing.domain import numbers
from services.invoicing.domain.countries import COUNTRIES
from services.invoicing.domain.practice import CANTONS
from services.invoicing.views.search import SEARCH_WORDS_MAX
from shared.contracts.envelope import WireMoney
from shared.kernel.money import Money

_PAYABLE = re.compile(r"[0-9]{1,9}\.[0-9]{2}")
_SSN = re.compile(r"[0-9]{4,10}|756[0-9]{10}|438[0-9]{10}")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters or line breaks")
    return text


def _few_words(text: str) -> str:
    if len(text.split()) > SEARCH_WORDS_MAX:
        raise ValueError(f"must have at most {SEARCH_WORDS_MAX} words")
    return text


def _gln(text: str) -> str:
    if not numbers.is_gln(text) or text in numbers.RESERVED_GLNS:
        raise ValueError("is no GLN of a practice or person, or its check digit is wrong")
    return text


def _uid(text: str) -> str:
    if not numbers.is_uid(text):
        raise ValueError("is no business number (CHE...), or its check digit is wrong")
    return text


def _iban(text: str) -> str:
    if not numbers.is_swiss_iban(text) or numbers.is_qr_iban(text):
        raise ValueError("is no ordinary IBAN of Switzerland or Liechtenstein")
    return text


def _qr_iban(text: str) -> str:
    if not numbers.is_qr_iban(text):
        raise ValueError("is no QR-IBAN (institution 30000 to 31999)")
    return text


def _ssn(text: str) -> str:
    if not _SSN.fullmatch(text):
        raise ValueError("is no social security number")
    if len(text) == 13 and text.startswith("756") and not numbers.is_ahv_number(text):
        raise ValueError("has a wrong check digit")
    return text


TAKEN_ACCOUNTS = {
    "1020": "the bank",
    "1100": "the patients' receivables",
    "2009": "the current account with the factor",
    "2030": "deposits",
    "3400": "fees",
    "3409": "fees charged to debtors",
    "3805": "losses",
    "6940": "the factor's charges",
}
"""Accounts of the practices' books that a factor cannot have (docs/accounting.md)."""


def _ledger_account(text: str) -> str:
    taken_by = TAKEN_ACCOUNTS.get(text)
    if taken_by is not None:
        raise ValueError(f"is the account of {taken_by}; the factor needs one of its own")
    return text


def _canton(text: str) -> str:
    if text not in CANTONS:
        raise ValueError("is no canton")
    return text


def _country(text: str) -> str:
    if text not in COUNTRIES:
        raise ValueError("is no country of ISO 3166 (two capital letters)")
    return text


def _without(separators: str) -> BeforeValidator:
    def strip(value: object) -> object:
        if not isinstance(value, str):
            return value
        return value.translate({ord(character): None for character in separators})

    return BeforeValidator(strip)


_OneLine = AfterValidator(_printable)


def _line(length: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=length)


Name = Annotated[str, _line(35), _OneLine]
HouseNumber = Annotated[str, _line(10), _OneLine]
Zip = Annotated[str, _line(9), _OneLine]
Country = Annotated[
    str,
    AfterValidator(_country),
    Field(description="ISO 3166, two letters", examples=["CH"], min_length=2, max_length=2),
]
LongText = Annotated[str, _line(350), _OneLine]
TariffCode = Annotated[str, _line(30), _OneLine]
SearchWords = Annotated[str, Field(max_length=100), AfterValidator(_few_words)]
Tooth = Annotated[str, _line(10), _OneLine]
TariffType = Annotated[str, Field(pattern=r"^[0-9A-Z]{3}$", examples=["222"])]
PersonNumber = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-Za-z][0-9A-Za-z._/-]{0,19}$",
        description="Patient or debtor number, unique in the practice",
        examples=["10001"],
    ),
]
GlnText = Annotated[str, AfterValidator(_gln), Field(examples=["7601000000019"])]
Zsr = Annotated[str, Field(pattern=r"^[A-Z][0-9]{6}$", examples=["Z123456"])]
Uid = Annotated[str, _without("-. "), AfterValidator(_uid), Field(examples=["CHE100155212"])]
Iban = Annotated[str, _without(" "), AfterValidator(_iban)]
QrIban = Annotated[str, _without(" "), AfterValidator(_qr_iban)]
Ssn = Annotated[str, _without(". "), AfterValidator(_ssn), Field(examples=["7569217076985"])]
LedgerAccount = Annotated[
    str, Field(pattern=r"^[0-9]{4}$", examples=["1088"]), AfterValidator(_ledger_account)
]
Canton = Annotated[str, AfterValidator(_canton), Field(examples=["VD"])]


def _payable(text: str) -> str:
    if text.startswith("-"):
        raise ValueError("must not be negative")
    if not _PAYABLE.fullmatch(text):
        raise ValueError("must be francs with two decimals and at most nine digits, like 120.00")
    return text


class Payment(WireMoney):
    """An amount that somebody paid: not negative, and less than a billion francs."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[
        str,
        AfterValidator(_payable),
        Field(json_schema_extra={"pattern": f"^{_PAYABLE.pattern}$"}, examples=["120.00"]),
    ]


def _positive(text: str) -> str:
    if not Decimal(text):
        raise ValueError("must be more than zero")
    return text


Quantity = Annotated[
    str, Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,3})?$", examples=["1"]), AfterValidator(_positive)
]
Points = Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,2})?$", examples=["100"])]
PointValue = Annotated[
    str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$", examples=["1.20"]), AfterValidator(_positive)
]
PERCENT_PATTERN = r"^([0-9]{1,2}(\.[0-9]{1,2})?|100)$"
VatRate = Annotated[str, Field(pattern=PERCENT_PATTERN, examples=["8.1"])]


def money(rappen: int) -> WireMoney:
    """Write whole Rappen as the API does."""
    return WireMoney.of(Money(rappen))


def number(value: Decimal) -> str:
    """Write a number plainly: no exponent, no superfluous zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
