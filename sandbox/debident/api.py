"""The portal's face to the practices: docs/portal-http.md, always within the token's account."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler

from sandbox.debident import deb_reading
from sandbox.debident.deb_files import PAGE_FILES
from sandbox.debident.desk import DESK, error_answer
from sandbox.debident.door import DOOR
from sandbox.debident.hostile import malformed_answer
from sandbox.debident.mischief import ASK, UPLOAD, Draw
from sandbox.debident.orders import Receipt, UploadAnswer
from sandbox.debident.settings import PortalSettings

SETTINGS = web.AppKey("settings", PortalSettings)
_RETRY_AFTER_SECONDS = 1
_FIELD_BYTES_MAX = 200
_ACCOUNT = web.RequestKey("account", str)
_DRAW = web.RequestKey("draw", Draw)
CLOSING = web.AppKey("closing", asyncio.Event)
SLOW_SECONDS = 0.5
HANG_LOOK_SECONDS = 0.1
HANG_LOOKS = 6_000
_STATUS_OF = {
    Receipt.ACCEPTED: 202,
    Receipt.ALREADY_HAVE_IT: 200,
    Receipt.CONFLICT: 409,
    Receipt.REFUSED: 422,
}


class _MalformedError(Exception):
    """The request does not have the form of the contract."""


@dataclass(frozen=True, slots=True)
class _Upload:
    package: bytes
    sha256: str
    account_number: str


async def issue_token(request: web.Request) -> web.Response:
    """`POST /oauth2/token`, grant client_credentials."""
    form = await request.post()
    if form.get("grant_type") != "client_credentials":
        return web.json_response({"error": "unsupported_grant_type"}, status=400)
    client_id, client_secret = form.get("client_id"), form.get("client_secret")
    if not isinstance(client_id, str) or not isinstance(client_secret, str):
        return web.json_response({"error": "invalid_request"}, status=400)
    desk = request.app[DESK]
    token = await desk.ask(lambda: desk.portal.issue_token(client_id, client_secret))
    if token is None:
        return web.json_response({"error": "invalid_client"}, status=401)
    lifetime = request.app[SETTINGS].token_lifetime_seconds
    return web.json_response(
        {"access_token": token, "token_type": "Bearer", "expires_in": lifetime},
        headers={"Cache-Control": "no-store"},
    )


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Open `/v1/` to valid tokens only, and let the portal misbehave as it was told."""
    if request.path.startswith(("/admin/", "/health/")):
        return await handler(request)
    desk, door = request.app[DESK], request.app.get(DOOR)
    if door is not None and door.is_closed:
        return _cut_off(request)
    switches, down = await desk.ask(lambda: (desk.portal.misbehaviour(), desk.portal.down()))
    if down is not None:
        return await _out_of_order(request, down)
    if not request.path.startswith("/v1/"):
        return await handler(request)
    await asyncio.sleep(switches.slow_seconds)
    return await _misbehave(request, handler)


async def _misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    desk = request.app[DESK]
    event = UPLOAD if request.method == "POST" else ASK
    draw = request[_DRAW] = await desk.ask(lambda: desk.portal.draw(event))
    for name in ("unavailable", "hang"):
        if draw.has(name):
            return await _out_of_order(request, name)
    if draw.has("down"):
        down = await desk.ask(desk.portal.down)
        return await _out_of_order(request, down or "cut-off")
    if draw.has("slow"):
        await asyncio.sleep(SLOW_SECONDS)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    account = desk.portal.account_of(token) if scheme == "Bearer" else None
    if account is None:
        return error_answer(
            401, "no-valid-token", "ask for a token", headers={"WWW-Authenticate": "Bearer"}
        )
    request[_ACCOUNT] = account
    answer = await handler(request)
    if draw.has("malformed_answer"):
        body = malformed_answer(draw.number)
        return web.Response(status=answer.status, body=body, content_type="application/json")
    return answer


async def _out_of_order(request: web.Request, how: str) -> web.StreamResponse:
    """Answer 503, never, or with a broken connection."""
    if how == "unavailable":
        return error_answer(
            503,
            "temporarily-unavailable",
            "the portal is being maintained",
            headers={"Retry-After": str(_RETRY_AFTER_SECONDS), "Connection": "close"},
        )
    if how == "hang":
        await _until_caller_gives_up(request)
    return _cut_off(request)


async def _until_caller_gives_up(request: web.Request) -> None:
    for _ in range(HANG_LOOKS):
        transport = request.transport
        if transport is None or transport.is_closing() or request.app[CLOSING].is_set():
            return
        await asyncio.sleep(HANG_LOOK_SECONDS)


async def upload_order(request: web.Request) -> web.StreamResponse:
    """`POST /v1/orders/{order_id}`."""
    desk, account, draw = request.app[DESK], request[_ACCOUNT], request[_DRAW]
    if draw.has("drop_request"):
        return _cut_off(request)
    try:
        order_id = _order_id(request)
        upload = await _read_upload(request)
    except _MalformedError as error:
        return error_answer(400, "malformed", str(error))
    if upload.account_number != account:
        return error_answer(422, "wrong-account", "the token opens another account")
    answer = await desk.ask(
        lambda: desk.portal.receive_order(
            account, order_id, upload.package, say_known=draw.has("already_have_it")
        )
    )
    if draw.has("lost_answer"):
        return _cut_off(request)
    return _upload_answer(order_id, answer)


def _upload_answer(order_id: str, answer: UploadAnswer) -> web.Response:
    status = _STATUS_OF[answer.receipt]
    if answer.receipt in {Receipt.CONFLICT, Receipt.REFUSED}:
        return error_answer(status, answer.code, answer.text)
    return web.json_response(
        {"order_id": order_id, "result": answer.receipt, "reference": answer.reference},
        status=status,
    )


def _cut_off(request: web.Request) -> web.StreamResponse:
    """Break the connection as a failing network would: no answer, not even a polite close."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _order_id(request: web.Request) -> str:
    try:
        return str(UUID(request.match_info["order_id"]))
    except ValueError:
        raise _MalformedError("the order id is not a UUID") from None


async def _read_upload(request: web.Request) -> _Upload:
    if not request.content_type.startswith("multipart/form-data"):
        raise _MalformedError("multipart/form-data is expected")
    package_bytes_max = request.app[SETTINGS].package_bytes_max
    parts: dict[str, bytes] = {}
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name in parts or not part.name:
                raise _MalformedError("a part is nested, repeated or has no name")
            limit = package_bytes_max if part.name == "package" else _FIELD_BYTES_MAX
            parts[part.name] = await _read_part(part, limit)
    except ValueError as error:
        raise _MalformedError(f"the body is not well-formed: {error}") from error
    return _checked(parts)


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > limit:
            raise _MalformedError(f"{part.name} is larger than {limit} bytes")
    return bytes(content)


def _checked(parts: dict[str, bytes]) -> _Upload:
    missing = {"package", "sha256", "account_number"} - set(parts)
    if missing:
        raise _MalformedError(f"missing: {', '.join(sorted(missing))}")
    try:
        sha256 = parts["sha256"].decode("ascii")
        account_number = parts["account_number"].decode("ascii")
    except UnicodeDecodeError:
        raise _MalformedError("a field is not ASCII") from None
    if not hmac.compare_digest(hashlib.sha256(parts["package"]).hexdigest(), sha256):
        raise _MalformedError("the package does not have the announced hash")
    return _Upload(package=parts["package"], sha256=sha256, account_number=account_number)


async def order_status(request: web.Request) -> web.StreamResponse:
    """`GET /v1/orders/{order_id}`."""
    desk, account = request.app[DESK], request[_ACCOUNT]
    try:
        order_id = _order_id(request)
    except _MalformedError as error:
        return error_answer(400, "malformed", str(error))
    status = await desk.ask(lambda: desk.portal.order_status(account, order_id))
    if status is None:
        return error_answer(404, "unknown-order", "no order of this account has this id")
    return web.json_response(status)


async def list_deb_files(request: web.Request) -> web.StreamResponse:
    """`GET /v1/deb-files?after=&limit=`."""
    desk, account = request.app[DESK], request[_ACCOUNT]
    try:
        after = int(request.query.get("after", "0"))
        limit = int(request.query.get("limit", str(PAGE_FILES)))
    except ValueError:
        return error_answer(400, "malformed", "after and limit are whole numbers")
    if not (0 <= after < 2**53 and 1 <= limit <= PAGE_FILES):
        return error_answer(400, "malformed", f"limit is 1 to {PAGE_FILES}, after is not negative")
    files = await desk.ask(
        lambda: desk.portal.list_deb_files(account, after=after, limit=limit + 1)
    )
    return web.json_response(
        {"files": [file.to_json() for file in files[:limit]], "more": len(files) > limit}
    )


async def download_deb_file(request: web.Request) -> web.StreamResponse:
    """`GET /v1/deb-files/{file_id}`."""
    desk, account = request.app[DESK], request[_ACCOUNT]
    file_id = request.match_info["file_id"]
    file = await desk.ask(lambda: desk.portal.deb_file(account, file_id))
    if file is None:
        return error_answer(404, "unknown-deb-file", "this account has no such file")
    if request[_DRAW].has("malformed_answer"):
        return web.Response()  # The guard puts what is malformed into it.
    return await deb_reading.send(request, desk, file, {})


ROUTES = (
    web.post("/oauth2/token", issue_token),
    web.post("/v1/orders/{order_id}", upload_order),
    web.get("/v1/orders/{order_id}", order_status),
    web.get("/v1/deb-files", list_deb_files),
    web.get("/v1/deb-files/{file_id}", download_deb_file),
)
