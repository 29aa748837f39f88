"""The gateway's API: portal credentials, transmissions with their story, fetched DEB files."""

from __future__ import annotations

from uuid import UUID

from services.debident_gateway import views
from services.debident_gateway.domain.errors import NoCredentialsError
from services.debident_gateway.entrypoints import replies
from services.debident_gateway.entrypoints.accesses import access_entered
from services.debident_gateway.entrypoints.http_portals import portal_endpoints
from services.debident_gateway.entrypoints.schemas import (
    DebFileList,
    DebFilesQuery,
    PortalCredentialsBody,
    PortalCredentialsReply,
    TransmissionDetail,
    TransmissionList,
    TransmissionsQuery,
)
from services.debident_gateway.entrypoints.sftp_api import sftp_endpoints
from services.debident_gateway.entrypoints.stories import standing, whole_transmission
from services.debident_gateway.entrypoints.workshop import Workshop
from services.debident_gateway.handlers.resend_order import ResendOrder, resend_order
from services.debident_gateway.handlers.set_portal_credentials import (
    SetPortalCredentials,
    set_portal_credentials,
    version_of,
)
from shared.web.changes import Changed, moved
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply, UserRole
from shared.web.paging import (
    CURSOR_PROBLEM,
    Totals,
    cursor,
    instant,
    read_cursor,
    several,
    split_page,
)
from shared.web.totals import totals_of

_PRACTICE = "/v1/practices/{practice_id}"
_CREDENTIALS = f"{_PRACTICE}/portal-credentials"
_CREDENTIAL_ROLES = frozenset({UserRole.ADMIN, UserRole.BILLING_OFFICE})


class GatewayApi:
    """The operations of the API, each on the open connection of its call."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def put_credentials(self, call: Call) -> Changed:
        """Store the practice's access; its waiting orders go on at once."""
        body = call.body_as(PortalCredentialsBody)
        command = SetPortalCredentials(
            practice_id=call.practice_id,
            client_id=body.client_id,
            client_secret=body.client_secret.get_secret_value(),
            read=call.if_match or "",
        )
        before = await self._credentials(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await set_portal_credentials(command, uow, self._workshop.clock)
        return access_entered(await self.get_credentials(call), before)

    async def get_credentials(self, call: Call) -> Reply:
        """Answer the client id and the time of the last change."""
        known = await self._credentials(call)
        if known is None:
            raise NoCredentialsError
        return Reply(known, headers={"ETag": f'"{version_of(known.changed_at)}"'})

    async def _credentials(self, call: Call) -> PortalCredentialsReply | None:
        row = await views.credentials(call.connection, call.practice_id)
        if row is None:
            return None
        return PortalCredentialsReply(client_id=row["client_id"], changed_at=row["changed_at"])

    async def list_transmissions(self, call: Call) -> Reply:
        """Answer the transmissions of a practice."""
        query = call.query_as(TransmissionsQuery)
        rows = await views.transmissions(
            call.connection,
            call.practice_id,
            states=several(query.state),
            after=read_cursor(query.after, instant, UUID),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["prepared_at"], page[-1]["order_id"]) if more else None
        wanted = {"practice_id": call.practice_id, "states": several(query.state)}
        totals = await totals_of(call.connection, query, Totals, views.TRANSMISSIONS, wanted)
        items = [replies.transmission_summary(row) for row in page]
        return Reply(TransmissionList(items=items, next=following, totals=totals))

    async def get_transmission(self, call: Call) -> Reply:
        """Answer one transmission with its latest attempts and polls."""
        return Reply(await whole_transmission(call))

    async def resend(self, call: Call) -> Changed:
        """Let an order's same bytes leave now."""
        before = await standing(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await resend_order(ResendOrder(call.path_id("order_id")), uow, self._workshop.clock)
        return moved(await self.get_transmission(call), before, await standing(call))

    async def list_deb_files(self, call: Call) -> Reply:
        """Answer the fetched DEB files of a practice."""
        query = call.query_as(DebFilesQuery)
        rows = await views.deb_files(
            call.connection,
            call.practice_id,
            contract_id=query.contract_id,
            after=read_cursor(query.after, instant, UUID),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["fetched_at"], page[-1]["deb_file_id"]) if more else None
        wanted = {"practice_id": call.practice_id, "contract_id": query.contract_id}
        totals = await totals_of(call.connection, query, Totals, views.DEB_FILES, wanted)
        problems = await views.deb_problems(call.connection, call.practice_id)
        return Reply(
            DebFileList(
                items=[replies.deb_file(row) for row in page],
                next=following,
                totals=totals,
                problems=[replies.deb_problem(row) for row in problems],
            )
        )


def endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return the table of the API."""
    api = GatewayApi(workshop)
    return [
        *portal_endpoints(workshop),
        *sftp_endpoints(workshop),
        *_credential_endpoints(api),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/transmissions",
            operation_id="listTransmissions",
            summary="Orders on their way to the factor, the newest first",
            handler=api.list_transmissions,
            roles=EVERY_ROLE,
            query=TransmissionsQuery,
            response=TransmissionList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/transmissions/{{order_id}}",
            operation_id="getTransmission",
            summary="One order's way to the factor: every attempt and every ask, in plain words",
            handler=api.get_transmission,
            roles=EVERY_ROLE,
            response=TransmissionDetail,
            problem_codes=("transmission-not-found",),
            holds=standing,
        ),
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/transmissions/{{order_id}}/resend",
            operation_id="resendOrder",
            summary="Send the same bytes now: of an order that waits, or that the portal has lost",
            handler=api.resend,
            roles=WORKING_ROLES,
            response=TransmissionDetail,
            status=202,
            problem_codes=("illegal-transmission-move", "transmission-not-found"),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/deb-files",
            operation_id="listDebFiles",
            summary="DEB files fetched from the portal, the newest first",
            handler=api.list_deb_files,
            roles=EVERY_ROLE,
            query=DebFilesQuery,
            response=DebFileList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
    ]


def _credential_endpoints(api: GatewayApi) -> list[Endpoint]:
    return [
        Endpoint(
            method="PUT",
            path=_CREDENTIALS,
            operation_id="putPortalCredentials",
            summary="Enter a practice's access to the portal; the secret is never shown again",
            handler=api.put_credentials,
            roles=_CREDENTIAL_ROLES,
            request=PortalCredentialsBody,
            response=PortalCredentialsReply,
            conditional=True,
            may_create=True,
            problem_codes=("changed-meanwhile", "practice-unknown-to-gateway"),
        ),
        Endpoint(
            method="GET",
            path=_CREDENTIALS,
            operation_id="getPortalCredentials",
            summary="Whether a practice's access to the portal is entered, and since when",
            handler=api.get_credentials,
            roles=_CREDENTIAL_ROLES,
            response=PortalCredentialsReply,
            problem_codes=("portal-credentials-missing",),
        ),
    ]
