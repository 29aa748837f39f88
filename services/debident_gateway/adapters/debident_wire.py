"""The forms of docs/portal-http.md: the portal's JSON, read strictly, with nothing believed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.debident_gateway.domain.answers import (
    AnsweredLine,
    Arrived,
    DebFilePage,
    ListedDebFile,
    Received,
    RefusedOnArrival,
    StatusAnswer,
)

_NOT_IN_CODES = re.compile(r"[^a-z0-9_-]+")
_CODE_CHARACTERS_MAX = 64
_RETRY_AFTER_SECONDS_MAX = 3600
NOT_NOW = {429: "too-many-requests", 503: "temporarily-unavailable"}
"""The portal's own codes for an answer that says: not now, and nothing was taken."""
NOT_STATED = "not-stated"

_Reference = Annotated[str, Field(min_length=1, max_length=100)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# No slash and no leading dot: an id becomes one segment of a path.
_FileId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TokenBody(_Body):
    """Answer of `POST /oauth2/token`."""

    access_token: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,4000}$")]
    token_type: Annotated[str, Field(pattern="^[Bb]earer$")]
    expires_in: Annotated[int, Field(ge=1, le=31_536_000)]


class UploadBody(_Body):
    """Answer of an upload that went well."""

    order_id: UUID
    result: Literal["accepted", "already-have-it"]
    reference: _Reference


class ErrorBody(_Body):
    """An error in the form of the contract."""

    code: Annotated[str, Field(min_length=1, max_length=200)]


class _Line(_Body):
    invoice_number: Annotated[str, Field(min_length=1, max_length=35)]
    accepted: bool
    code: str | None = None


class StatusBody(_Body):
    """Answer of `GET /v1/orders/{order_id}`."""

    order_id: UUID
    state: Literal["received", "arrived", "refused"]
    reference: _Reference
    sha256: _Sha256
    arrived_at: AwareDatetime | None = None
    code: str | None = None
    lines: Annotated[tuple[_Line, ...], Field(max_length=10_000)] = ()

    def to_answer(self) -> StatusAnswer | None:
        """Return the answer, or None where an arrival lacks its time or its lines."""
        if self.state == "received":
            return Received(self.reference, self.sha256)
        if self.state == "refused":
            return RefusedOnArrival(self.reference, self.sha256, stable_code(self.code))
        if self.arrived_at is None or not self.lines:
            return None
        return Arrived(
            self.reference,
            self.sha256,
            self.arrived_at,
            tuple(
                AnsweredLine(
                    line.invoice_number,
                    line.accepted,
                    None if line.accepted else stable_code(line.code),
                )
                for line in self.lines
            ),
        )


class _ListedFile(_Body):
    position: Annotated[int, Field(ge=1)]
    file_id: _FileId
    name: Annotated[str, Field(min_length=1, max_length=200)]
    sha256: _Sha256
    size: Annotated[int, Field(ge=0)]


class DebFilesBody(_Body):
    """Answer of `GET /v1/deb-files`."""

    files: Annotated[tuple[_ListedFile, ...], Field(max_length=1000)]
    more: bool

    def to_page(self) -> DebFilePage:
        """Return the page, in the order of publication."""
        files = sorted(self.files, key=lambda file: file.position)
        return DebFilePage(
            tuple(
                ListedDebFile(file.position, file.file_id, file.name, file.sha256, file.size)
                for file in files
            ),
            more=self.more,
        )


def stable_code(text: str | None) -> str:
    """Return a portal's code in the form that our contracts allow."""
    code = _NOT_IN_CODES.sub("-", (text or "").lower()).lstrip("-_")[:_CODE_CHARACTERS_MAX]
    return code or NOT_STATED


def error_code(body: bytes) -> str | None:
    """Return the code of an error body, or None where it is not in the contract's form."""
    try:
        return stable_code(ErrorBody.model_validate_json(body).code)
    except ValueError:
        return None


def retry_after(header: str | None) -> timedelta | None:
    """Read a Retry-After header in seconds; anything else, or too long a wait, is cut down."""
    if header is None or not (header.isascii() and header.isdigit()):
        return None
    return timedelta(seconds=min(int(header[:9]), _RETRY_AFTER_SECONDS_MAX))
