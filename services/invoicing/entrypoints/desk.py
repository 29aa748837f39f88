"""What the HTTP handlers and event handlers work with, handed over by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.entrypoints.schemas.paging import PageQuery
from services.invoicing.ports import (
    InvoiceDocuments,
    InvoiceRenderer,
    OrderDocuments,
    UnitOfWork,
)
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFoundError
from shared.web.endpoints import Call

M = TypeVar("M", bound=BaseModel)
Q = TypeVar("Q", bound=PageQuery)


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports of the entry points.

    Attributes:
        unit_of_work: opens one on a connection whose transaction somebody else ends.
    """

    unit_of_work: Callable[[AsyncConnection], UnitOfWork]
    renderer: InvoiceRenderer
    documents: InvoiceDocuments
    order_documents: OrderDocuments
    clock: Clock


def body_of(call: Call, kind: type[M]) -> M:
    """Return the request's body, which the web layer has validated as its endpoint declares."""
    if not isinstance(call.body, kind):
        raise TypeError(f"the endpoint declares another body than {kind.__name__}")
    return call.body


def query_of(call: Call, kind: type[Q]) -> Q:
    """Return the request's query, which the web layer has validated as its endpoint declares."""
    if not isinstance(call.query, kind):
        raise TypeError(f"the endpoint declares another query than {kind.__name__}")
    return call.query


def only(rows: Sequence[RowMapping], *, code: str, what: str) -> RowMapping:
    """Return the one row that was asked for.

    Raises:
        NotFoundError: there is none.
    """
    if not rows:
        raise NotFoundError(f"There is no such {what}.", code=code)
    return rows[0]
