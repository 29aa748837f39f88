"""The public keys by which clients may sign in over SFTP, each client with one at most."""

from __future__ import annotations

import asyncssh

from sandbox.debident.store import Store


class UnusableKeyError(Exception):
    """This is no public key."""


def one_form(text: str) -> str:
    """Return a public key as "algorithm base64", without its comment.

    Raises:
        UnusableKeyError: it is none.
    """
    try:
        return _text(asyncssh.import_public_key(text))
    except (asyncssh.KeyImportError, ValueError) as error:
        raise UnusableKeyError(text[:40]) from error


def set_key(store: Store, client_id: str, public_key: str | None) -> None:
    """Let a client in with this key and no other, or (None) with none."""
    with store.transaction():
        store.run("DELETE FROM client_key WHERE client_id = ?", client_id)
        if public_key is not None:
            store.run("INSERT INTO client_key VALUES (?, ?)", client_id, public_key)


def account_by_key(store: Store, client_id: str, key: asyncssh.SSHKey) -> str | None:
    """Return the account that a client opens with this key, or None."""
    row = store.row(
        "SELECT account_number FROM client JOIN client_key USING (client_id)"
        " WHERE client_id = ? AND public_key = ?",
        client_id,
        _text(key),
    )
    return None if row is None else str(row["account_number"])


def _text(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key("openssh").decode("ascii").split()[:2])
