"""Who owes an invoice in the patient's place by law: an insurer, under tiers payant or soldant.

Without an insurance an invoice is *tiers garant*: the guarantor, or the patient, owes it. With one
the insurer owes all of it, so that there is no deposit; the official format has no place for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from services.invoicing.domain.numbers import RESERVED_GLNS, is_gln
from services.invoicing.domain.people import Debtor, OfficeName
from services.invoicing.domain.practice import Address
from shared.kernel.errors import DomainError

_CASE_OF_IVG: Final = re.compile(r"[0-9]{14}|[0-9]{10}|[0-9]{9}|[0-9]{6}")


class Tiers(StrEnum):
    """Who of three owes: the patient's side (garant), or the insurer (payant, soldant)."""

    GARANT = "garant"
    PAYANT = "payant"
    SOLDANT = "soldant"


class Law(StrEnum):
    """By which law the insurer pays; ORG is the law of obligations, which no insurer needs."""

    KVG = "KVG"
    VVG = "VVG"
    UVG = "UVG"
    IVG = "IVG"
    MVG = "MVG"
    ORG = "ORG"


@dataclass(frozen=True, slots=True)
class Insurer:
    """An office that insures patients; the GLN names it.

    Attributes:
        address: None if a file does not say it; such an invoice is not fit for an order.
    """

    gln: str
    name: OfficeName
    address: Address | None

    @property
    def debtor(self) -> Debtor:
        """The insurer as a debtor; its debtor number is the GLN, in every practice."""
        return Debtor(self.gln, self.name, self.address)

    @property
    def has_own_gln(self) -> bool:
        """Whether the GLN has a right check digit and is none that stands for nobody."""
        return is_gln(self.gln) and self.gln not in RESERVED_GLNS


@dataclass(frozen=True, slots=True)
class Insurance:
    """Why an insurer owes an invoice.

    Attributes:
        tiers: payant or soldant; an invoice tiers garant has no insurance.
        insured_number: by which the insurer knows the patient, 35 characters at most, or None.
        case_number: of the accident, the decision or the case, 35 characters at most, or None.
        case_date: its day, or None.
    """

    tiers: Tiers
    insurer: Insurer
    law: Law
    insured_number: str | None = None
    case_number: str | None = None
    case_date: date | None = None


def tiers_of(insurance: Insurance | None) -> Tiers:
    """Return who owes an invoice with this insurance, or without one."""
    return Tiers.GARANT if insurance is None else insurance.tiers


def check_sayable_in_450(insurance: Insurance, *, ssn: str | None) -> None:
    """Check that the format 4.5 can say the insurance.

    It has no tiers soldant, and demands numbers that 5.0 leaves open (`ivgLawType` and `mvgLawType`
    of the official schema).

    Raises:
        DomainError: it cannot; the code says what is missing.
    """
    law = insurance.law
    if insurance.tiers is Tiers.SOLDANT:
        raise _not_sayable("has no tiers soldant; bill it tiers payant", "tiers-not-in-format")
    if law is Law.IVG and not _CASE_OF_IVG.fullmatch(insurance.case_number or ""):
        raise _not_sayable(
            "needs the number of the decision under the IVG: 6, 9, 10 or 14 digits",
            "case-number-missing",
        )
    if law in {Law.IVG, Law.MVG} and ssn is None:
        raise _not_sayable(f"needs the patient's AHV number under the {law}", "ssn-missing")


def _not_sayable(why: str, code: str) -> DomainError:
    return DomainError(f"The factor takes invoices in the format 4.5, which {why}.", code=code)
