"""The issuer's public keys (JWKS): fetched, kept, and refreshed without being a way to flood it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import aiohttp
import jwt

from shared.kernel.errors import TransientError

_LOG = logging.getLogger(__name__)
FetchKeys = Callable[[], Awaitable[bytes]]
_BYTES_MAX = 262_144
_FETCH_SECONDS = 3.0
_REFRESH_SECONDS = 300.0
_RETRY_SECONDS = 1.0
UNKNOWN_KEY_SECONDS = 10.0
_ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
_RSA_BITS_MIN = 2048


class KeysUnavailableError(TransientError):
    """No key of the issuer was ever seen: nobody can be recognised yet."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the one algorithm that it may be used with."""

    key: Any
    algorithm: str


class SigningKeys:
    """The issuer's keys by their id.

    A key that is known stays good while the issuer is away. An unknown id asks the issuer again, at
    most every ten seconds, so that invented ids cannot flood it.
    """

    def __init__(self, fetch: FetchKeys, *, now: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._now = now
        self._keys: dict[str, VerificationKey] = {}
        self._next_try = 0.0
        self._lock = asyncio.Lock()

    @property
    def seen(self) -> bool:
        """Whether any key was ever seen."""
        return bool(self._keys)

    async def find(self, key_id: str) -> VerificationKey | None:
        """Return the key with this id, or None when the issuer has no such key.

        Raises:
            KeysUnavailableError: no key was ever seen.
        """
        if key_id not in self._keys:
            async with self._lock:
                if key_id not in self._keys and self._now() >= self._next_try:
                    await self._refresh()
        if not self.seen:
            raise KeysUnavailableError("the token issuer's keys were not seen yet")
        return self._keys.get(key_id)

    async def keep_fresh(self, stop: asyncio.Event) -> None:
        """Fetch the keys now and again until `stop` is set."""
        while not stop.is_set():
            async with self._lock:
                await self._refresh()
            pause = _REFRESH_SECONDS if self.seen else _RETRY_SECONDS
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def _refresh(self) -> None:
        try:
            keys = parse_jwks(await asyncio.wait_for(self._fetch(), _FETCH_SECONDS))
        except (TimeoutError, OSError, ValueError, aiohttp.ClientError) as error:
            _LOG.warning(
                "the token issuer's keys could not be fetched",
                extra={"reason": type(error).__name__, "keys_known": len(self._keys)},
            )
        else:
            self._keys = keys or self._keys
        wait = UNKNOWN_KEY_SECONDS if self.seen else _RETRY_SECONDS
        self._next_try = self._now() + wait


def parse_jwks(document: bytes) -> dict[str, VerificationKey]:
    """Return the usable signing keys of a JWKS by id; others are passed over.

    Raises:
        ValueError: the document is not a JWKS.
    """
    try:
        members = json.loads(document)
    except ValueError as error:
        raise ValueError("not a JWKS") from error
    if not isinstance(members, dict) or not isinstance(members.get("keys"), list):
        raise ValueError("not a JWKS")  # noqa: TRY004 - a document of another form
    found = {}
    for member in members["keys"]:
        key = _usable(member) if isinstance(member, dict) else None
        if key is not None:
            found[str(member["kid"])] = key
    return found


def fetch_from(url: str) -> FetchKeys:
    """Return a function that reads the JWKS at an http, https or file URL.

    Raises:
        ValueError: the URL has another scheme.
    """
    parts = urlparse(url)
    if parts.scheme == "file":
        return lambda: asyncio.to_thread(Path(unquote(parts.path)).read_bytes)
    if parts.scheme in {"http", "https"}:
        return lambda: _fetch_http(url)
    raise ValueError("the keys' URL must begin with http:, https: or file:")


async def _fetch_http(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise ValueError(f"the issuer answered {response.status}")
        document = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            document += chunk
            if len(document) > _BYTES_MAX:
                raise ValueError("the issuer's answer is too large")
        return bytes(document)


def _usable(member: Mapping[str, Any]) -> VerificationKey | None:
    kind = str(member.get("kty"))
    algorithm = _ALGORITHMS.get((kind, None if kind == "RSA" else member.get("crv")))
    if algorithm is None or not isinstance(member.get("kid"), str):
        return None
    if member.get("use", "sig") != "sig" or member.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK.from_dict(dict(member), algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if kind == "RSA" and key.key_size < _RSA_BITS_MIN:
        return None
    return VerificationKey(key, algorithm)
