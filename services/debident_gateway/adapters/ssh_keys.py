"""Reads SSH keys as people enter them."""

from __future__ import annotations

import asyncssh

from services.debident_gateway.domain.errors import UnusableKeyError


class AsyncsshKeys:
    """Judges keys by the library that will use them."""

    def host_key(self, text: str) -> str:
        """Return a server's public key as "algorithm base64", without its comment."""
        try:
            key = asyncssh.import_public_key(text.strip())
            found = key.export_public_key("openssh").decode("ascii")
        except (asyncssh.KeyImportError, asyncssh.KeyExportError, ValueError) as error:
            raise UnusableKeyError(
                "The host key cannot be read. Enter it as 'ssh-ed25519 AAAA...', without a host"
                " name in front.",
                field="host_key",
            ) from error
        return " ".join(found.split()[:2])

    def require_private_key(self, text: str) -> None:
        """Make sure that a private key can be used as it is."""
        try:
            asyncssh.import_private_key(text)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
            raise UnusableKeyError(
                "The private key cannot be read, or it is locked by a pass phrase.",
                field="private_key",
            ) from error
