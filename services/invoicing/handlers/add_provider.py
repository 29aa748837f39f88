"""Adds a provider, a person who treats patients, to a practice."""

from __future__ import annotations

from dataclasses import dataclass

from services.invoicing.domain.people import Provider
from services.invoicing.handlers.known import known_practice
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import ConflictError


@dataclass(frozen=True, slots=True)
class AddProvider:
    """Add this provider to the practice."""

    provider: Provider


async def add_provider(command: AddProvider, uow: UnitOfWork) -> Provider:
    """Keep the provider.

    Raises:
        NotFoundError: the practice does not exist.
        ConflictError: the practice has a provider with this GLN.
    """
    provider = command.provider
    await known_practice(uow, provider.practice_id)
    if not await uow.practices.add_provider(provider):
        raise ConflictError(
            f"The practice has a provider with the GLN {provider.gln} already.",
            code="provider-exists",
            field="gln",
        )
    return provider
