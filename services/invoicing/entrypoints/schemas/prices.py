"""Bodies about price lists."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.invoicing.entrypoints.schemas.fields import Name, PointValue, TariffType, number
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery


class PriceListQuery(ApiModel):
    """What a price list is, beside its lines, which are the CSV file."""

    name: Name
    tariff_type: TariffType
    point_value: PointValue
    valid_from: date
    valid_to: Annotated[date | None, Field(description="The last day")] = None


class PriceListsQuery(PageQuery):
    """Which price lists to show."""

    tariff_type: TariffType | None = None
    day: Annotated[date | None, Field(description="Only those that hold on this day")] = None


class PriceListAnswer(ApiModel):
    """A price list."""

    price_list_id: UUID
    name: str
    tariff_type: str
    point_value: str
    valid_from: date
    valid_to: date | None
    lines: int
    loaded_at: Annotated[datetime, Field(description="When this version was loaded")]
    loaded_by: str
    version: Annotated[int, Field(description="Counts the corrections; it is the ETag")]


class PriceListPage(Page):
    """Price lists by tariff and first day."""

    items: list[PriceListAnswer]


class PriceLineAnswer(ApiModel):
    """One code of a price list."""

    code: str
    text_de: str | None
    text_fr: str | None
    text_it: str | None
    text_en: str | None
    points: str
    vat_rate: str


class PriceLinePage(Page):
    """Lines of a price list by code."""

    items: list[PriceLineAnswer]


def price_list_answer(row: Any) -> PriceListAnswer:
    """Write a price list."""
    same = set(PriceListAnswer.model_fields) - {"point_value"}
    return PriceListAnswer(
        point_value=number(row["point_value"]), **{name: row[name] for name in same}
    )


def price_line_answer(row: Any) -> PriceLineAnswer:
    """Write a line of a price list."""
    same = set(PriceLineAnswer.model_fields) - {"points", "vat_rate"}
    return PriceLineAnswer(
        points=number(row["points"]),
        vat_rate=number(row["vat_rate"]),
        **{name: row[name] for name in same},
    )
