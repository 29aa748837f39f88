"""Reads database rows into the domain, and names what a broken constraint means."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import RowMapping
from sqlalchemy.exc import DBAPIError

from services.orders.domain.model import (
    ArrivalEvidence,
    Contract,
    Invoice,
    OrderLine,
    StoredContent,
)
from services.orders.domain.notices import Notice, read, written
from services.orders.domain.order import Confirmation, Fact, FactKind, Order
from services.orders.domain.selection import Candidate, LiveOrder
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money


def content(row: RowMapping, prefix: str) -> StoredContent:
    """Read the claim check whose columns start with `prefix`."""
    return StoredContent(
        key=row[f"{prefix}_key"],
        sha256=row[f"{prefix}_sha256"],
        size_bytes=row[f"{prefix}_size_bytes"],
        media_type=row[f"{prefix}_media_type"],
    )


def content_values(value: StoredContent, prefix: str) -> dict[str, object]:
    """Write a claim check into the columns that start with `prefix`."""
    return {
        f"{prefix}_key": value.key,
        f"{prefix}_sha256": value.sha256,
        f"{prefix}_size_bytes": value.size_bytes,
        f"{prefix}_media_type": value.media_type,
    }


def contract_of(row: RowMapping) -> Contract:
    """Read a contract."""
    return Contract(
        contract_id=ContractId(row["contract_id"]),
        practice_id=PracticeId(row["practice_id"]),
        version=row["version"],
        active=row["active"],
        factor=row["factor"],
        account_number=row["account_number"],
        arrival_deadline_working_days=row["arrival_deadline_working_days"],
        invoice_format=row["invoice_format"],
    )


def candidate_of(row: RowMapping) -> Candidate:
    """Read an invoice together with the live order that holds it, if one does."""
    number = row["live_order_number"]
    live = None if number is None else LiveOrder(number, row["live_order_state"])
    return Candidate(invoice_of(row), live, row["given_back"])


def invoice_of(row: RowMapping) -> Invoice:
    """Read an invoice."""
    contract_id = row["contract_id"]
    return Invoice(
        invoice_id=InvoiceId(row["invoice_id"]),
        practice_id=PracticeId(row["practice_id"]),
        contract_id=None if contract_id is None else ContractId(contract_id),
        number=row["invoice_number"],
        debtor_number=row["debtor_number"],
        issued_on=row["issued_on"],
        due_on=row["due_on"],
        total=Money(row["total_rappen"]),
        balance=Money(row["balance_rappen"]),
        document=content(row, "document"),
        unfit_codes=tuple(row["unfit_codes"]),
        document_number=row["document_number"],
        document_format=row["document_format"],
    )


def line_of(row: RowMapping) -> OrderLine:
    """Read a line of an order."""
    return OrderLine(
        place=row["place"],
        invoice_id=InvoiceId(row["invoice_id"]),
        invoice_number=row["invoice_number"],
        debtor_number=row["debtor_number"],
        amount=Money(row["amount_rappen"]),
        document=content(row, "document"),
        notices=notices_of(row),
    )


def notices_of(row: RowMapping) -> tuple[Notice, ...]:
    """Read the structured reasons of an order or a line."""
    return tuple(read(members) for members in row["notices"])


def notices_text(notices: Sequence[Notice]) -> str:
    """Write structured reasons as the JSON of their column."""
    return json.dumps([written(notice) for notice in notices], ensure_ascii=False)


def fact_of(row: RowMapping) -> Fact:
    """Read a fact about an order."""
    return Fact(
        kind=FactKind(row["kind"]),
        at=row["at"],
        attempt=row["attempt"],
        reason_code=row["reason_code"],
        reference=row["reference"],
        next_attempt_at=row["next_attempt_at"],
    )


def order_of(row: RowMapping, facts: Sequence[Fact]) -> Order:
    """Read an order from its row and its facts."""
    return Order(
        order_id=OrderId(row["order_id"]),
        practice_id=PracticeId(row["practice_id"]),
        contract_id=ContractId(row["contract_id"]),
        number=row["order_number"],
        communication=row["communication"],
        invoice_count=row["invoice_count"],
        total=Money(row["total_rappen"]),
        package=content(row, "package"),
        lines=content(row, "lines"),
        prepared_at=row["prepared_at"],
        facts=tuple(facts),
        confirmation=_confirmation(row),
        notices=notices_of(row),
    )


def _confirmation(row: RowMapping) -> Confirmation | None:
    if row["confirmation_sha256"] is None:
        return None
    return Confirmation(
        accepted_count=row["accepted_count"],
        accepted_total=Money(row["accepted_rappen"]),
        refused_count=row["refused_count"],
        content=content(row, "confirmation"),
        evidence=ArrivalEvidence(
            row["evidence_kind"], row["evidence_reference"], row["evidence_observed_at"]
        ),
    )


def broken_constraint(error: DBAPIError) -> str | None:
    """Return the name of the constraint or unique index that a statement broke, or None."""
    driver_error = getattr(error.orig, "__cause__", None)
    name = getattr(driver_error, "constraint_name", None)
    return name if isinstance(name, str) else None
