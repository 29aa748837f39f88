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

from services.orders.domain.credit_note import PackedCreditNote
from services.orders.domain.model import USUAL_FORMAT, Contract, OrderLine, Practice
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


def manifest_bytes(
    head: PackageHead,
    lines: Sequence[OrderLine],
    credit_notes: Sequence[PackedCreditNote] = (),
) -> bytes:
    """Write the manifest in its one canonical form; count and total are those of the invoices."""
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "order_id": head.order_id,
        "order_number": head.order_number,
        "practice": {"practice_id": str(head.practice.practice_id), "gln": head.practice.gln},
        "contract": {
            "contract_id": str(head.contract.contract_id),
            "factor": head.contract.factor,
            "account_number": head.contract.account_number,
            **_invoice_format(head.contract),
        },
        "communication": head.communication,
        "invoice_count": len(lines),
        "total": _money(Money.total(line.amount for line in lines)),
        "invoices": [_entry(place, line) for place, line in enumerate(lines, start=1)],
        **_credit_notes(credit_notes),
        **_notices(head.notices),
    }
    return canonical(manifest)


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """Write a manifest as it stands in a package: keys sorted, no blanks, UTF-8."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


class PackageBuilder:
    """Takes the documents in the manifest's order, one after the other, and gives the ZIP.

    First those of the invoices, then those of the credit notes.
    Only the compressed bytes are kept. An entry's name comes from its place alone, so that nothing
    an invoice says can lead out of the folder.
    """

    def __init__(
        self,
        head: PackageHead,
        lines: Sequence[OrderLine],
        credit_notes: Sequence[PackedCreditNote] = (),
    ) -> None:
        self._buffer = BytesIO()
        self._zip = ZipFile(self._buffer, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        self._names = file_names(len(lines), len(credit_notes))
        self._hashes = [line.document.sha256 for line in lines]
        self._hashes += [note.document.sha256 for note in credit_notes]
        self._added = 0
        self._writing = Lock()
        self._write(MANIFEST, manifest_bytes(head, lines, credit_notes))

    def add(self, document: bytes) -> None:
        """Append the next document.

        Raises:
            PermanentError: it is one too many, or not the bytes that the manifest announces.
        """
        if self._added == len(self._hashes):
            raise PermanentError("the package already holds every document of its manifest")
        if hashlib.sha256(document).hexdigest() != self._hashes[self._added]:
            raise PermanentError(f"document {self._added + 1} is not the one in the manifest")
        self._write(self._names[self._added], document)
        self._added += 1

    def add_all(self, documents: Sequence[bytes]) -> None:
        """Append several documents in their order."""
        for document in documents:
            self.add(document)

    def finish(self) -> memoryview:
        """Return the whole package, not copied: it lives as long as the builder.

        Raises:
            PermanentError: documents are missing.
        """
        if self._added != len(self._hashes):
            raise PermanentError(f"{len(self._hashes) - self._added} documents are missing")
        self.close()
        return self._buffer.getbuffer()

    def close(self) -> None:
        """End the ZIP, whole or not; harmless when it has ended, or while a document is added."""
        with self._writing:
            self._zip.close()

    def _write(self, name: str, data: bytes) -> None:
        with self._writing:
            _append(self._zip, name, data)


def packed(
    manifest: bytes, documents: Iterable[bytes], credit_notes: Iterable[bytes] = ()
) -> bytes:
    """Return the package of a manifest that is written already and its documents, unchecked."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        _append(archive, MANIFEST, manifest)
        for place, document in enumerate(documents, start=1):
            _append(archive, file_name(place), document)
        for place, document in enumerate(credit_notes, start=1):
            _append(archive, credit_note_file_name(place), document)
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


def _invoice_format(contract: Contract) -> dict[str, str]:
    # Left out when it is the usual one: the bytes of all other orders stay what they were.
    usual = contract.invoice_format == USUAL_FORMAT
    return {} if usual else {"invoice_format": contract.invoice_format}


def _credit_notes(credit_notes: Sequence[PackedCreditNote]) -> dict[str, Any]:
    # Left out when empty, as the notices are: the bytes of all other orders stay what they were.
    entries = [
        {
            "file": credit_note_file_name(place),
            "credit_note_number": note.number,
            "invoice_number": note.invoice_number,
            "debtor_number": note.debtor_number,
            "amount": _money(note.amount),
            "sha256": note.document.sha256,
        }
        for place, note in enumerate(credit_notes, start=1)
    ]
    return {"credit_notes": entries} if entries else {}


def _notices(notices: Sequence[Notice]) -> dict[str, Any]:
    # Left out when empty: an order without notices has the bytes that it always had.
    return {"notices": [written(notice) for notice in notices]} if notices else {}


def file_name(place: int) -> str:
    """Return the name of an invoice's entry by its place, counted from 1."""
    return f"invoices/{place:06d}.xml"


def credit_note_file_name(place: int) -> str:
    """Return the name of a credit note's entry by its place, counted from 1."""
    return f"credit-notes/{place:06d}.xml"


def file_names(invoices: int, credit_notes: int) -> list[str]:
    """Return the names of a package's documents, in their order."""
    return [
        *(file_name(place) for place in range(1, invoices + 1)),
        *(credit_note_file_name(place) for place in range(1, credit_notes + 1)),
    ]


def _money(amount: Money) -> dict[str, str]:
    return {"amount": str(amount), "currency": CURRENCY}
