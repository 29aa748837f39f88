"""What the portal does with files: order files come in, acknowledgements and DEB files lie ready.

The folders of docs/portal-sftp.md are made up from the portal's state whenever somebody looks;
nothing of them is on a disk. Only unfinished uploads are kept here, in memory.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.debident.deb_files import OfferedFile
from sandbox.debident.orders import Receipt
from sandbox.debident.portal import Portal
from sandbox.debident.stored_file import StoredFile

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ORDER_FILE = re.compile(rf"({_UUID})\.([0-9a-f]{{64}})\.zip")
_PART_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.part")
_PARTS_MAX = 100
_FILES_MAX = 10_000
IN_FOLDER = "/orders/in"
ACK_FOLDER = "/orders/ack"
FOLDERS = ("/", "/orders", IN_FOLDER, ACK_FOLDER, "/deb")


class NotTakenError(Exception):
    """This file may not be put here, or not under this name."""


@dataclass(slots=True)
class Part:
    """An upload under way."""

    content: bytearray = field(default_factory=bytearray)


class SftpDesk:
    """Every method is about one account only; paths are absolute within its home."""

    def __init__(self, portal: Portal, *, package_bytes_max: int) -> None:
        self._portal = portal
        self._package_bytes_max = package_bytes_max
        self._parts: dict[tuple[str, str], Part] = {}
        self._garbled: dict[tuple[str, str], int] = {}

    def names(self, account: str, folder: str) -> dict[str, int] | None:
        """Return the files of a folder with their sizes, or None where there is no such folder."""
        if folder not in FOLDERS:
            return None
        if folder == "/":
            return {"account.json": len(_account_file(account))}
        if folder == IN_FOLDER:
            parts = self._parts.items()
            return {name: len(part.content) for (owner, name), part in parts if owner == account}
        if folder == ACK_FOLDER:
            acks = {f"{order}.json": self._ack(account, order) for order in self._orders(account)}
            return {name: len(ack) for name, ack in acks.items() if ack is not None}
        return self._deb_names(account) if folder == "/deb" else {}

    def content(self, account: str, path: str) -> bytes | None:
        """Return a small file's bytes, or None where there is no such file."""
        folder, _, name = path.rpartition("/")
        readers: dict[str, Callable[[], bytes | None]] = {
            "": lambda: _account_file(account) if name == "account.json" else None,
            IN_FOLDER: lambda: self._part_content(account, name),
            ACK_FOLDER: lambda: self._ack(account, name.removesuffix(".json")),
            "/deb": lambda: self._deb_checksum(account, name),
        }
        return readers[folder]() if folder in readers else None

    def begin_part(self, account: str, path: str) -> Part:
        """Begin an upload, or begin it anew.

        Raises:
            NotTakenError: it is not an unfinished order file, or there are too many.
        """
        folder, _, name = path.rpartition("/")
        own = sum(owner == account for owner, _ in self._parts)
        if folder != IN_FOLDER or _PART_FILE.fullmatch(name) is None or own >= _PARTS_MAX:
            raise NotTakenError(name)
        self._parts[account, name] = part = Part()
        return part

    def write(self, part: Part, offset: int, data: bytes) -> None:
        """Put bytes into an upload.

        Raises:
            NotTakenError: the file grows beyond what an order can have.
        """
        if offset + len(data) > self._package_bytes_max:
            raise NotTakenError("too large")
        if offset > len(part.content):
            part.content.extend(bytes(offset - len(part.content)))
        part.content[offset : offset + len(data)] = data

    def remove_part(self, account: str, path: str) -> bool:
        """Forget an upload; False where there was none."""
        folder, _, name = path.rpartition("/")
        return folder == IN_FOLDER and self._parts.pop((account, name), None) is not None

    def require_droppable(self, account: str, old: str, new: str) -> None:
        """Make sure that a rename would hand an order over.

        Raises:
            NotTakenError: there is no such upload, or the new name is not that of an order file.
        """
        folder, _, name = new.rpartition("/")
        known = old.rpartition("/")[0] == IN_FOLDER and self.content(account, old) is not None
        if not known or folder != IN_FOLDER or _ORDER_FILE.fullmatch(name) is None:
            raise NotTakenError(name)

    def drop(self, account: str, old: str, new: str) -> None:
        """Take over an order file that has got its final name.

        Raises:
            NotTakenError: as for `require_droppable`.
        """
        self.require_droppable(account, old, new)
        found = _ORDER_FILE.fullmatch(new.rpartition("/")[2])
        assert found is not None  # noqa: S101 - checked just before
        order_id, announced = found[1], found[2]
        package = bytes(self._parts.pop((account, old.rpartition("/")[2])).content)
        digest = hashlib.sha256(package).hexdigest()
        if digest != announced:
            self._note_refusal(account, order_id, announced, "malformed", "not the announced hash")
            return
        answer = self._portal.receive_order(account, order_id, package)
        if answer.receipt is Receipt.REFUSED:
            self._note_refusal(account, order_id, digest, answer.code, answer.text)

    def _part_content(self, account: str, name: str) -> bytes | None:
        part = self._parts.get((account, name))
        return None if part is None else bytes(part.content)

    # Acknowledgements.

    def garble_ack(self, account: str, path: str, number: int) -> None:
        """Let the acknowledgement of an order file be none when it is read next."""
        found = _ORDER_FILE.fullmatch(path.rpartition("/")[2])
        assert found is not None  # noqa: S101 - it has just been taken over
        self._garbled[account, f"{ACK_FOLDER}/{found[1]}.json"] = number

    def garbled_ack(self, account: str, path: str) -> int | None:
        """Return which answer stands in the acknowledgement's place this time, or None: its own."""
        return self._garbled.pop((account, path), None)

    def _orders(self, account: str) -> list[str]:
        rows = self._portal.store.rows(
            "SELECT order_id FROM portal_order WHERE account_number = ?"
            " UNION SELECT order_id FROM refused_drop WHERE account_number = ? LIMIT ?",
            account,
            account,
            _FILES_MAX,
        )
        return [str(row["order_id"]) for row in rows]

    def _ack(self, account: str, order_id: str) -> bytes | None:
        status = self._portal.order_status(account, order_id)
        status = status or self._refusal(account, order_id)
        return None if status is None else json.dumps(status).encode()

    def _note_refusal(self, account: str, order_id: str, digest: str, code: str, text: str) -> None:
        self._portal.store.run(
            "INSERT OR REPLACE INTO refused_drop VALUES (?, ?, ?, ?, ?, ?)",
            account,
            order_id,
            digest,
            code,
            text,
            self._portal.now().isoformat(),
        )

    def _refusal(self, account: str, order_id: str) -> dict[str, object] | None:
        row = self._portal.store.row(
            "SELECT * FROM refused_drop WHERE account_number = ? AND order_id = ?",
            account,
            order_id,
        )
        if row is None:
            return None
        return {
            "order_id": order_id,
            "state": "refused",
            "reference": order_id,
            "sha256": row["sha256"],
            "received_at": row["refused_at"],
            "arrived_at": None,
            "code": row["code"],
            "text": row["text"],
            "lines": [],
        }

    # DEB files.

    def _deb_names(self, account: str) -> dict[str, int]:
        names: dict[str, int] = {}
        for file in self._portal.list_deb_files(account, after=0, limit=_FILES_MAX):
            name = _deb_name(file.position, file.file_id)
            names[name] = file.size
            names[f"{name}.sha256"] = len(_checksum(file.sha256, name))
        return names

    def deb_file(self, account: str, path: str) -> StoredFile | None:
        """Return a DEB file, to be read; None where there is none under this path."""
        folder, _, name = path.rpartition("/")
        listed = self._listed(account, name) if folder == "/deb" else None
        return None if listed is None else self._portal.deb_file(account, listed.file_id)

    def _deb_checksum(self, account: str, name: str) -> bytes | None:
        of = name.removesuffix(".sha256")
        listed = self._listed(account, of) if of != name else None
        return None if listed is None else _checksum(listed.sha256, of)

    def _listed(self, account: str, name: str) -> OfferedFile | None:
        files = self._portal.list_deb_files(account, after=0, limit=_FILES_MAX)
        return next((one for one in files if _deb_name(one.position, one.file_id) == name), None)


def _account_file(account: str) -> bytes:
    return json.dumps({"account_number": account}).encode()


def _deb_name(position: int, file_id: str) -> str:
    return f"{position:06d}-{file_id}.deb"


def _checksum(digest: str, name: str) -> bytes:
    return f"{digest}  {name}\n".encode()
