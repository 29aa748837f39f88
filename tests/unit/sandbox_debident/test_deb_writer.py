"""The DEB writer follows docs/deb/quittance-v1.md to the byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from sandbox.debident.deb_writer import DebHeader, DebLayoutError, DebRow, write_deb_file
from shared.kernel.money import Money

HEADER = DebHeader(
    file_id="CMD-4711-000002",
    previous_file_id="CMD-4711-000001",
    account_number="CMD-4711",
    created_at=datetime(2026, 7, 1, 22, 30, 5, tzinfo=UTC),
)
PAYOUT = DebRow(
    record_id="0b5f6f1c-0000-4000-8000-000000000001",
    kind="payout",
    invoice_number="2026-000001",
    order_number="CMD-2026-0001",
    debtor_number="10001",
    event_date=date(2026, 6, 30),
    value_date=date(2026, 7, 1),
    amount=Money(117_00),
    payout_reference="PO20260630-0a1b2c3d",
    text="Auszahlung für März",
)
SENT = replace(
    PAYOUT,
    record_id="r2",
    kind="sent",
    value_date=None,
    amount=Money.zero(),
    payout_reference="",
    text="",
)


def test_a_file_is_written_to_the_byte() -> None:
    expected = [
        "H"
        "QUITTANCE-V1"
        + "CMD-4711-000002".ljust(36)
        + "CMD-4711-000001".ljust(36)
        + "CMD-4711".ljust(20)
        + "20260702"  # half past ten in the evening UTC is the next day in Switzerland
        + "003005"
        + "P"
        + " " * 120,
        "R"
        "0b5f6f1c-0000-4000-8000-000000000001"
        + "payout".ljust(20)
        + "2026-000001".ljust(35)
        + "CMD-2026-0001".ljust(35)
        + "10001".ljust(20)
        + "20260630"
        + "20260701"
        + "+"
        + "000000011700"
        + "CHF"
        + "PO20260630-0a1b2c3d".ljust(20)
        + " "
        + "  "
        + "Auszahlung für März".ljust(38),
        "S" + "payout".ljust(20) + "000000001" + "+" + "000000000011700" + " " * 194,
        "T" + "000000001" + "+" + "000000000011700" + " " * 214,
    ]
    data = write_deb_file(HEADER, [PAYOUT])
    assert data == "".join(f"{line}\r\n" for line in expected).encode("iso-8859-1")


def test_every_record_has_240_bytes_and_ends_with_cr_lf() -> None:
    data = write_deb_file(HEADER, [PAYOUT, SENT])
    assert len(data) == 242 * 6
    assert {data[start + 240 : start + 242] for start in range(0, len(data), 242)} == {b"\r\n"}


def test_there_is_one_sum_per_kind_sorted_by_kind_and_signed() -> None:
    back = replace(PAYOUT, record_id="r3", amount=Money(-200_00))
    lines = write_deb_file(HEADER, [SENT, PAYOUT, back]).decode("iso-8859-1").split("\r\n")
    assert lines[4].rstrip() == "S" + "payout".ljust(20) + "000000002-000000000008300"
    assert lines[5].rstrip() == "S" + "sent".ljust(20) + "000000001+000000000000000"
    assert lines[6].rstrip() == "T000000003-000000000008300"


def test_the_first_file_of_an_account_has_no_previous_one() -> None:
    data = write_deb_file(replace(HEADER, previous_file_id=None, test=True), [])
    assert data[49:85] == b" " * 36
    assert data[119:120] == b"T"
    assert data[242:].rstrip() == b"T000000000+000000000000000"


def test_level_and_beneficiary_stand_in_their_columns() -> None:
    fee = replace(PAYOUT, kind="reminder_fee", beneficiary="F", level=1)
    record = write_deb_file(HEADER, [fee])[242:484]
    assert record[199:202] == b"F01"


@pytest.mark.parametrize(
    "row",
    [
        replace(PAYOUT, invoice_number="x" * 36),
        replace(PAYOUT, text="Złoty"),
        replace(PAYOUT, text="two\r\nlines"),
        replace(PAYOUT, level=100),
        replace(PAYOUT, amount=Money(10**12)),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_and_never_cut_off(row: DebRow) -> None:
    with pytest.raises(DebLayoutError):
        write_deb_file(HEADER, [row])
