"""The folders and file names of docs/portal-sftp.md."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from uuid import UUID

ACCOUNT_FILE = "account.json"
IN_FOLDER = "orders/in"
ACK_FOLDER = "orders/ack"
DEB_FOLDER = "deb"
PART = ".part"
CHECKSUM = ".sha256"

_DEB_NAME = re.compile(r"([0-9]{1,15})-([A-Za-z0-9][A-Za-z0-9._-]{0,99})\.deb")
# As sha256sum writes it: the digest, two characters, the file's name.
_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})(?:[ \t]+[^\r\n]*)?\r?\n?")


def order_path(order_id: UUID, sha256: str) -> str:
    """Return where an order's package lies; the name says what it must hash to."""
    return f"{IN_FOLDER}/{order_id}.{sha256}.zip"


def new_part_path(order_id: UUID) -> str:
    """Return a name for an upload under way; no two attempts share one."""
    return f"{IN_FOLDER}/{order_id}.{secrets.token_hex(8)}{PART}"


def ack_path(order_id: UUID) -> str:
    """Return where the portal's answer about an order lies."""
    return f"{ACK_FOLDER}/{order_id}.json"


def is_part_of(name: str, order_id: UUID) -> bool:
    """Whether a file in the folder of orders is an unfinished upload of this very order."""
    return name.startswith(f"{order_id}.") and name.endswith(PART) and "/" not in name


def dropped_sha256(name: str, order_id: UUID) -> str | None:
    """Return the hash in the name of a package that waits to be taken, or None for other files."""
    found = re.fullmatch(rf"{order_id}\.([0-9a-f]{{64}})\.zip", name)
    return found and found[1]


@dataclass(frozen=True, slots=True)
class DebName:
    """A DEB file by its name: publication number and file id."""

    name: str
    position: int
    file_id: str

    @property
    def path(self) -> str:
        """Where the file lies."""
        return f"{DEB_FOLDER}/{self.name}"

    @property
    def checksum_path(self) -> str:
        """Where its checksum lies; a DEB file without one is not published yet."""
        return f"{self.path}{CHECKSUM}"


def deb_name(name: str) -> DebName | None:
    """Read a DEB file's name; None for anything else, which is nobody's business here."""
    found = _DEB_NAME.fullmatch(name)
    if found is None or int(found[1]) < 1:
        return None
    return DebName(name, int(found[1]), found[2])


def checksum_in(data: bytes) -> str | None:
    """Return the digest that a checksum file states, or None where it states none."""
    found = _CHECKSUM_LINE.fullmatch(data.decode("utf-8", "replace"))
    return found and found[1]
