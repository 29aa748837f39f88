"""The command opens every document of a package, and says each fault in a line."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import product
from pathlib import Path
from zipfile import ZipFile

import pytest
from lxml import etree

from sandbox.debident.package import read_package
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import check_document
from services.invoicing.domain.insurance import Tiers
from services.invoicing.domain.practice import Language
from services.orders.entrypoints import cli
from shared.forum.schema import NAMESPACE
from tests.unit.invoicing.builders import INSURER_GLN, Kind, a_document, an_insurance
from tests.unit.invoicing.test_forum_xml import ORACLES
from tests.unit.orders.forum_documents import lines_of, note_on, package_of

SCHEMAS = Path(__file__).resolve().parents[3] / "shared/forum/schemas"
XSD = {"4.5": "generalInvoiceRequest_450.xsd", "5.0": "generalInvoiceRequest_500.xsd"}
NOTHING_OR_SOME = ["0.00", "50.00"], ["0", "12.49"]
_AXES = product(Language, ["5.0", "4.5"], Tiers, [False, True], *NOTHING_OR_SOME, [False, True])


def _is_possible(version: str, tiers: Tiers, deposit: str) -> bool:
    return (tiers is Tiers.GARANT or deposit == "0.00") and (version, tiers) != (
        "4.5",
        Tiers.SOLDANT,
    )


EVERY = [each for each in _AXES if _is_possible(each[1], each[2], each[4])]


def told(tmp_path: Path, data: bytes, *options: str, status: int) -> str:
    """Return what the command says of a package; it must end with this status."""
    path, out = tmp_path / "package.zip", io.StringIO()
    path.write_bytes(data)
    assert cli.main([str(path), *options], out) == status, out.getvalue()
    return out.getvalue()


def schemas(version: str) -> list[etree.XMLSchema]:
    """Return the schema that is shipped, and the original where it is at hand."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    folders = [SCHEMAS, *([ORACLES] if ORACLES.is_dir() else [])]
    return [etree.XMLSchema(etree.parse(folder / XSD[version], parser)) for folder in folders]


LOADED = {version: schemas(version) for version in XSD}


@pytest.mark.parametrize(
    ("language", "version", "tiers", "with_guarantor", "deposit", "discount", "rounding"),
    EVERY,
    ids=str,
)
def test_a_whole_package_of_every_kind_of_invoice_is_right(
    tmp_path: Path,
    language: Language,
    version: str,
    tiers: Tiers,
    with_guarantor: bool,
    deposit: str,
    discount: str,
    rounding: bool,
) -> None:
    kind = Kind(language, True, with_guarantor, True, deposit, discount, tiers)
    base = kind.document(invoice_format=version)
    first = replace(base, practice=replace(base.practice, round_to_five=rounding))
    second = replace(first, serial=124)
    assert bool(first.rounding) == (rounding and discount != "0")
    check_document(first)
    lines, documents = lines_of(first, second)
    notes = []
    if version == "5.0":
        note, written = note_on(first, documents[0])
        notes, documents = [note], [*documents, written]
    data = package_of(lines, documents, invoice_format=version, notes=notes)
    assert "right. Order CMD-2026-0001, 2 invoices" in told(tmp_path, data, status=cli.RIGHT)
    assert len(read_package(data).invoices) == len(lines)
    with ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml")]
        roots = [etree.fromstring(archive.read(name)) for name in names]
    assert len(roots) == len(documents)
    for root, schema in product(roots, LOADED[version]):
        schema.assertValid(root)
    assert all(root.find(f".//{{{NAMESPACE}}}tiers_{tiers}") is not None for root in roots)


DOCUMENT = a_document()
LINES, (DATA,) = lines_of(DOCUMENT)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('request_id="2026-000123"', 'request_id="2026-000124"', "other-number"),
        ('gln="7601000000019"', 'gln="7601000000018"', "gln-check-digit"),
        ('iban="CH4431999123000889012"', 'iban="CH9300762011623852957"', "qr-iban"),
        (f'{DOCUMENT.qr_reference}"', f'{"1" * 27}"', "reference-check-digit"),
        ('amount_due="120.00"', 'amount_due="119.00"', "balance"),
        ('amount="120.00" vat="0.00"', 'amount="119.00" vat="0.00"', "vat"),
        ('vat="0.00">', 'vat="1.00">', "vat"),
        ('amount_due="120.00"', 'amount_due="INF"', "decimals"),
        ('request_subtype="normal"', 'request_subtype="copy"', "not-an-invoice"),
        ('language="fr"', 'language="en"', "schema"),
        ("</invoice:request>", "", "not-well-formed"),
        ("<invoice:request", "<!DOCTYPE a><invoice:request", "document-type"),
        ('encoding="UTF-8"', 'encoding="UTF-16"', "encoding"),
    ],
)
def test_a_document_that_is_wrong_is_named_with_its_file(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    text = DATA.decode().replace("encoding='UTF-8'", 'encoding="UTF-8"')
    assert old in text
    wrong = text.replace(old, new).encode()
    said = told(tmp_path, package_of(LINES, [wrong]), status=cli.WRONG)
    assert f"{code} (invoices/000001.xml): " in said, said
    if code in {"schema", "balance"}:
        assert "Line " in said


def test_a_document_to_no_known_insurer_or_with_another_slip_is_wrong(tmp_path: Path) -> None:
    own = ForumInvoiceRenderer().render(replace(DOCUMENT, contract=None))
    said = told(tmp_path, package_of(LINES, [own]), status=cli.WRONG)
    assert "no-qr-reference" in said
    payant = ForumInvoiceRenderer().render(replace(DOCUMENT, insurance=an_insurance()))
    named = f'insurance gln="{INSURER_GLN}"'.encode()
    for wrong, codes in (
        (named.replace(b'16"', b'17"'), {"insurer-gln", "other-debtor-than-insurer"}),
        (b'insurance gln="2000000000008"', {"insurer-gln", "other-debtor-than-insurer"}),
        (b'insurance gln="7601003000023"', {"other-debtor-than-insurer"}),
    ):
        assert named in payant
        data = package_of(LINES, [payant.replace(named, wrong)])
        said = told(tmp_path, data, status=cli.WRONG)
        both = {"insurer-gln", "other-debtor-than-insurer"}
        assert {code for code in both if code in said} == codes


@pytest.mark.parametrize(("wanted", "written"), [("5.0", "4.5"), ("4.5", "5.0")])
def test_a_document_in_another_format_than_the_manifests_is_wrong(
    tmp_path: Path, wanted: str, written: str
) -> None:
    assert DOCUMENT.contract is not None
    other = replace(DOCUMENT, contract=replace(DOCUMENT.contract, invoice_format=written))
    lines, documents = lines_of(other)
    said = told(tmp_path, package_of(lines, documents, invoice_format=wanted), status=cli.WRONG)
    assert f"other-format (invoices/000001.xml): It is written in {written}" in said
    told(tmp_path, package_of(lines, documents, invoice_format=written), status=cli.RIGHT)


def test_the_suffix_of_a_replacement_is_no_fault_and_any_other_number_is(tmp_path: Path) -> None:
    replacement = [replace(LINES[0], invoice_number=f"{DOCUMENT.number}.2")]
    told(tmp_path, package_of(replacement, [DATA]), status=cli.RIGHT)
    other = [replace(LINES[0], invoice_number=f"{DOCUMENT.number}.x")]
    assert "other-number" in told(tmp_path, package_of(other, [DATA]), status=cli.WRONG)


def test_a_credit_note_must_be_the_refund_of_its_number(tmp_path: Path) -> None:
    note, written = note_on(DOCUMENT, DATA)
    told(tmp_path, package_of(LINES, [DATA, written], notes=[note]), status=cli.RIGHT)
    renamed = replace(note, number="CN-2026-000009")
    said = told(tmp_path, package_of(LINES, [DATA, written], notes=[renamed]), status=cli.WRONG)
    assert "other-number (credit-notes/000001.xml)" in said


@pytest.mark.parametrize("version", ["5.0", "4.5"])
def test_trials_and_real_invoices_are_told_apart(tmp_path: Path, version: str) -> None:
    assert DOCUMENT.contract is not None
    first = replace(DOCUMENT, contract=replace(DOCUMENT.contract, invoice_format=version))
    lines, real = lines_of(first, replace(first, serial=124))
    trials = [data.replace(b'modus="production"', b'modus="test"') for data in real]
    assert trials != real

    def verified(documents: list[bytes], *options: str, status: int) -> str:
        data = package_of(lines, documents, invoice_format=version)
        return told(tmp_path, data, *options, status=status)

    verified(trials, "--modus", "test", status=cli.RIGHT)
    said = verified(trials, status=cli.WRONG)
    assert said.count("other-modus (invoices/00000") == 2
    assert 'It is marked as "test", not "production".' in said
    assert "mixed-modus" not in said
    assert "other-modus" in verified(real, "--modus", "test", status=cli.WRONG)
    mixed = verified([real[0], trials[1]], status=cli.WRONG)
    assert "other-modus (invoices/000002.xml)" in mixed
    assert "mixed-modus (package)" in mixed


def test_a_package_of_bad_documents_is_told_in_so_many_lines_as_a_person_reads(
    tmp_path: Path,
) -> None:
    lines = [replace(LINES[0], place=n, invoice_number=f"X-{n:03}") for n in range(1, 80)]
    said = told(tmp_path, package_of(lines, [DATA] * len(lines)), status=cli.WRONG)
    assert said.count("other-number") == 50
