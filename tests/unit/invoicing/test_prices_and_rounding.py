"""Price lists out of CSV, and invoices rounded to 5 Rappen by a line of their own."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.invoicing.domain.document import InvoiceDocument, check_document
from services.invoicing.domain.price_list import LINES_MAX, read_price_lines
from services.invoicing.domain.rounding import to_five
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from tests.unit.invoicing.builders import (
    a_document,
    a_patient,
    a_position,
    a_practice,
    a_provider,
    a_treatment,
)

HEADING = "code;text_de;text_fr;points;vat_rate\n"


def test_a_table_is_read_with_its_texts_points_and_rates() -> None:
    data = (HEADING + 'A.1;Füllung;"Obturation; grande";12.50;8.1\nA.2;;Contrôle;7;\n').encode(
        "utf-8-sig"
    )
    lines, faults = read_price_lines(data)
    assert faults == []
    assert [(one.code, one.points, one.vat_rate) for one in lines] == [
        ("A.1", Decimal("12.50"), Decimal("8.1")),
        ("A.2", Decimal(7), Decimal(0)),
    ]
    assert lines[0].texts == {"de": "Füllung", "fr": "Obturation; grande"}
    assert lines[1].texts == {"fr": "Contrôle"}


def test_commas_and_any_order_of_columns_are_taken() -> None:
    lines, _ = read_price_lines(b"points,code,text_en\r\n3,X,Check\r\n")
    assert (lines[0].code, lines[0].points, lines[0].texts) == ("X", Decimal(3), {"en": "Check"})


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (";a;;1;", "code"),
        ("x" * 31 + ";a;;1;", "code"),
        ("A;;;1;", "text"),
        ("A;" + "x" * 351 + ";;1;", "text_de"),
        ("A;a;;;", "points"),
        ("A;a;;-1;", "points"),
        ("A;a;;1.001;", "points"),
        ("A;a;;1e3;", "points"),
        ("A;a;;1;101", "vat_rate"),
        ("A;a;;1", ""),
    ],
)
def test_a_fault_names_its_line_and_column(row: str, column: str) -> None:
    lines, faults = read_price_lines((HEADING + "OK;a;;1;\n" + row + "\n").encode())
    assert [(one.line, one.column) for one in faults] == [(3, column)]
    assert [line.code for line in lines] == ["OK"]


def test_a_code_occurs_once() -> None:
    _, faults = read_price_lines((HEADING + "A;a;;1;\nA;b;;2;\n").encode())
    assert [(one.line, one.reason) for one in faults] == [(3, "occurs twice")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        HEADING.encode(),
        b"code;text_de\nA;a\n",
        b"code;points;colour\nA;1;red\n",
        b"code;code;points\nA;A;1\n",
        b'code;points;text_de\nA;1;"a\n',
        b"code;points;text_de\n" + b"A;1;a\n" * (LINES_MAX + 1),
    ],
    ids=["empty", "binary", "heading only", "no points", "unknown", "twice", "quote", "long"],
)
def test_what_is_no_price_table_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(DomainError) as refused:
        read_price_lines(data)
    assert refused.value.code == "no-price-table"


def a_bill(*points: str, round_to_five: bool = True, **changes: Any) -> InvoiceDocument:
    """Return an invoice whose positions have these points, at one franc each."""
    practice = a_practice(round_to_five=round_to_five)
    provider, patient = a_provider(practice), a_patient(practice)
    positions = [a_position(one, "1") for one in points]
    return a_document(
        practice=practice,
        patient=patient,
        providers={provider.provider_id: provider},
        treatments=(a_treatment(patient, provider, *positions),),
        **changes,
    )


@pytest.mark.parametrize(
    ("points", "total", "lines"),
    [
        ("10.00", "10.00", 1),
        ("10.02", "10.00", 2),
        ("10.03", "10.05", 2),
        ("10.07", "10.05", 2),
        ("10.08", "10.10", 2),
        ("0.02", "0.00", 2),
    ],
)
def test_the_rounding_is_a_line_of_the_invoice(points: str, total: str, lines: int) -> None:
    document = a_bill(points)
    check_document(document)
    assert document.total == Money.parse(total)
    sheet = read_sheet(ForumInvoiceRenderer().render(document), cancelled=False)
    assert len(sheet.lines) == lines
    assert Money.total(line.amount for line in sheet.lines) == sheet.total == document.total


@pytest.mark.parametrize(
    ("points", "deposit", "total", "to_pay"),
    [
        ("120.00", "0.02", "120.02", "120.00"),
        ("120.00", "19.98", "119.98", "100.00"),
        ("10.02", "5.01", "10.01", "5.00"),
        ("10.02", "10.02", "10.02", "0.00"),
        ("10.03", "10.05", "10.05", "0.00"),
        ("10.03", "5.00", "10.05", "5.05"),
    ],
)
def test_what_is_left_after_an_odd_deposit_is_rounded(
    points: str, deposit: str, total: str, to_pay: str
) -> None:
    document = a_bill(points, deposit=Money.parse(deposit))
    check_document(document)
    assert (str(document.total), str(document.balance)) == (total, to_pay)
    sheet = read_sheet(ForumInvoiceRenderer().render(document), cancelled=False)
    assert (str(sheet.total), str(sheet.due)) == (total, to_pay)


def test_nothing_is_rounded_where_the_practice_does_not_want_it() -> None:
    document = a_bill("10.02", round_to_five=False)
    assert (document.total, len(list(document.lines()))) == (Money.parse("10.02"), 1)


@given(
    amounts=st.lists(st.integers(0, 10**7), min_size=1, max_size=8),
    part=st.integers(0, 100),
    discount=st.decimals(0, 100, places=2),
    rounds=st.booleans(),
)
def test_sums_discount_rounding_and_deposit_always_fit(
    amounts: list[int], part: int, discount: Decimal, *, rounds: bool
) -> None:
    points = [str(Money(amount)) for amount in amounts]
    whole = a_bill(*points, round_to_five=rounds, discount_percent=discount)
    document = a_bill(
        *points,
        round_to_five=rounds,
        discount_percent=discount,
        deposit=Money(whole.total.rappen * part // 100),
    )
    check_document(document)
    assert Money.total(line.position.amount for line in document.lines()) == document.total
    assert document.total - document.deposit == document.balance >= Money.zero()
    exact = Fraction(sum(amounts)) * (100 - Fraction(discount)) / 100
    assert abs(document.total.rappen - exact) <= Fraction(1, 2) + (2 if rounds else 0)
    assert not rounds or document.balance.rappen % 5 == 0
    assert Money.total(one.amount for one in document.vat) == document.total


def test_a_discount_is_a_line_per_vat_rate_and_its_tax_shrinks_with_it() -> None:
    practice = a_practice()
    provider, patient = a_provider(practice), a_patient(practice)
    positions = [a_position("100", "1"), a_position("108.10", "1", vat_rate=Decimal("8.1"))]
    document = a_document(
        practice=practice,
        patient=patient,
        providers={provider.provider_id: provider},
        treatments=(a_treatment(patient, provider, *positions),),
        discount_percent=Decimal("10"),
    )
    lines = [line.position for line in document.lines() if line.position.code == "DISCOUNT"]
    assert [(one.text, str(one.amount), one.vat_rate) for one in lines] == [
        ("Rabais 10 %", "-10.00", Decimal(0)),
        ("Rabais 10 %", "-10.81", Decimal("8.1")),
    ]
    assert str(document.total) == "187.29"
    assert [str(one.vat) for one in document.vat] == ["0.00", "7.29"]


@pytest.mark.parametrize("discount", ["-1", "100.01"])
def test_a_discount_beyond_the_price_is_refused(discount: str) -> None:
    with pytest.raises(DomainError, match="discount"):
        check_document(a_bill("10.00", round_to_five=False, discount_percent=Decimal(discount)))


@given(st.integers(0, 10**9))
def test_the_nearest_five_is_at_most_two_away(rappen: int) -> None:
    rounded = to_five(Money(rappen)).rappen
    assert rounded % 5 == 0
    assert abs(rounded - rappen) <= 2
    assert to_five(Money(-rappen)).rappen == -rounded
