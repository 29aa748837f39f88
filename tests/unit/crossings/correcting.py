"""Corrections in a world of several services: what they need, and an office that makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from services.invoicing.domain.correction import NewContent
from services.invoicing.domain.people import Patient
from services.invoicing.domain.practice import Practice
from services.invoicing.handlers.correct_invoice import CorrectInvoice, correct_invoice
from services.invoicing.handlers.correct_sent_invoice import (
    correct_sent_invoice,
    is_with_factor,
)
from services.invoicing.handlers.wish_correction import wish_correction
from shared.kernel.money import Money
from tests.unit.invoicing.builders import a_contract, a_patient, a_provider, a_treatment

TREATMENTS = 30


async def furnish(
    uow: Any, practice: Practice, *, contract_id: UUID, id_of: Callable[..., UUID]
) -> Patient:
    """Give invoicing what it needs to issue invoices itself; return the patient."""
    patient = a_patient(practice)
    provider = a_provider(practice, provider_id=id_of("provider"))
    await uow.practices.add(practice)
    await uow.practices.add_contract(a_contract(practice, contract_id=contract_id))
    await uow.practices.add_provider(provider)
    await uow.patients.add(patient)
    for count in range(TREATMENTS):
        treatment_id = id_of("treatment", count)
        await uow.treatments.add(a_treatment(patient, provider, treatment_id=treatment_id))
    return patient


async def correct(world: Any, place: int, count: int) -> bool:
    """Put the correction of this count, of CHF 120.00, in the place of an invoice."""
    uow, tools = world.invoicing.uow, world.tools
    treatment_ids = (world.id("treatment", count),)
    command = CorrectInvoice(
        practice_id=world.practice_id,
        invoice_id=world.invoices[place].invoice_id,
        corrected_id=world.id("corrected", count),
        reason_code="wrong",
        by="me",
        content=NewContent(treatment_ids, world.contract_id, Money.zero(), 30),
    )

    async def use() -> None:
        if await wish_correction(command, uow, tools=tools):
            return
        if await is_with_factor(command, uow):
            await correct_sent_invoice(command, uow, tools=world.crediting)
            return
        await correct_invoice(
            command,
            uow,
            renderer=tools.renderer,
            documents=tools.documents,
            clock=tools.clock,
        )

    done: bool = await world.attempt(world.invoicing, use)
    return done
