"""Queries about invoices: which of them are meant, by what they are and how they stand."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.invoicing.entrypoints.schemas.collection import StageFilter
from services.invoicing.entrypoints.schemas.fields import SearchWords
from services.invoicing.entrypoints.schemas.insurance import TIERS, TiersWord
from services.invoicing.views.invoices import InvoiceFilter
from shared.kernel.money import Money
from shared.web.endpoints import ApiModel
from shared.web.paging import PageQuery, Several, several

State = Literal["issued", "ordered", "acquitted", "closed", "cancelled"]
_AMOUNT_PATTERN = r"^[0-9]{1,9}\.[0-9]{2}$"
_BALANCE_PATTERN = r"^-?[0-9]{1,9}\.[0-9]{2}$"


class InvoiceSelection(ApiModel):
    """Which invoices are meant; every part that is given must hold."""

    state: Several[State]
    collection_stage: StageFilter
    contract_id: UUID | None = None
    patient_id: UUID | None = None
    tiers: Annotated[TiersWord | None, Field(description=TIERS)] = None
    exclude_zero_balance: bool = False
    without_contract: Annotated[
        bool, Field(description="Only those of no factoring contract: the practice's own")
    ] = False
    not_ordered: Annotated[bool, Field(description="Only those in no order")] = False
    not_printed: Annotated[bool, Field(description="Only those never marked as printed")] = False
    issued_from: Annotated[date | None, Field(description="First day of issue")] = None
    issued_to: Annotated[date | None, Field(description="Last day of issue")] = None
    total_from: Annotated[
        str | None, Field(pattern=_AMOUNT_PATTERN, description="Smallest total", examples=["50.00"])
    ] = None
    total_to: Annotated[
        str | None, Field(pattern=_AMOUNT_PATTERN, description="Largest total", examples=["99.95"])
    ] = None
    balance_from: Annotated[
        str | None,
        Field(
            pattern=_BALANCE_PATTERN,
            description="Smallest balance; below zero is owed to the debtor",
            examples=["0.05"],
        ),
    ] = None
    balance_to: Annotated[
        str | None,
        Field(pattern=_BALANCE_PATTERN, description="Largest balance", examples=["50.00"]),
    ] = None
    text: Annotated[
        SearchWords | None,
        Field(
            description="Each word begins the invoice number, the debtor number, a name of the"
            " patient or a word of the guarantor's or insurer's name; case and accents do not"
            " matter",
        ),
    ] = None

    def to_filter(self) -> InvoiceFilter:
        """Read the selection."""
        return InvoiceFilter(
            states=several(self.state),
            collection_stages=several(self.collection_stage),
            contract_id=self.contract_id,
            patient_id=self.patient_id,
            tiers=self.tiers,
            exclude_zero_balance=self.exclude_zero_balance,
            without_contract=self.without_contract,
            not_ordered=self.not_ordered,
            not_printed=self.not_printed,
            issued_from=self.issued_from,
            issued_to=self.issued_to,
            total_from_rappen=_rappen(self.total_from),
            total_to_rappen=_rappen(self.total_to),
            balance_from_rappen=_rappen(self.balance_from),
            balance_to_rappen=_rappen(self.balance_to),
            words=tuple((self.text or "").split()),
        )


def _rappen(francs: str | None) -> int | None:
    return None if francs is None else Money.parse(francs).rappen


class InvoiceQuery(InvoiceSelection, PageQuery):
    """A page of a selection of invoices."""


class ManyPracticesSelection(InvoiceSelection):
    """Which invoices of several practices are meant."""

    practice_id: Annotated[
        list[UUID],
        Field(
            default_factory=list,
            max_length=300,
            description="Of these practices; none: of all that the token opens",
        ),
    ]


class ManyPracticesQuery(ManyPracticesSelection, InvoiceQuery):
    """A page of a selection of invoices of several practices."""
