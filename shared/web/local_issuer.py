"""A token issuer for one machine and for tests: one Ed25519 key pair, and tokens signed with it.

A real installation has an OIDC issuer of its own; this one lets a single machine run without.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from shared.kernel.clock import Clock, SystemClock
from shared.kernel.ids import new_id
from shared.web.endpoints import UserRole

KEY_FILE = "issuer-ed25519.pem"
LIFETIME = timedelta(hours=1)
_ALGORITHM = "EdDSA"


class LocalIssuer:
    """Signs tokens; its public key is offered as a JWKS."""

    def __init__(
        self,
        key: Ed25519PrivateKey,
        *,
        issuer: str,
        audience: str = "quittance",
        clock: Clock | None = None,
    ) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._clock = clock or SystemClock()
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._jwk = {"kty": "OKP", "crv": "Ed25519", "x": _base64url(public)}
        self.key_id = _thumbprint(self._jwk)

    @classmethod
    def open(
        cls, folder: Path, *, issuer: str, audience: str = "quittance", clock: Clock | None = None
    ) -> LocalIssuer:
        """Return the issuer whose key lies in this folder; the first call creates it (mode 0600).

        Raises:
            PermissionError: others than the owner may read the key.
        """
        path = folder / KEY_FILE
        if not path.exists():
            _create_key(path)
        if path.stat().st_mode & 0o077:
            raise PermissionError(f"{KEY_FILE} must be readable by its owner only (mode 0600)")
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{KEY_FILE} holds no Ed25519 key")
        return cls(key, issuer=issuer, audience=audience, clock=clock)

    @classmethod
    def in_memory(
        cls, *, issuer: str, audience: str = "quittance", clock: Clock | None = None
    ) -> LocalIssuer:
        """Return an issuer with a fresh key that ends with the process."""
        key = Ed25519PrivateKey.generate()
        return cls(key, issuer=issuer, audience=audience, clock=clock)

    def mint(
        self,
        subject: str,
        *,
        roles: Iterable[UserRole | str],
        practices: Iterable[UUID | str],
        lifetime: timedelta = LIFETIME,
    ) -> str:
        """Return a signed token.

        Args:
            practices: practice ids, or "*" for all of them.
            lifetime: from now on, by this issuer's clock.
        """
        now = self._clock.now()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": str(new_id()),
            "roles": [str(role) for role in roles],
            "practices": [str(practice) for practice in practices],
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self.key_id})

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public key as a JSON Web Key Set."""
        member = {**self._jwk, "kid": self.key_id, "use": "sig", "alg": _ALGORITHM}
        return {"keys": [member]}


def _create_key(path: Path) -> None:
    """Write a new key; when several processes do so at once, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _thumbprint(jwk: dict[str, str]) -> str:
    """Return the key's id: the thumbprint of RFC 7638."""
    canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
