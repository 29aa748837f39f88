"""Stores a practice's credentials for the SFTP adapter and lets its waiting orders go on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from services.debident_gateway.domain.model import SFTP_ADAPTER, SftpDoor, address_of
from services.debident_gateway.handlers.guard import let_go_of_left
from services.debident_gateway.handlers.set_portal_credentials import (
    changed_meanwhile,
    require_known_practice,
    version_of,
)
from services.debident_gateway.ports import UnitOfWork
from services.debident_gateway.ports.portal import SshKeys
from shared.kernel.clock import Clock

BY_PASSWORD = "password"  # noqa: S105 - a kind, not a secret
BY_PRIVATE_KEY = "private-key"


@dataclass(frozen=True, slots=True)
class SetSftpCredentials:
    """A person entered the practice's access.

    Attributes:
        secret: what `door.sign_in` says.
        read: version of the credentials that this replaces; empty: there are none.
    """

    practice_id: UUID
    door: SftpDoor
    user: str
    secret: str = field(repr=False)
    read: str


async def set_sftp_credentials(
    command: SetSftpCredentials, uow: UnitOfWork, keys: SshKeys, clock: Clock
) -> int:
    """Replace the credentials; return how many held transmissions go on.

    Raises:
        UnknownPracticeError: no contract of the practice is known.
        UnusableKeyError: the host key or the private key cannot be used.
        StaleError: others are there than those that were read.
    """
    await require_known_practice(command.practice_id, uow)
    door = replace(command.door, host_key=keys.host_key(command.door.host_key))
    if door.sign_in == BY_PRIVATE_KEY:
        keys.require_private_key(command.secret)
    now = clock.now()
    known = await uow.credentials.changed_at(command.practice_id, adapter=SFTP_ADAPTER)
    is_fresh = command.read == ("" if known is None else version_of(known))
    if not is_fresh or not await uow.credentials.put_sftp(
        command.practice_id,
        user=command.user,
        secret=command.secret,
        door=door,
        changed_at=now,
        replaces=known,
    ):
        raise changed_meanwhile()
    await let_go_of_left(address_of(door), command.practice_id, uow, now=now)
    await uow.circuits.probe_account_now(command.practice_id, now=now)
    return await uow.transmissions.release_held(now=now)
