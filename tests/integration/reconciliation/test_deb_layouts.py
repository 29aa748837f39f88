"""Files of every layout are staged and judged by what the layout says, and by the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.reconciliation.adapters.deb_files import PostgresDebFileRepository
from services.reconciliation.domain.deb.layout import LayoutError
from shared.objectstore.store import ContentHashError, ObjectStore
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row

HEADINGS = "Beleg;Konto;Art;Rechnung;Auftrag;Datum;Betrag"
PAYOUT = "A-1;CMD-77;Auszahlung;2026-000001;CMD-2026-0001;25.03.2026;115.00"
FEE = "A-2;CMD-77;Mahngebühr;2026-000002;CMD-2026-0001;10.03.2026;20,00"


def _file(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (HEADINGS, *lines)).encode()


async def _held(house: House, data: bytes, layout: str) -> dict[str, Any]:
    deb_file_id = await house.book(data, layout=layout)
    file = await house.file(deb_file_id)
    assert file["status"] == "held"
    assert await house.rows("SELECT 1 FROM position_fact WHERE kind = 'payout'") == []
    return file


async def test_a_file_with_headings_and_no_header_is_booked(house: House) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    first = await house.book(_file(PAYOUT, "Total;;;1;;;115.00"), layout="quittance-de-fr")
    assert await house.outcomes(first) == ["2 booked"]
    file = await house.file(first)
    assert (file["file_id"], file["created_on"], file["rows_read"]) == (None, date(2026, 3, 25), 1)
    again = await house.book(_file(PAYOUT, FEE), layout="quittance-de-fr")
    assert await house.outcomes(again) == ["2 repeat", "3 booked"]
    await house.assert_books_hold()


async def test_a_file_without_an_id_stands_beside_the_sequence_of_those_that_have_one(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    await house.book(_file(PAYOUT), layout="quittance-de-fr")
    numbered = await house.book(DebFile((Row("R-1", "payout", rappen=1000),)))
    assert await house.outcomes(numbered) == ["2 booked"]
    later = await house.book(_file(FEE), layout="quittance-de-fr")
    assert await house.outcomes(later) == ["2 booked"]


async def test_without_ids_only_a_file_with_all_rows_takes_the_place_of_a_held_one(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    wrong_sum = _file(PAYOUT, FEE, "Total;;;2;;;1.00")
    held = await house.book(wrong_sum, layout="quittance-de-fr")
    await house.book(_file(PAYOUT), layout="quittance-de-fr")
    assert (await house.file(held))["status"] == "held", "its other row is nowhere else"
    mended = await house.book(_file(PAYOUT, FEE), layout="quittance-de-fr")
    file = await house.file(held)
    assert (file["status"], file["superseded_by"]) == ("discarded", mended)


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (_file(PAYOUT, "Total;;;1;;;115.01"), "trailer-sum-mismatch", 3),
        (_file(PAYOUT.replace("CMD-77", "CMD-78")), "foreign-account", 2),
        (_file(PAYOUT, FEE.replace("CMD-77", "CMD-78")), "mixed-accounts", 3),
        (_file(PAYOUT)[:-1], "truncated", 2),
        (_file(PAYOUT)[:-9], "truncated", 2),
        (b"", "wrong-layout", None),
        (DebFile((Row(),)).data(), "wrong-layout", 1),
    ],
)
async def test_a_file_that_is_not_whole_or_not_ours_is_held_and_nothing_of_it_is_booked(
    house: House, data: bytes, reason: str, line: int | None
) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    file = await _held(house, data, "quittance-de-fr")
    assert (file["reason_code"], file["reason_line"]) == (reason, line)


async def test_a_file_that_names_no_account_is_of_the_contract_under_which_it_was_fetched(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    event = await house.fetched(
        b"2026-03-25,payout,2026-000001,,115.00,\n", layout="quittance-minimal"
    )
    await house.receive(event)
    held = await house.book(b"one field\n", layout="quittance-minimal")
    assert (await house.file(held))["reason_code"] == "wrong-layout"
    rows = await house.rows(
        "SELECT record_id, problem_field FROM deb_row WHERE deb_file_id = :id", id=event.deb_file_id
    )
    assert rows == [{"record_id": None, "problem_field": "debtor_number"}]
    file = await house.file(event.deb_file_id)
    assert (file["status"], file["created_on"]) == ("booked", date(2026, 4, 1))


async def test_bytes_that_change_while_rows_are_stored_hold_the_file_for_good(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.acquitted_invoices("120.00")
    file = DebFile(tuple(Row(f"R-{number}", "sent") for number in range(2500)))
    event = await house.fetched(file)
    await house.receive(event)

    async def changing(*args: object, **kwargs: object) -> AsyncIterator[bytes]:
        yield file.data()[: 242 * 2400]
        raise ContentHashError("it does not hold the announced bytes")

    with monkeypatch.context() as broken:
        broken.setattr(ObjectStore, "stream", changing)
        await house.work()
    held = await house.file(event.deb_file_id)
    assert (held["status"], held["reason_code"]) == ("held", "content-changed")
    await house.receive(event)
    await house.work()
    assert (await house.file(event.deb_file_id))["status"] == "held"


async def test_rows_are_stored_some_thousand_at_a_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.acquitted_invoices("120.00")
    sizes: list[int] = []
    stage = PostgresDebFileRepository.stage

    async def counted(self: Any, file: Any, rows: Any) -> None:
        sizes.append(len(rows))
        await stage(self, file, rows)

    monkeypatch.setattr(PostgresDebFileRepository, "stage", counted)
    file = DebFile(tuple(Row(f"R-{number}", "sent") for number in range(4100)))
    event = await house.fetched(file.but(total=1))
    await house.receive(event)
    await house.work()
    assert sizes == [2000, 2000, 100]


async def test_an_offices_own_layout_is_known_from_the_start_on(
    house: House, tmp_path: Path
) -> None:
    source = Path(__file__).parents[3] / "docs/deb/examples/zahnkasse"
    (tmp_path / "own.toml").write_text(source.with_suffix(".toml").read_text("utf-8"), "utf-8")
    own = House(house.database, house.clock, deb_layouts_folder=tmp_path)
    await own.acquitted_invoices("120.00", "1234.50", "80.00", "80.00")
    deb_file_id = await own.book(source.with_suffix(".csv").read_bytes(), layout="zahnkasse")
    file = await own.file(deb_file_id)
    assert (file["status"], file["rows_read"]) == ("booked", 5)
    (tmp_path / "bad.toml").write_text('name = "bad"')
    with pytest.raises(LayoutError, match=r"bad.toml: encoding: is missing"):
        House(house.database, house.clock, deb_layouts_folder=tmp_path)
