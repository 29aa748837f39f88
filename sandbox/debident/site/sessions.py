"""Who is logged in, and whether a form came from our own page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.debident.clock import RealTime

_SESSION_LASTS = timedelta(hours=8)
_SESSIONS_MAX = 1_000
_FAILURES_MAX = 10
_FAILURES_FORGOTTEN_AFTER = timedelta(minutes=5)
_NAMES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """A clerk's stay; it ends by itself, and with the process."""

    account: str
    csrf: str
    ends_at: datetime


@dataclass(slots=True)
class Sessions:
    """Sessions and failed log-ins, in memory, by the world's time."""

    real: RealTime
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _open: dict[str, Session] = field(default_factory=dict, repr=False)
    _failures: dict[str, list[datetime]] = field(default_factory=dict, repr=False)

    def begin(self, account: str) -> str:
        """Open a session and return the secret of its cookie; the oldest gives way to it."""
        now = self.real()
        self._open = {name: one for name, one in self._open.items() if one.ends_at > now}
        while len(self._open) >= _SESSIONS_MAX:
            del self._open[next(iter(self._open))]
        cookie = secrets.token_urlsafe(32)
        self._open[cookie] = Session(account, secrets.token_urlsafe(32), now + _SESSION_LASTS)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, or None where it has ended."""
        found = self._open.get(cookie)
        return found if found is not None and found.ends_at > self.real() else None

    def end(self, cookie: str) -> None:
        """Close a session."""
        self._open.pop(cookie, None)

    def login_token(self, nonce: str) -> str:
        """Return what the log-in form must carry beside the cookie with this nonce."""
        return hmac.new(self._key, nonce.encode(), hashlib.sha256).hexdigest()

    def may_try(self, client_id: str) -> bool:
        """Whether a client id has not failed too often of late."""
        now = self.real()
        recent = [
            at for at in self._failures.get(client_id, []) if at > now - _FAILURES_FORGOTTEN_AFTER
        ]
        return len(recent) < _FAILURES_MAX

    def note_failure(self, client_id: str) -> None:
        """Remember a failed log-in."""
        if len(self._failures) >= _NAMES_MAX:
            del self._failures[next(iter(self._failures))]
        kept = self._failures.setdefault(client_id, [])
        kept.append(self.real())
        del kept[:-_FAILURES_MAX]


def same(given: object, expected: str) -> bool:
    """Compare a secret from a form in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())
