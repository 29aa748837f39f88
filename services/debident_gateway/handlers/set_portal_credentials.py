"""Stores a practice's portal credentials and lets its waiting orders go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class SetPortalCredentials:
    """A person entered the practice's credentials."""

    practice_id: UUID
    client_id: str
    client_secret: str = field(repr=False)


async def set_portal_credentials(
    command: SetPortalCredentials, uow: UnitOfWork, clock: Clock
) -> int:
    """Replace the credentials; return how many held transmissions go on. Idempotent."""
    now = clock.now()
    await uow.credentials.put(
        command.practice_id,
        client_id=command.client_id,
        client_secret=command.client_secret,
        changed_at=now,
    )
    await uow.circuits.probe_account_now(command.practice_id, now=now)
    return await uow.transmissions.release_held(now=now)
