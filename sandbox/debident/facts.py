"""How a fact is kept until a file tells it."""

from __future__ import annotations

import json
from datetime import datetime

from sandbox.debident.deb_writer import DebRow
from shared.kernel.money import Money


def fact_to_json(fact: DebRow) -> str:
    """Return a fact as it is kept until it is told."""
    return json.dumps(
        {
            "record_id": fact.record_id,
            "kind": fact.kind,
            "invoice_number": fact.invoice_number,
            "order_number": fact.order_number,
            "debtor_number": fact.debtor_number,
            "event_date": fact.event_date.isoformat(),
            "value_date": fact.value_date.isoformat() if fact.value_date else None,
            "amount_rappen": fact.amount.rappen,
            "payout_reference": fact.payout_reference,
            "beneficiary": fact.beneficiary,
            "level": fact.level,
            "text": fact.text,
        }
    )


def fact_from_json(text: str) -> DebRow:
    """Read a fact as it was kept."""
    values = json.loads(text)
    value_date = values.pop("value_date")
    event_day = datetime.fromisoformat(values.pop("event_date")).date()
    return DebRow(
        event_date=event_day,
        value_date=datetime.fromisoformat(value_date).date() if value_date else None,
        amount=Money(values.pop("amount_rappen")),
        **values,
    )
