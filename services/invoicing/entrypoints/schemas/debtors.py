"""Bodies about who owes: where people live, and the guarantor, who is a person or an office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.config import JsonDict

from services.invoicing.domain.countries import HOME_COUNTRY
from services.invoicing.domain.people import Debtor, DebtorName, OfficeName, PersonName
from services.invoicing.domain.practice import Address
from services.invoicing.entrypoints.schemas.fields import (
    Country,
    HouseNumber,
    Name,
    PersonNumber,
    Zip,
)
from services.invoicing.entrypoints.schemas.practices import check_street_line
from shared.web.endpoints import ApiModel

_PERSON: Final = ("family_name", "given_name")
_OFFICE: Final = ("company_name", "department", "contact_person")


def _alternative(title: str, *, needed: Sequence[str], absent: Sequence[str]) -> JsonDict:
    properties: JsonDict = {name: {"type": "string"} for name in needed}
    properties |= {name: {"type": "null"} for name in absent}
    return {"title": title, "required": list(needed), "properties": properties}


_EITHER: Final[JsonDict] = {
    "oneOf": [
        _alternative("A person", needed=_PERSON, absent=_OFFICE),
        _alternative("An office", needed=["company_name"], absent=_PERSON),
    ]
}


class HomeAddressBody(ApiModel):
    """Where somebody lives or resides; without a street the invoice is not fit for an order."""

    street: Name | None = None
    house_no: HouseNumber | None = None
    zip: Zip
    city: Name
    country: Country = HOME_COUNTRY

    @model_validator(mode="after")
    def _street_fits(self) -> Self:
        if self.house_no is not None and self.street is None:
            raise ValueError("a house number needs a street")
        check_street_line(self.to_domain())
        return self

    def to_domain(self) -> Address:
        """Read the address."""
        return Address(self.street, self.house_no, self.zip, self.city, self.country)


class GuarantorBody(ApiModel):
    """Who owes in the patient's place: a person with both names, or an office."""

    model_config = ConfigDict(json_schema_extra=_EITHER)

    debtor_number: PersonNumber
    family_name: Annotated[Name | None, Field(description="Of a person")] = None
    given_name: Annotated[Name | None, Field(description="Of a person")] = None
    company_name: Annotated[
        Name | None, Field(description="Of an office: social services, a guardianship authority")
    ] = None
    department: Annotated[Name | None, Field(description="Of an office")] = None
    contact_person: Annotated[
        Name | None, Field(description="At an office: whom a letter is for")
    ] = None
    address: HomeAddressBody | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        is_person = any(getattr(self, name) is not None for name in _PERSON)
        is_office = any(getattr(self, name) is not None for name in _OFFICE)
        if is_person and is_office:
            raise ValueError("is a person (family_name, given_name) or an office, not both")
        if not is_person and not is_office:
            raise ValueError(
                "needs the names of a person (family_name, given_name)"
                " or of an office (company_name)"
            )
        for name in _PERSON if is_person else ("company_name",):
            if getattr(self, name) is None:
                raise ValidationError.from_exception_data(
                    "GuarantorBody", [{"type": "missing", "loc": (name,), "input": None}]
                )
        return self

    def to_domain(self) -> Debtor:
        """Read the guarantor."""
        address = self.address.to_domain() if self.address else None
        return Debtor(self.debtor_number, self._name(), address)

    def _name(self) -> DebtorName:
        if self.company_name is not None:
            return OfficeName(self.company_name, self.department, self.contact_person)
        return PersonName(self.family_name or "", self.given_name or "")


def guarantor_answer(row: Any) -> GuarantorBody | None:
    """Write the guarantor of a patient, or None."""
    if row["debtor_number"] is None:
        return None
    return GuarantorBody(
        **{name: row[f"debtor_{name}"] for name in (*_PERSON, *_OFFICE)},
        debtor_number=row["debtor_number"],
        address=home_address(row, prefix="debtor_"),
    )


def home_address(row: Any, *, prefix: str = "") -> HomeAddressBody | None:
    """Write an address, or None."""
    if row[f"{prefix}zip"] is None:
        return None
    return HomeAddressBody(
        street=row[f"{prefix}street"],
        house_no=row[f"{prefix}house_no"],
        zip=row[f"{prefix}zip"],
        city=row[f"{prefix}city"],
        country=row[f"{prefix}country"],
    )
