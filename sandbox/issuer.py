"""The token issuer of the one-machine run: gives tokens to whoever sits at this machine.

    python -m sandbox.issuer                          serve
    python -m sandbox.issuer token --role admin       print one token

A stand-in for an OIDC issuer. On loopback it trusts the machine's users; bound anywhere else it
asks for a shared secret (ISSUER_SECRET) and does not start without one.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import ipaddress
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.observability.logs import configure_logging
from shared.runtime.parts import stop_on_signals
from shared.web.edge import edge_middleware
from shared.web.endpoints import UserRole
from shared.web.local_issuer import LocalIssuer
from shared.web.server import run_app
from shared.web.tokens import ALL_PRACTICES

JWKS_PATH = "/.well-known/jwks.json"
CONFIGURATION_PATH = "/.well-known/openid-configuration"
TOKEN_PATH = "/token"
_LIFETIME_SECONDS = 3600
_LIFETIME_SECONDS_MAX = 24 * 3600
_BODY_BYTES_MAX = 65_536
_EXIT_SETTINGS = 2
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class IssuerSettings(BaseSettings):
    """Where the issuer listens, what it calls itself, and where its key lies (ISSUER_...)."""

    model_config = SettingsConfigDict(env_prefix="ISSUER_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8091
    keys_dir: Path = Path(".data/issuer")
    url: str = ""
    audience: str = "quittance"
    secret: Annotated[SecretStr, Field(min_length=16)] | None = None

    @property
    def issuer(self) -> str:
        """The `iss` of the tokens: the URL at which others reach this issuer."""
        return self.url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def open_issuer(self) -> LocalIssuer:
        """Return the issuer with the key of the folder, created when there is none."""
        return LocalIssuer.open(self.keys_dir, issuer=self.issuer, audience=self.audience)


class RefusedGrantError(Exception):
    """No token for this request; `code` is OAuth's (RFC 6749, 5.2)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


def create_issuer_app(settings: IssuerSettings, issuer: LocalIssuer) -> web.Application:
    """Return the issuer's application.

    Raises:
        ValueError: it would listen beyond this machine without a secret.
    """
    if not settings.is_local and settings.secret is None:
        raise ValueError("ISSUER_SECRET is needed when ISSUER_HOST is not loopback")
    app = web.Application(middlewares=[edge_middleware(None)], client_max_size=_BODY_BYTES_MAX)

    async def keys(_: web.Request) -> web.Response:
        return web.json_response(issuer.jwks())

    async def configuration(_: web.Request) -> web.Response:
        return web.json_response(_configuration(settings.issuer))

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"status": "ready", "missing": []})

    async def token(request: web.Request) -> web.Response:
        try:
            _check_caller(request, settings)
            form = {name: str(value) for name, value in (await request.post()).items()}
            return web.json_response(_grant(form, settings, issuer))
        except RefusedGrantError as error:
            answer = {"error": error.code, "error_description": str(error)}
            return web.json_response(answer, status=401 if error.code == "invalid_client" else 400)

    app.router.add_get(JWKS_PATH, keys, allow_head=False)
    app.router.add_get(CONFIGURATION_PATH, configuration, allow_head=False)
    app.router.add_post(TOKEN_PATH, token)
    app.router.add_get("/health/live", alive, allow_head=False)
    app.router.add_get("/health/ready", alive, allow_head=False)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, or print a token; return the exit status."""
    parsed = _arguments(arguments)
    try:
        settings = IssuerSettings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join(str(step) for step in problem["loc"][:1]).upper()
            print(f"setting ISSUER_{name}: {problem['msg']}", file=sys.stderr)
        return _EXIT_SETTINGS
    if parsed.command == "token":
        print(_token_of(parsed, settings.open_issuer()))
        return 0
    configure_logging(service="issuer")
    try:
        app = create_issuer_app(settings, settings.open_issuer())
        asyncio.run(_serve(app, settings))
    except (ValueError, TypeError, OSError) as error:
        print(f"the issuer cannot start: {error}", file=sys.stderr)
        return _EXIT_SETTINGS
    return 0


async def _serve(app: web.Application, settings: IssuerSettings) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await run_app(app, settings.host, settings.port, stop)


def _configuration(issuer: str) -> dict[str, object]:
    return {
        "issuer": issuer,
        "jwks_uri": issuer + JWKS_PATH,
        "token_endpoint": issuer + TOKEN_PATH,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "claims_supported": ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "roles", "practices"],
    }


def _check_caller(request: web.Request, settings: IssuerSettings) -> None:
    """Keep web pages out: a browser on this machine must not fetch tokens for a page it shows.

    Raises:
        RefusedGrantError: the request comes from a page, or under a name that is not local.
    """
    if "Origin" in request.headers:
        raise RefusedGrantError("invalid_request", "web pages get no tokens here")
    name = request.url.host or ""
    if settings.is_local and name not in _LOCAL_NAMES:
        raise RefusedGrantError("invalid_request", "ask under the name localhost")


def _grant(
    form: Mapping[str, str], settings: IssuerSettings, issuer: LocalIssuer
) -> dict[str, object]:
    if form.get("grant_type", "client_credentials") != "client_credentials":
        raise RefusedGrantError("unsupported_grant_type", "the grant is client_credentials")
    if settings.secret is not None:
        expected, given = settings.secret.get_secret_value(), form.get("client_secret", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise RefusedGrantError("invalid_client", "the client_secret is not right")
    subject = form.get("subject") or form.get("client_id")
    if not subject:
        raise RefusedGrantError("invalid_request", "subject is missing")
    seconds = _lifetime(form.get("lifetime_seconds"))
    token = issuer.mint(
        subject,
        roles=_roles(form.get("roles", "").split()),
        practices=_practices(form.get("practices", "").split()),
        lifetime=timedelta(seconds=seconds),
    )
    return {"access_token": token, "token_type": "Bearer", "expires_in": seconds}


def _roles(names: Sequence[str]) -> list[UserRole]:
    known = {str(role): role for role in UserRole}
    if not names or any(name not in known for name in names):
        raise RefusedGrantError("invalid_scope", f"roles are some of: {' '.join(known)}")
    return [known[name] for name in names]


def _practices(names: Sequence[str]) -> list[str]:
    try:
        return [name if name == ALL_PRACTICES else str(UUID(name)) for name in names]
    except ValueError:
        raise RefusedGrantError("invalid_scope", "practices are ids, or *") from None


def _lifetime(text: str | None) -> int:
    if text is None:
        return _LIFETIME_SECONDS
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _LIFETIME_SECONDS_MAX:
        raise RefusedGrantError("invalid_request", f"at most {_LIFETIME_SECONDS_MAX} seconds")
    return int(text)


def _token_of(parsed: argparse.Namespace, issuer: LocalIssuer) -> str:
    return issuer.mint(
        parsed.subject,
        roles=parsed.role,
        practices=parsed.practice,
        lifetime=timedelta(seconds=parsed.lifetime_seconds),
    )


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.issuer", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    token = commands.add_parser(
        "token", help="print a token signed with the key in ISSUER_KEYS_DIR"
    )
    token.add_argument("--subject", default="operator")
    token.add_argument("--role", action="append", choices=[str(r) for r in UserRole], required=True)
    token.add_argument("--practice", action="append", required=True, help="an id, or '*'")
    token.add_argument("--lifetime-seconds", type=int, default=_LIFETIME_SECONDS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
