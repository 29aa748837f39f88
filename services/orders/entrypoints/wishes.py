"""Reads what a request wishes for an order into the words of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.orders.domain.notices import Notice
from services.orders.domain.selection import Rule
from services.orders.entrypoints.schemas import InvoiceNoticesBody, NoticeBody, RuleBody
from shared.contracts.envelope import WireMoney
from shared.kernel.money import Money


def rule_of(body: RuleBody | None) -> Rule | None:
    """Read which of everything orderable is taken."""
    if body is None:
        return None
    return Rule(body.older_than_days, money_of(body.amount_above))


def notices_of(bodies: Sequence[NoticeBody]) -> tuple[Notice, ...]:
    """Read structured reasons, unchecked."""
    return tuple(
        Notice(body.code, body.count, money_of(body.amount), body.date, body.text)
        for body in bodies
    )


def invoice_notices_of(
    bodies: Sequence[InvoiceNoticesBody],
) -> dict[UUID, tuple[Notice, ...]]:
    """Read structured reasons by invoice, unchecked."""
    return {body.invoice_id: notices_of(body.notices) for body in bodies}


def money_of(amount: WireMoney | None) -> Money | None:
    """Read an amount that may be left out."""
    return None if amount is None else amount.to_money()
