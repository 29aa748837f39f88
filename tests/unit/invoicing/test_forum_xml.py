"""Every document fits the official schema, and says what the schema does not check."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from lxml import etree

from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import InvoiceDocument, check_document
from services.invoicing.domain.insurance import Tiers
from services.invoicing.domain.people import Gender
from services.invoicing.domain.practice import Address, Language
from shared.forum.schema import invoice_schema
from shared.kernel.errors import DomainError
from shared.kernel.ids import derived_id
from shared.kernel.money import Money
from tests.unit.invoicing.builders import (
    DAY,
    EXCLUDED,
    FACTOR_GLN,
    HOME,
    IBAN,
    INSURER_GLN,
    POSSIBLE,
    PRACTICE_GLN,
    PROVIDER_GLN,
    QR_IBAN,
    Kind,
    a_contract,
    a_document,
    a_guarantor,
    a_patient,
    a_position,
    a_practice,
    a_provider,
    a_treatment,
)

REPOSITORY = Path(__file__).resolve().parents[3]
VENDORED = REPOSITORY / "shared/forum/schemas"
ORACLES = REPOSITORY.parent / "shared/oracles/forum-datenaustausch"
_FORMATS: dict[str, Literal["4.5", "5.0"]] = {"4.5": "4.5", "5.0": "5.0"}
NS = {"i": "http://www.forum-datenaustausch.ch/invoice"}


def rendered(document: InvoiceDocument) -> etree._Element:
    """Render a document and read it as a stranger would: hardened, checked by the schema anew."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    data = ForumInvoiceRenderer().render(document)
    root = etree.fromstring(data, parser)
    schema = etree.XMLSchema(etree.parse(VENDORED / "generalInvoiceRequest_500.xsd", parser))
    schema.assertValid(root)
    return root


def found(root: etree._Element, path: str) -> str:
    """Return the one attribute or text at a path."""
    values = root.xpath(path, namespaces=NS)
    assert isinstance(values, list)
    (value,) = values
    return str(value)


def count(root: etree._Element, path: str) -> int:
    """Return how many things are at a path."""
    values = root.xpath(path, namespaces=NS)
    assert isinstance(values, list)
    return len(values)


@pytest.mark.parametrize("kind", POSSIBLE["5.0"], ids=str)
def test_every_kind_of_invoice_fits_the_schema(kind: Kind) -> None:
    document = kind.document(invoice_format="5.0")
    check_document(document)
    root = rendered(document)
    assert found(root, "@language") == kind.language.value
    assert Decimal(found(root, "//i:balance/@amount")) == kind.total.francs
    assert Decimal(found(root, "//i:balance/@amount_due")) == (kind.total - kind.paid).francs
    owes = "2000000000008" if kind.tiers is Tiers.GARANT else INSURER_GLN
    assert found(root, f"//i:tiers_{kind.tiers}/i:debitor/@gln") == owes
    if kind.tiers is Tiers.GARANT:
        assert Decimal(found(root, "//i:balance/@amount_prepaid")) == kind.paid.francs
    else:
        assert count(root, "//i:balance/@amount_prepaid") == 0
        assert found(root, "//i:insurance/@gln") == INSURER_GLN
    services = root.xpath("//i:service/@amount", namespaces=NS)
    assert isinstance(services, list)
    assert sum(Decimal(str(one)) for one in services) == kind.total.francs


@pytest.mark.parametrize(("kind", "version", "code"), EXCLUDED, ids=str)
def test_what_the_standard_excludes_is_refused(kind: Kind, version: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        _written(kind.document(invoice_format=version), version)
    assert refused.value.code == code


def _written(document: InvoiceDocument, version: str) -> bytes:
    check_document(document)
    return ForumInvoiceRenderer(own_format=_FORMATS[version]).render(document)


def test_the_document_names_roles_law_and_transport() -> None:
    root = rendered(a_document())
    assert found(root, "//i:body/@role") == "dentist"
    assert found(root, "//i:body/@place") == "practice"
    assert count(root, "//i:tiers_garant") == 1
    assert found(root, "//i:law/@type") == "ORG"
    assert found(root, "//i:transport/@from") == PRACTICE_GLN
    assert found(root, "//i:transport/@to") == "2006666666008"
    assert found(root, "//i:via/@via") == FACTOR_GLN
    assert found(root, "//i:debitor/@gln") == "2000000000008"
    assert found(root, "//i:provider_gln/@gln") == PROVIDER_GLN
    assert found(root, "//i:treatment/@canton") == "VD"
    assert found(root, "@modus") == "production"


def test_the_slip_is_the_factors_with_a_reference() -> None:
    document = a_document()
    root = rendered(document)
    assert found(root, "//i:esrQR/@iban") == QR_IBAN
    assert found(root, "//i:esrQR/@reference_number") == document.qr_reference
    assert found(root, "//i:esrQR/@payment_period") == "P30D"
    assert found(root, "//i:esrQR//i:companyname/text()") == "Caisse Exemple SA"
    assert count(root, "//i:esrQRRed") == 0


def test_without_a_contract_the_slip_is_the_practices_own_and_nobody_stands_between() -> None:
    root = rendered(a_document(contract=None))
    assert found(root, "//i:esrQRRed/@iban") == IBAN
    assert count(root, "//i:esrQRRed/@reference_number") == 0
    assert found(root, "//i:esrQRRed//i:companyname/text()") == "Cabinet dentaire Exemple SA"
    assert count(root, "//i:via") == 0
    assert count(root, "//i:esrQR") == 0


def test_the_guarantor_is_the_debtor_and_the_patient_stays_the_patient() -> None:
    practice = a_practice()
    child = a_patient(practice, given_name="Lou", gender=Gender.DIVERSE, guarantor=a_guarantor())
    root = rendered(a_document(practice=practice, patient=child))
    assert found(root, "//i:debitor//i:givenname/text()") == "Claude"
    assert found(root, "//i:guarantor//i:givenname/text()") == "Claude"
    assert found(root, "//i:patient//i:givenname/text()") == "Lou"
    assert found(root, "//i:patient/@gender") == "diverse"
    assert found(root, "//i:patient/@sex") == "female"


@pytest.mark.parametrize(
    "issued_at",
    [
        datetime(2026, 3, 2, 8, 0, tzinfo=UTC),
        datetime(2026, 7, 31, 22, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ],
)
def test_time_stamp_and_date_are_the_same_instant_in_swiss_time(issued_at: datetime) -> None:
    document = a_document(issued_at=issued_at)
    root = rendered(document)
    stamp = datetime.fromtimestamp(int(found(root, "//i:invoice/@request_timestamp")), UTC)
    told = datetime.fromisoformat(found(root, "//i:invoice/@request_date"))
    assert stamp == told == issued_at
    assert told.date() == document.issued_on


def test_an_invoice_of_new_years_eve_is_dated_as_in_switzerland() -> None:
    document = a_document(issued_at=datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    assert (document.issued_on, document.due_on) == (date(2027, 1, 1), date(2027, 1, 31))


def test_the_same_invoice_gives_the_same_bytes_and_identity() -> None:
    document = a_document()
    renderer = ForumInvoiceRenderer()
    assert renderer.render(document) == renderer.render(document)
    guid = found(rendered(document), "@guid")
    assert guid == derived_id("invoice-document", document.invoice_id).hex
    assert len(guid) == 32


def test_vat_teeth_remarks_and_several_treatments_stand_where_the_schema_wants_them() -> None:
    practice = a_practice()
    patient, first, second = (
        a_patient(practice),
        a_provider(practice),
        a_provider(practice, gln="7601000000033"),
    )
    begun = a_treatment(
        patient,
        first,
        a_position(tooth="36"),
        a_position("100", "1", "0.5", vat_rate=Decimal("8.10")),
        begun_on=date(2026, 1, 5),
        remark="Contrôle",
    )
    document = a_document(
        practice=practice,
        patient=patient,
        providers={one.provider_id: one for one in (first, second)},
        treatments=(begun, a_treatment(patient, second)),
    )
    root = rendered(document)
    assert found(root, "//i:service[1]/i:xtra_service/@value") == "36"
    assert found(root, "//i:service[1]/@remark") == "Contrôle"
    assert found(root, "//i:service[2]/@quantity") == "0.5"
    assert count(root, "//i:service/@remark") == 1
    assert found(root, "//i:service[3]/@provider_id") == "7601000000033"
    assert found(root, "//i:treatment/@date_begin") == "2026-01-05"
    assert found(root, "//i:treatment/@date_end") == DAY.isoformat()
    rates = root.xpath("//i:vat_rate/@vat_rate", namespaces=NS)
    assert rates == ["0", "8.1"]
    assert found(root, "//i:balance/i:vat/@vat") == "3.75"
    assert found(root, "//i:balance/i:vat/@vat_number") == "CHE100155212"


def test_text_that_looks_like_markup_stays_text() -> None:
    practice = a_practice(name='A & B <dent> "Ç" ]]>')
    root = rendered(a_document(practice=practice))
    assert found(root, "//i:biller_gln//i:companyname/text()") == 'A & B <dent> "Ç" ]]>'


def test_an_unknown_address_or_number_is_written_as_unknown() -> None:
    practice = a_practice()
    patient = a_patient(practice, address=None, ssn=None, language=Language.GERMAN)
    document = a_document(practice=practice, patient=patient)
    root = rendered(document)
    assert found(root, "//i:debitor//i:city/text()") == "unbekannt"
    assert found(root, "//i:patient/@ssn") == "0000"
    assert document.unfit_codes() == ("missing-debtor-address", "missing-ssn")


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, ()),
        ({"address": None}, ("missing-debtor-address",)),
        ({"address": replace(HOME, street=None, house_no=None)}, ("missing-debtor-street",)),
        ({"ssn": None}, ("missing-ssn",)),
        ({"ssn": "123456"}, ("doubtful-ssn",)),
        ({"ssn": "4381234567890"}, ("doubtful-ssn",)),
        ({"birth_date": date(2008, 3, 3)}, ("minor-without-guarantor",)),
        ({"birth_date": date(2008, 3, 2)}, ()),
        ({"birth_date": date(2015, 1, 1), "guarantor": a_guarantor()}, ()),
        ({"address": None, "guarantor": a_guarantor()}, ()),
        ({"guarantor": a_guarantor(address=None)}, ("missing-debtor-address",)),
    ],
)
def test_what_makes_an_invoice_unfit_for_an_order_is_named(
    changes: dict[str, object], codes: tuple[str, ...]
) -> None:
    practice = a_practice()
    document = a_document(practice=practice, patient=a_patient(practice, **changes))
    assert document.unfit_codes() == codes


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"practice": a_practice(gln="7601000000018")}, "practice's GLN"),
        ({"practice": a_practice(iban=QR_IBAN), "contract": None}, "practice's IBAN"),
        ({"deposit": Money.parse("120.01")}, "deposit"),
        ({"deposit": Money.parse("-0.01")}, "deposit"),
        ({"contract": a_contract(a_practice(), qr_iban=IBAN)}, "QR-IBAN"),
        ({"contract": a_contract(a_practice(), factor_gln="7601000000041")}, "factor's GLN"),
    ],
)
def test_what_the_schema_lets_through_our_own_rules_refuse(
    changes: dict[str, object], complaint: str
) -> None:
    document = a_document(**changes)
    rendered(document)
    with pytest.raises(DomainError, match=complaint) as refused:
        check_document(document)
    assert refused.value.code == "document-invalid"


def test_what_the_schema_refuses_is_refused_without_showing_the_value() -> None:
    practice = a_practice()
    patient = a_patient(practice, family_name="Secretname" * 5)
    with pytest.raises(DomainError) as refused:
        ForumInvoiceRenderer().render(a_document(practice=practice, patient=patient))
    assert refused.value.code == "document-not-valid"
    assert "familyname" in str(refused.value)
    assert "Secretname" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_trial_is_marked_as_one() -> None:
    root = etree.fromstring(ForumInvoiceRenderer(modus="test").render(a_document()))
    assert root.get("modus") == "test"


def test_a_village_address_needs_no_house_number() -> None:
    practice = a_practice(address=Address("Au Village", None, "1000", "Lausanne"))
    root = rendered(a_document(practice=practice))
    assert found(root, "//i:billers/i:biller_gln//i:street/text()") == "Au Village"
    assert count(root, "//i:billers//i:street/@house_no") == 0


def test_the_schema_is_loaded_once() -> None:
    assert invoice_schema() is invoice_schema()


@pytest.mark.skipif(
    not ORACLES.is_dir(), reason="../shared/oracles/forum-datenaustausch is not on this machine"
)
@pytest.mark.parametrize(
    "name",
    ["generalInvoiceRequest_500.xsd", "xmldsig-core-schema.xsd", "xenc-schema.xsd"],
)
def test_the_vendored_schemas_are_unaltered(name: str) -> None:
    assert (VENDORED / name).read_bytes() == (ORACLES / name).read_bytes()


@pytest.mark.skipif(
    not ORACLES.is_dir(), reason="../shared/oracles/forum-datenaustausch is not on this machine"
)
def test_the_schema_takes_the_published_sample_and_refuses_the_older_version() -> None:
    schema = invoice_schema()
    assert schema.validate(etree.parse(ORACLES / "minimal_500.xml"))
    assert not schema.validate(etree.parse(ORACLES / "minimal_450.xml"))
