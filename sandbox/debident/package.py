"""Opens an order package without trusting it: names, sizes, hashes and sums are all checked.

The package comes from outside. Nothing is written to disk, nothing is unpacked beyond its limits,
and only the names that docs/order-package.md allows are read.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.debident.deb_writer import ENCODING
from shared.kernel.limits import DOCUMENT_BYTES_MAX
from shared.kernel.money import CURRENCY, Money

FORMAT = "quittance-order/1"
MANIFEST = "manifest.json"
_CHUNK_BYTES = 65_536
_DOCUMENT_NAME = re.compile(r"(invoices|credit-notes)/[0-9]{6}\.xml")


class PackageError(Exception):
    """The package is refused.

    Attributes:
        code: stable kebab-case reason.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a package may hold, unpacked."""

    invoices: int = 10_000
    credit_notes: int = 10_000
    manifest_bytes: int = 16_000_000
    invoice_bytes: int = DOCUMENT_BYTES_MAX
    total_bytes: int = 500_000_000


@dataclass(frozen=True, slots=True)
class PackagedInvoice:
    """One invoice of the manifest."""

    invoice_number: str
    debtor_number: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PackagedCreditNote:
    """One credit note of the manifest, on an invoice of an earlier order."""

    credit_note_number: str
    invoice_number: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Package:
    """What the manifest says, after every check."""

    order_id: str
    order_number: str
    account_number: str
    communication: str
    invoices: tuple[PackagedInvoice, ...]
    credit_notes: tuple[PackagedCreditNote, ...] = ()


def looks_like_zip(data: bytes) -> bool:
    """Whether the bytes at least begin like a ZIP file with an entry."""
    return data.startswith(b"PK\x03\x04")


def read_package(data: bytes, *, limits: Limits | None = None) -> Package:
    """Check a package as a whole and return its manifest.

    Raises:
        PackageError: it breaks docs/order-package.md or a limit; nothing of it is taken over.
    """
    bounds = limits or Limits()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive, bounds)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise PackageError("damaged-package", f"the package cannot be read: {error}") from error


def _read(archive: zipfile.ZipFile, limits: Limits) -> Package:
    entries = _entries(archive, limits)
    manifest = _manifest(_bytes_of(archive, entries[MANIFEST], limits.manifest_bytes))
    package, files = _interpret(manifest, limits)
    if set(files) != set(entries) - {MANIFEST}:
        raise PackageError("wrong-files", "the files are not those that the manifest names")
    for name, digest in files.items():
        content = _bytes_of(archive, entries[name], limits.invoice_bytes)
        if hashlib.sha256(content).hexdigest() != digest:
            raise PackageError("wrong-hash", f"{name} does not have the hash of the manifest")
    return package


def _entries(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    entries: dict[str, zipfile.ZipInfo] = {}
    infos = archive.infolist()
    notes = sum(info.filename.startswith("credit-notes/") for info in infos)
    if notes > limits.credit_notes or len(infos) - notes > limits.invoices + 1:
        raise PackageError("too-many-files", "more documents than an order can have")
    for info in infos:
        _require_allowed_name(info.filename)
        if info.filename in entries:
            raise PackageError("wrong-files", f"{info.filename} occurs twice")
        if info.flag_bits & 0x1:
            raise PackageError("encrypted-package", f"{info.filename} is encrypted")
        entries[info.filename] = info
    if MANIFEST not in entries:
        raise PackageError("no-manifest", "the package has no manifest.json")
    if sum(info.file_size for info in infos) > limits.total_bytes:
        raise PackageError("package-too-large", "the package unpacks to too many bytes")
    return entries


def _require_allowed_name(name: str) -> None:
    if name == MANIFEST:
        return
    if not _DOCUMENT_NAME.fullmatch(name):
        raise PackageError("wrong-files", f"a file of this name is not allowed: {name[:80]!r}")


def _bytes_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """Unpack one entry; the announced size is not believed."""
    content = bytearray()
    with archive.open(info) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            content += chunk
            if len(content) > limit:
                raise PackageError("file-too-large", f"{info.filename} unpacks to too many bytes")
    return bytes(content)


def _manifest(data: bytes) -> Mapping[str, object]:
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PackageError("bad-manifest", "manifest.json is not JSON") from error
    return _object(manifest, "manifest.json")


def _interpret(manifest: Mapping[str, object], limits: Limits) -> tuple[Package, dict[str, str]]:
    if manifest.get("format") != FORMAT:
        raise PackageError("bad-manifest", f"the format is not {FORMAT}")
    files: dict[str, str] = {}
    invoices = [
        PackagedInvoice(
            invoice_number=_text(entry, "invoice_number", 35),
            debtor_number=_text(entry, "debtor_number", 20),
            amount=_money(entry, "amount"),
        )
        for entry in _listed(manifest, "invoices", "invoices", limits.invoices, files)
    ]
    credit_notes: list[PackagedCreditNote] = []
    if "credit_notes" in manifest:
        credit_notes = [
            PackagedCreditNote(
                credit_note_number=_text(entry, "credit_note_number", 35),
                invoice_number=_text(entry, "invoice_number", 35),
                amount=_money(entry, "amount"),
            )
            for entry in _listed(
                manifest, "credit_notes", "credit-notes", limits.credit_notes, files
            )
        ]
    _require_sums(manifest, invoices)
    if len({note.credit_note_number for note in credit_notes}) != len(credit_notes):
        raise PackageError("credit-note-twice", "a credit note number occurs twice")
    package = Package(
        order_id=_text(manifest, "order_id", 36),
        order_number=_text(manifest, "order_number", 35),
        account_number=_text(_object(manifest.get("contract"), "contract"), "account_number", 20),
        communication=_communication(manifest),
        invoices=tuple(invoices),
        credit_notes=tuple(credit_notes),
    )
    return package, files


def _listed(
    manifest: Mapping[str, object],
    member: str,
    folder: str,
    count_max: int,
    files: dict[str, str],
) -> list[Mapping[str, object]]:
    """Return the entries of a list of documents, and note each one's file with its hash."""
    lines = manifest.get(member)
    if not isinstance(lines, list) or not 1 <= len(lines) <= count_max:
        raise PackageError("bad-manifest", f"{member} is not a list of the allowed length")
    entries = []
    for place, line in enumerate(lines, start=1):
        entry = _object(line, f"{member} {place}")
        name = f"{folder}/{place:06d}.xml"
        if entry.get("file") != name:
            raise PackageError("bad-manifest", f"{member} {place} names another file")
        files[name] = _text(entry, "sha256", 64)
        entries.append(entry)
    return entries


def _require_sums(manifest: Mapping[str, object], invoices: list[PackagedInvoice]) -> None:
    if manifest.get("invoice_count") != len(invoices):
        raise PackageError("wrong-count", "invoice_count is not the number of invoices")
    if _money(manifest, "total") != Money.total(invoice.amount for invoice in invoices):
        raise PackageError("wrong-total", "total is not the sum of the amounts")
    if len({invoice.invoice_number for invoice in invoices}) != len(invoices):
        raise PackageError("invoice-twice", "an invoice number occurs twice")


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise PackageError("bad-manifest", f"{what} is not an object")
    return value


def _text(values: Mapping[str, object], field: str, length_max: int) -> str:
    """Read a short text that a DEB file can repeat."""
    value = values.get(field)
    if not isinstance(value, str) or not 1 <= len(value) <= length_max or not value.isprintable():
        raise PackageError("bad-manifest", f"{field} is not a text of 1 to {length_max} characters")
    try:
        value.encode(ENCODING)
    except UnicodeEncodeError as error:
        raise PackageError("bad-manifest", f"{field} is not writable in ISO 8859-1") from error
    return value


def _communication(manifest: Mapping[str, object]) -> str:
    value = manifest.get("communication")
    if not isinstance(value, str) or len(value) > 2000:
        raise PackageError("bad-manifest", "communication is not a text of at most 2000 characters")
    return value


def _money(values: Mapping[str, object], field: str) -> Money:
    amount = _object(values.get(field), field)
    text = amount.get("amount")
    if amount.get("currency") != CURRENCY or not isinstance(text, str):
        raise PackageError("bad-manifest", f"{field} is not an amount in {CURRENCY}")
    try:
        return Money.parse(text)
    except ValueError as error:
        raise PackageError("bad-manifest", f"{field}: {error}") from error
