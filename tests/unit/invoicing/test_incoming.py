"""What files of other practice software say, and everything for which one is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.invoicing.adapters.forum_opening import FILE_BYTES_MAX, NotOpenedError
from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.incoming import Fault
from services.invoicing.domain.incoming_rules import Setting, faults_of, unfit_codes_of
from services.invoicing.domain.people import OfficeName, Sex
from services.invoicing.domain.practice import Address
from tests.unit.invoicing.builders import (
    IBAN,
    a_contract,
    a_document,
    a_guarantor,
    a_patient,
    a_practice,
)
from tests.unit.invoicing.requests import AHV, NUMBER, REFERENCE, a_request, changed

PRACTICE = a_practice()
SETTING = Setting(PRACTICE, a_contract(PRACTICE), date(2026, 3, 2))
BOTH = pytest.mark.parametrize("version", ["5.0", "4.5"])


def refused(data: bytes) -> Fault:
    """Return the first reason why a file cannot be opened."""
    with pytest.raises(NotOpenedError) as caught:
        read_request(data)
    return caught.value.faults[0]


@BOTH
def test_a_file_of_either_version_says_the_same(version: str) -> None:
    setting = replace(SETTING, contract=a_contract(PRACTICE, invoice_format=version))
    invoice = read_request(a_request(version))
    assert invoice.version == version
    assert (invoice.number, invoice.issued_on) == (NUMBER, date(2026, 2, 28))
    assert invoice.due_on == date(2026, 3, 30)
    assert invoice.patient.birth_date == date(1980, 5, 1)
    assert (invoice.patient.sex, invoice.patient.ssn) == (Sex.FEMALE, AHV)
    assert invoice.debtor.address == Address("Rue Haute 2", None, "1020", "Renens")
    assert invoice.debtor_is_patient()
    assert (invoice.provider.gln, invoice.provider.title) == ("7601000000026", "Dr")
    assert invoice.slip.reference == REFERENCE
    assert (invoice.balance.amount, invoice.balance.prepaid) == (Decimal(120), Decimal(20))
    assert [service.amount for service in invoice.services] == [Decimal(60), Decimal(60)]
    assert faults_of(invoice, setting) == ()
    assert unfit_codes_of(invoice, setting) == ()


@pytest.mark.parametrize("own_format", ["5.0", "4.5"])
@pytest.mark.parametrize("with_guarantor", [True, False])
@pytest.mark.parametrize("with_contract", [True, False])
def test_what_the_house_writes_it_can_read_again(
    own_format: str, with_guarantor: bool, with_contract: bool
) -> None:
    guarantor = a_guarantor() if with_guarantor else None
    contract = replace(a_contract(PRACTICE), invoice_format=own_format) if with_contract else None
    document = a_document(
        practice=PRACTICE,
        patient=a_patient(PRACTICE, guarantor=guarantor),
        contract=contract,
    )
    renderer = ForumInvoiceRenderer(own_format=own_format)  # type: ignore[arg-type]
    invoice = read_request(renderer.render(document))
    setting = replace(SETTING, contract=contract)
    assert (invoice.version, invoice.number) == (own_format, document.number)
    assert faults_of(invoice, setting) == ()
    assert unfit_codes_of(invoice, setting) == ()
    assert invoice.debtor_is_patient() is not with_guarantor


def test_another_layout_sender_and_guid_do_not_change_the_content() -> None:
    first = a_request()
    again = changed(first, "0123456789abcdef" * 2, "f" * 32)
    again = again.replace(b"\n  <i:processing>", b"<!-- printed -->\n\n<i:processing>")
    assert again != first
    assert read_request(again).content_sha256 == read_request(first).content_sha256
    other = read_request(a_request(note="Autre chose"))
    assert other.content_sha256 != read_request(first).content_sha256


@BOTH
def test_a_file_that_does_not_fit_the_schema_names_the_line_and_the_place(version: str) -> None:
    data = changed(a_request(version), 'currency="CHF"', 'currency="EUR"')
    fault = refused(data)
    line = data[: data.index(b">", data.index(b"<i:balance"))].count(b"\n") + 1
    assert (fault.code, fault.line) == ("schema", line)
    assert fault.field is not None
    assert fault.field.endswith("balance")
    assert "EUR" in fault.reason


def test_a_file_that_is_not_well_formed_names_line_and_column() -> None:
    fault = refused(b"<a>\n  <b></c>\n</a>")
    assert (fault.code, fault.line) == ("not-well-formed", 2)
    assert fault.column is not None


BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<r x="&b;">&b;</r>'
)
OUTSIDE = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r>&x;</r>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (BOMB.encode(), "document-type"),
        (OUTSIDE.encode(), "document-type"),
        (b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/r.dtd"><r/>', "document-type"),
        (('<?xml version="1.0" encoding="UTF-16"?>' + BOMB).encode("utf-16"), "encoding"),
        (('<?xml version="1.0"?>' + BOMB).encode("utf-16-le"), "encoding"),
        (b'<?xml version="1.0" encoding="UTF-7"?><r/>', "encoding"),
        (b"<a>" * 400 + b"</a>" * 400, "too-deep"),
        (b"<r/>", "not-a-request"),
        (b"", "not-well-formed"),
        (b"invoice;amount\n1;2\n", "not-well-formed"),
        (b"%PDF-1.7", "not-well-formed"),
        (b" " * (FILE_BYTES_MAX + 1), "file-too-large"),
    ],
)
def test_a_hostile_or_strange_file_is_refused_with_a_reason(data: bytes, code: str) -> None:
    assert refused(data).code == code


def test_a_file_that_lies_about_its_encoding_is_refused_where_it_lies() -> None:
    data = changed(a_request(), "Haute", "Grünweg").replace("ü".encode(), b"\xfc", 1)
    fault = refused(data)
    line = data[: data.index(b"\xfc")].count(b"\n") + 1
    assert (fault.code, fault.line) == ("encoding", line)


def test_latin_letters_in_their_own_encoding_are_read() -> None:
    data = changed(a_request(family="Müller"), 'encoding="UTF-8"', 'encoding="ISO-8859-1"')
    invoice = read_request(data.decode().encode("iso-8859-1"))
    assert invoice.patient.family_name == "Müller"


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ('request_subtype="normal"', 'request_subtype="storno"', "not-an-invoice", "payload"),
        ('request_type="invoice"', 'request_type="reminder"', "not-an-invoice", "payload"),
        ('request_id="RE-4711"', 'request_id="../x"', "invoice-number", "invoice.request_id"),
        ('gln="7601000000019">', 'gln="7601000000057">', "other-practice", "biller.gln"),
        ('provider_gln gln="7601000000026"', 'provider_gln gln="7601000000027"',
         "gln-check-digit", "provider.gln"),
        ('from="7601000000019"', 'from="7601000000018"', "gln-check-digit", "transport"),
        ('responsible_id="7601000000026"', 'responsible_id="7601000000020"',
         "gln-check-digit", "services.0.gln"),
        ("2026-02-28T10", "2026-03-28T10", "future-invoice", "invoice.date"),
        ("1772269200", "1762269200", "timestamp", "invoice.date"),
        ('date_end="2026-02-27"', 'date_end="2026-02-26"', "treatment-dates", "treatment"),
        ('birthdate="1980-05-01"', 'birthdate="2026-02-28"', "birth-date", "patient"),
        ('birthdate="1980-05-01"', 'birthdate="1880-05-01"', "birth-date", "patient"),
        ('date_begin="2026-02-27T00:00:00"', 'date_begin="2026-02-20T00:00:00"',
         "service-date", "services.0.date"),
        ('amount="60"', 'amount="61"', "sum-of-services", "balance.amount"),
        ('amount_due="100.00"', 'amount_due="100.05"', "balance", "balance.due"),
        ('amount_due="100.00"', 'amount_due="100.001"', "decimals", "balance.due"),
        ('amount_prepaid="20.00"', 'amount_prepaid="120.05"', "deposit", "balance.prepaid"),
        ('amount_prepaid="20.00"', 'amount_prepaid="-20.00"', "deposit", "balance.prepaid"),
        ('amount_reminder="0"', 'amount_reminder="5"', "reminder-amount", "balance.reminder"),
        ('vat_rate="0" amount="120.00"', 'vat_rate="0" amount="119.00"', "vat", "balance.vat"),
        ('vat vat="0"', 'vat vat="1"', "vat", "balance.vat"),
        ('amount="60.00"', 'amount="INF"', "decimals", "services.0.amount"),
        ('amount="60.00"', 'amount="NaN"', "decimals", "services.0.amount"),
        ('unit="50"', 'unit="55"', "service-amount", "services.0.amount"),
        ('unit="50"', 'unit="INF"', "service-amount", "services.0"),
        (REFERENCE, REFERENCE[:-1] + "8", "reference-check-digit", "payment-slip"),
        ("CH4431999123000889012", "CH4531999123000889012", "iban-check-digit", "payment-slip"),
        ("CH4431999123000889012", IBAN, "qr-iban", "payment-slip"),
    ],
)  # fmt: skip
def test_a_file_that_breaks_a_rule_says_which_and_where(
    old: str, new: str, code: str, field: str
) -> None:
    invoice = read_request(changed(a_request(), old, new))
    faults = {(fault.code, fault.field): fault for fault in faults_of(invoice, SETTING)}
    assert (code, field) in faults
    assert faults[code, field].line is not None


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('storno="false"', 'storno="true"', "not-an-invoice"),
        ('copy="false"', 'copy="1"', "not-an-invoice"),
        (f'reference_number="{REFERENCE}"', 'reference_number="RF18539007547034"', "qr-iban"),
        (f'reference_number="{REFERENCE}"', 'reference_number="RF19539007547034"',
         "reference-check-digit"),
    ],
)  # fmt: skip
def test_the_older_version_has_its_own_ways_to_break_a_rule(old: str, new: str, code: str) -> None:
    invoice = read_request(changed(a_request("4.5"), old, new))
    assert code in {fault.code for fault in faults_of(invoice, SETTING)}


def test_every_fault_is_named_at_once_with_its_line() -> None:
    data = changed(a_request(), 'amount_due="100.00"', 'amount_due="1.00"')
    data = changed(data, "1980-05-01", "2030-05-01")
    faults = faults_of(read_request(data), SETTING)
    assert {fault.code for fault in faults} == {"birth-date", "balance"}
    assert len({fault.line for fault in faults}) == 2


def test_a_slip_without_reference_does_only_without_a_contract() -> None:
    slip = f'<i:esrQR iban="CH4431999123000889012" reference_number="{REFERENCE}"'
    data = changed(a_request(), slip, f'<i:esrQRRed iban="{IBAN}"')
    invoice = read_request(changed(data, "</i:esrQR>", "</i:esrQRRed>"))
    assert faults_of(invoice, replace(SETTING, contract=None)) == ()
    assert [fault.code for fault in faults_of(invoice, SETTING)] == ["no-qr-reference"]


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (a_request(ssn="0000"), ("missing-ssn",)),
        (a_request(ssn="7569217076984"), ("doubtful-ssn",)),
        (a_request(born="2015-05-01"), ("minor-without-guarantor",)),
        (a_request(born="2015-05-01", guarantor="Parent"), ()),
        (changed(a_request(), "<i:zip>1020", "<i:zip>0000"), ("missing-debtor-address",)),
        (changed(a_request(), "<i:street>Rue Haute 2</i:street>", ""), ("missing-debtor-street",)),
    ],
)
def test_what_the_factor_would_refuse_is_imported_but_unfit(
    data: bytes, codes: tuple[str, ...]
) -> None:
    invoice = read_request(data)
    assert faults_of(invoice, SETTING) == ()
    assert unfit_codes_of(invoice, SETTING) == codes


def test_a_slip_of_somebody_else_is_not_for_the_factor() -> None:
    contract = replace(a_contract(PRACTICE), qr_iban="CH5730999123000889012")
    codes = unfit_codes_of(read_request(a_request()), replace(SETTING, contract=contract))
    assert codes == ("foreign-payment-slip",)


def test_an_office_can_be_the_debtor() -> None:
    data = a_request(guarantor="Parent")
    begin, end = data.index(b"<i:guarantor>") + len("<i:guarantor>"), data.index(b"</i:guarantor>")
    company = (
        b"<i:company><i:companyname>Service social</i:companyname>"
        b"<i:department>Renens</i:department><i:postal><i:street>Rue Haute 1</i:street>"
        b"<i:zip>1020</i:zip><i:city>Renens</i:city></i:postal></i:company>"
    )
    invoice = read_request(data[:begin] + company + data[end:])
    assert invoice.debtor.name == OfficeName("Service social", "Renens")


@pytest.mark.parametrize(("wanted", "written"), [("5.0", "4.5"), ("4.5", "5.0")])
def test_a_file_in_another_version_than_the_contract_wants_is_unfit(
    wanted: str, written: str
) -> None:
    practice = a_practice()
    contract = a_contract(practice, invoice_format=wanted)
    own, other = read_request(a_request(wanted)), read_request(a_request(written))
    setting = Setting(practice, contract, date(2026, 3, 2))
    assert unfit_codes_of(own, setting) == ()
    assert unfit_codes_of(other, setting) == ("other-format-than-contract",)
    assert unfit_codes_of(other, Setting(practice, None, date(2026, 3, 2))) == ()
