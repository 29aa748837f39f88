"""Checking a package file: the right one passes, and every kind of damage is named."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain import package, verification
from services.orders.domain.notices import Notice, NoticeCode
from services.orders.domain.package import PackageBuilder, PackageHead, canonical, packed
from services.orders.domain.verification import verify_package
from services.orders.domain.zip_form import Stream, written
from services.orders.entrypoints import cli
from shared.kernel.limits import DOCUMENT_BYTES_MAX
from shared.kernel.money import Money
from tests.unit.invoicing.builders import a_document
from tests.unit.orders.builders import (
    ORDER,
    a_contract,
    a_line,
    a_packed_credit_note,
    a_practice,
    credit_note_bytes,
    document_bytes,
)
from tests.unit.orders.forum_documents import lines_of, note_on, package_of

NOTICE = Notice(NoticeCode.INSTALMENTS, count=3, amount=Money(4000))
SILENCE = Notice(NoticeCode.DO_NOT_REMIND)
HEAD = PackageHead(str(ORDER), "CMD-2026-0001", a_practice(), a_contract(), "Grüezi", (SILENCE,))
LINES = [replace(a_line(1), notices=(NOTICE,)), a_line(2), a_line(3)]
DOCUMENTS = [document_bytes(line.invoice_number) for line in LINES]
NOTES = [a_packed_credit_note(1), a_packed_credit_note(2)]
NOTE_DOCUMENTS = [credit_note_bytes(note.number) for note in NOTES]


def _package() -> bytes:
    builder = PackageBuilder(HEAD, LINES)
    builder.add_all(DOCUMENTS)
    return bytes(builder.finish())


def _manifest() -> dict[str, Any]:
    with ZipFile(io.BytesIO(_package())) as archive:
        return dict(json.loads(archive.read("manifest.json")))


def _with(change: Callable[[dict[str, Any]], object]) -> bytes:
    manifest = _manifest()
    change(manifest)
    return packed(canonical(manifest), DOCUMENTS)


def _codes(data: bytes) -> list[str]:
    return [finding.code for finding in verify_package(data).findings]


def test_a_right_package_passes_with_its_figures() -> None:
    verified = verify_package(_package())
    assert verified.findings == ()
    assert (verified.order_number, verified.invoice_count) == ("CMD-2026-0001", 3)
    assert verified.total == Money(36000)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda m: m.update(format="quittance-order/2"), "bad-manifest"),
        (lambda m: m.update(order_id="1"), "bad-manifest"),
        (lambda m: m["practice"].update(gln="76"), "bad-manifest"),
        (lambda m: m["contract"].pop("factor"), "bad-manifest"),
        (lambda m: m.update(communication="\x00"), "bad-manifest"),
        (lambda m: m.update(invoice_count=True), "bad-manifest"),
        (lambda m: m.update(invoice_count=2), "wrong-count"),
        (lambda m: m["total"].update(amount="360.01"), "wrong-total"),
        (lambda m: m["total"].update(currency="EUR"), "bad-manifest"),
        (lambda m: m.update(invoices=[]), "bad-manifest"),
        (lambda m: m.update(notices=[{"code": "weather"}]), "bad-manifest"),
        (lambda m: m.update(notices=[]), "bad-manifest"),
        (lambda m: m["invoices"][0].update(notices=[{"code": "instalments"}]), "bad-manifest"),
        (lambda m: m["invoices"][1].update(file="../x"), "bad-manifest"),
        (lambda m: m["invoices"][1]["amount"].update(amount="-1.00"), "bad-manifest"),
        (lambda m: m["invoices"][1].update(sha256="0" * 64), "wrong-hash"),
        (lambda m: m["invoices"][1].update(invoice_number="2026-000001"), "invoice-twice"),
        (lambda m: m["invoices"].pop(), "wrong-files"),
    ],
)
def test_a_manifest_that_is_wrong_is_named(
    change: Callable[[dict[str, Any]], object], code: str
) -> None:
    assert code in _codes(_with(change))


def _package_with_notes() -> bytes:
    builder = PackageBuilder(HEAD, LINES, NOTES)
    builder.add_all([*DOCUMENTS, *NOTE_DOCUMENTS])
    return bytes(builder.finish())


def _manifest_with_notes() -> dict[str, Any]:
    with ZipFile(io.BytesIO(_package_with_notes())) as archive:
        return dict(json.loads(archive.read("manifest.json")))


def test_a_right_package_with_credit_notes_passes_and_the_total_is_that_of_the_invoices() -> None:
    verified = verify_package(_package_with_notes())
    assert verified.findings == ()
    assert (verified.invoice_count, verified.credit_note_count) == (3, 2)
    assert verified.total == Money(36000)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda notes: notes[0].update(sha256="0" * 64), "wrong-hash"),
        (lambda notes: notes[0].update(sha256="x"), "bad-manifest"),
        (lambda notes: notes[0].update(file="credit-notes/000002.xml"), "bad-manifest"),
        (lambda notes: notes[0].update(file="invoices/000001.xml"), "bad-manifest"),
        (lambda notes: notes[0]["amount"].update(amount="0.00"), "bad-manifest"),
        (lambda notes: notes[0]["amount"].update(currency="EUR"), "bad-manifest"),
        (lambda notes: notes[0].update(credit_note_number=""), "bad-manifest"),
        (lambda notes: notes[0].pop("invoice_number"), "bad-manifest"),
        (lambda notes: notes[0].update(debtor_number=7), "bad-manifest"),
        (lambda notes: notes[1].update(credit_note_number="CN-2026-000001"), "credit-note-twice"),
        (lambda notes: notes.pop(), "wrong-files"),
        (lambda notes: notes.clear(), "bad-manifest"),
        (lambda notes: notes.append("none"), "bad-manifest"),
    ],
)
def test_a_credit_note_that_is_wrong_is_named(
    change: Callable[[list[Any]], object], code: str
) -> None:
    manifest = _manifest_with_notes()
    change(manifest["credit_notes"])
    assert _codes(packed(canonical(manifest), DOCUMENTS, NOTE_DOCUMENTS)) == [code]


def test_credit_notes_missing_unannounced_or_in_another_order_are_wrong() -> None:
    raw = canonical(_manifest_with_notes())
    assert _codes(packed(raw, DOCUMENTS, NOTE_DOCUMENTS[:1])) == ["wrong-files"]
    assert _codes(packed(raw, DOCUMENTS, [*NOTE_DOCUMENTS, b"<more/>"])) == ["wrong-files"]
    assert _codes(packed(raw, DOCUMENTS, reversed(NOTE_DOCUMENTS))) == ["wrong-hash"] * 2
    assert _codes(packed(canonical(_manifest()), DOCUMENTS, NOTE_DOCUMENTS)) == ["wrong-files"]


def test_a_member_that_a_later_writer_adds_is_no_fault() -> None:
    assert _codes(_with(lambda manifest: manifest.update(written_by="somebody"))) == []


def test_a_package_from_before_instalments_were_of_one_invoice_only_stays_right() -> None:
    amount = {"amount": "40.00", "currency": "CHF"}
    of_order = [{"amount": amount, "code": "instalments", "count": 3}]
    assert _codes(_with(lambda manifest: manifest.update(notices=of_order))) == []


def test_documents_in_another_order_or_missing_are_wrong() -> None:
    raw = canonical(_manifest())
    assert _codes(packed(raw, reversed(DOCUMENTS))) == ["wrong-hash", "wrong-hash"]
    assert _codes(packed(raw, DOCUMENTS[:2])) == ["wrong-files"]
    assert _codes(packed(raw, [*DOCUMENTS, b"<more/>"])) == ["wrong-files"]


def test_the_same_content_packed_by_another_way_is_not_reproducible() -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(ZipInfo("manifest.json"), canonical(_manifest()), ZIP_DEFLATED, 1)
        for place, document in enumerate(DOCUMENTS, start=1):
            archive.writestr(ZipInfo(f"invoices/{place:06d}.xml"), document, ZIP_DEFLATED)
    assert _codes(buffer.getvalue()) == ["not-reproducible"]


def test_the_same_content_deflated_by_another_library_is_right_with_a_note(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(package, "_LEVEL", 0)
        otherwise = _package_with_notes()
    assert otherwise != _package_with_notes()
    verified = verify_package(otherwise)
    assert verified.findings == ()
    assert [note.code for note in verified.notes] == ["other-compression"]
    assert verify_package(_package_with_notes()).notes == ()
    lines, documents = lines_of(a_document())
    path, out = tmp_path / "package.zip", io.StringIO()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(package, "_LEVEL", 0)
        path.write_bytes(package_of(lines, documents))
    assert cli.main([str(path)], out) == 0
    assert "note: Its files were compressed by another library" in out.getvalue()


def _streams(data: bytes) -> list[Stream]:
    with ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
    starts = [one.header_offset + 30 + len(one.filename) for one in entries]
    return [
        Stream(one.filename, memoryview(data)[start:][: one.compress_size], one.CRC, one.file_size)
        for one, start in zip(entries, starts, strict=True)
    ]


def test_what_is_written_around_the_streams_is_what_the_builder_writes() -> None:
    data = _package_with_notes()
    assert b"".join(written(_streams(data))) == data


@pytest.mark.parametrize("behind", [b"", b"hidden"])
def test_nothing_hides_behind_a_stream_that_was_deflated_elsewhere(
    monkeypatch: pytest.MonkeyPatch, behind: bytes
) -> None:
    monkeypatch.setattr(package, "_LEVEL", 0)
    otherwise = _package()
    monkeypatch.undo()
    first, *others = _streams(otherwise)
    longer = replace(first, deflated=memoryview(bytes(first.deflated) + behind))
    codes = _codes(b"".join(written([longer, *others])))
    assert codes == (["not-reproducible"] if behind else [])


@pytest.mark.parametrize("more", [b"\0", b"PK", b"more"])
def test_nothing_hides_before_between_or_behind_the_files(more: bytes) -> None:
    data = _package()
    second = _streams(data)[0]
    between = 30 + len("manifest.json") + len(second.deflated)
    for place in (0, between, len(data)):
        assert _codes(data[:place] + more + data[place:]) != [], place


def test_a_package_that_is_not_the_recorded_one_is_wrong_whatever_it_holds(tmp_path: Path) -> None:
    data, other = _package(), _with(lambda manifest: manifest.update(written_by="somebody"))
    recorded = hashlib.sha256(data).hexdigest()
    assert verify_package(data, recorded_sha256=recorded).findings == ()
    [finding] = verify_package(other, recorded_sha256=recorded).findings
    assert finding.code == "other-hash"
    path, out = tmp_path / "package.zip", io.StringIO()
    lines, documents = lines_of(a_document())
    path.write_bytes(package_of(lines, documents))
    recorded = hashlib.sha256(path.read_bytes()).hexdigest()
    assert cli.main([str(path), "--sha256", recorded.upper()], out) == 0
    assert cli.main([str(path), "--sha256", "0" * 64], out) == 1
    assert "other-hash (package)" in out.getvalue()
    for wrong in ([str(path), "--sha256", "1"], [str(path), str(path), "--sha256", recorded]):
        with pytest.raises(SystemExit):
            cli.main(wrong, out)


def test_a_manifest_with_blanks_is_not_canonical() -> None:
    assert _codes(packed(json.dumps(_manifest()).encode(), DOCUMENTS)) == ["not-canonical"]


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_package_is_said_to_be_none(data: bytes) -> None:
    assert _codes(data) in (["unreadable"], ["no-manifest"])


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(bytes(verification.MANIFEST_BYTES_MAX + 1), [])
    assert len(bomb) < 100_000
    assert _codes(bomb) == ["file-too-large"]
    assert _codes(packed(canonical(_manifest()), [bytes(DOCUMENT_BYTES_MAX + 1)])) == [
        "file-too-large"
    ]
    monkeypatch.setattr(verification, "UNPACKED_BYTES_MAX", 10)
    assert _codes(_package()) == ["too-large-unpacked"]
    monkeypatch.setattr(verification, "PACKAGE_BYTES_MAX", 10)
    assert _codes(_package()) == ["too-large"]


def test_a_size_that_lies_is_found_out() -> None:
    """The directory says one byte; what comes out of the stream is more."""
    raw = canonical(_manifest())
    data = packed(raw, DOCUMENTS)
    size, crc = len(raw).to_bytes(4, "little"), zlib.crc32(raw).to_bytes(4, "little")
    place = data.index(b"PK\x01\x02")
    assert data[place + 16 : place + 20] == crc
    assert data[place + 24 : place + 28] == size
    lying = data[: place + 24] + (1).to_bytes(4, "little") + data[place + 28 :]
    assert _codes(lying) != []


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_changed_byte_anywhere_is_found(data: st.DataObject) -> None:
    right = _package()
    changed = bytearray(right)
    place = data.draw(st.integers(min_value=0, max_value=len(changed) - 1))
    changed[place] ^= data.draw(st.integers(min_value=1, max_value=255))
    verified = verify_package(bytes(changed))
    assert verified.findings or verified.notes, "of bits that fill up a stream's last byte a note"
    recorded = hashlib.sha256(right).hexdigest()
    assert verify_package(bytes(changed), recorded_sha256=recorded).findings


def test_the_command_says_right_or_wrong_by_words_and_status(tmp_path: Path) -> None:
    right, wrong, out = tmp_path / "right.zip", tmp_path / "wrong.zip", io.StringIO()
    lines, documents = lines_of(a_document())
    right.write_bytes(package_of(lines, documents))
    wrong.write_bytes(right.read_bytes()[:-1])
    assert cli.main([str(right)], out) == 0
    assert "right. Order CMD-2026-0001, 1 invoice, CHF 120.00" in out.getvalue()
    note, written = note_on(a_document(), documents[0])
    right.write_bytes(package_of(lines, [*documents, written], notes=[note]))
    assert cli.main([str(right)], out) == 0
    assert "1 invoice, CHF 120.00; 1 credit note" in out.getvalue()
    assert cli.main([str(right), str(wrong)], out) == 1
    assert "NOT right" in out.getvalue()
    assert cli.main([str(tmp_path / "absent.zip")], out) == 2
