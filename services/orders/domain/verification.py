"""Checks an order package against its own manifest: everything that can be known from the file.

It trusts nothing in the file: sizes are limited before anything is unpacked, no entry's name is
used as a path, and each finding is a value, so that a person sees all of them at once.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from services.orders.domain.credit_note import CREDIT_NOTES_PER_ORDER_MAX
from services.orders.domain.manifest import credit_note_faults, head_faults, invoice_faults
from services.orders.domain.model import USUAL_FORMAT
from services.orders.domain.order import INVOICES_PER_ORDER_MAX
from services.orders.domain.package import (
    FORMAT,
    MANIFEST,
    canonical,
    file_names,
    packed,
)
from services.orders.domain.zip_form import is_of_the_form
from shared.kernel.limits import DOCUMENT_BYTES_MAX
from shared.kernel.money import Money

PACKAGE_BYTES_MAX = 500_000_000
MANIFEST_BYTES_MAX = 16_000_000
UNPACKED_BYTES_MAX = 2_000_000_000
_ENTRIES_MAX = 1 + INVOICES_PER_ORDER_MAX + CREDIT_NOTES_PER_ORDER_MAX
_FINDINGS_MAX = 50
# Whatever the standard library may raise at bytes that are no ZIP file, or a damaged one.
_BROKEN = (
    BadZipFile,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable code, where, and words for a person."""

    code: str
    where: str
    words: str


@dataclass(frozen=True, slots=True)
class DocumentNumbers:
    """What a document should be; `credit_note` is None for that of an invoice."""

    invoice: str
    credit_note: str | None = None


@dataclass(frozen=True, slots=True)
class OpenedDocument:
    """What somebody who may open documents says of one.

    Attributes:
        version: of the official format, or None if it cannot be opened.
        faults: pairs of a stable code and words for a person.
        modus: "production", or "test" of a trial; None if it cannot be opened.
    """

    version: str | None
    faults: tuple[tuple[str, str], ...]
    modus: str | None = None


DocumentOpener = Callable[[bytes, DocumentNumbers], OpenedDocument]


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of a package after the check; `findings` is empty when it is right.

    Attributes:
        notes: what is worth knowing of a right package, too.
    """

    sha256: str
    size_bytes: int
    order_number: str | None = None
    invoice_count: int | None = None
    total: Money | None = None
    credit_note_count: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


def verify_package(
    data: bytes, *, opener: DocumentOpener | None = None, recorded_sha256: str | None = None
) -> Verified:
    """Check a package of the format `quittance-order/1`.

    The recorded hash, entries and their order, limits, the manifest's form, hashes, sum, count, and
    that building it again from its own content gives the same bytes. If these differ in nothing but
    how they were compressed, that is a note: another machine's library deflates otherwise.

    Args:
        opener: looks into each document; without one the documents stay closed.
        recorded_sha256: what was recorded with the order; None: not known here.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if recorded_sha256 is not None and sha256 != recorded_sha256:
        other = Finding("other-hash", "package", "It is not the package that was recorded.")
        return Verified(sha256, len(data), findings=(other,))
    if len(data) > PACKAGE_BYTES_MAX:
        too_large = Finding("too-large", "package", f"It has more than {PACKAGE_BYTES_MAX} bytes.")
        return Verified(sha256, len(data), findings=(too_large,))
    check = _Check(data, opener)
    check.run()
    return Verified(
        sha256=sha256,
        size_bytes=len(data),
        order_number=check.order_number,
        invoice_count=check.invoice_count,
        total=check.total,
        credit_note_count=check.credit_note_count,
        findings=tuple(check.findings[:_FINDINGS_MAX]),
        notes=tuple(check.notes),
    )


class _Check:
    """One check of one package; collects what it finds."""

    def __init__(self, data: bytes, opener: DocumentOpener | None) -> None:
        self.data = data
        self.opener = opener
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []
        self.order_number: str | None = None
        self.invoice_count: int | None = None
        self.total: Money | None = None
        self.credit_note_count = 0

    def found(self, code: str, where: str, words: str) -> None:
        self.findings.append(Finding(code, where, words))

    def run(self) -> None:
        try:
            with ZipFile(BytesIO(self.data)) as archive:
                self._archive(archive)
        except _BROKEN as error:
            self.found("unreadable", "package", f"It cannot be read as a ZIP file: {error}.")

    def _archive(self, archive: ZipFile) -> None:
        entries = archive.infolist()
        if not self._entries_are_safe(entries):
            return
        raw = _content(archive, entries[0])
        manifest = self._manifest(raw)
        if manifest is None:
            return
        invoices = self._invoices(manifest)
        credit_notes = self._credit_notes(manifest)
        if invoices is None or credit_notes is None:
            return
        documents = [*invoices, *credit_notes]
        names = file_names(len(invoices), len(credit_notes))
        self._names(entries, names)
        self._sums(manifest, invoices)
        if self.findings:
            return
        if self._hashes(archive, names, documents):
            self._bytes(archive, raw, names, len(invoices))
            self._contents(archive, manifest, names, documents)

    def _entries_are_safe(self, entries: Sequence[ZipInfo]) -> bool:
        if len(entries) > _ENTRIES_MAX:
            self.found("too-many-entries", "package", "It holds more files than an order can have.")
        elif not entries or entries[0].filename != MANIFEST:
            self.found("no-manifest", "package", f"Its first file is not {MANIFEST}.")
        elif sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
            self.found("too-large-unpacked", "package", "Unpacked it would be too large.")
        for place, entry in enumerate(entries[:_ENTRIES_MAX]):
            if entry.compress_type != ZIP_DEFLATED:
                self.found("other-method", f"file {place}", "It is not packed by deflate.")
            limit = DOCUMENT_BYTES_MAX if place else MANIFEST_BYTES_MAX
            if entry.file_size > limit:
                self.found("file-too-large", f"file {place}", f"It has more than {limit} bytes.")
        return not self.findings

    def _manifest(self, raw: bytes) -> Mapping[str, Any] | None:
        try:
            manifest = json.loads(raw)
        except (ValueError, RecursionError):
            self.found("bad-manifest", MANIFEST, "It is not JSON in UTF-8.")
            return None
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            self.found("bad-manifest", MANIFEST, f"Its format is not {FORMAT}.")
            return None
        if canonical(manifest) != raw:
            self.found("not-canonical", MANIFEST, "It is not written in the one canonical form.")
        for fault in head_faults(manifest):
            self.found("bad-manifest", MANIFEST, fault)
        if self.findings:
            return None
        self.order_number = manifest["order_number"]
        return manifest

    def _invoices(self, manifest: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
        invoices = manifest.get("invoices")
        if not isinstance(invoices, list) or not 1 <= len(invoices) <= INVOICES_PER_ORDER_MAX:
            self.found("bad-manifest", "invoices", "It is not a list of 1 to 10000 invoices.")
            return None
        for place, invoice in enumerate(invoices, start=1):
            for fault in invoice_faults(place, invoice):
                self.found("bad-manifest", f"invoices.{place - 1}", fault)
        numbers = [each.get("invoice_number") for each in invoices if isinstance(each, dict)]
        if not self.findings and len(set(numbers)) != len(numbers):
            self.found("invoice-twice", "invoices", "An invoice number occurs more than once.")
        return None if self.findings else invoices

    def _credit_notes(self, manifest: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
        if "credit_notes" not in manifest:
            return []
        notes = manifest["credit_notes"]
        if not isinstance(notes, list) or not 1 <= len(notes) <= CREDIT_NOTES_PER_ORDER_MAX:
            self.found("bad-manifest", "credit_notes", "It is not a list of 1 to 10000 notes.")
            return None
        faults = [
            (place, fault)
            for place, note in enumerate(notes, start=1)
            for fault in credit_note_faults(place, note)
        ]
        for place, fault in faults:
            self.found("bad-manifest", f"credit_notes.{place - 1}", fault)
        if faults:
            return None
        if len({note["credit_note_number"] for note in notes}) != len(notes):
            self.found("credit-note-twice", "credit_notes", "A number occurs more than once.")
        self.credit_note_count = len(notes)
        return notes

    def _names(self, entries: Sequence[ZipInfo], names: Sequence[str]) -> None:
        if [entry.filename for entry in entries] != [MANIFEST, *names]:
            self.found(
                "wrong-files", "package", "Its files are not those of the manifest, in that order."
            )

    def _sums(self, manifest: Mapping[str, Any], invoices: Sequence[Mapping[str, Any]]) -> None:
        self.total = Money.total(Money.parse(each["amount"]["amount"]) for each in invoices)
        self.invoice_count = len(invoices)
        if manifest["invoice_count"] != len(invoices):
            self.found("wrong-count", "invoice_count", f"There are {len(invoices)} invoices.")
        if Money.parse(manifest["total"]["amount"]) != self.total:
            self.found("wrong-total", "total", f"The amounts add up to {self.total}.")

    def _hashes(
        self, archive: ZipFile, names: Sequence[str], documents: Sequence[Mapping[str, Any]]
    ) -> bool:
        for name, document in zip(names, documents, strict=True):
            content = _content(archive, archive.getinfo(name))
            if hashlib.sha256(content).hexdigest() != document["sha256"]:
                self.found("wrong-hash", name, "It is not the document that the manifest names.")
        return not self.findings

    def _bytes(self, archive: ZipFile, raw: bytes, names: Sequence[str], invoices: int) -> None:
        documents = (_content(archive, archive.getinfo(name)) for name in names)
        if packed(raw, islice(documents, invoices), documents) == self.data:
            return
        if is_of_the_form(self.data, archive.infolist()):
            words = "Its files were compressed by another library than this machine's; no fault."
            self.notes.append(Finding("other-compression", "package", words))
            return
        self.found(
            "not-reproducible",
            "package",
            "Built again from its own content it has other bytes: it was packed otherwise.",
        )

    def _contents(
        self,
        archive: ZipFile,
        manifest: Mapping[str, Any],
        names: Sequence[str],
        documents: Sequence[Mapping[str, Any]],
    ) -> None:
        if self.opener is None:
            return
        wanted = manifest["contract"].get("invoice_format", USUAL_FORMAT)
        moduses: set[str | None] = set()
        for name, document in zip(names, documents, strict=True):
            if len(self.findings) >= _FINDINGS_MAX:
                return
            numbers = DocumentNumbers(
                document["invoice_number"], document.get("credit_note_number")
            )
            opened = self.opener(_content(archive, archive.getinfo(name)), numbers)
            for code, words in opened.faults:
                self.found(code, name, words)
            moduses.add(opened.modus)
            if opened.version not in {None, wanted}:
                words = f"It is written in {opened.version}, the contract wants {wanted}."
                self.found("other-format", name, words)
        if len(moduses - {None}) > 1:
            words = "Some of its documents are marked as trials, others as real invoices."
            self.found("mixed-modus", "package", words)


def _content(archive: ZipFile, entry: ZipInfo) -> bytes:
    """Return an entry's bytes; never more than its announced size is unpacked."""
    with archive.open(entry) as file:
        return file.read(entry.file_size + 1)
