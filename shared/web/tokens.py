"""Recognises the caller: verifies a bearer JWT and reads whose practices it opens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard
from uuid import UUID

import jwt

from shared.kernel.clock import Clock
from shared.web.endpoints import Principal, UserRole
from shared.web.keys import KeysUnavailableError, SigningKeys, fetch_from
from shared.web.problems import Problem, ProblemError, unavailable

ALL_PRACTICES = "*"
_INSTANT_MAX = 2**53
LEEWAY_SECONDS = 30
_REQUIRED = ["iss", "aud", "exp", "sub"]
_BEARER = re.compile(r"Bearer ([\x21-\x7e]+)", re.IGNORECASE)
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_PRACTICES_MAX = 1000


class InvalidTokenError(Exception):
    """The token proves nothing; the message says why, for the log and the tests only."""


class TokenVerifier:
    """Verifies tokens of one issuer for one audience, by signature, time and form.

    The algorithm is the one that belongs to the key, whatever the token claims.
    """

    def __init__(self, keys: SigningKeys, *, issuer: str, audience: str, clock: Clock) -> None:
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    @classmethod
    def from_url(cls, jwks_url: str, *, issuer: str, audience: str, clock: Clock) -> TokenVerifier:
        """Return a verifier that fetches the issuer's keys from an http, https or file URL."""
        keys = SigningKeys(fetch_from(jwks_url))
        return cls(keys, issuer=issuer, audience=audience, clock=clock)

    async def authenticate(self, authorization: str | None) -> Principal:
        """Return who sent this `Authorization` header.

        Raises:
            ProblemError: 401 without a good token, 503 while the issuer's keys were never seen.
        """
        if not authorization:
            detail = "Please sign in: this address needs a bearer token."
            raise ProblemError(_unauthenticated("authentication-required", detail, "Bearer"))
        match = _BEARER.fullmatch(authorization.strip())
        try:
            return await self.verify(match.group(1) if match else "")
        except KeysUnavailableError:
            detail = "Sign-in is not available for the moment; please try again."
            raise ProblemError(unavailable(detail)) from None
        except InvalidTokenError:
            challenge = 'Bearer error="invalid_token"'
            detail = "Please sign in again: the token is not valid or no longer valid."
            raise ProblemError(_unauthenticated("invalid-token", detail, challenge)) from None

    async def verify(self, token: str) -> Principal:
        """Return the principal of a token.

        Raises:
            InvalidTokenError: it is not a good token of our issuer for us, now.
            KeysUnavailableError: the issuer's keys were never seen.
        """
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            if not isinstance(key_id, str):
                raise InvalidTokenError("no key id")
            key = await self.keys.find(key_id)
            if key is None:
                raise InvalidTokenError("unknown key id")
            claims = jwt.decode(
                token,
                key=key.key,
                algorithms=[key.algorithm],
                audience=self._audience,
                issuer=self._issuer,
                # Times are checked below, by the clock that everything else goes by.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise InvalidTokenError(type(error).__name__) from error
        self._check_times(claims)
        return principal_of(claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        if not _instant(claims["exp"]) > now - LEEWAY_SECONDS:
            raise InvalidTokenError("expired")
        if "nbf" in claims and not _instant(claims["nbf"]) <= now + LEEWAY_SECONDS:
            raise InvalidTokenError("not valid yet")


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Return the principal that verified claims describe; roles that are not ours are ignored.

    Raises:
        InvalidTokenError: a claim is missing or has another form.
    """
    subject, roles, practices = (claims.get(name) for name in ("sub", "roles", "practices"))
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise InvalidTokenError("the subject has another form")
    if not _is_text_list(roles) or not _is_text_list(practices):
        raise InvalidTokenError("roles and practices must be lists of text")
    known = {str(role) for role in UserRole}
    try:
        ids = frozenset(UUID(text) for text in practices if text != ALL_PRACTICES)
    except ValueError:
        raise InvalidTokenError("a practice is not a UUID") from None
    return Principal(
        subject=subject,
        roles=frozenset(UserRole(role) for role in roles if role in known),
        practices=ids,
        all_practices=ALL_PRACTICES in practices,
    )


def _is_text_list(value: object) -> TypeGuard[list[str]]:
    return (
        isinstance(value, list)
        and len(value) <= _PRACTICES_MAX
        and all(isinstance(item, str) for item in value)
    )


def _instant(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidTokenError("a time is not a number")
    if not abs(value) < _INSTANT_MAX:  # also refuses what is not a number at all
        raise InvalidTokenError("a time is out of range")
    return float(value)


def _unauthenticated(code: str, detail: str, challenge: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})
