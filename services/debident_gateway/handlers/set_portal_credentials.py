"""Stores a practice's credentials for the HTTP adapter and lets its waiting orders go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from services.debident_gateway.domain.errors import UnknownPracticeError
from services.debident_gateway.domain.model import HTTP_ADAPTER
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
        UnknownPracticeError: no contract of the practice is known.
        StaleError: others are there than those that were read.
    """
    await require_known_practice(command.practice_id, uow)
    now = clock.now()
    known = await uow.credentials.changed_at(command.practice_id, adapter=HTTP_ADAPTER)
    is_fresh = command.read == ("" if known is None else version_of(known))
    if not is_fresh or not await uow.credentials.put(
        command.practice_id,
        client_id=command.client_id,
        client_secret=command.client_secret,
        changed_at=now,
        replaces=known,
    ):
        raise changed_meanwhile()
    await uow.circuits.probe_account_now(command.practice_id, now=now)
    return await uow.transmissions.release_held(now=now)


def version_of(changed_at: datetime) -> str:
    """Return the version of credentials that were entered at this instant."""
    return changed_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def changed_meanwhile() -> StaleError:
    """Return the error for credentials that differ from those that were read."""
    return StaleError(
        "Somebody has entered the access meanwhile. Read it again.", code="changed-meanwhile"
    )


async def require_known_practice(practice_id: UUID, uow: UnitOfWork) -> None:
    """Keep out credentials of a practice that nobody has ever told the gateway of.

    A token for all practices opens any id, also a mistyped one.

    Raises:
        UnknownPracticeError: no contract of the practice is known.
    """
    if not await uow.contracts.knows_practice(practice_id):
        raise UnknownPracticeError
