"""The tables of closed periods and of the dunning brake, as SQLAlchemy Core knows them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Date, DateTime, Integer, Text, Uuid

from services.reconciliation.adapters.tables import table_of

PERIOD_CLOSING = table_of(
    "period_closing",
    closing_id=Uuid,
    practice_id=Uuid,
    place=Integer,
    action=Text,
    until=Date,
    closed_until=Date,
    reason=Text,
    decided_by=Text,
    decided_at=DateTime(timezone=True),
    head_number=BigInteger,
    head_hash=Text,
    reopens=Uuid,
)
CLOSING_BALANCE = table_of(
    "closing_balance",
    practice_id=Uuid,
    closing_id=Uuid,
    account=Text,
    debit_rappen=BigInteger,
    credit_rappen=BigInteger,
)
ORDER_LINE = table_of("order_line", practice_id=Uuid, order_id=Uuid, invoice_id=Uuid)
ORDER_END = table_of(
    "order_end",
    order_id=Uuid,
    practice_id=Uuid,
    outcome=Text,
    ended_at=DateTime(timezone=True),
)
