"""Keeps portal tokens, one per practice and credentials, so that none is ever used for another."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from services.debident_gateway.domain.model import PortalAccess
from shared.kernel.clock import Clock

_Key = tuple[UUID, str, str]
_MARGIN_SECONDS_MAX = 30


class TokenCache:
    """Tokens by practice, client id and secret; changed credentials never meet an old token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[_Key, tuple[str, datetime]] = {}

    def get(self, access: PortalAccess) -> str | None:
        """Return a token that is still good for a while, or None."""
        token, good_until = self._tokens.get(_key(access), (None, None))
        return token if good_until is not None and self._clock.now() < good_until else None

    def put(self, access: PortalAccess, token: str, *, lifetime_seconds: int) -> None:
        """Keep a token until shortly before it ends."""
        now = self._clock.now()
        margin = min(_MARGIN_SECONDS_MAX, lifetime_seconds // 5)
        self._tokens = {key: kept for key, kept in self._tokens.items() if kept[1] > now}
        self._tokens[_key(access)] = (token, now + timedelta(seconds=lifetime_seconds - margin))

    def forget(self, access: PortalAccess) -> None:
        """Drop a token that the portal refused."""
        self._tokens.pop(_key(access), None)


def _key(access: PortalAccess) -> _Key:
    digest = hashlib.sha256(access.client_secret.encode()).hexdigest()
    return access.practice_id, access.client_id, digest
