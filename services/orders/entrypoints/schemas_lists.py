"""Queries of the lists of orders and of their lines."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.orders.domain.order import OrderState
from shared.web.paging import PageQuery, Several


class LineOutcome(StrEnum):
    """What became of a line of an order."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OrdersQuery(PageQuery):
    """Which orders; every part that is given must hold."""

    state: Several[OrderState]
    contract_id: UUID | None = None
    overdue: bool | None = None
    prepared_from: Annotated[
        date | None, Field(description="First Swiss calendar day of preparation")
    ] = None
    prepared_to: Annotated[
        date | None, Field(description="Last Swiss calendar day of preparation")
    ] = None


class OrderLinesQuery(PageQuery):
    """Which lines of an order."""

    outcome: Several[LineOutcome]
