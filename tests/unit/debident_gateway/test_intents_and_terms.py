"""Intents and contract terms: once per order, newest terms win, and too early is said so."""

from __future__ import annotations

import pytest

from services.debident_gateway.domain.transmission import Move, TransmissionState
from services.debident_gateway.handlers.apply_contract_terms import (
    ApplyContractTerms,
    apply_contract_terms,
)
from services.debident_gateway.handlers.intend_transmission import (
    IntendTransmission,
    intend_transmission,
)
from shared.kernel.errors import TooEarlyError
from tests.unit.debident_gateway.builders import (
    CONTRACT,
    NOW,
    ORDER,
    PRACTICE,
    StandingClock,
    content,
    package,
    terms,
)
from tests.unit.debident_gateway.fakes import MemoryUnitOfWork

INTENT = IntendTransmission(
    order_id=ORDER,
    practice_id=PRACTICE,
    contract_id=CONTRACT,
    order_number="CMD-2026-0001",
    invoice_count=1,
    package=content(package()),
    lines=content(b"2026-000001"),
    prepared_at=NOW,
)


async def test_the_same_prepared_order_twice_is_intended_once() -> None:
    uow = MemoryUnitOfWork()
    uow.contracts.rows[CONTRACT] = terms()
    assert await intend_transmission(INTENT, uow, StandingClock()) is Move.MADE
    uow.transmissions.rows[ORDER].state = TransmissionState.SENT
    assert await intend_transmission(INTENT, uow, StandingClock()) is Move.ALREADY_MADE
    assert uow.transmissions.rows[ORDER].state is TransmissionState.SENT


async def test_an_order_before_its_contract_waits_for_the_practices_events() -> None:
    with pytest.raises(TooEarlyError) as early:
        await intend_transmission(INTENT, MemoryUnitOfWork(), StandingClock())
    assert early.value.waits_for == str(PRACTICE)


async def test_older_terms_never_replace_newer_ones() -> None:
    uow, clock = MemoryUnitOfWork(), StandingClock()
    assert await apply_contract_terms(ApplyContractTerms(terms(version=2)), uow, clock)
    assert not await apply_contract_terms(ApplyContractTerms(terms(version=1)), uow, clock)
    assert not await apply_contract_terms(ApplyContractTerms(terms(version=2)), uow, clock)
    assert uow.contracts.rows[CONTRACT].version == 2
