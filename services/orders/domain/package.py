"""Builds the order package `quittance-order/1`: the same order gives the same bytes, always.

The format is described in docs/order-package.md. The bytes depend on nothing but the arguments:
no clock, no file system, no names from outside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from services.orders.domain.model import Contract, OrderLine, Practice
from services.orders.domain.notices import Notice, written
from shared.kernel.errors import PermanentError
from shared.kernel.money import CURRENCY, Money

FORMAT = "quittance-order/1"
MANIFEST = "manifest.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP entry can carry
_UNIX = 3
_MODE = 0o644 << 16  # the upper half of the external attributes is the Unix mode
_LEVEL = 9


@dataclass(frozen=True, slots=True)
class PackageHead:
    """What the manifest says of the order as a whole."""

    order_id: str
    order_number: str
    practice: Practice
    contract: Contract
    communication: str
    notices: tuple[Notice, ...] = ()


def manifest_bytes(head: PackageHead, lines: Sequence[OrderLine]) -> bytes:
    """Write the manifest in its one canonical form."""
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "order_id": head.order_id,
        "order_number": head.order_number,
        "practice": {"practice_id": str(head.practice.practice_id), "gln": head.practice.gln},
        "contract": {
            "contract_id": str(head.contract.contract_id),
            "factor": head.contract.factor,
            "account_number": head.contract.account_number,
        },
        "communication": head.communication,
        "invoice_count": len(lines),
        "total": _money(Money.total(line.amount for line in lines)),
        "invoices": [_entry(place, line) for place, line in enumerate(lines, start=1)],
        **_notices(head.notices),
    }
    return canonical(manifest)


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """Write a manifest as it stands in a package: keys sorted, no blanks, UTF-8."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


class PackageBuilder:
    """Takes the documents in the manifest's order, one after the other, and gives the ZIP.

    Only the compressed bytes are kept. An entry's name comes from its place alone, so that nothing
    an invoice says can lead out of the folder.
    """

    def __init__(self, head: PackageHead, lines: Sequence[OrderLine]) -> None:
        self._buffer = BytesIO()
        self._zip = ZipFile(self._buffer, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        self._hashes = [line.document.sha256 for line in lines]
        self._added = 0
        self._writing = Lock()
        self._write(MANIFEST, manifest_bytes(head, lines))

    def add(self, document: bytes) -> None:
        """Append the next document.

        Raises:
            PermanentError: it is one too many, or not the bytes that the manifest announces.
        """
        if self._added == len(self._hashes):
            raise PermanentError("the package already holds every document of its manifest")
        if hashlib.sha256(document).hexdigest() != self._hashes[self._added]:
            raise PermanentError(f"document {self._added + 1} is not the one in the manifest")
        self._added += 1
        self._write(file_name(self._added), document)

    def add_all(self, documents: Sequence[bytes]) -> None:
        """Append several documents in their order."""
        for document in documents:
            self.add(document)

    def finish(self) -> bytes:
        """Return the whole package.

        Raises:
            PermanentError: documents are missing.
        """
        if self._added != len(self._hashes):
            raise PermanentError(f"{len(self._hashes) - self._added} documents are missing")
        self.close()
        return self._buffer.getvalue()

    def close(self) -> None:
        """End the ZIP, whole or not; harmless when it has ended, or while a document is added."""
        with self._writing:
            self._zip.close()

    def _write(self, name: str, data: bytes) -> None:
        with self._writing:
            _append(self._zip, name, data)


def packed(manifest: bytes, documents: Iterable[bytes]) -> bytes:
    """Return the package of a manifest that is written already and its documents, unchecked."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        _append(archive, MANIFEST, manifest)
        for place, document in enumerate(documents, start=1):
            _append(archive, file_name(place), document)
    return buffer.getvalue()


def _append(archive: ZipFile, name: str, data: bytes) -> None:
    entry = ZipInfo(name, date_time=_EPOCH)
    entry.create_system = _UNIX
    entry.external_attr = _MODE
    archive.writestr(entry, data, compress_type=ZIP_DEFLATED, compresslevel=_LEVEL)


def _entry(place: int, line: OrderLine) -> dict[str, Any]:
    return {
        "file": file_name(place),
        "invoice_number": line.invoice_number,
        "debtor_number": line.debtor_number,
        "amount": _money(line.amount),
        "sha256": line.document.sha256,
        **_notices(line.notices),
    }


def _notices(notices: Sequence[Notice]) -> dict[str, Any]:
    # Left out when empty: an order without notices has the bytes that it always had.
    return {"notices": [written(notice) for notice in notices]} if notices else {}


def file_name(place: int) -> str:
    """Return the name of the entry at a place, counted from 1."""
    return f"invoices/{place:06d}.xml"


def _money(amount: Money) -> dict[str, str]:
    return {"amount": str(amount), "currency": CURRENCY}
