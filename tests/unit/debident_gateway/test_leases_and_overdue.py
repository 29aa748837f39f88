"""What a lost lease forbids, and how an overdue order is asked about."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.debident_gateway.domain.answers import NotSent, StatusAnswer
from services.debident_gateway.domain.model import PortalAccess, StoredContent
from services.debident_gateway.domain.transmission import Move, TransmissionState
from services.debident_gateway.handlers.ask_about_order import AskAboutOrder, ask_about_order
from services.debident_gateway.handlers.note_overdue import NoteOverdue, note_overdue
from services.debident_gateway.handlers.send_order import SendOrder, send_order
from shared.kernel.errors import TooEarlyError
from tests.unit.debident_gateway.builders import NOW, ORDER, POLICY, PRACTICE, StandingClock, terms
from tests.unit.debident_gateway.fakes import Bench, MemoryDocuments, a_bench


class SlowDocuments(MemoryDocuments):
    """A store that takes its time."""

    clock: StandingClock

    async def package(self, content: StoredContent, *, practice_id: UUID) -> bytes:
        self.clock.pass_by(seconds=POLICY.lease_spare.total_seconds())
        return await MemoryDocuments.package(self, content, practice_id=practice_id)


async def _send(bench: Bench) -> object:
    return await send_order(
        SendOrder(ORDER, PRACTICE),
        bench.uow,
        bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )


async def _ask(bench: Bench, portal: FakeDebidentPortal | None = None) -> TransmissionState | None:
    bench.pass_to_next_action()
    return await ask_about_order(
        AskAboutOrder(ORDER, PRACTICE),
        bench.uow,
        portal or bench.portal,
        bench.documents,
        clock=bench.clock,
        policy=POLICY,
    )


async def test_a_call_that_could_outlast_the_lease_is_not_begun() -> None:
    bench = a_bench()
    slow = SlowDocuments(bench.documents.stored)
    slow.clock, bench.documents = bench.clock, slow
    assert await _send(bench) == NotSent("sender-too-slow")
    assert bench.portal.orders == {}
    assert bench.order.state is TransmissionState.INTENDED
    assert not bench.order.may_have_left


async def test_an_old_answer_after_a_lost_lease_changes_nothing() -> None:
    bench = a_bench()
    bench.portal.dropped_requests = 1
    await _send(bench)
    assert bench.order.state is TransmissionState.UNKNOWN

    class OvertakenPortal(FakeDebidentPortal):
        """Says that it has nothing; meanwhile another worker asks, sends again, and is in doubt."""

        async def order_status(self, access: PortalAccess, order_id: UUID) -> StatusAnswer:
            answer = await FakeDebidentPortal.order_status(self, access, order_id)
            bench.clock.at += POLICY.lease
            assert await _ask(bench) is TransmissionState.INTENDED
            bench.pass_to_next_action()
            bench.portal.lost_answers = 1
            await _send(bench)
            return answer

    slow = OvertakenPortal(clients=bench.portal.clients)
    assert await _ask(bench, slow) is TransmissionState.UNKNOWN
    assert (bench.order.state, bench.order.attempts) == (TransmissionState.UNKNOWN, 2)
    assert bench.order.polls == 1


async def _asked_at(bench: Bench) -> timedelta:
    await _ask(bench)
    return bench.order.next_action_at - bench.clock.now()


async def test_an_overdue_order_is_asked_about_less_often_until_it_arrives() -> None:
    bench = a_bench()
    await _send(bench)
    interval = terms().arrival_poll_interval
    assert await _asked_at(bench) == interval
    assert await note_overdue(NoteOverdue(ORDER, 1), bench.uow) is Move.MADE
    assert await note_overdue(NoteOverdue(ORDER, 1), bench.uow) is Move.ALREADY_MADE
    assert await _asked_at(bench) == interval * POLICY.overdue_slowdown
    bench.portal.let_everything_arrive()
    assert await _ask(bench) is TransmissionState.ARRIVED
    assert not bench.order.overdue
    assert await note_overdue(NoteOverdue(ORDER, 1), bench.uow) is Move.ALREADY_MADE


async def test_an_overdue_doubt_is_asked_about_less_often_too() -> None:
    bench = a_bench()
    bench.portal.lost_answers = 1
    await _send(bench)
    bench.portal.unavailable = 2
    assert await _asked_at(bench) < timedelta(minutes=1)
    await note_overdue(NoteOverdue(ORDER, 1), bench.uow)
    pace = terms().arrival_poll_interval * POLICY.overdue_slowdown
    assert await _asked_at(bench) == pace


async def test_a_word_about_an_earlier_sending_does_not_slow_down_this_one() -> None:
    bench = a_bench()
    bench.portal.dropped_requests = 1
    await _send(bench)
    await note_overdue(NoteOverdue(ORDER, 1), bench.uow)
    assert bench.order.overdue
    assert await _ask(bench) is TransmissionState.INTENDED
    assert not bench.order.overdue
    bench.pass_to_next_action()
    await _send(bench)
    assert await note_overdue(NoteOverdue(ORDER, 1), bench.uow) is Move.ALREADY_MADE
    assert await note_overdue(NoteOverdue(ORDER, 2), bench.uow) is Move.MADE


async def test_an_order_that_is_not_known_yet_waits_for_its_preparation() -> None:
    bench = a_bench()
    bench.uow.transmissions.rows.clear()
    with pytest.raises(TooEarlyError):
        await note_overdue(NoteOverdue(ORDER, 1), bench.uow)
    assert bench.clock.now() == NOW
