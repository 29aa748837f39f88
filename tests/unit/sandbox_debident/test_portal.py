"""The portal's behaviour without HTTP: arrival, refusals, DEB files, faults, memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.debident.misbehaviour import Misbehaviour
from sandbox.debident.orders import ALREADY_TAKEN_OVER, Receipt
from sandbox.debident.portal import AccountTakenError, Portal, UnknownAccountError
from tests.unit.sandbox_debident.builders import (
    ACCOUNT,
    ORDER_ID,
    PortalHome,
    a_manifest,
    a_package,
    a_registration,
    an_invoice,
    bytes_of,
    with_credit_notes,
)

SECOND_ORDER = "6d6b1f0e-54b5-4b9e-9a3e-0c7a4a1f0002"


@pytest.fixture
def home(tmp_path: Path) -> PortalHome:
    return PortalHome(tmp_path)


@pytest.fixture
def portal(home: PortalHome) -> Iterator[Portal]:
    portal = home.start()
    portal.register(a_registration())
    yield portal
    portal.close()


def _state(portal: Portal, order_id: str = ORDER_ID) -> object:
    status = portal.order_status(ACCOUNT, order_id)
    return status and status["state"]


def _deb(portal: Portal, file_id: str) -> list[str]:
    content = bytes_of(portal.deb_file(ACCOUNT, file_id))
    return content.decode("iso-8859-1").split("\r\n")


def _rows(lines: list[str]) -> list[str]:
    return [line[1:37] for line in lines if line.startswith("R")]


def test_an_order_is_received_first_and_arrives_within_its_simulated_day(portal: Portal) -> None:
    assert portal.receive_order(ACCOUNT, ORDER_ID, a_package()).receipt is Receipt.ACCEPTED
    portal.advance(0.29)
    assert _state(portal) == "received"
    portal.advance(0.52)
    assert _state(portal) == "arrived"


def test_an_order_with_credit_notes_arrives_and_shows_them_but_answers_for_invoices_only(
    portal: Portal,
) -> None:
    package = a_package(with_credit_notes(a_manifest(), "CN-1"))
    portal.receive_order(ACCOUNT, ORDER_ID, package)
    portal.advance(10)
    status = portal.order_status(ACCOUNT, ORDER_ID)
    assert status is not None
    lines, notes = status["lines"], portal.overview()["credit_notes"]
    assert isinstance(lines, list)
    assert isinstance(notes, list)
    assert [(line["invoice_number"], line["accepted"]) for line in lines] == [("2026-000001", True)]
    assert [(note["credit_note_number"], note["amount"]) for note in notes] == [("CN-1", "20.00")]


def test_the_same_order_again_is_already_there_and_counted(portal: Portal) -> None:
    first = portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    again = portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    assert (again.receipt, again.reference) == (Receipt.ALREADY_HAVE_IT, first.reference)
    orders = portal.overview()["orders"]
    assert isinstance(orders, list)
    assert [order["uploads"] for order in orders] == [2]


def test_the_same_order_is_recognised_by_its_id_however_late_it_comes(portal: Portal) -> None:
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.advance(400)
    again = portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    assert again.receipt is Receipt.ALREADY_HAVE_IT


def test_the_same_order_id_with_other_bytes_is_a_conflict(portal: Portal) -> None:
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    other = a_package(a_manifest(an_invoice("2026-000009")))
    assert portal.receive_order(ACCOUNT, ORDER_ID, other).receipt is Receipt.CONFLICT


def test_a_package_of_another_account_or_order_is_refused_on_arrival(portal: Portal) -> None:
    portal.receive_order(ACCOUNT, ORDER_ID, a_package(a_manifest(account="OTHER")))
    portal.receive_order(ACCOUNT, SECOND_ORDER, a_package())
    portal.advance(1)
    status = portal.order_status(ACCOUNT, ORDER_ID)
    assert status is not None
    assert (status["state"], status["code"], status["lines"]) == ("refused", "wrong-account", [])
    assert _state(portal, SECOND_ORDER) == "refused"


def test_named_lines_are_refused_and_the_rest_is_taken_over(portal: Portal) -> None:
    portal.misbehave(Misbehaviour(refuse_lines={"2026-000002": "address-unknown"}))
    package = a_package(a_manifest(an_invoice("2026-000001"), an_invoice("2026-000002")))
    portal.receive_order(ACCOUNT, ORDER_ID, package)
    portal.advance(1)
    status = portal.order_status(ACCOUNT, ORDER_ID)
    assert status is not None
    assert status["lines"] == [
        {"invoice_number": "2026-000001", "accepted": True, "code": None},
        {"invoice_number": "2026-000002", "accepted": False, "code": "address-unknown"},
    ]
    offered = portal.publish(ACCOUNT, advance_days=150)
    assert offered is not None
    assert all("2026-000002" not in line for line in _deb(portal, offered.file_id))


def test_an_invoice_that_was_taken_over_before_is_refused_in_a_second_order(
    portal: Portal,
) -> None:
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.receive_order(ACCOUNT, SECOND_ORDER, a_package(a_manifest(order_id=SECOND_ORDER)))
    portal.advance(1)
    codes = []
    for order_id in (ORDER_ID, SECOND_ORDER):
        status = portal.order_status(ACCOUNT, order_id)
        assert status is not None
        assert isinstance(status["lines"], list)
        codes.append(status["lines"][0]["code"])
    assert sorted(codes, key=str) == [None, ALREADY_TAKEN_OVER]


def test_deb_files_tell_each_fact_once_and_name_the_file_before(portal: Portal) -> None:
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    first = portal.publish(ACCOUNT, advance_days=5)
    second = portal.publish(ACCOUNT, advance_days=150)
    assert first is not None
    assert second is not None
    early, late = _deb(portal, first.file_id), _deb(portal, second.file_id)
    assert early[0][49:85].strip() == ""
    assert late[0][49:85].strip() == early[0][13:49].strip() == first.file_id
    assert not set(_rows(early)) & set(_rows(late))
    assert [line for line in late if line.startswith("R")][-1][37:57].strip() == "closed"
    assert portal.publish(ACCOUNT, advance_days=1) is None


def test_an_overlapping_file_repeats_the_rows_before_plus_new_ones(portal: Portal) -> None:
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    first = portal.publish(ACCOUNT, advance_days=5)
    portal.misbehave(Misbehaviour(overlapping_deb=1))
    second = portal.publish(ACCOUNT, advance_days=150)
    assert first is not None
    assert second is not None
    before, after = _rows(_deb(portal, first.file_id)), _rows(_deb(portal, second.file_id))
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) > len(before)


def test_a_duplicate_file_has_the_same_bytes_under_another_id(portal: Portal) -> None:
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.misbehave(Misbehaviour(duplicate_deb=1))
    portal.publish(ACCOUNT, advance_days=5)
    files = portal.list_deb_files(ACCOUNT, after=0, limit=10)
    assert len({file.file_id for file in files}) == 2
    assert len({file.sha256 for file in files}) == 1
    following = portal.publish(ACCOUNT, advance_days=150)
    assert following is not None
    assert _deb(portal, following.file_id)[0][49:85].strip() == files[0].file_id


def test_scheduled_files_come_every_seven_days_of_simulated_time(home: PortalHome) -> None:
    portal = home.start(deb_every_days=7)
    portal.register(a_registration())
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.advance(150)
    files = portal.list_deb_files(ACCOUNT, after=0, limit=100)
    assert len(files) >= 2
    assert files[0].created_at.startswith("2026-03-09")


def test_everything_survives_a_restart_but_tokens(home: PortalHome, portal: Portal) -> None:
    token = portal.issue_token("client-of-CMD-4711", "s3cret")
    assert token is not None
    assert portal.account_of(token) == ACCOUNT
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.advance(1)
    simulated = portal.now()
    portal.close()
    restarted = home.start()
    assert restarted.now() == simulated
    assert _state(restarted) == "arrived"
    assert restarted.account_of(token) is None


def test_simulated_time_runs_at_its_speed_and_does_not_jump_when_that_changes(
    home: PortalHome, portal: Portal
) -> None:
    before = portal.now()
    portal.close()
    fast = home.start(speed=86_400)
    assert fast.now() == before
    home.real.pass_by(seconds=2)
    assert (fast.now() - before).days == 2


def test_wrong_credentials_get_no_token_and_a_token_ends_with_its_lifetime(
    home: PortalHome, portal: Portal
) -> None:
    assert portal.issue_token("client-of-CMD-4711", "wrong") is None
    assert portal.issue_token("nobody", "s3cret") is None
    token = portal.issue_token("client-of-CMD-4711", "s3cret")
    assert token is not None
    home.real.pass_by(hours=2)
    assert portal.account_of(token) is None


def test_accounts_do_not_see_each_other(portal: Portal) -> None:
    portal.register(a_registration("CMD-OTHER"))
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    offered = portal.publish(ACCOUNT, advance_days=30)
    assert offered is not None
    assert portal.order_status("CMD-OTHER", ORDER_ID) is None
    assert portal.list_deb_files("CMD-OTHER", after=0, limit=10) == []
    assert portal.deb_file("CMD-OTHER", offered.file_id) is None


def test_an_account_belongs_to_one_client_and_must_be_known_for_a_file(portal: Portal) -> None:
    with pytest.raises(UnknownAccountError):
        portal.publish("nobody", advance_days=0)
    other = a_registration()
    stranger = type(other)("stranger", "s", ACCOUNT, other.terms)
    with pytest.raises(AccountTakenError):
        portal.register(stranger)


def test_a_late_portal_lets_new_orders_arrive_later(portal: Portal) -> None:
    portal.misbehave(Misbehaviour(late_days=3))
    portal.receive_order(ACCOUNT, ORDER_ID, a_package())
    portal.advance(3)
    assert _state(portal) == "received"
    portal.advance(1)
    assert _state(portal) == "arrived"
