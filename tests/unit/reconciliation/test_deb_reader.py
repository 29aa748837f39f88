"""The reader of DEB files: every byte sequence gives rows or reasons, never an exception."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reconciliation.adapters.layouts import shipped_layouts
from services.reconciliation.domain.deb.layout import LayoutError
from services.reconciliation.domain.deb.layout_file import read_layout
from services.reconciliation.domain.deb.lines import LINE_BYTES_MAX, in_chunks, lines
from services.reconciliation.domain.deb.reader import DebReader, Item
from services.reconciliation.domain.deb.records import DebRow, FileFault, Header
from tests.support.deb_builder import DebFile, Row

LAYOUT = shipped_layouts()["quittance-v1"]
GOLDEN = Path(__file__).parent / "golden-quittance-v1.deb"
FILE = DebFile(
    (
        Row("R-1", "sent"),
        Row("R-2", "reminder_fee", rappen=2000, beneficiary="F", level="01", text="Rappel n° 1"),
        Row(
            "R-3",
            "payout",
            rappen=-11500,
            value_date="20260325",
            payout_reference="PO-1",
        ),
    )
)


def read(data: bytes, *, chunk: int = 65_536) -> list[Item]:
    return list(DebReader(LAYOUT).read(in_chunks(data, chunk)))


def test_the_golden_file_is_what_the_builder_writes_and_the_reader_reads() -> None:
    assert FILE.data() == GOLDEN.read_bytes()
    header, sent, fee, payout = read(GOLDEN.read_bytes())
    assert isinstance(header, Header)
    assert (header.file_id, header.previous_file_id, header.account, header.is_test) == (
        "F-0001",
        None,
        "CMD-77",
        False,
    )
    assert isinstance(sent, DebRow)
    assert (sent.line, sent.kind, str(sent.amount), sent.value_date) == (2, "sent", "0.00", None)
    assert isinstance(fee, DebRow)
    assert (fee.beneficiary, fee.level, fee.note) == ("factor", 1, "Rappel n° 1")
    assert isinstance(payout, DebRow)
    assert (str(payout.amount), str(payout.value_date), payout.payout_reference) == (
        "-115.00",
        "2026-03-25",
        "PO-1",
    )
    assert payout.problem is None


@pytest.mark.parametrize("chunk", [1, 7, 239, 240, 241, 242, 243, 5000])
def test_the_size_of_the_chunks_makes_no_difference(chunk: int) -> None:
    assert read(FILE.data(), chunk=chunk) == read(FILE.data())


@pytest.mark.parametrize(
    ("bent", "reason", "column"),
    [
        ({"event_date": "20260229"}, "impossible-date", 148),
        ({"event_date": "2026-3-1"}, "impossible-date", 148),
        ({"value_date": "00000000"}, "impossible-date", 156),
        ({"amount_text": "*000000000100"}, "bad-amount", 164),
        ({"amount_text": "+00000001.005"}, "bad-amount", 165),
        ({"amount_text": "+         100"}, "bad-amount", 165),
        ({"record_id": ""}, "unreadable-row", 2),
        ({"record_id": " R-1"}, "unreadable-row", 2),
        ({"beneficiary": "X"}, "unreadable-row", 200),
        ({"level": "1a"}, "unreadable-row", 201),
        ({"text": "a\x00b"}, "unreadable-row", 204),
        ({"text": "x" * 39}, "unreadable-row", 241),
    ],
)
def test_a_bad_field_is_a_problem_with_its_column_and_the_file_goes_on(
    bent: dict[str, str], reason: str, column: int
) -> None:
    rows = (Row("R-1", "sent").but(rappen=None, **bent), Row("R-2", "sent"))
    items = read(DebFile(rows).data())
    bad, good = items[1:]
    assert isinstance(bad, DebRow)
    assert isinstance(good, DebRow)
    assert bad.problem is not None
    assert (bad.problem.reason, bad.problem.column) == (reason, column)
    assert bad.raw.startswith(b"R")
    assert good.problem is None


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"", "wrong-layout", None),
        (b"not a DEB file\r\n", "wrong-layout", 1),
        (FILE.but(layout="CREDIFLOW").data(), "wrong-layout", 1),
        (FILE.data().replace(b"\r\n", b"\n"), "malformed-header", 1),
        (FILE.data()[: 242 * 2], "truncated", 2),
        (FILE.data()[:-1], "truncated", 8),
        (FILE.data()[:-100], "truncated", 8),
        (FILE.but(count=2).data(), "trailer-count-mismatch", 8),
        (FILE.but(total=0).data(), "trailer-sum-mismatch", 8),
        (FILE.but(sums=()).data(), "kind-sum-mismatch", None),
        (
            FILE.but(sums=(("payout", 1, -11500), ("reminder_fee", 1, 1), ("sent", 1, 0))).data(),
            "kind-sum-mismatch",
            6,
        ),
        (FILE.data() + FILE.data(), "unexpected-record", 9),
        (FILE.header() + b"\r\n" + FILE.data(), "unexpected-record", 2),
        (FILE.data() + b"\r\n", "unexpected-record", 9),
    ],
)
def test_a_file_that_is_not_whole_ends_in_a_fault_with_its_line(
    data: bytes, reason: str, line: int | None
) -> None:
    last = read(data)[-1]
    assert isinstance(last, FileFault)
    assert (last.reason, last.line) == (reason, line)


def test_an_unreadable_amount_parks_its_row_and_does_not_hold_the_file() -> None:
    bad = Row("R-9", "payout", rappen=None, amount_text="+0000000010.5")
    assert not any(
        isinstance(item, FileFault) for item in read(FILE.but(rows=(*FILE.rows, bad)).data())
    )


@given(st.binary(max_size=2000), st.integers(1, 300))
def test_arbitrary_bytes_never_raise(data: bytes, chunk: int) -> None:
    items = read(data, chunk=chunk)
    assert isinstance(items[-1], FileFault)


@given(
    st.lists(st.tuples(st.integers(0, len(FILE.data()) - 1), st.binary(max_size=3)), max_size=5),
    st.integers(0, 5),
)
def test_a_damaged_file_never_raises_and_counts_every_row_it_yields(
    damages: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(FILE.data())
    for place, replacement in damages:
        data[place : place + len(replacement)] = replacement
    damaged = bytes(data)[: len(data) - cut]
    reader = DebReader(LAYOUT)
    items = list(reader.read(in_chunks(damaged)))
    rows = [item for item in items if isinstance(item, DebRow)]
    assert reader.rows_read == len(rows)
    assert all(row.raw in damaged for row in rows)
    assert sum(isinstance(item, FileFault) for item in items) <= 1


@given(st.binary(max_size=3000), st.integers(1, 50))
def test_lines_lose_no_byte_of_ordinary_lines(data: bytes, chunk: int) -> None:
    found = list(lines(in_chunks(data, chunk)))
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    joined = b"\n".join(line.data + (b"\r" if line.whole else b"") for line in found)
    ended = data.removesuffix(b"\n")
    assert joined.replace(b"\r", b"") == ended.replace(b"\r", b"")


def test_an_endless_line_is_cut_and_the_next_one_is_read() -> None:
    data = b"x" * 1_000_000 + b"\r\n" + b"next\r\n"
    endless, following = lines(in_chunks(data, 1000))
    assert len(endless.data) == LINE_BYTES_MAX
    assert not endless.whole
    assert (following.number, following.data, following.whole) == (2, b"next", True)


def test_memory_stays_flat_whatever_the_size() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        for _ in DebReader(LAYOUT).read(_many(rows)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(8_000) < peak(1_000) * 1.5 + 100_000


def _many(rows: int) -> Iterator[bytes]:
    yield FILE.header() + b"\r\n"
    for number in range(rows):
        yield Row(f"R-{number}", "payout", rappen=100).line() + b"\r\n"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            ("from = 14", "from = 15"),
            "records.header.fields[2] (file_id).from: begins at column 15, expected 14",
        ),
        (
            ("to = 49", "to = 50"),
            "records.header.fields[3] (previous_file_id).from: begins at column 50, expected 51",
        ),
        (
            ("record_length = 240", "record_length = 250"),
            "record_length: is 250, but the fields of records.header end at 240",
        ),
        (("[records.trailer]", "[records.tail]"), "records.tail: is none of the records header"),
        (
            ('form = "time"', 'form = "hour"'),
            "records.header.fields[6] (created_at).form: 'hour' is none of text, literal",
        ),
        (('name = "quittance-v1"', "name = "), "the file is not TOML: Invalid value (at line "),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused(
    change: tuple[str, str], complaint: str
) -> None:
    source = Path(__file__).parents[3] / "services/reconciliation/layouts/quittance-v1.toml"
    with pytest.raises(LayoutError, match=re.escape(complaint)):
        read_layout(source.read_text().replace(*change))
