"""The stand-in as an adversary: planned and switched misbehaviours, flawed files, ordered fates."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.debident.deb_writer import RECORD_BYTES
from sandbox.debident.fate_desk import FateBegunError
from sandbox.debident.hostile import BROKEN_FILES, HOSTILE_ROWS, truncated, with_wrong_totals
from sandbox.debident.misbehaviour import Misbehaviour
from sandbox.debident.mischief import FILE_FLAWS, PLANNED, UPLOAD, Plan, plan_from
from sandbox.debident.orders import Receipt
from sandbox.debident.portal import Portal, UnknownAccountError
from tests.unit.sandbox_debident.builders import (
    ACCOUNT,
    ORDER_ID,
    PortalHome,
    a_manifest,
    a_package,
    a_registration,
    an_invoice,
    bytes_of,
)

SECOND_ORDER = "6d6b1f0e-54b5-4b9e-9a3e-0c7a4a1f0002"
OTHER_ACCOUNT = "CMD-0815"


@pytest.fixture
def home(tmp_path: Path) -> PortalHome:
    return PortalHome(tmp_path)


@pytest.fixture
def portal(home: PortalHome) -> Iterator[Portal]:
    portal = home.start()
    portal.register(a_registration())
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.advance(1)
    yield portal
    portal.close()


def _publish(portal: Portal, days: float, **switches: Any) -> str:
    portal.misbehave(Misbehaviour(**switches))
    file = portal.publish(ACCOUNT, advance_days=days)
    assert file is not None
    return file.file_id


def _content(portal: Portal, file_id: str) -> bytes:
    return bytes_of(portal.deb_file(ACCOUNT, file_id))


def _ids(portal: Portal) -> list[str]:
    return [file.file_id for file in portal.list_deb_files(ACCOUNT, after=0, limit=100)]


def test_the_same_seed_and_events_meet_the_same_misbehaviours_and_another_seed_others() -> None:
    def drawn(seed: str, intensity: int = 40) -> list[str | None]:
        plan = Plan(seed, intensity)
        return [plan.name_for(UPLOAD, number) for number in range(1, 200)]

    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")
    assert set(drawn("a", 0)) == {None}
    assert set(drawn("a", 90)) == {None, *PLANNED[UPLOAD]}
    assert 50 < sum(name is not None for name in drawn("a")) < 110


def test_a_plan_is_previewed_from_where_it_stands() -> None:
    plan = plan_from("demo:30")
    assert plan is not None
    whole = plan.preview(first={}, count=40)[UPLOAD]
    later = plan.preview(first={UPLOAD: 20}, count=20)[UPLOAD]
    assert later == [text for text in whole if int(text.split()[0]) > 20]
    assert plan_from("") is None


def test_a_restart_goes_on_where_the_plan_was_and_shows_what_was_done(home: PortalHome) -> None:
    def play(starts: int) -> object:
        met = []
        folder = PortalHome(home.folder / str(starts))
        for _ in range(starts):
            portal = folder.start(plan=Plan("x", 50))
            met += [portal.draw(UPLOAD) for _ in range(12 // starts)]
            overview = portal.overview()["misbehaviour"]
            portal.close()
        assert isinstance(overview, dict)
        assert [row["number"] for row in overview["done"]] == [
            draw.number for draw in reversed(met) if draw.names
        ]
        return met

    assert play(1) == play(3)


@pytest.mark.parametrize("flaw", ["truncated_deb", "wrong_totals_deb", "hostile_file_deb"])
def test_a_broken_file_is_mended_under_its_id_so_that_no_fact_is_lost(
    portal: Portal, flaw: str
) -> None:
    file_id = _publish(portal, 20, **{flaw: 1})
    shown = _content(portal, file_id)
    [offered] = portal.list_deb_files(ACCOUNT, after=0, limit=10)
    assert offered.size == len(shown)
    portal.advance(1.1)
    mended = _content(portal, file_id)
    assert mended != shown
    lines = mended.decode("iso-8859-1").split("\r\n")
    assert lines[-2].startswith("T" + f"{sum(line[0:1] == 'R' for line in lines):09d}")
    [now_offered] = portal.list_deb_files(ACCOUNT, after=0, limit=10)
    assert (now_offered.file_id, now_offered.size) == (file_id, len(mended))


def test_a_truncated_file_has_no_trailer_and_wrong_totals_are_off_by_one_rappen(
    portal: Portal,
) -> None:
    right = _content(portal, _publish(portal, 20))
    for seed in range(50):
        cut = truncated(right, chance=random.Random(seed))
        assert right.startswith(cut)
        assert b"\r\nT" not in cut
    wrong = with_wrong_totals(right)
    at = right.rindex(b"\r\nT") + 12
    assert int(wrong[at : at + 16]) == int(right[at : at + 16]) + 1
    assert wrong[:at] + right[at : at + 16] + wrong[at + 16 :] == right
    assert all(breaks(right) != right for breaks in BROKEN_FILES)


def test_a_withheld_file_comes_after_its_successor(portal: Portal) -> None:
    portal.order_fate(ACCOUNT, "2026-000001", "cancellation")
    first = _publish(portal, 4, withheld_deb=1)
    assert _ids(portal) == []
    assert portal.deb_file(ACCOUNT, first) is None
    second = _publish(portal, 2)
    assert _ids(portal) == [second]
    assert f"{first} ".encode() in _content(portal, second)
    portal.advance(1.5)
    assert _ids(portal) == [first, second]


def test_hostile_rows_stand_beside_the_true_ones_and_are_counted(home: PortalHome) -> None:
    portal = home.start()
    portal.register(a_registration())
    portal.register(a_registration(OTHER_ACCOUNT))
    foreign = a_manifest(an_invoice("2099-000777"), order_id=SECOND_ORDER, account=OTHER_ACCOUNT)
    portal.receive_order(OTHER_ACCOUNT, SECOND_ORDER, a_package(foreign))
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.advance(1)
    content = _content(portal, _publish(portal, 20, hostile_rows_deb=1))
    portal.close()
    lines = content.split(b"\r\n")
    rows = [line for line in lines if line.startswith(b"R")]
    assert lines[-2].startswith(b"T%09d" % len(rows))
    hostile = rows[-len(HOSTILE_ROWS) :]
    assert len(rows) > len(HOSTILE_ROWS)
    told = dict(zip(HOSTILE_ROWS, hostile, strict=True))
    assert b"\x00" in told["nul-bytes"]
    assert b"\x1b" in told["control-characters"]
    assert b"20260231" in told["no-calendar-day"]
    assert b"99991231" in told["far-future"]
    assert b"2099-000777" in told["invoice-of-another-practice"]
    assert b"casino_win" in told["unknown-kind"]
    assert b"EUR" in told["foreign-currency"]
    assert b"<script>" in told["markup"]
    assert "Zürich".encode() in told["wrong-encoding"]
    assert len(told["huge-line"]) > 100_000
    others = [line for name, line in told.items() if name != "huge-line"]
    assert {len(line) for line in others} == {RECORD_BYTES}


def test_flaws_of_files_are_spent_and_shown(portal: Portal) -> None:
    _publish(portal, 20, **dict.fromkeys(FILE_FLAWS, 1))
    assert portal.misbehaviour() == Misbehaviour()
    files = portal.overview()["deb_files"]
    assert isinstance(files, list)
    again, first = files
    assert again["file_id"] == f"{first['file_id']}-again"
    assert "truncated-deb" in first["flaw"]


def test_an_order_may_be_refused_on_arrival_and_nothing_of_it_is_taken_over(
    portal: Portal,
) -> None:
    portal.misbehave(Misbehaviour(refuse_arrival=1))
    package = a_package(a_manifest(an_invoice("2026-000009"), order_id=SECOND_ORDER))
    portal.receive_order(ACCOUNT, SECOND_ORDER, package)
    portal.advance(1)
    status = portal.order_status(ACCOUNT, SECOND_ORDER)
    assert status is not None
    assert (status["state"], status["code"], status["lines"]) == ("refused", "refused-by-clerk", [])


def test_a_new_order_may_be_said_to_be_known_and_is_kept_all_the_same(portal: Portal) -> None:
    package = a_package(a_manifest(an_invoice("2026-000009"), order_id=SECOND_ORDER))
    answer = portal.receive_order(ACCOUNT, SECOND_ORDER, package, say_known=True)
    assert answer.receipt is Receipt.ALREADY_HAVE_IT
    assert portal.order_status(ACCOUNT, SECOND_ORDER) is not None


def test_a_planned_portal_lets_every_order_come_to_an_end(home: PortalHome) -> None:
    portal = home.start(plan=Plan("y", 90))
    portal.register(a_registration())
    for place in range(10):
        order_id = f"6d6b1f0e-54b5-4b9e-9a3e-0c7a4a1f1{place:03d}"
        invoices = [an_invoice(f"2026-{place:03d}{line:03d}") for line in range(3)]
        portal.receive_order(ACCOUNT, order_id, a_package(a_manifest(*invoices, order_id=order_id)))
    portal.advance(3)
    orders = portal.overview()["orders"]
    assert isinstance(orders, list)
    states = [order["state"] for order in orders]
    assert set(states) == {"arrived", "refused"}
    assert any(order["refused"] for order in orders)
    portal.close()


def _kinds(portal: Portal, file_id: str) -> list[str]:
    lines = _content(portal, file_id).decode("iso-8859-1").split("\r\n")
    return [line[37:57].strip() for line in lines if line.startswith("R")]


def test_a_fate_is_ordered_before_or_after_the_arrival_until_money_was_told(
    portal: Portal,
) -> None:
    assert portal.order_fate(ACCOUNT, "2026-000777", "recourse") is False
    assert portal.order_fate(ACCOUNT, "2026-000001", "recourse") is True
    first = _publish(portal, 2)
    assert _kinds(portal, first) == ["sent"]
    assert portal.order_fate(ACCOUNT, "2026-000001", "write-off") is True
    assert portal.order_fate(ACCOUNT, "2026-000001", "recourse") is True
    rest = _kinds(portal, _publish(portal, 150))
    assert rest == [
        "payout",
        "factor_fee",
        "reminder",
        "reminder_fee",
        "recourse",
        "payout",
        "closed",
    ]
    with pytest.raises(FateBegunError):
        portal.order_fate(ACCOUNT, "2026-000001", "paid")
    with pytest.raises(UnknownAccountError):
        portal.order_fate("CMD-0", "2026-000001", "paid")


def test_a_fate_ordered_beforehand_is_met_on_arrival(home: PortalHome) -> None:
    portal = home.start(every_kind=True)
    portal.register(a_registration())
    portal.order_fate(ACCOUNT, "2026-000001", "cancellation")
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.advance(1)
    kinds = _kinds(portal, _publish(portal, 100))
    assert kinds == ["sent", "returned", "cancellation", "closed", "account_movement"]
    portal.close()
