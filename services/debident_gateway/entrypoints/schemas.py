"""Bodies and queries of the gateway's API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, SecretStr, model_validator

from services.debident_gateway.domain.manual import ReportKind
from services.debident_gateway.domain.transmission import TransmissionState
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several


class PortalCredentialsBody(ApiModel):
    """A practice's access to the portal; the secret is never shown again."""

    client_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
    client_secret: Annotated[SecretStr, Field(min_length=1, max_length=500)]


class PortalCredentialsReply(ApiModel):
    """What may be known of a practice's access."""

    client_id: str
    changed_at: datetime


class SftpCredentialsBody(ApiModel):
    """A practice's access over SFTP; its secret, a password or a key, is never shown again."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
    host_key: Annotated[str, Field(min_length=1, max_length=5000)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=500)] | None = None
    private_key: Annotated[SecretStr, Field(min_length=1, max_length=20_000)] | None = None

    @model_validator(mode="after")
    def _signs_in_by_one_of_them(self) -> Self:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("enter either a password or a private key")
        return self


class SftpCredentialsReply(ApiModel):
    """What may be known of a practice's access over SFTP; `sign_in` says what the secret is."""

    host: str
    port: int
    user: str
    host_key: str
    sign_in: str
    changed_at: datetime


class TransmissionsQuery(PageQuery):
    """Which transmissions."""

    state: Several[TransmissionState]


class DebFilesQuery(PageQuery):
    """Which DEB files."""

    contract_id: UUID | None = None


class TransmissionSummary(ApiModel):
    """Where one order stands on its way to the factor."""

    order_id: UUID
    order_number: str
    contract_id: UUID
    state: TransmissionState
    words: str
    reason_code: str | None
    waits_for_person: bool
    waits_for_portal: bool
    overdue: bool
    invoice_count: int
    attempts: int
    polls: int
    portal_reference: str | None
    package_sha256: str
    prepared_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    evidence: str | None
    next_action_at: datetime | None


class TransmissionList(Page):
    """A page of transmissions, the newest first."""

    items: list[TransmissionSummary]


class AttemptReply(ApiModel):
    """One attempt to send."""

    number: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason_code: str | None
    words: str


class PollReply(ApiModel):
    """One ask about the order, and the portal's answer."""

    number: int
    at: datetime
    answer: str
    reason_code: str | None
    words: str


class HandReportReply(ApiModel):
    """What a person reported of an order: who, when, and what was seen."""

    kind: ReportKind
    reported_by: str
    observed_at: datetime
    reference: str
    seen: str
    recorded_at: datetime


class TransmissionDetail(TransmissionSummary):
    """One transmission with its latest attempts and polls, the newest first."""

    latest_attempts: list[AttemptReply]
    latest_polls: list[PollReply]
    reports: list[HandReportReply]


class DebFileReply(ApiModel):
    """A DEB file; `portal_file_ids` are all ids under which the portal itself offered it.

    `source` is "portal", or "manual" where a person (`uploaded_by`) brought it.
    """

    deb_file_id: UUID
    contract_id: UUID
    name: str
    layout: str
    sha256: str
    size_bytes: int
    portal_file_ids: list[str]
    fetched_at: datetime
    source: str
    uploaded_by: str | None


class BroughtDebFile(DebFileReply):
    """A DEB file that a person brought; `repeat`: its bytes were here already."""

    repeat: bool


class DebProblem(ApiModel):
    """Why the last look for a contract's DEB files did not end well."""

    contract_id: UUID
    reason_code: str
    words: str
    next_look_at: datetime


class DebFileList(Page):
    """A page of DEB files, the newest first, and what stands in the way of further ones."""

    items: list[DebFileReply]
    problems: list[DebProblem]
