"""A number beyond all bounds refuses its file, with its line, and never costs the others."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from services.invoicing.domain.incoming import ImportOutcome
from services.invoicing.domain.invoice import POSITIONS_MAX
from shared.forum.checking import check_document
from shared.forum.numbers import is_within_bounds
from tests.unit.invoicing.import_desk import Desk
from tests.unit.invoicing.requests import NUMBER, a_request, a_zip, changed, reference

PLACES = [
    ("i:balance", "amount"),
    ("i:balance", "amount_reminder"),
    ("i:balance", "amount_prepaid"),
    ("i:balance", "amount_due"),
    ("i:vat", "vat"),
    ("i:vat_rate", "vat_rate"),
    ("i:vat_rate", "amount"),
    ("i:vat_rate", "vat"),
    ("i:service", "quantity"),
    ("i:service", "unit"),
    ("i:service", "unit_factor"),
    ("i:service", "external_factor"),
    ("i:service", "amount"),
    ("i:service", "vat_rate"),
]
ODD = ["1e999999999", "-1e999999999", "1e1000000", "1e-999999999", "1e13", "1e-13", "0e999999999"]


def with_number(data: bytes, element: str, name: str, value: str) -> bytes:
    """Return the file with this attribute of the first such element."""
    text = data.decode()
    found = re.search(rf"<{element}\s[^>]*>", text)
    assert found is not None
    bare = re.sub(rf'\s{name}="[^"]*"', "", found[0], count=1)
    new = bare.replace(f"<{element}", f'<{element} {name}="{value}"', 1)
    return (text[: found.start()] + new + text[found.end() :]).encode()


def codes_of(name: str, value: str) -> set[str]:
    """Return what a number beyond bounds is called; the schema itself bounds some of them."""
    by_schema = name == "vat_rate" or (name.endswith("_factor") and not value.startswith("1e9"))
    return {"unreadable-value", "schema"} if by_schema else {"unreadable-value"}


def lines_of(data: bytes, element: str) -> range:
    """Return the lines, counted from 1, on which the tag of the first such element stands."""
    text = data.decode()
    begin = text.index(f"<{element} ")
    end = text.index(">", begin)
    return range(text.count("\n", 0, begin) + 1, text.count("\n", 0, end) + 2)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(("element", "name"), PLACES)
async def test_a_number_beyond_bounds_refuses_its_file_alone(
    element: str, name: str, value: str
) -> None:
    odd = with_number(a_request(), element, name, value)
    good = a_request(number="C", reference=reference(3))
    bad, fine = await Desk().upload(a_zip({"1.xml": odd, "2.xml": good}))
    assert fine.outcome is ImportOutcome.IMPORTED
    assert bad.outcome is ImportOutcome.REFUSED
    (fault,) = bad.faults
    assert fault.code in codes_of(name, value)
    assert fault.line is not None
    assert fault.line in lines_of(odd, element)


@pytest.mark.parametrize("value", [*ODD, "1e9999999999999999999999"])
@pytest.mark.parametrize("version", ["5.0", "4.5"])
@pytest.mark.parametrize(("element", "name"), PLACES)
def test_a_document_with_a_number_beyond_bounds_is_named(
    element: str, name: str, value: str, version: str
) -> None:
    odd = with_number(a_request(version), element, name, value)
    (fault,) = check_document(odd, invoice_number=NUMBER).faults
    assert fault.code in codes_of(name, value)
    assert fault.line is not None
    assert fault.line in lines_of(odd, element)


async def test_an_exponent_that_no_number_holds_refuses_its_file_alone() -> None:
    odd = changed(a_request(), 'amount_due="100.00"', 'amount_due="1e9999999999999999999999"')
    good = a_request(number="C", reference=reference(3))
    bad, fine = await Desk().upload(a_zip({"1.xml": odd, "2.xml": good}))
    assert (bad.outcome, fine.outcome) == (ImportOutcome.REFUSED, ImportOutcome.IMPORTED)
    assert bad.faults[0].line is not None


@pytest.mark.parametrize("value", ["0", "0.00", "0." + "0" * 30, "9999999.99", "-1e12", "INF"])
def test_an_ordinary_number_is_within_bounds(value: str) -> None:
    assert is_within_bounds(Decimal(value))


@pytest.mark.parametrize(("more", "outcome"), [(0, "imported"), (1, "refused")])
async def test_an_invoice_holds_so_many_services_and_no_more(more: int, outcome: str) -> None:
    text = a_request().decode()
    services = re.findall(r"<i:service .*?/>", text, re.DOTALL)
    nothing = services[0].replace('unit="50"', 'unit="0"').replace("60.00", "0.00")
    added = "\n".join([nothing] * (POSITIONS_MAX - len(services) + more))
    data = text.replace("</i:services>", f"{added}</i:services>").encode()
    report = await Desk().one(data)
    assert report.outcome.value == outcome
    assert [fault.code for fault in report.faults] == ["too-many-positions"] * more
    if more:
        last = text[: text.index("</i:services>")].count("\n") + added.count("\n") - 1
        assert report.faults[0].line is not None
        assert abs(report.faults[0].line - last) <= 2
