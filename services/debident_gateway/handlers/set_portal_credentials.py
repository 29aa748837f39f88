"""Stores a practice's credentials for the HTTP adapter and lets its waiting orders go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.debident_gateway.domain.errors import UnknownPracticeError
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
    """Replace the credentials; return how many held transmissions go on. Idempotent.

    Raises:
        UnknownPracticeError: no contract of the practice is known.
    """
    await require_known_practice(command.practice_id, uow)
    now = clock.now()
    await uow.credentials.put(
        command.practice_id,
        client_id=command.client_id,
        client_secret=command.client_secret,
        changed_at=now,
    )
    return await uow.transmissions.release_held(now=now)


async def require_known_practice(practice_id: UUID, uow: UnitOfWork) -> None:
    """Keep out credentials of a practice that nobody has ever told the gateway of.

    A token for all practices opens any id, also a mistyped one.

    Raises:
        UnknownPracticeError: no contract of the practice is known.
    """
    if not await uow.contracts.knows_practice(practice_id):
        raise UnknownPracticeError
