"""Layouts are data: two shapes, headings in any order, and what a file has none of."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import date

import pytest

from services.reconciliation.adapters.layouts import SHIPPED, shipped_layouts
from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.layout_file import read_layout
from services.reconciliation.domain.deb.lines import in_chunks
from services.reconciliation.domain.deb.reader import DebReader, Item
from services.reconciliation.domain.deb.records import DebRow, FileFault, Header

DE_FR = shipped_layouts()["quittance-de-fr"]
MINIMAL = shipped_layouts()["quittance-minimal"]
FETCHED_ON = date(2026, 4, 1)
HEADINGS = "Beleg;Art;Rechnung;Debitor;Datum;Betrag"
ROWS = (
    "A-1;Auszahlung;2026-000001;10001;25.03.2026;1'234.50",
    "A-2;Mahngebühr;2026-000002;10002;10.03.2026;20,00",
)


def read(layout: Layout, text: str | bytes) -> list[Item]:
    data = text.encode() if isinstance(text, str) else text
    return list(DebReader(layout).read(in_chunks(data, 7)))


def rows_of(layout: Layout, *lines: str) -> list[DebRow]:
    items = read(layout, "".join(f"{line}\r\n" for line in lines))
    assert not any(isinstance(item, FileFault) for item in items), items
    return [item for item in items if isinstance(item, DebRow)]


def fault_of(layout: Layout, text: str | bytes) -> FileFault:
    last = read(layout, text)[-1]
    assert isinstance(last, FileFault)
    return last


def the_row(layout: Layout, *lines: str) -> DebRow:
    (row,) = rows_of(layout, *lines)
    return row


def test_german_and_french_headings_choose_the_columns_in_any_order() -> None:
    german = the_row(DE_FR, HEADINGS + ";Zugunsten;Stufe", ROWS[1] + ";Praxis;2")
    french = the_row(
        DE_FR,
        "Montant;niveau;EN FAVEUR DE; Date ;Débiteur;Facture;Genre;Pièce",
        "20,00;2;cabinet;10.03.2026;10002;2026-000002;frais de rappel;A-2",
    )
    assert german.content_sha256 == french.content_sha256
    assert (german.record_id, german.kind, str(german.amount), german.currency) == (
        "A-2",
        "reminder_fee",
        "20.00",
        "CHF",
    )
    assert (german.event_date, german.beneficiary, german.level) == (
        date(2026, 3, 10),
        "practice",
        2,
    )


@pytest.mark.parametrize(
    ("written", "rappen"),
    [
        ("1'234.50", 123450),
        ("1’234’567,5", 123456750),
        ("1234,50", 123450),
        ("12", 1200),
        ("-80.00", -8000),
        ("80.00-", -8000),
        ("−80.00", -8000),
        ("+80.00", 8000),
        ("999999999999.99", 99999999999999),
        ("1,234.50", None),
        ("1.234,50", None),
        ("80.005", None),
        ("1'23.50", None),
        ("12'34", None),
        ("-80.00-", None),
        ("80.", None),
        (".80", None),
        ("1e3", None),
        ("٣.00", None),
        ("1000000000000", None),
    ],
)
def test_amounts_are_read_exactly_or_not_at_all(written: str, rappen: int | None) -> None:
    row = the_row(DE_FR, HEADINGS, f"A-1;Auszahlung;R;1;25.03.2026;{written}")
    assert (row.amount.rappen if row.amount else None) == rappen
    assert (row.problem.reason if row.problem else None) == (None if rappen else "bad-amount")


@pytest.mark.parametrize(
    "written", ["1.3.2026", "30.02.2026", "2026-03-01", "01.03.26", "01032026"]
)
def test_a_date_of_another_form_or_none_at_all_is_a_problem_in_its_column(written: str) -> None:
    row = the_row(DE_FR, HEADINGS, f"A-1;Versand;R;1;{written};0.00")
    assert row.problem is not None
    assert (row.problem.reason, row.problem.column) == ("impossible-date", 17)


def test_quoted_fields_hold_delimiters_and_quotes_and_columns_still_count() -> None:
    row = the_row(
        DE_FR,
        "Bemerkung;" + HEADINGS,
        '"Zahlung; ""bar"" 1/2";A-1;Versand;"R";1;10.03.2026;x',
    )
    assert (row.note, row.invoice_number) == ('Zahlung; "bar" 1/2', "R")
    assert row.problem is not None
    assert (row.problem.column, row.problem.field) == (53, "amount")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ('A-1;"Versand;R;1;10.03.2026;0', 5),
        ('A-1;"Versand"x;R;1;10.03.2026;0', 14),
        ("A-1;Versand;R;1;10.03.2026", 27),
        ("A-1;Versand;R;1;10.03.2026;0;more", 30),
        ("A-1;Ver\x00sand;R;1;10.03.2026;0", 8),
    ],
)
def test_a_line_that_cannot_be_divided_is_parked_and_the_file_goes_on(
    line: str, column: int
) -> None:
    bad, good = rows_of(DE_FR, HEADINGS, line, ROWS[0])
    assert bad.problem is not None
    assert (bad.problem.reason, bad.problem.column) == ("unreadable-row", column)
    assert (bad.record_id, bad.amount) == (None, None)
    assert good.problem is None


def test_a_word_that_no_table_knows_is_no_kind() -> None:
    row = the_row(DE_FR, HEADINGS, "A-1;payout;R;1;10.03.2026;5")
    assert row.problem is not None
    assert (row.kind, row.problem.reason, row.problem.column) == (None, "unknown-kind", 5)


@pytest.mark.parametrize("total", [(), ("Total;;2;;;1'254.50",), ("summe;;;;;1254,50",)])
def test_a_total_line_may_be_there_or_not(total: tuple[str, ...]) -> None:
    assert len(rows_of(DE_FR, HEADINGS, *ROWS, *total)) == 2


@pytest.mark.parametrize(
    ("total", "reason"),
    [
        ("Total;;2;;;1'254.51", "trailer-sum-mismatch"),
        ("Total;;3;;;1'254.50", "trailer-count-mismatch"),
        ("Total;;2;;;1'254.501", "malformed-trailer"),
    ],
)
def test_a_total_that_is_off_by_one_holds_the_file(total: str, reason: str) -> None:
    fault = fault_of(DE_FR, "\n".join((HEADINGS, *ROWS, total, "")))
    assert (fault.reason, fault.line) == (reason, 4)


def test_rows_after_the_total_hold_the_file() -> None:
    fault = fault_of(DE_FR, "\n".join((HEADINGS, "Total;;0;;;0", *ROWS, "")))
    assert (fault.reason, fault.line) == ("unexpected-record", 3)


def test_the_account_of_the_rows_is_the_files_and_may_not_change() -> None:
    lines = [f"{HEADINGS};Konto", f"{ROWS[0]};CMD-77", f"{ROWS[1]};CMD-77", ""]
    header = read(DE_FR, "\n".join(lines))[0]
    assert isinstance(header, Header)
    assert (header.account, header.file_id, header.created_on) == ("CMD-77", None, None)
    fault = fault_of(DE_FR, "\n".join(lines).replace("20,00;CMD-77", "20,00;CMD-78"))
    assert (fault.reason, fault.line) == ("mixed-accounts", 3)


@pytest.mark.parametrize(
    ("layout", "line", "expected"),
    [
        (DE_FR, "\n".join((HEADINGS, *ROWS, "")), date(2026, 3, 25)),
        (DE_FR, f"{HEADINGS}\nA;Versand;R;1;25.03.2062;0\n", FETCHED_ON),
        (DE_FR, f"{HEADINGS}\n", FETCHED_ON),
        (MINIMAL, "2026-03-10,payout,R,1,5.00,\n", FETCHED_ON),
    ],
)
def test_without_a_header_the_layout_says_whence_the_files_date_comes(
    layout: Layout, line: str, expected: date
) -> None:
    reader = DebReader(layout)
    assert isinstance(next(iter(list(reader.read([line.encode()])))), Header)
    assert reader.file_date(fetched_on=FETCHED_ON) == expected


def test_the_minimal_layout_has_neither_header_nor_trailer_nor_record_id() -> None:
    header, row = read(MINIMAL, '2026-03-10,payout,2026-000001,10001,-115.00,"a, b"\n')
    assert header == Header(line=1)
    assert isinstance(row, DebRow)
    assert (row.record_id, row.kind, str(row.amount), row.note, row.problem) == (
        None,
        "payout",
        "-115.00",
        "a, b",
        None,
    )


GOOD = "\n".join((HEADINGS, *ROWS, ""))


@pytest.mark.parametrize(
    ("layout", "data", "reason", "place"),
    [
        (DE_FR, b"", "wrong-layout", (None, None)),
        (MINIMAL, b"", "wrong-layout", (None, None)),
        (DE_FR, b"anything else\n", "wrong-layout", (1, 14)),
        (MINIMAL, b"H2026,something\n", "wrong-layout", (1, 1)),
        (DE_FR, GOOD.encode("utf-16"), "wrong-encoding", (1, 1)),
        (DE_FR, GOOD.replace("Beleg", "Pièce").encode("cp1252"), "wrong-layout", (1, 3)),
        (DE_FR, GOOD.encode("utf-16-le"), "wrong-layout", (1, 2)),
        (DE_FR, GOOD[:-1].encode(), "truncated", (3, 50)),
        (DE_FR, GOOD[: len(HEADINGS) + 20].encode(), "truncated", (2, 20)),
        (DE_FR, GOOD.replace("Betrag", "Betrag;Konto Nr").encode(), "wrong-layout", (1, 41)),
        (DE_FR, GOOD.replace("Debitor", "Betrag").encode(), "wrong-layout", (1, 33)),
        (DE_FR, GOOD.replace("Datum", "Tag").encode(), "wrong-layout", (1, 38)),
        (DE_FR, GOOD.replace("Datum", '"Datum').encode(), "wrong-layout", (1, 28)),
        (shipped_layouts()["quittance-v1"], b"\xef\xbb\xbfH", "wrong-encoding", (1, 1)),
    ],
)
def test_a_file_of_another_kind_is_held_with_line_and_column(
    layout: Layout, data: bytes, reason: str, place: tuple[int | None, int | None]
) -> None:
    fault = fault_of(layout, data)
    assert (fault.reason, (fault.line, fault.column)) == (reason, place)


def test_a_byte_order_mark_mixed_line_ends_and_empty_lines_do_no_harm() -> None:
    data = b"\xef\xbb\xbf" + f"{HEADINGS}\r\n{ROWS[0]}\n\n{ROWS[1]}\r\n \r\n".encode()
    rows = [item for item in read(DE_FR, data) if isinstance(item, DebRow)]
    assert [(row.line, row.problem) for row in rows] == [(2, None), (4, None)]


def test_a_byte_of_another_encoding_parks_its_row() -> None:
    data = f"{HEADINGS}\n{ROWS[1]}\n".encode().replace("ü".encode(), b"\xfc")
    row = read(DE_FR, data)[-1]
    assert isinstance(row, DebRow)
    assert row.problem is not None
    assert (row.problem.reason, row.problem.column) == ("unreadable-row", 12)


def test_a_line_of_ten_megabytes_is_parked_and_kept_in_part_only() -> None:
    def chunks() -> Iterator[bytes]:
        yield f"{HEADINGS}\n".encode()
        for _ in range(160):
            yield bytes(65_536).replace(b"\0", b"x")
        yield f"\n{ROWS[0]}\n".encode()

    tracemalloc.start()
    long, good = [item for item in DebReader(DE_FR).read(chunks()) if isinstance(item, DebRow)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert long.problem is not None
    assert (len(long.raw), long.problem.column) == (4096, 4097)
    assert good.problem is None
    assert peak < 1_000_000


def test_a_text_longer_than_any_reference_parks_its_row() -> None:
    row = the_row(DE_FR, HEADINGS, f"{'A' * 201};Versand;R;1;10.03.2026;0")
    assert row.problem is not None
    assert (row.record_id, row.problem.field) == (None, "record_id")


FIXED = """
name = "narrow"
shape = "fixed"
encoding = "cp1252"
line_end = "any"
record_length = 40
dates = "DDMMYYYY"
currency = "CHF"
[amounts]
decimal = ","
sign = "trailing"
negated = ["payout"]
[kinds]
"01" = "debtor_payment"
"02" = "payout"
[records.row]
fields = [
    { name = "kind", from = 1, to = 2, form = "kind" },
    { name = "event_date", from = 3, to = 10, form = "date" },
    { name = "invoice_number", from = 11, to = 25, form = "text" },
    { name = "amount", from = 26, to = 38, form = "amount" },
    { name = "reserved", from = 39, to = 40, form = "blank" },
]
"""


def test_records_of_fixed_width_need_no_header_either() -> None:
    layout = read_layout(FIXED)
    line = "0210032026" + "2026-000001".ljust(15) + "       115,00-" + " "
    assert len(line) == 40
    row = the_row(layout, line.replace("- ", "-").ljust(40))
    assert row.problem is not None
    fits = the_row(layout, "0210032026" + "2026-000001".ljust(15) + "      115,00-  ")
    assert (fits.kind, str(fits.amount), fits.record_id, fits.problem) == (
        "payout",
        "115.00",
        None,
        None,
    )
    short = the_row(layout, "0210032026")
    assert short.problem is not None
    assert short.problem.column == 11


def test_amounts_of_negated_kinds_still_add_up_to_the_total_as_it_is_written() -> None:
    source = (SHIPPED / "quittance-de-fr.toml").read_text(encoding="utf-8")
    layout = read_layout(source.replace('sign = "either"', 'sign = "either"\nnegated = ["payout"]'))
    rows = rows_of(layout, HEADINGS, *ROWS, "Total;;2;;;1'254.50")
    assert [str(row.amount) for row in rows] == ["-1234.50", "20.00"]
