"""The tax of an invoice: by rate, in what is imported and in what a package holds, by one rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.invoicing.adapters.forum_reading import read_request
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import InvoiceDocument, check_document
from services.invoicing.domain.incoming_rules import Setting, faults_of, unfit_codes_of
from shared.forum import checking
from shared.forum.tax import tax_faults
from shared.kernel.errors import DomainError
from tests.unit.invoicing.builders import (
    a_contract,
    a_document,
    a_patient,
    a_position,
    a_practice,
    a_provider,
    a_treatment,
)
from tests.unit.invoicing.requests import NUMBER, a_request, changed

PRACTICE = a_practice()
TAXED = a_position("108.10", "1", vat_rate=Decimal("8.1"))
BOTH = pytest.mark.parametrize("version", ["5.0", "4.5"])
UNTAXED = '<i:vat vat="0"><i:vat_rate vat_rate="0" amount="120.00" vat="0"/></i:vat>'
RIGHT = (
    '<i:vat vat="8.99" vat_number="CHE100155212">'
    '<i:vat_rate vat_rate="8.1" amount="120.00" vat="8.99"/></i:vat>'
)


def a_file(version: str, *, balance: str, rates: tuple[str, str]) -> bytes:
    """Return a file of two services of CHF 60.00 at these rates, with these taxes summed up."""
    data = a_request(version)
    for amount, rate in zip(('amount="60.00"', 'amount="60"'), rates, strict=True):
        data = changed(data, amount, f'{amount} vat_rate="{rate}"')
    return changed(data, UNTAXED, balance)


def told(data: bytes, version: str) -> set[tuple[str, str]]:
    """Return code and words of the faults; the import and the check of a package agree."""
    setting = Setting(PRACTICE, a_contract(PRACTICE, invoice_format=version), date(2026, 3, 2))
    imported = faults_of(read_request(data), setting)
    assert all(fault.line is not None for fault in imported)
    checked = checking.check_document(data, invoice_number=NUMBER).faults
    both = [{(one.code, one.reason) for one in found} for found in (imported, checked)]
    assert both[0] == both[1]
    return both[0]


def two_rates(half: str, other: str) -> str:
    """Return a balance of CHF 60.00 without tax and CHF 60.00 at 8.1 %, with these taxes."""
    total = Decimal(half) + Decimal(other)
    return (
        f'<i:vat vat="{total}" vat_number="CHE100155212">'
        f'<i:vat_rate vat_rate="0" amount="60.00" vat="{half}"/>'
        f'<i:vat_rate vat_rate="8.10" amount="60.00" vat="{other}"/></i:vat>'
    )


@BOTH
@pytest.mark.parametrize(
    ("balance", "rates"),
    [
        (RIGHT, ("8.1", "8.1")),
        (RIGHT.replace("8.99", "9.04"), ("8.1", "8.1")),
        (two_rates("0", "4.50"), ("0", "8.1")),
        (two_rates("0", "4.50"), ("8.10", "0.0")),
    ],
)
def test_a_tax_that_is_right_but_for_rounding_is_taken(
    version: str, balance: str, rates: tuple[str, str]
) -> None:
    assert told(a_file(version, balance=balance, rates=rates), version) == set()


@BOTH
@pytest.mark.parametrize(
    ("balance", "rates", "words"),
    [
        (UNTAXED, ("8.1", "8.1"), "The services at 8.1 % come to 120.00"),
        (RIGHT, ("0", "0"), "The services at 0 % come to 120.00"),
        (RIGHT.replace("8.99", "119.00"), ("8.1", "8.1"), "119.00 is not the tax of 8.1 %"),
        (RIGHT.replace("8.99", "9.05"), ("8.1", "8.1"), "9.05 is not the tax of 8.1 %"),
        (RIGHT.replace("8.99", "9.72"), ("8.1", "8.1"), "9.72 is not the tax of 8.1 %"),
        (RIGHT.replace("8.1", "2.6"), ("8.1", "8.1"), "8.99 is not the tax of 2.6 %"),
        (two_rates("4.50", "0"), ("0", "8.1"), "4.50 is not the tax of 0 %"),
        (two_rates("0", "4.50"), ("8.1", "8.1"), "The services at 8.1 % come to 120.00"),
    ],
)
def test_a_tax_that_is_wrong_is_named_alike_in_a_file_and_in_a_package(
    version: str, balance: str, rates: tuple[str, str], words: str
) -> None:
    faults = told(a_file(version, balance=balance, rates=rates), version)
    assert {code for code, _ in faults} == {"vat"}
    assert any(words in reason for _, reason in faults), faults


@pytest.mark.parametrize("rate", ["-100", "NaN", "sNaN", "Infinity", "100.01"])
def test_what_is_no_percentage_is_a_fault_and_no_error(rate: str) -> None:
    assert [*tax_faults([(Decimal(rate), Decimal(1))], [])] == ["A VAT rate is no percentage."]


def billed(version: str, *lines: tuple[int, str], discount: Decimal, rounds: bool) -> bytes:
    """Return our own document of positions of so many Rappen at these rates."""
    practice = a_practice(round_to_five=rounds)
    provider, patient = a_provider(practice), a_patient(practice)
    positions = [
        a_position(str(Decimal(rappen) / 100), "1", vat_rate=Decimal(rate))
        for rappen, rate in lines
    ]
    document = a_document(
        practice=practice,
        patient=patient,
        contract=a_contract(practice, invoice_format=version),
        providers={provider.provider_id: provider},
        treatments=(a_treatment(patient, provider, *positions),),
        discount_percent=discount,
    )
    check_document(document)
    return ForumInvoiceRenderer().render(document)


@BOTH
@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.tuples(st.integers(0, 10**7), st.sampled_from(["0", "2.6", "3.8", "8.1"])),
        min_size=1,
        max_size=12,
    ),
    discount=st.decimals(0, 100, places=2),
    rounds=st.booleans(),
)
def test_whatever_the_house_bills_passes_its_own_checks(
    version: str, lines: list[tuple[int, str]], discount: Decimal, *, rounds: bool
) -> None:
    data = billed(version, *lines, discount=discount, rounds=rounds)
    assert checking.check_document(data, invoice_number="2026-000123").faults == ()
    practice = a_practice()
    contract = a_contract(practice, invoice_format=version)
    incoming, setting = read_request(data), Setting(practice, contract, date(2026, 3, 2))
    assert faults_of(incoming, setting) == ()
    assert unfit_codes_of(incoming, setting) == ()


@BOTH
def test_a_taxed_file_without_a_vat_number_is_imported_but_unfit_and_told_in_a_package(
    version: str,
) -> None:
    data = a_file(
        version, balance=RIGHT.replace(' vat_number="CHE100155212"', ""), rates=("8.1", "8.1")
    )
    setting = Setting(PRACTICE, a_contract(PRACTICE, invoice_format=version), date(2026, 3, 2))
    assert faults_of(read_request(data), setting) == ()
    assert unfit_codes_of(read_request(data), setting) == ("missing-vat-number",)
    (fault,) = checking.check_document(data, invoice_number=NUMBER).faults
    assert (fault.code, fault.line is not None) == ("missing-vat-number", True)


def a_bill(*, uid: str | None, taxed: bool) -> InvoiceDocument:
    """Return the content of an invoice of a practice with this business number."""
    practice = replace(PRACTICE, uid=uid)
    provider, patient = a_provider(practice), a_patient(practice)
    return a_document(
        practice=practice,
        patient=patient,
        providers={provider.provider_id: provider},
        treatments=(a_treatment(patient, provider, TAXED if taxed else a_position()),),
    )


def test_a_tax_is_billed_under_the_business_number_of_the_practice_or_not_at_all() -> None:
    with pytest.raises(DomainError) as refused:
        check_document(a_bill(uid=None, taxed=True))
    assert refused.value.code == "uid-missing"
    check_document(a_bill(uid="CHE100155212", taxed=True))
    check_document(a_bill(uid=None, taxed=False))


@pytest.mark.parametrize(("tax", "is_right"), [("9.10", True), ("9.14", True), ("9.30", False)])
def test_who_taxes_line_by_line_may_be_off_by_half_a_rappen_each(tax: str, is_right: bool) -> None:
    rate, lines = Decimal("8.1"), [(Decimal("8.1"), Decimal("3.00"))] * 40
    faults = [*tax_faults(lines, [(rate, Decimal("120.00"), Decimal(tax))])]
    assert (faults == []) is is_right
