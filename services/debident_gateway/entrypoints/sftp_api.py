"""The part of the gateway's API by which a practice's access over SFTP is entered."""

from __future__ import annotations

from services.debident_gateway import views
from services.debident_gateway.domain.errors import NoCredentialsError
from services.debident_gateway.domain.model import SftpDoor
from services.debident_gateway.entrypoints.accesses import access_entered
from services.debident_gateway.entrypoints.schemas import SftpCredentialsBody, SftpCredentialsReply
from services.debident_gateway.entrypoints.workshop import Workshop
from services.debident_gateway.handlers.set_portal_credentials import version_of
from services.debident_gateway.handlers.set_sftp_credentials import (
    BY_PASSWORD,
    BY_PRIVATE_KEY,
    SetSftpCredentials,
    set_sftp_credentials,
)
from shared.web.changes import Changed
from shared.web.endpoints import Call, Endpoint, Reply, UserRole

_PATH = "/v1/practices/{practice_id}/portal-credentials/sftp"
_ROLES = frozenset({UserRole.ADMIN, UserRole.BILLING_OFFICE})


class SftpApi:
    """The operations, each on the open connection of its call."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def put_credentials(self, call: Call) -> Changed:
        """Store the practice's access; its waiting orders go on at once."""
        command = _command(call, call.body_as(SftpCredentialsBody))
        before = await self._credentials(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await set_sftp_credentials(command, uow, self._workshop.ssh_keys, self._workshop.clock)
        return access_entered(await self.get_credentials(call), before)

    async def get_credentials(self, call: Call) -> Reply:
        """Answer everything of the access but its secret."""
        known = await self._credentials(call)
        if known is None:
            raise NoCredentialsError
        return Reply(known, headers={"ETag": f'"{version_of(known.changed_at)}"'})

    async def _credentials(self, call: Call) -> SftpCredentialsReply | None:
        row = await views.sftp_credentials(call.connection, call.practice_id)
        if row is None:
            return None
        return SftpCredentialsReply(
            host=row["host"],
            port=row["port"],
            user=row["user_name"],
            host_key=row["host_key"],
            sign_in=row["sign_in"],
            changed_at=row["changed_at"],
        )


def _command(call: Call, body: SftpCredentialsBody) -> SetSftpCredentials:
    by_password, by_key = body.password, body.private_key
    secret = by_password or by_key
    assert secret is not None  # noqa: S101 - the body was validated
    return SetSftpCredentials(
        practice_id=call.practice_id,
        door=SftpDoor(
            host=body.host,
            port=body.port,
            host_key=body.host_key,
            sign_in=BY_PRIVATE_KEY if by_password is None else BY_PASSWORD,
        ),
        user=body.user,
        secret=secret.get_secret_value(),
        read=call.if_match or "",
    )


def sftp_endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return this part of the table of the API."""
    api = SftpApi(workshop)
    return [
        Endpoint(
            method="PUT",
            path=_PATH,
            operation_id="putSftpCredentials",
            summary="Enter a practice's access over SFTP; the secret is never shown again",
            handler=api.put_credentials,
            roles=_ROLES,
            request=SftpCredentialsBody,
            response=SftpCredentialsReply,
            conditional=True,
            may_create=True,
            problem_codes=("changed-meanwhile", "key-not-usable", "practice-unknown-to-gateway"),
        ),
        Endpoint(
            method="GET",
            path=_PATH,
            operation_id="getSftpCredentials",
            summary="A practice's access over SFTP, without its secret",
            handler=api.get_credentials,
            roles=_ROLES,
            response=SftpCredentialsReply,
            problem_codes=("portal-credentials-missing",),
        ),
    ]
