"""Seals portal secrets at rest: AES-256-GCM, bound to the practice and its client id."""

from __future__ import annotations

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.debident_gateway.domain.errors import CredentialsUnreadableError

_NONCE_BYTES = 12


class SecretSealer:
    """A sealed secret opens only for the practice and client id that it was sealed for."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: str, *, practice_id: UUID, client_id: str) -> bytes:
        """Return the secret as it may be stored; each call gives other bytes."""
        nonce = os.urandom(_NONCE_BYTES)
        bound_to = _binding(practice_id, client_id)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), bound_to)

    def open(self, sealed: bytes, *, practice_id: UUID, client_id: str) -> str:
        """Return the secret.

        Raises:
            CredentialsUnreadableError: another key, practice or client id, or altered bytes.
        """
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, body, _binding(practice_id, client_id)).decode()
        except (InvalidTag, ValueError) as error:
            raise CredentialsUnreadableError from error


def _binding(practice_id: UUID, client_id: str) -> bytes:
    return practice_id.bytes + client_id.encode()
