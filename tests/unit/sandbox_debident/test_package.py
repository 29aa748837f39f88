"""A package from outside is not trusted: each kind of hostility has its own refusal."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from sandbox.debident.package import Limits, PackageError, read_package
from shared.kernel.money import Money
from tests.unit.sandbox_debident.builders import (
    a_manifest,
    a_package,
    an_invoice,
    with_credit_notes,
)


def _code_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(PackageError) as refused:
        read_package(data, limits=limits)
    return refused.value.code


def test_a_right_package_gives_its_manifest() -> None:
    package = read_package(
        a_package(a_manifest(an_invoice("2026-000001"), an_invoice("2026-000002", "80.50")))
    )
    assert package.account_number == "CMD-4711"
    assert [(line.invoice_number, line.amount) for line in package.invoices] == [
        ("2026-000001", Money(120_00)),
        ("2026-000002", Money(80_50)),
    ]


def test_credit_notes_are_read_beside_the_invoices_and_count_in_no_sum() -> None:
    package = read_package(a_package(with_credit_notes(a_manifest(), "CN-1", "CN-2")))
    assert [(note.credit_note_number, note.amount) for note in package.credit_notes] == [
        ("CN-1", Money(20_00)),
        ("CN-2", Money(20_00)),
    ]
    assert [line.amount for line in package.invoices] == [Money(120_00)]


def test_credit_notes_that_break_a_rule_refuse_the_package() -> None:
    def code_of(change: dict[str, Any]) -> str:
        manifest = with_credit_notes(a_manifest(), "CN-1")
        manifest["credit_notes"][0] |= change
        return _code_of(a_package(manifest))

    assert code_of({"sha256": "0" * 64}) == "wrong-hash"
    assert code_of({"file": "credit-notes/000002.xml"}) == "bad-manifest"
    assert code_of({"amount": {"amount": "20.00", "currency": "EUR"}}) == "bad-manifest"
    twice = with_credit_notes(a_manifest(), "CN-1", "CN-1")
    assert _code_of(a_package(twice)) == "credit-note-twice"
    assert _code_of(a_package({**a_manifest(), "credit_notes": []})) == "bad-manifest"
    unnamed = a_package(extra_files={"credit-notes/000001.xml": b"x"})
    assert _code_of(unnamed) == "wrong-files"
    two = a_package(with_credit_notes(a_manifest(), "CN-1", "CN-2"))
    assert _code_of(two, Limits(credit_notes=1)) == "too-many-files"


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/passwd", "invoices/../../x.xml", "invoices/1.xml", "a\\b.xml"]
)
def test_a_file_outside_of_the_allowed_names_is_refused(name: str) -> None:
    assert _code_of(a_package(extra_files={name: b"x"})) == "wrong-files"


def test_a_file_that_the_manifest_does_not_name_is_refused() -> None:
    assert _code_of(a_package(extra_files={"invoices/000002.xml": b"x"})) == "wrong-files"


def test_a_bomb_is_not_unpacked_beyond_its_limit() -> None:
    manifest = a_manifest()
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("manifest.json", str(manifest).replace("'", '"'))
        archive.writestr("invoices/000001.xml", b"\0" * 3_000_000)
    assert len(data.getvalue()) < 10_000
    assert _code_of(data.getvalue(), Limits(invoice_bytes=1_000_000)) == "file-too-large"
    assert _code_of(data.getvalue(), Limits(total_bytes=1_000_000)) == "package-too-large"


def test_more_files_than_allowed_are_refused_before_any_is_read() -> None:
    package = a_package(a_manifest(*(an_invoice(f"2026-{n:06d}") for n in range(4))))
    assert _code_of(package, Limits(invoices=3)) == "too-many-files"


def test_content_with_another_hash_is_refused() -> None:
    manifest = a_manifest()
    manifest["invoices"][0]["sha256"] = "0" * 64
    assert _code_of(a_package(manifest)) == "wrong-hash"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing more", b"\x00" * 100])
def test_bytes_that_are_no_zip_are_refused(data: bytes) -> None:
    assert _code_of(data) == "damaged-package"


def test_a_truncated_package_is_refused() -> None:
    package = a_package()
    assert _code_of(package[: len(package) // 2]) == "damaged-package"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "other/1"}, "bad-manifest"),
        ({"total": {"amount": "120.01", "currency": "CHF"}}, "wrong-total"),
        ({"total": {"amount": "120.00", "currency": "EUR"}}, "bad-manifest"),
        ({"invoice_count": 2}, "wrong-count"),
        ({"order_number": "łódź"}, "bad-manifest"),
        ({"order_number": "a\nb"}, "bad-manifest"),
        ({"contract": None}, "bad-manifest"),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_refused(change: dict[str, Any], code: str) -> None:
    assert _code_of(a_package(a_manifest(**change))) == code


def test_an_invoice_that_occurs_twice_is_refused() -> None:
    assert _code_of(a_package(a_manifest(an_invoice(), an_invoice()))) == "invoice-twice"
