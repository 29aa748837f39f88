"""Stores a practice's portal credentials and lets its waiting orders go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import StaleError


@dataclass(frozen=True, slots=True)
class SetPortalCredentials:
    """A person entered the practice's credentials.

    Attributes:
        read: the version of those that they replace; empty: there were none.
    """

    practice_id: UUID
    client_id: str
    client_secret: str = field(repr=False)
    read: str = ""


async def set_portal_credentials(
    command: SetPortalCredentials, uow: UnitOfWork, clock: Clock
) -> int:
    """Replace the credentials; return how many held transmissions go on.

    Raises:
        StaleError: others are there than those that were read.
    """
    now = clock.now()
    known = await uow.credentials.changed_at(command.practice_id)
    is_fresh = command.read == ("" if known is None else version_of(known))
    if not is_fresh or not await uow.credentials.put(
        command.practice_id,
        client_id=command.client_id,
        client_secret=command.client_secret,
        changed_at=now,
        replaces=known,
    ):
        raise StaleError(
            "Somebody has entered the access meanwhile. Read it again.", code="changed-meanwhile"
        )
    await uow.circuits.probe_account_now(command.practice_id, now=now)
    return await uow.transmissions.release_held(now=now)


def version_of(changed_at: datetime) -> str:
    """Return the version of credentials that were entered at this instant."""
    return changed_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
