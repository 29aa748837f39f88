"""Bodies about insurers: who owes an invoice that is not tiers garant, and by which law."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from services.invoicing.domain.insurance import Insurance, Insurer, Law, Tiers
from services.invoicing.domain.people import OfficeName
from services.invoicing.entrypoints.schemas.debtors import HomeAddressBody, home_address
from services.invoicing.entrypoints.schemas.fields import GlnText, Name
from shared.kernel.errors import DomainError
from shared.web.endpoints import ApiModel

TiersWord = Literal["garant", "payant", "soldant"]
TIERS = "Who owes: the guarantor (garant), or the insurer (payant, soldant)"

INSURANCE_PROBLEMS = (
    "insurer-with-garant",
    "insurer-missing",
    "law-with-garant",
    "law-missing",
    "tiers-not-in-format",
    "case-number-missing",
    "ssn-missing",
)


class _Insurer(ApiModel):
    gln: GlnText
    company_name: Name
    department: Name | None = None
    contact_person: Name | None = None


class InsurerBody(_Insurer):
    """An insurer, with where its invoices go."""

    address: HomeAddressBody


class KnownInsurer(_Insurer):
    """An insurer that owes an invoice; of an imported one the address may not be known."""

    address: HomeAddressBody | None


class LawBody(ApiModel):
    """By which law the insurer pays, and the numbers by which it knows patient and case."""

    type: Annotated[
        Literal["KVG", "VVG", "UVG", "IVG", "MVG", "ORG"],
        Field(
            description="As the official format names it: accident UVG, disability IVG, army MVG"
        ),
    ]
    insured_number: Name | None = None
    case_number: Annotated[
        Name | None, Field(description="Of the accident, the decision or the case")
    ] = None
    case_date: date | None = None


def insurance_of(
    tiers: TiersWord, insurer: InsurerBody | None, law: LawBody | None
) -> Insurance | None:
    """Read the three parts of a request; tiers garant there is no insurance.

    Raises:
        DomainError: tiers garant names an insurer or a law, or another tiers lacks one.
    """
    who_owes = Tiers(tiers)
    given = {"insurer": insurer, "law": law}
    for field, value in given.items():
        if who_owes is Tiers.GARANT and value is not None:
            raise DomainError(
                f"Tiers garant the guarantor owes the invoice: it names no {field}.",
                code=f"{field}-with-garant",
                field=field,
            )
        if who_owes is not Tiers.GARANT and value is None:
            raise DomainError(
                f"Tiers {tiers} the insurer owes the invoice: it needs the {field}.",
                code=f"{field}-missing",
                field=field,
            )
    if insurer is None or law is None:
        return None
    return Insurance(
        tiers=who_owes,
        insurer=Insurer(
            gln=insurer.gln,
            name=OfficeName(insurer.company_name, insurer.department, insurer.contact_person),
            address=insurer.address.to_domain(),
        ),
        law=Law(law.type),
        insured_number=law.insured_number,
        case_number=law.case_number,
        case_date=law.case_date,
    )


def insurer_answer(row: Any) -> KnownInsurer | None:
    """Write the insurer of an invoice, or None."""
    if row["insurer_gln"] is None:
        return None
    return KnownInsurer(
        gln=row["insurer_gln"],
        company_name=row["insurer_company_name"],
        department=row["insurer_department"],
        contact_person=row["insurer_contact_person"],
        address=home_address(row, prefix="insurer_"),
    )


def law_answer(row: Any) -> LawBody | None:
    """Write the law by which the insurer pays, or None."""
    if row["law"] is None:
        return None
    return LawBody(
        type=row["law"],
        insured_number=row["insured_number"],
        case_number=row["case_number"],
        case_date=row["case_date"],
    )
