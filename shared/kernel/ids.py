"""Identifiers: UUIDs that say what they name, and ids derived from their cause."""

from __future__ import annotations

from typing import NewType
from uuid import UUID, uuid4, uuid5

PracticeId = NewType("PracticeId", UUID)
ContractId = NewType("ContractId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
OrderId = NewType("OrderId", UUID)
DebFileId = NewType("DebFileId", UUID)

_NAMESPACE = UUID("6f0c1f6e-2b1a-5d3c-9e0a-6a1b0d7c4e21")


def new_id() -> UUID:
    """Return a fresh random id for something a person or machine has just created."""
    return uuid4()


def derived_id(*cause: object) -> UUID:
    """Return the id that a cause always leads to, so that a retry repeats it (UUIDv5)."""
    return uuid5(_NAMESPACE, "\x1f".join(str(part) for part in cause))
