"""The stand-in's own face, for demos and tests: register clients, move time on, misbehave."""

from __future__ import annotations

import hmac
import json
import re
from typing import Literal, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.debident.client_keys import UnusableKeyError, one_form, set_key
from sandbox.debident.desk import DESK, error_answer
from sandbox.debident.door import DOOR
from sandbox.debident.fate_desk import FateBegunError
from sandbox.debident.fates import FATES
from sandbox.debident.misbehaviour import misbehaviour_from
from sandbox.debident.portal import (
    AccountTakenError,
    UnknownAccountError,
)
from sandbox.debident.terms import AccountTerms, ClientRegistration

ADMIN_SECRET = web.AppKey("admin_secret", str)
_ACCOUNT_NUMBER = re.compile(r"[0-9A-Z.-]{1,20}")
_ADVANCE_DAYS_MAX = 3650
_CLOSED_SECONDS_MAX = 3600


class _BadBodyError(Exception):
    """The body of an admin request is not usable."""


@web.middleware
async def guard_admin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Open `/admin/` to `Authorization: Bearer <admin secret>` only."""
    if not request.path.startswith("/admin/"):
        return await handler(request)
    expected = f"Bearer {request.app[ADMIN_SECRET]}"
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        return error_answer(401, "no-admin", "the admin secret is missing or wrong")
    try:
        return await handler(request)
    except _BadBodyError as error:
        return error_answer(400, "malformed", str(error))


async def register_client(request: web.Request) -> web.Response:
    """`PUT /admin/clients/{client_id}`."""
    body = await _body(request)
    desk = request.app[DESK]
    registration = _registration(request.match_info["client_id"], body)
    public_key = _public_key(body)

    def register() -> None:
        with desk.portal.store.transaction():
            desk.portal.register(registration)
            set_key(desk.portal.store, registration.client_id, public_key)

    try:
        await desk.ask(register)
    except AccountTakenError:
        return error_answer(409, "account-taken", "another client has this account")
    return web.Response(status=204)


def _public_key(body: dict[str, object]) -> str | None:
    text = body.get("public_key")
    if text is None:
        return None
    try:
        return one_form(str(text))
    except UnusableKeyError:
        raise _BadBodyError("public_key is not a public key of OpenSSH") from None


def _registration(client_id: str, body: dict[str, object]) -> ClientRegistration:
    account, secret = body.get("account_number"), body.get("client_secret")
    if not isinstance(account, str) or not _ACCOUNT_NUMBER.fullmatch(account):
        raise _BadBodyError("account_number is not an account number")
    if not isinstance(secret, str) or not 1 <= len(secret) <= 200:
        raise _BadBodyError("client_secret is not a text of 1 to 200 characters")
    default = AccountTerms()
    return ClientRegistration(
        client_id=client_id,
        client_secret=secret,
        account_number=account,
        terms=AccountTerms(
            payout_term_days=_whole(body, "payout_term_days", default.payout_term_days, 365),
            payout_basis=cast(
                "Literal['gross', 'net']",
                _choice(body, "payout_basis", default.payout_basis, {"gross", "net"}),
            ),
            factor_fee_permille=_whole(
                body, "factor_fee_permille", default.factor_fee_permille, 1000
            ),
            reminder_fee_beneficiary=cast(
                "Literal['factor', 'practice']",
                _choice(
                    body,
                    "reminder_fee_beneficiary",
                    default.reminder_fee_beneficiary,
                    {"factor", "practice"},
                ),
            ),
            loss_cover=_flag(body, "loss_cover"),
        ),
    )


async def advance(request: web.Request) -> web.Response:
    """`POST /admin/advance` {"days": n}."""
    days = _days(await _body(request), "days")
    desk = request.app[DESK]
    now = await desk.ask(lambda: desk.portal.advance(days))
    return web.json_response({"simulated_now": now.isoformat()})


async def publish_deb_file(request: web.Request) -> web.Response:
    """`POST /admin/accounts/{account}/deb-files` {"advance_days": n}."""
    days = _days(await _body(request), "advance_days")
    desk, account = request.app[DESK], request.match_info["account"]
    try:
        file = await desk.ask(lambda: desk.portal.publish(account, advance_days=days))
    except UnknownAccountError:
        return error_answer(404, "unknown-account", "no client has this account")
    now = desk.portal.now().isoformat()
    return web.json_response(
        {"file": file.to_json() if file is not None else None, "simulated_now": now}
    )


async def put_misbehaviour(request: web.Request) -> web.Response:
    """`PUT /admin/misbehaviour`: sets all switches; what is left out is off."""
    try:
        switches = misbehaviour_from(await _body(request))
    except ValueError as error:
        raise _BadBodyError(str(error)) from error
    desk = request.app[DESK]
    await desk.ask(lambda: desk.portal.misbehave(switches))
    return web.json_response(switches.to_json())


async def get_misbehaviour(request: web.Request) -> web.Response:
    """`GET /admin/misbehaviour`."""
    desk = request.app[DESK]
    switches = await desk.ask(desk.portal.misbehaviour)
    return web.json_response(switches.to_json())


async def order_fate(request: web.Request) -> web.Response:
    """`PUT /admin/accounts/{account}/fates` {"invoice_number": ..., "fate": ...}."""
    body, desk, account = await _body(request), request.app[DESK], request.match_info["account"]
    fate = _choice(body, "fate", "", set(FATES))
    number = body.get("invoice_number")
    if fate not in FATES or not isinstance(number, str) or not 1 <= len(number) <= 35:
        raise _BadBodyError("invoice_number and fate are needed")
    try:
        is_here = await desk.ask(lambda: desk.portal.order_fate(account, number, fate))
    except UnknownAccountError:
        return error_answer(404, "unknown-account", "no client has this account")
    except FateBegunError:
        return error_answer(409, "fate-begun", "a DEB file has told of its money already")
    return web.json_response({"invoice_number": number, "fate": fate, "is_here": is_here})


async def get_fates(request: web.Request) -> web.Response:
    """`GET /admin/fates`: the names of all fates, and those that were ordered."""
    desk = request.app[DESK]
    ordered = await desk.ask(desk.portal.ordered_fates)
    return web.json_response({"fates": sorted(FATES), "ordered": ordered})


async def close_door(request: web.Request) -> web.Response:
    """`POST /admin/close` {"seconds": n}: refuse connections for so many real seconds."""
    body = await _body(request)
    seconds = body.get("seconds")
    if not isinstance(seconds, (int, float)) or not 0 < seconds <= _CLOSED_SECONDS_MAX:
        raise _BadBodyError(f"seconds is a number above 0, at most {_CLOSED_SECONDS_MAX}")
    door = request.app.get(DOOR)
    if door is None:
        return error_answer(409, "no-door", "this stand-in does not listen by itself")
    await door.close_for(seconds)
    return web.json_response({"closed_seconds": seconds}, headers={"Connection": "close"})


async def get_overview(request: web.Request) -> web.Response:
    """`GET /admin/overview`: everything that is known here."""
    desk = request.app[DESK]
    return web.json_response(await desk.ask(desk.portal.overview))


async def _body(request: web.Request) -> dict[str, object]:
    if not request.can_read_body:
        return {}
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _BadBodyError("the body is not JSON") from error
    if not isinstance(body, dict):
        raise _BadBodyError("the body is not an object")
    return body


def _whole(body: dict[str, object], field: str, default: int, maximum: int) -> int:
    value = body.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        raise _BadBodyError(f"{field} is not a whole number from 0 to {maximum}")
    return value


def _flag(body: dict[str, object], field: str) -> bool:
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise _BadBodyError(f"{field} is true or false")
    return value


def _choice(body: dict[str, object], field: str, default: str, allowed: set[str]) -> str:
    value = body.get(field, default)
    if not isinstance(value, str) or value not in allowed:
        raise _BadBodyError(f"{field} is one of {', '.join(sorted(allowed))}")
    return value


def _days(body: dict[str, object], field: str) -> float:
    value = body.get(field, 0)
    if (
        not isinstance(value, (int, float))
        or isinstance(value, bool)
        or not 0 <= value <= _ADVANCE_DAYS_MAX
    ):
        raise _BadBodyError(f"{field} is not a number of days from 0 to {_ADVANCE_DAYS_MAX}")
    return float(value)


ROUTES = (
    web.put("/admin/clients/{client_id}", register_client),
    web.post("/admin/advance", advance),
    web.post("/admin/accounts/{account}/deb-files", publish_deb_file),
    web.put("/admin/accounts/{account}/fates", order_fate),
    web.get("/admin/fates", get_fates),
    web.post("/admin/close", close_door),
    web.put("/admin/misbehaviour", put_misbehaviour),
    web.get("/admin/misbehaviour", get_misbehaviour),
    web.get("/admin/overview", get_overview),
)
