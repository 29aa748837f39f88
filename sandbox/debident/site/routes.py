"""The site's addresses: who may see what, and what becomes of a form."""

from __future__ import annotations

import secrets
from uuid import UUID

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler

from sandbox.debident import deb_reading
from sandbox.debident.api import SETTINGS
from sandbox.debident.desk import DESK
from sandbox.debident.orders import Receipt
from sandbox.debident.package import PackageError, looks_like_zip, read_package
from sandbox.debident.site import pages
from sandbox.debident.site.sessions import Session, Sessions, same
from sandbox.debident.site.words import LANGUAGES, Words

SESSIONS = web.AppKey("sessions", Sessions)
_COOKIE = "debident_session"
_LOGIN_COOKIE = "debident_login"
_LANGUAGE_COOKIE = "debident_language"
_SESSION = web.RequestKey("session", Session)
_LANGUAGE_LASTS_SECONDS = 31_536_000
_FIELD_BYTES_MAX = 1_000
_FORM_OVERHEAD_BYTES = 10_000
_PAGE_MAX = 100_000
_OPEN_PATHS = frozenset({"/login", "/site.css"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_NOT_THE_SITE = ("/v1/", "/admin/", "/health/", "/oauth2/")


class _FormError(Exception):
    """A form that is not usable.

    Attributes:
        problem: name of the words that say so.
        status: of the answer.
    """

    def __init__(self, problem: str, *, status: int = 422) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status


@web.middleware
async def guard_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let nobody in without a session, choose the language, and keep every page strict."""
    if request.path.startswith(_NOT_THE_SITE):
        return await handler(request)
    answer = await _admit(request, handler)
    answer.headers.update(_HEADERS)
    language = request.query.get("lang", "")
    if language in LANGUAGES:
        _set_cookie(answer, _LANGUAGE_COOKIE, language, max_age=_LANGUAGE_LASTS_SECONDS)
    return answer


async def _admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    cookie = request.cookies.get(_COOKIE, "")
    session = request.app[SESSIONS].find(cookie)
    if session is not None:
        request[_SESSION] = session
    elif request.path not in _OPEN_PATHS:
        return web.Response(status=303, headers={"Location": "/login"})
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status not in {404, 405}:
            raise
        return _page(pages.problem_page(_frame(request), "not-found"), status=404)


async def style(_: web.Request) -> web.Response:
    """`GET /site.css`."""
    return web.Response(text=pages.STYLE, content_type="text/css")


async def show_login(request: web.Request) -> web.Response:
    """`GET /login`."""
    return _login_form(request)


def _login_form(
    request: web.Request, *, problem: str | None = None, status: int = 200
) -> web.Response:
    nonce = secrets.token_urlsafe(32)
    token = request.app[SESSIONS].login_token(nonce)
    answer = _page(pages.login_page(_frame(request), token, problem=problem), status=status)
    _set_cookie(answer, _LOGIN_COOKIE, nonce)
    return answer


async def log_in(request: web.Request) -> web.Response:
    """`POST /login`."""
    sessions, desk = request.app[SESSIONS], request.app[DESK]
    if (request.content_length or 0) > _FORM_OVERHEAD_BYTES:
        return _login_form(request, problem="wrong-login", status=413)
    form = await request.post()
    nonce = request.cookies.get(_LOGIN_COOKIE, "")
    if not nonce or not same(form.get("token"), sessions.login_token(nonce)):
        return _login_form(request, problem="form-expired", status=403)
    client_id, secret = form.get("client_id"), form.get("secret")
    if not isinstance(client_id, str) or not isinstance(secret, str):
        return _login_form(request, problem="wrong-login", status=403)
    if not sessions.may_try(client_id):
        return _login_form(request, problem="too-many-logins", status=429)
    account = await desk.ask(lambda: desk.portal.account_for(client_id, secret))
    if account is None:
        sessions.note_failure(client_id)
        return _login_form(request, problem="wrong-login", status=403)
    answer = web.Response(status=303, headers={"Location": "/"})
    _set_cookie(answer, _COOKIE, sessions.begin(account))
    answer.del_cookie(_LOGIN_COOKIE, path="/", httponly=True, samesite="Strict")
    return answer


async def log_out(request: web.Request) -> web.Response:
    """`POST /logout`."""
    form = await request.post()
    if not same(form.get("csrf"), request[_SESSION].csrf):
        return _page(pages.problem_page(_frame(request), "form-expired"), status=403)
    request.app[SESSIONS].end(request.cookies.get(_COOKIE, ""))
    answer = web.Response(status=303, headers={"Location": "/login"})
    answer.del_cookie(_COOKIE, path="/", httponly=True, samesite="Strict")
    return answer


async def show_orders(request: web.Request) -> web.Response:
    """`GET /`."""
    desk, account, page = request.app[DESK], request[_SESSION].account, _page_number(request)
    orders = await desk.ask(
        lambda: desk.portal.orders_of(
            account, limit=pages.PAGE_ITEMS + 1, offset=(page - 1) * pages.PAGE_ITEMS
        )
    )
    return _page(pages.orders_page(_frame(request), orders, page=page))


async def show_upload(request: web.Request) -> web.Response:
    """`GET /orders/new`."""
    return _page(pages.upload_page(_frame(request)))


async def upload(request: web.Request) -> web.Response:
    """`POST /orders`: hand over an order by a form."""
    desk, account = request.app[DESK], request[_SESSION].account
    try:
        package = await _read_form(request)
        order_id = await desk.ask(lambda: _order_id_of(package, account))
        answer = await desk.ask(lambda: desk.portal.receive_order(account, order_id, package))
        said = _said(answer.receipt)
    except _FormError as error:
        return _page(pages.upload_page(_frame(request), problem=error.problem), status=error.status)
    return web.Response(status=303, headers={"Location": f"/orders/{order_id}?said={said}"})


def _said(receipt: Receipt) -> str:
    if receipt is Receipt.CONFLICT:
        raise _FormError("other-content", status=409)
    if receipt is Receipt.REFUSED:
        raise _FormError("refused-upload")
    return "taken" if receipt is Receipt.ACCEPTED else "already-have-it"


async def _read_form(request: web.Request) -> bytes:
    """Return the package of a form of ours, never holding more than the limit.

    Raises:
        _FormError: it is not ours, too large, or holds no file.
    """
    limit = request.app[SETTINGS].package_bytes_max
    if (request.content_length or 0) > limit + _FORM_OVERHEAD_BYTES:
        raise _FormError("too-large", status=413)
    if request.content_type != "multipart/form-data":
        raise _FormError("form-expired", status=403)
    package: bytes | None = None
    is_ours = False
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise _FormError("form-expired", status=403)
            if part.name == "csrf":
                token = (await _read_part(part, _FIELD_BYTES_MAX)).decode(errors="replace")
                is_ours = same(token, request[_SESSION].csrf)
            elif part.name == "package" and is_ours:
                package = await _read_part(part, limit)
    except ValueError as error:
        raise _FormError("form-expired", status=400) from error
    if not is_ours:
        raise _FormError("form-expired", status=403)
    if not package:
        raise _FormError("no-file")
    return package


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > limit:
            raise _FormError("too-large", status=413)
    return bytes(content)


def _order_id_of(package: bytes, account: str) -> str:
    """Return the order id that a package names.

    Raises:
        _FormError: it is no package, or one of another account.
    """
    if not looks_like_zip(package):
        raise _FormError("not-a-zip")
    try:
        found = read_package(package)
        order_id = str(UUID(found.order_id))
    except (PackageError, ValueError) as error:
        raise _FormError("not-a-package") from error
    if found.account_number != account:
        raise _FormError("wrong-account")
    return order_id


async def show_order(request: web.Request) -> web.Response:
    """`GET /orders/{order_id}`: another account's order answers as if it did not exist."""
    desk, account = request.app[DESK], request[_SESSION].account
    order_id = request.match_info["order_id"].lower()
    order = await desk.ask(lambda: desk.portal.order_page(account, order_id))
    if order is None:
        raise web.HTTPNotFound
    said = request.query.get("said")
    notice = said if said in {"taken", "already-have-it"} else None
    return _page(pages.order_page(_frame(request), order, notice=notice))


async def show_deb_files(request: web.Request) -> web.Response:
    """`GET /deb-files`."""
    desk, account, page = request.app[DESK], request[_SESSION].account, _page_number(request)
    files = await desk.ask(
        lambda: desk.portal.deb_files_of(
            account, limit=pages.PAGE_ITEMS + 1, offset=(page - 1) * pages.PAGE_ITEMS
        )
    )
    return _page(pages.deb_files_page(_frame(request), files, page=page))


async def download_deb_file(request: web.Request) -> web.StreamResponse:
    """`GET /deb-files/{file_id}`."""
    desk, account = request.app[DESK], request[_SESSION].account
    file_id = request.match_info["file_id"]
    file = await desk.ask(lambda: desk.portal.deb_file(account, file_id))
    if file is None:
        raise web.HTTPNotFound
    headers = {"Content-Disposition": f'attachment; filename="{file_id}.deb"'}
    return await deb_reading.send(request, desk, file, headers)


def _frame(request: web.Request) -> pages.Frame:
    chosen = request.query.get("lang") or request.cookies.get(_LANGUAGE_COOKIE)
    session = request.get(_SESSION)
    return pages.Frame(
        words=Words(chosen or _preferred(request.headers.get("Accept-Language", ""))),
        now=request.app[DESK].portal.now(),
        account=session.account if session else None,
        csrf=session.csrf if session else "",
        path="/orders/new" if request.path == "/orders" else request.path,
    )


def _preferred(accepted: str) -> str:
    return "de" if accepted.lower().startswith("de") else "fr"


def _page_number(request: web.Request) -> int:
    text = request.query.get("page", "1")
    return max(1, min(int(text), _PAGE_MAX)) if text.isascii() and text.isdecimal() else 1


def _page(html: str, *, status: int = 200) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html")


def _set_cookie(
    answer: web.StreamResponse, name: str, value: str, *, max_age: int | None = None
) -> None:
    answer.set_cookie(name, value, max_age=max_age, path="/", httponly=True, samesite="Strict")


ROUTES = (
    web.get("/site.css", style),
    web.get("/login", show_login),
    web.post("/login", log_in),
    web.post("/logout", log_out),
    web.get("/", show_orders),
    web.get("/orders/new", show_upload),
    web.post("/orders", upload),
    web.get("/orders/{order_id}", show_order),
    web.get("/deb-files", show_deb_files),
    web.get("/deb-files/{file_id}", download_deb_file),
)
