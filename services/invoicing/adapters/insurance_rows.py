"""The insurance of an invoice as columns of its row, and as the JSON of a waiting correction."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.invoicing.adapters.practice_rows import address_columns, to_address
from services.invoicing.domain.insurance import Insurance, Insurer, Law, Tiers, tiers_of
from services.invoicing.domain.people import OfficeName


def insurance_columns(insurance: Insurance | None) -> dict[str, object]:
    """Return the columns; tiers garant all of them but `tiers` are NULL."""
    insurer = None if insurance is None else insurance.insurer
    name = None if insurer is None else insurer.name
    return {
        "tiers": tiers_of(insurance).value,
        "insurer_gln": insurer.gln if insurer else None,
        "insurer_company_name": name.company_name if name else None,
        "insurer_department": name.department if name else None,
        "insurer_contact_person": name.contact_person if name else None,
        **address_columns(insurer.address if insurer else None, prefix="insurer_"),
        "law": insurance.law.value if insurance else None,
        "insured_number": insurance.insured_number if insurance else None,
        "case_number": insurance.case_number if insurance else None,
        "case_date": insurance.case_date if insurance else None,
    }


def to_insurance(row: Any) -> Insurance | None:
    """Read the columns, whose day may be a text in ISO form."""
    if row["tiers"] == Tiers.GARANT:
        return None
    day = row["case_date"]
    return Insurance(
        tiers=Tiers(row["tiers"]),
        insurer=Insurer(
            gln=row["insurer_gln"],
            name=OfficeName(
                row["insurer_company_name"],
                row["insurer_department"],
                row["insurer_contact_person"],
            ),
            address=to_address(row, prefix="insurer_"),
        ),
        law=Law(row["law"]),
        insured_number=row["insured_number"],
        case_number=row["case_number"],
        case_date=date.fromisoformat(day) if isinstance(day, str) else day,
    )
