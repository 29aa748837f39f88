"""The package: the same order gives the same bytes, and no invoice can reach out of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.model import OrderLine
from services.orders.domain.notices import Notice, NoticeCode
from services.orders.domain.package import PackageBuilder, PackageHead, manifest_bytes
from shared.kernel.errors import PermanentError
from shared.kernel.money import Money
from tests.unit.orders.builders import (
    ORDER,
    a_contract,
    a_line,
    a_packed_credit_note,
    a_practice,
    credit_note_bytes,
    document_bytes,
)

HEAD = PackageHead(str(ORDER), "CMD-2026-0001", a_practice(), a_contract(), "Ratenzahlung möglich")
LINES = [a_line(1), a_line(2)]
GOLDEN = "d55171ae9fdbce2894f8e7387554187cca352c7c0bbba0cf63e6b35aadda48f5"

NOTES = [a_packed_credit_note(1), a_packed_credit_note(2)]
GOLDEN_WITH_NOTES = "661779f590ca4d49dabf7de4053636e16bb4f8628952abb7b667ad71a6efb371"


def _package(lines: Sequence[OrderLine] = LINES, head: PackageHead = HEAD) -> bytes:
    builder = PackageBuilder(head, lines)
    builder.add_all([document_bytes(line.invoice_number) for line in lines])
    return bytes(builder.finish())


def test_a_fixed_order_has_a_fixed_hash() -> None:
    assert hashlib.sha256(_package()).hexdigest() == GOLDEN


def _package_with_notes() -> bytes:
    builder = PackageBuilder(HEAD, LINES, NOTES)
    builder.add_all([document_bytes(line.invoice_number) for line in LINES])
    builder.add_all([credit_note_bytes(note.number) for note in NOTES])
    return bytes(builder.finish())


def test_a_fixed_order_with_credit_notes_has_a_fixed_hash_of_its_own() -> None:
    assert hashlib.sha256(_package_with_notes()).hexdigest() == GOLDEN_WITH_NOTES


def test_credit_notes_lie_behind_the_invoices_and_count_in_neither_sum() -> None:
    with ZipFile(BytesIO(_package_with_notes())) as package:
        names = package.namelist()
        assert package.read("credit-notes/000002.xml") == credit_note_bytes("CN-2026-000002")
    assert names[2:] == [
        "invoices/000002.xml",
        "credit-notes/000001.xml",
        "credit-notes/000002.xml",
    ]
    manifest = json.loads(manifest_bytes(HEAD, LINES, NOTES))
    assert manifest["credit_notes"][1] == {
        "file": "credit-notes/000002.xml",
        "credit_note_number": "CN-2026-000002",
        "invoice_number": "2025-000009",
        "debtor_number": "10001",
        "amount": {"amount": "20.00", "currency": "CHF"},
        "sha256": hashlib.sha256(credit_note_bytes("CN-2026-000002")).hexdigest(),
    }
    assert manifest["invoice_count"] == 2
    assert manifest["total"] == {"amount": "240.00", "currency": "CHF"}


def test_without_credit_notes_the_manifest_has_no_such_member() -> None:
    assert "credit_notes" not in json.loads(manifest_bytes(HEAD, LINES, []))
    assert manifest_bytes(HEAD, LINES, []) == manifest_bytes(HEAD, LINES)


def test_a_package_without_all_its_credit_notes_is_not_finished() -> None:
    with closing(PackageBuilder(HEAD, LINES, NOTES)) as builder:
        builder.add_all([document_bytes(line.invoice_number) for line in LINES])
        with pytest.raises(PermanentError, match="2 documents are missing"):
            builder.finish()


def test_building_again_gives_the_same_bytes() -> None:
    assert _package() == _package()


def test_the_entries_are_in_the_written_order_and_form() -> None:
    with ZipFile(BytesIO(_package())) as package:
        entries = package.infolist()
        assert package.testzip() is None
        assert package.comment == b""
    assert [entry.filename for entry in entries] == [
        "manifest.json",
        "invoices/000001.xml",
        "invoices/000002.xml",
    ]
    for entry in entries:
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.compress_type == ZIP_DEFLATED
        assert (entry.create_system, entry.external_attr) == (3, 0o644 << 16)
        assert (entry.extra, entry.comment, entry.flag_bits) == (b"", b"", 0)


def test_the_documents_are_byte_for_byte_those_that_were_stored() -> None:
    with ZipFile(BytesIO(_package())) as package:
        assert package.read("invoices/000002.xml") == document_bytes("2026-000002")


def test_the_manifest_is_canonical_and_adds_up() -> None:
    raw = manifest_bytes(HEAD, LINES)
    manifest = json.loads(raw)
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert raw == canonical.encode()
    assert manifest["format"] == "quittance-order/1"
    assert manifest["order_number"] == "CMD-2026-0001"
    assert manifest["practice"]["gln"] == "7601000000019"
    assert manifest["contract"]["factor"] == "CMD"
    assert manifest["communication"] == "Ratenzahlung möglich"
    assert manifest["invoice_count"] == 2
    assert manifest["total"] == {"amount": "240.00", "currency": "CHF"}
    assert manifest["invoices"][1] == {
        "file": "invoices/000002.xml",
        "invoice_number": "2026-000002",
        "debtor_number": "10001",
        "amount": {"amount": "120.00", "currency": "CHF"},
        "sha256": hashlib.sha256(document_bytes("2026-000002")).hexdigest(),
    }


def test_notices_stand_in_the_manifest_where_they_belong_and_nowhere_else() -> None:
    instalments = Notice(NoticeCode.INSTALMENTS, count=3, amount=Money(4000))
    head = replace(HEAD, notices=(Notice(NoticeCode.DO_NOT_REMIND, day=date(2026, 12, 31)),))
    manifest = json.loads(manifest_bytes(head, [replace(LINES[0], notices=(instalments,))]))
    assert manifest["notices"] == [{"code": "do-not-remind", "date": "2026-12-31"}]
    assert manifest["invoices"][0]["notices"] == [
        {"code": "instalments", "count": 3, "amount": {"amount": "40.00", "currency": "CHF"}}
    ]
    plain = json.loads(manifest_bytes(HEAD, LINES))
    assert "notices" not in plain
    assert "notices" not in plain["invoices"][0]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(max_size=35).filter(lambda text: "\ud800" not in text), min_size=1, max_size=5)
)
def test_no_invoice_number_decides_where_a_file_lies(numbers: list[str]) -> None:
    hostile = ["../../etc/passwd", "/absolute", "..\\up", "manifest.json", "x\x00.xml", *numbers]
    lines = [a_line(place, number or "-") for place, number in enumerate(hostile, start=1)]
    with ZipFile(BytesIO(_package(lines))) as package:
        names = package.namelist()
    assert names == [
        "manifest.json",
        *(f"invoices/{place:06d}.xml" for place in range(1, len(lines) + 1)),
    ]


def test_a_document_that_is_not_the_announced_one_is_refused() -> None:
    with (
        closing(PackageBuilder(HEAD, LINES)) as builder,
        pytest.raises(PermanentError, match="document 1 "),
    ):
        builder.add(document_bytes("2026-000002"))


def test_a_package_without_all_its_documents_is_not_finished() -> None:
    with closing(PackageBuilder(HEAD, LINES)) as builder:
        builder.add(document_bytes("2026-000001"))
        with pytest.raises(PermanentError, match="1 documents are missing"):
            builder.finish()


def test_a_document_too_many_is_refused() -> None:
    with closing(PackageBuilder(HEAD, LINES[:1])) as builder:
        builder.add(document_bytes("2026-000001"))
        with pytest.raises(PermanentError, match="already holds"):
            builder.add(document_bytes("2026-000001"))
