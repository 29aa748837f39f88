"""Identifiers: UUIDs that say what they name, and ids derived from their cause."""

from __future__ import annotations

from hashlib import sha1
from typing import NewType
from uuid import UUID, uuid4

PracticeId = NewType("PracticeId", UUID)
ContractId = NewType("ContractId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
OrderId = NewType("OrderId", UUID)
DebFileId = NewType("DebFileId", UUID)

_NAMESPACE_BYTES = UUID("6f0c1f6e-2b1a-5d3c-9e0a-6a1b0d7c4e21").bytes


def new_id() -> UUID:
    """Return a fresh random id for something a person or machine has just created."""
    return uuid4()


def derived_id(*cause: object) -> UUID:
    """Return the id that a cause always leads to, so that a retry repeats it (UUIDv5)."""
    name = "\x1f".join([str(part) for part in cause]).encode()
    digest = sha1(_NAMESPACE_BYTES + name, usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)
