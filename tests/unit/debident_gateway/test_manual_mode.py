"""Manual mode: no portal is called, a person's word counts with what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.debident_gateway.domain.errors import (
    ContractNotManualError,
    DebFileOfOtherContractError,
    EmptyDebFileError,
    IllegalTransmissionMoveError,
    ImpossibleTimeError,
    OtherOrderInFlightError,
    OtherPackageUploadedError,
    UnknownContractError,
    UnknownTransmissionError,
)
from services.debident_gateway.domain.events import DebFileWasFetched, OrderWasSent
from services.debident_gateway.domain.manual import foreign_account
from services.debident_gateway.domain.transmission import Move, TransmissionState
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.fetch_deb_files import FetchDebFiles, fetch_deb_files
from services.debident_gateway.handlers.report_by_hand import (
    HandOverOrder,
    ReportRefusal,
    hand_over_order,
    report_refusal,
)
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from services.debident_gateway.handlers.settle_by_person import SettleByPerson, settle_by_person
from services.debident_gateway.handlers.take_deb_file import TakeDebFile, take_deb_file
from services.debident_gateway.ports.portal import DebidentPortal
from shared.kernel.errors import TransientError
from tests.unit.debident_gateway.builders import (
    CONTRACT,
    NOW,
    ORDER,
    POLICY,
    PRACTICE,
    SECOND_ORDER,
    terms,
    transmission,
)
from tests.unit.debident_gateway.fakes import Attempt, Bench, Brought, a_bench

OTHER_CONTRACT = UUID("0c000000-0000-4000-8000-000000000002")


class NoPortal:
    """A portal that nobody may call."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the portal was called: {name}")


NO_PORTAL: DebidentPortal = NoPortal()


def _bench(adapter: str = "manual") -> Bench:
    bench = a_bench()
    bench.uow.contracts.rows[CONTRACT] = terms(adapter=adapter)
    bench.clock.pass_by(hours=1)
    return bench


def _hand_over(**changes: Any) -> HandOverOrder:
    values: dict[str, Any] = {
        "order_id": ORDER,
        "practice_id": PRACTICE,
        "by": "lea",
        "uploaded_at": NOW + timedelta(minutes=30),
        "reference": "DBD-1",
        "seen": "Auftrag erhalten",
    }
    return HandOverOrder(**(values | changes))


def _refusal(**changes: Any) -> ReportRefusal:
    values: dict[str, Any] = {
        "order_id": ORDER,
        "practice_id": PRACTICE,
        "by": "lea",
        "observed_at": NOW + timedelta(minutes=40),
        "reference": "DBD-1",
        "seen": "zurückgewiesen",
        "reason_code": "wrong-account",
    }
    return ReportRefusal(**(values | changes))


async def test_a_persons_word_moves_the_order_to_sent_and_keeps_who_when_and_what() -> None:
    bench = _bench()
    assert await hand_over_order(_hand_over(), bench.uow, bench.clock) is Move.MADE
    assert bench.order.state is TransmissionState.SENT
    assert bench.order.portal_reference == "DBD-1"
    [event] = bench.uow.events
    assert isinstance(event, OrderWasSent)
    assert (event.evidence, event.attempt, event.sent_at) == (
        "person",
        1,
        NOW + timedelta(minutes=30),
    )
    [report] = bench.uow.hand_reports.rows.values()
    assert (report.by, report.seen, report.recorded_at) == (
        "lea",
        "Auftrag erhalten",
        NOW.replace(hour=10),
    )
    assert [(one.number, one.outcome) for one in bench.uow.transmissions.attempts[ORDER]] == [
        (1, "accepted")
    ]


async def test_the_same_word_twice_changes_nothing_and_keeps_the_first() -> None:
    bench = _bench()
    await hand_over_order(_hand_over(), bench.uow, bench.clock)
    again = _hand_over(by="max", reference="DBD-2")
    assert await hand_over_order(again, bench.uow, bench.clock) is Move.ALREADY_MADE
    assert bench.told == ["OrderWasSent"]
    assert bench.order.portal_reference == "DBD-1"
    assert [report.by for report in bench.uow.hand_reports.rows.values()] == ["lea"]


async def test_a_doubt_from_the_time_before_is_settled_by_a_persons_word() -> None:
    bench = _bench()
    bench.uow.transmissions.rows[ORDER] = replace(
        bench.order, state=TransmissionState.UNKNOWN, attempts=1, may_have_left=True
    )
    bench.uow.transmissions.attempts[ORDER] = [Attempt(1, "unknown")]
    assert await hand_over_order(_hand_over(), bench.uow, bench.clock) is Move.MADE
    assert (bench.order.state, bench.order.attempts) == (TransmissionState.SENT, 2)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"order_id": SECOND_ORDER}, UnknownTransmissionError),
        ({"uploaded_at": NOW - timedelta(seconds=1)}, ImpossibleTimeError),
        ({"uploaded_at": NOW + timedelta(hours=2)}, ImpossibleTimeError),
        ({"package_sha256": "0" * 64}, OtherPackageUploadedError),
    ],
)
async def test_a_word_that_cannot_be_true_is_refused_and_nothing_is_kept(
    change: dict[str, Any], error: type[Exception]
) -> None:
    bench = _bench()
    with pytest.raises(error):
        await hand_over_order(_hand_over(**change), bench.uow, bench.clock)
    assert bench.order.state is TransmissionState.INTENDED
    assert not bench.uow.hand_reports.rows
    assert not bench.told


async def test_where_a_machine_sends_a_person_does_not() -> None:
    bench = _bench("http")
    with pytest.raises(ContractNotManualError):
        await hand_over_order(_hand_over(), bench.uow, bench.clock)


async def test_a_second_order_waits_until_the_first_has_an_answer() -> None:
    bench = _bench()
    bench.uow.transmissions.rows[SECOND_ORDER] = transmission(
        order_id=SECOND_ORDER, state=TransmissionState.SENT, sent_at=NOW
    )
    with pytest.raises(OtherOrderInFlightError):
        await hand_over_order(_hand_over(), bench.uow, bench.clock)


@pytest.mark.parametrize(
    "state", [TransmissionState.SENDING, TransmissionState.REFUSED, TransmissionState.WITHDRAWN]
)
async def test_an_order_in_hand_or_given_up_cannot_be_handed_over(state: TransmissionState) -> None:
    bench = _bench()
    bench.uow.transmissions.rows[ORDER] = replace(bench.order, state=state)
    with pytest.raises(IllegalTransmissionMoveError):
        await hand_over_order(_hand_over(), bench.uow, bench.clock)


async def test_no_portal_is_called_for_a_manual_contract_whatever_is_due() -> None:
    bench = _bench()
    ports = (bench.uow, NO_PORTAL, bench.documents)
    send, ask = SendOrder(ORDER, PRACTICE), AskAboutOrder(ORDER, PRACTICE)
    assert await send_order(send, *ports, clock=bench.clock, policy=POLICY) is None
    assert bench.order.held
    await hand_over_order(_hand_over(), bench.uow, bench.clock)
    bench.clock.pass_by(days=1)
    assert await ask_about_order(ask, *ports, clock=bench.clock, policy=POLICY) is None
    assert bench.order.reason_code == "person-looks-for-arrival"
    assert bench.order.next_action_at > bench.clock.now()
    fetch = FetchDebFiles(CONTRACT, PRACTICE)
    assert await fetch_deb_files(fetch, *ports, clock=bench.clock, policy=POLICY) == 0
    cursor = bench.uow.deb_files.cursors[CONTRACT]
    assert cursor.problem is None
    assert cursor.next_poll_at > bench.clock.now()


async def test_a_confirmed_arrival_after_the_hand_over_settles_the_order() -> None:
    bench = _bench()
    await hand_over_order(_hand_over(), bench.uow, bench.clock)
    await settle_by_person(SettleByPerson(ORDER, bench.clock.now()), bench.uow, bench.clock)
    assert (bench.order.state, bench.order.evidence) == (TransmissionState.ARRIVED, "person")
    assert await hand_over_order(_hand_over(), bench.uow, bench.clock) is Move.ALREADY_MADE


async def test_a_refusal_seen_by_a_person_ends_the_order_once() -> None:
    bench = _bench()
    await hand_over_order(_hand_over(), bench.uow, bench.clock)
    assert await report_refusal(_refusal(), bench.uow, bench.clock) is Move.MADE
    assert await report_refusal(_refusal(), bench.uow, bench.clock) is Move.ALREADY_MADE
    assert bench.told == ["OrderWasSent", "OrderWasRefused"]
    assert (bench.order.state, bench.order.reason_code) == (
        TransmissionState.REFUSED,
        "wrong-account",
    )


async def test_what_was_never_handed_over_cannot_be_reported_as_refused() -> None:
    bench = _bench()
    with pytest.raises(IllegalTransmissionMoveError):
        await report_refusal(_refusal(), bench.uow, bench.clock)
    with pytest.raises(ImpossibleTimeError):
        await report_refusal(_refusal(observed_at=NOW + timedelta(days=9)), bench.uow, bench.clock)


def _file(data: bytes = b"rows", contract_id: UUID = CONTRACT) -> TakeDebFile:
    return TakeDebFile(PRACTICE, contract_id, "lea", "CMD-4711-000001.deb", Brought(data))


async def test_a_brought_file_is_stored_and_announced_once_with_its_source() -> None:
    bench = _bench()
    first = await take_deb_file(_file(), bench.uow, bench.documents, bench.clock)
    again = await take_deb_file(_file(), bench.uow, bench.documents, bench.clock)
    assert (first[0], first[1], again[1]) == (again[0], Move.MADE, Move.ALREADY_MADE)
    [event] = bench.uow.events
    assert isinstance(event, DebFileWasFetched)
    assert (event.file.source, event.file.uploaded_by) == ("manual", "lea")
    assert event.file.portal_file_id == "CMD-4711-000001.deb"


async def test_a_file_is_not_taken_when_it_is_empty_unknown_or_not_storable() -> None:
    bench = _bench()
    with pytest.raises(EmptyDebFileError):
        await take_deb_file(_file(b""), bench.uow, bench.documents, bench.clock)
    with pytest.raises(UnknownContractError):
        await take_deb_file(
            _file(contract_id=OTHER_CONTRACT), bench.uow, bench.documents, bench.clock
        )
    bench.documents.down = True
    with pytest.raises(TransientError):
        await take_deb_file(_file(), bench.uow, bench.documents, bench.clock)
    assert not bench.told
    assert not bench.uow.deb_files.files


async def test_a_file_brought_for_the_wrong_contract_can_still_be_brought_for_the_right_one() -> (
    None
):
    bench = _bench()
    bench.uow.contracts.rows[OTHER_CONTRACT] = terms(
        contract_id=OTHER_CONTRACT, account_number="CMD-9999"
    )
    data = b"H CMD-9999 rows"
    with pytest.raises(DebFileOfOtherContractError, match="CMD-9999"):
        await take_deb_file(_file(data), bench.uow, bench.documents, bench.clock)
    right = _file(data, OTHER_CONTRACT)
    assert (await take_deb_file(right, bench.uow, bench.documents, bench.clock))[1] is Move.MADE
    nameless = await take_deb_file(_file(b"rows"), bench.uow, bench.documents, bench.clock)
    assert nameless[1] is Move.MADE
    with pytest.raises(DebFileOfOtherContractError, match="CMD-4711"):
        await take_deb_file(_file(b"rows", OTHER_CONTRACT), bench.uow, bench.documents, bench.clock)


def test_an_account_counts_only_as_a_whole_word() -> None:
    assert foreign_account(b"H CMD-47110", own="CMD-9", others=["CMD-4711"]) is None
    assert foreign_account(b"H CMD-4711 ", own="CMD-9", others=["CMD-4711"]) == "CMD-4711"
    assert foreign_account(b"CMD-9 CMD-4711", own="CMD-9", others=["CMD-4711"]) is None
