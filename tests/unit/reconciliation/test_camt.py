"""The bank's files are read exactly, or refused with a reason and a line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reconciliation.adapters.camt import read_statements
from services.reconciliation.domain.bank import StatementRefusedError, grouped
from shared.kernel.money import Money
from tests.support.camt_builder import FACTOR_IBAN, IBAN, Entry, Part, camt

ORACLE = Path(__file__).parents[4] / "shared/oracles/camt/sample_camt054_v8.xml"
TWO = (Part("1000.00", "CMD-PAYOUT-1", payer=FACTOR_IBAN), Part("234.55", text="Payout ZA-7 April"))


@pytest.mark.parametrize(("kind", "version"), [("054", 4), ("054", 8), ("053", 4), ("053", 8)])
def test_a_batch_is_read_by_transaction_in_every_version(kind: str, version: int) -> None:
    [statement] = read_statements(camt(Entry("1234.55", TWO), kind=kind, version=version))
    assert (statement.message_type, statement.iban) == (f"camt.{kind}", IBAN)
    first, second = statement.entries
    assert (first.amount, first.tokens) == (Money(100_000), ("CMD-PAYOUT-1",))
    assert (first.counterparty_iban, second.counterparty_iban) == (FACTOR_IBAN, None)
    assert (second.amount, second.tokens) == (Money(23_455), ("PAYOUT", "ZA-7", "APRIL"))


def test_money_that_went_out_is_negative_and_what_is_pending_is_not_there() -> None:
    pending = Entry("5.00", bank_reference="ASR-2", status="<Cd>PDNG</Cd>")
    [statement] = read_statements(camt(Entry("12.30", direction="DBIT"), pending))
    assert [entry.amount for entry in statement.entries] == [Money(-1230)]


def test_a_status_of_version_four_is_a_text() -> None:
    [statement] = read_statements(camt(Entry("12.30", status="PDNG"), version=4))
    assert statement.entries == ()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (camt(Entry("1234.56", TWO)), "statement-does-not-add-up"),
        (camt(Entry("1.00", currency="EUR")), "statement-currency"),
        (camt(Entry("1.005")), "statement-amount"),
        (camt(Entry("-1.00")), "statement-amount"),
        (camt(Entry("NaN")), "statement-amount"),
        *(
            (camt(Entry(amount)), "statement-amount")
            for amount in ("1_000.00", "٣.00", "1e2", "1E+2", "1'000.00", "1,00", ".", "", "1 0")
        ),
        (camt(Entry("99999999999999.00")), "statement-amount"),
        (camt(Entry("1.00", day="2026-02-30")), "statement-date"),
        (camt(Entry("1.00", direction="LEFT")), "statement-incomplete"),
        (camt(Entry("1.00"), iban=""), "statement-incomplete"),
        (b"", "statement-not-xml"),
        (b"\x00\x01", "statement-not-xml"),
        (b"<Document/>", "statement-unknown-type"),
        (
            b'<!DOCTYPE x [<!ENTITY a "b">]><Document><BkToCstmrStmt/></Document>',
            "statement-not-xml",
        ),
    ],
)
def test_what_cannot_be_relied_on_is_refused_with_a_reason(data: bytes, code: str) -> None:
    with pytest.raises(StatementRefusedError) as refused:
        read_statements(data)
    assert refused.value.code == code


def test_two_equal_movements_without_a_reference_of_the_bank_are_two() -> None:
    entry = Entry("50.00", bank_reference=None)
    [statement] = read_statements(camt(entry, entry))
    assert len({group.key for group in grouped(statement.entries)}) == 2


@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_be_refused_or_read(data: bytes) -> None:
    with suppress(StatementRefusedError):
        assert read_statements(data)


@pytest.mark.skipif(not ORACLE.exists(), reason="../shared/oracles/camt is not on this machine")
def test_the_sample_file_is_read() -> None:
    [statement] = read_statements(ORACLE.read_bytes())
    assert [entry.amount for entry in statement.entries] == [Money(100_000), Money(23_455)]
    assert statement.entries[0].tokens == ("CMD-PAYOUT-4711", "RF18539007547034")
