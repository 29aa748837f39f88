"""Whatever bytes come, the reader gives rows, parked rows and at most one fault: it never raises.

DEB_FUZZ_EXAMPLES sets how many files each test tries; `make fuzz` tries many.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reconciliation.adapters.layouts import shipped_layouts
from services.reconciliation.domain.deb.lines import LINE_BYTES_MAX, in_chunks
from services.reconciliation.domain.deb.reader import DebReader
from services.reconciliation.domain.deb.records import DebRow, FileFault, Header
from tests.support.deb_builder import DebFile, Row

EXAMPLES = int(os.environ.get("DEB_FUZZ_EXAMPLES", "150"))
LAYOUTS = shipped_layouts()
VALID = {
    "quittance-v1": DebFile(
        tuple(Row(f"R-{number}", "payout", rappen=100 + number) for number in range(4))
    ).data(),
    "quittance-de-fr": (
        "Beleg;Konto;Art;Rechnung;Datum;Betrag;Bemerkung\r\n"
        'A-1;CMD-77;Auszahlung;2026-000001;25.03.2026;1\'234.50;"a; ""b"""\r\n'
        "A-2;CMD-77;Mahngebühr;2026-000002;10.03.2026;20,00;\r\n"
        "Total;;;2;;1'254.50;\r\n"
    ).encode(),
    "quittance-minimal": (
        b'2026-03-10,payout,2026-000001,10001,-115.00,"a, b"\n'
        b"2026-03-11,sent,2026-000002,10002,0,\n"
    ),
}
NASTY = (b"\x00", b"\n", b"\r", b'"', b";", b",", b"\xff\xfe", b"\xef\xbb\xbf", b"'", b"9" * 5000)
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(layout: str, data: bytes, chunk: int) -> None:
    reader = DebReader(LAYOUTS[layout])
    items = list(reader.read(in_chunks(data, chunk)))
    rows = [item for item in items if isinstance(item, DebRow)]
    faults = [item for item in items if isinstance(item, FileFault)]
    parked = [row for row in rows if row.problem is not None]
    whole = [row for row in rows if row.problem is None]
    assert len(rows) + len(faults) + sum(isinstance(i, Header) for i in items) == len(items)
    assert reader.rows_read == len(whole) + len(parked)
    assert len(faults) <= 1
    assert not faults or items[-1] is faults[0]
    for row in parked:
        assert row.problem is not None
        assert (row.line, row.problem.column) >= (1, 1)
        assert row.problem.reason
        assert row.problem.field
    for row in rows:
        assert len(row.raw) <= LINE_BYTES_MAX
        assert row.raw in data
    for row in whole:
        assert None not in {row.kind, row.event_date, row.amount, row.currency}
    for fault in faults:
        assert fault.reason
        assert fault.column is None or (fault.line or 0) >= 1 <= fault.column


@pytest.mark.parametrize("layout", list(VALID))
def test_the_files_that_are_bent_below_are_right_at_first(layout: str) -> None:
    items = list(DebReader(LAYOUTS[layout]).read([VALID[layout]]))
    assert len(items) > 2
    assert not any(isinstance(item, FileFault) for item in items)
    assert all(item.problem is None for item in items if isinstance(item, DebRow))


@pytest.mark.parametrize("layout", list(VALID))
@FUZZ
@given(data=st.binary(max_size=3000), chunk=st.integers(1, 400))
def test_arbitrary_bytes_give_rows_and_reasons(layout: str, data: bytes, chunk: int) -> None:
    check(layout, data, chunk)


@pytest.mark.parametrize("layout", list(VALID))
@FUZZ
@given(
    damages=st.lists(
        st.tuples(
            st.integers(0, 2000), st.integers(0, 30), st.sampled_from(NASTY) | st.binary(max_size=8)
        ),
        min_size=1,
        max_size=6,
    ),
    cut=st.integers(0, 40),
    chunk=st.integers(1, 400),
)
def test_a_damaged_file_gives_rows_and_reasons(
    layout: str, damages: list[tuple[int, int, bytes]], cut: int, chunk: int
) -> None:
    data = bytearray(VALID[layout])
    for place, length, replacement in damages:
        start = place % (len(data) + 1)
        data[start : start + length] = replacement
    check(layout, bytes(data)[: len(data) - cut], chunk)


@pytest.mark.parametrize("layout", list(VALID))
@FUZZ
@given(
    lines=st.lists(st.sampled_from(range(9)), max_size=12),
    ends=st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b""]), min_size=12, max_size=12),
)
def test_lines_in_any_order_with_any_end_give_rows_and_reasons(
    layout: str, lines: list[int], ends: list[bytes]
) -> None:
    known = VALID[layout].split(b"\r\n" if layout != "quittance-minimal" else b"\n")
    pieces = [known[number % len(known)] + end for number, end in zip(lines, ends, strict=False)]
    check(layout, b"".join(pieces), 65_536)
