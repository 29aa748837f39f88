"""Documents in the older version, for a factor that wants it: valid, and as full as can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from services.invoicing.adapters.forum_comparison import ForumDocumentReader
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import InvoiceDocument, check_document
from services.invoicing.domain.insurance import Tiers
from services.invoicing.domain.people import Gender
from shared.forum.schema import invoice_schema
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from tests.unit.invoicing.builders import (
    FACTOR_GLN,
    IBAN,
    INSURER_GLN,
    POSSIBLE,
    PRACTICE_GLN,
    QR_IBAN,
    Kind,
    a_document,
    a_patient,
    a_position,
    a_practice,
    a_provider,
    a_treatment,
)
from tests.unit.invoicing.test_forum_xml import ORACLES, count, found

VENDORED = (
    Path(__file__).resolve().parents[3] / "shared/forum/schemas/generalInvoiceRequest_450.xsd"
)


def old(document: InvoiceDocument) -> InvoiceDocument:
    """Return the document under a contract that wants 4.5."""
    assert document.contract is not None
    return replace(document, contract=replace(document.contract, invoice_format="4.5"))


def rendered(document: InvoiceDocument) -> etree._Element:
    """Render a document and hold it against the schema anew."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(ForumInvoiceRenderer(own_format="4.5").render(document), parser)
    etree.XMLSchema(etree.parse(VENDORED, parser)).assertValid(root)
    return root


@pytest.mark.parametrize("kind", POSSIBLE["4.5"], ids=str)
def test_every_kind_of_invoice_fits_the_older_schema(kind: Kind) -> None:
    document = kind.document(invoice_format="4.5")
    check_document(document)
    root = rendered(document)
    assert found(root, "@language") == kind.language.value
    assert Decimal(found(root, "//i:balance/@amount")) == kind.total.francs
    assert Decimal(found(root, "//i:balance/@amount_due")) == (kind.total - kind.paid).francs
    owes = "2000000000008" if kind.tiers is Tiers.GARANT else INSURER_GLN
    assert found(root, f"//i:tiers_{kind.tiers}/i:debitor/@ean_party") == owes
    assert count(root, "//i:insurance") == int(kind.tiers is Tiers.PAYANT)
    iban = QR_IBAN if kind.with_contract else IBAN
    assert found(root, "//i:esrQR/@iban") == iban
    assert count(root, "//i:esrQR/@reference_number") == int(kind.with_contract)


def test_the_contract_decides_the_version() -> None:
    document = a_document()
    renderer = ForumInvoiceRenderer()
    assert etree.fromstring(renderer.render(document)).get("guid") is not None
    assert etree.fromstring(renderer.render(old(document))).get("guid") is None


def test_the_older_document_names_roles_law_and_transport() -> None:
    root = rendered(old(a_document()))
    assert found(root, "//i:transport/@from") == PRACTICE_GLN
    assert found(root, "//i:via/@via") == FACTOR_GLN
    assert found(root, "//i:biller/@ean_party") == PRACTICE_GLN
    assert found(root, "//i:tiers_garant/@payment_period") == "P30D"
    assert count(root, "//i:org") == 1
    assert found(root, "//i:esrQR/i:creditor//i:companyname/text()") == "Caisse Exemple SA"


def test_the_tooth_stands_in_a_remark_and_a_third_gender_as_the_sex() -> None:
    practice = a_practice()
    patient = a_patient(practice, gender=Gender.DIVERSE)
    provider = a_provider(practice)
    treatment = a_treatment(patient, provider, a_position(tooth="36"), remark="Contrôle")
    document = a_document(
        practice=practice,
        patient=patient,
        providers={provider.provider_id: provider},
        treatments=(treatment,),
    )
    root = rendered(old(document))
    assert found(root, "//i:service/@remark") == "Dent 36; Contrôle"
    assert found(root, "//i:patient/@gender") == "female"


def test_a_missing_zsr_number_is_refused_in_plain_words() -> None:
    document = old(a_document(practice=a_practice(zsr=None)))
    with pytest.raises(DomainError) as caught:
        ForumInvoiceRenderer().render(document)
    assert caught.value.code == "zsr-missing"


def test_the_older_version_ends_with_the_year_2030() -> None:
    document = old(a_document(issued_at=datetime(2031, 3, 1, 9, tzinfo=UTC)))
    with pytest.raises(DomainError) as caught:
        ForumInvoiceRenderer().render(document)
    assert caught.value.code == "document-not-valid"


@pytest.mark.skipif(
    not ORACLES.is_dir(), reason="../shared/oracles/forum-datenaustausch is not on this machine"
)
def test_the_older_schema_is_unaltered_and_takes_the_published_sample_only() -> None:
    assert VENDORED.read_bytes() == (ORACLES / VENDORED.name).read_bytes()
    schema = invoice_schema("4.5")
    assert schema.validate(etree.parse(ORACLES / "minimal_450.xml"))
    assert not schema.validate(etree.parse(ORACLES / "minimal_500.xml"))


@pytest.mark.parametrize("days", [1, 20, 180])
def test_the_sheet_of_either_version_says_the_same(days: int) -> None:
    document = replace(a_document(), payment_period_days=days)
    new = ForumInvoiceRenderer().render(document)
    former = ForumInvoiceRenderer().render(old(document))
    sheet = read_sheet(former, cancelled=False)
    assert (sheet.due_on, sheet.practice_gln) == (document.due_on, document.practice.gln)
    assert sheet.provider_gln == document.provider.gln
    assert ForumDocumentReader().agree(new, former)
    assert [ForumDocumentReader().version(each) for each in (new, former)] == ["5.0", "4.5"]


def test_another_address_amount_or_slip_is_seen_whatever_the_version() -> None:
    document = a_document()
    former = ForumInvoiceRenderer().render(old(document))
    contract = document.contract
    assert contract is not None
    for other in (
        replace(document, deposit=Money(5)),
        replace(document, practice=replace(document.practice, name="Autre cabinet")),
        replace(document, contract=replace(contract, account_number="99.999-9")),
        replace(document, patient=replace(document.patient, family_name="Autre")),
    ):
        assert not ForumDocumentReader().agree(ForumInvoiceRenderer().render(other), former)
