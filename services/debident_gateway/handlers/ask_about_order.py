"""Asks the portal about one order: has it arrived, or, in doubt, is it there at all?

An answer is an arrival only if it is about these very bytes and names exactly the order's
invoices; anything else is written down as a reason, and the portal is asked again later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.debident_gateway.domain.answers import (
    Arrived,
    Received,
    RefusedOnArrival,
    StatusAnswer,
    UnknownToPortal,
    line_mismatch,
)
from services.debident_gateway.domain.circuit import ANSWERED
from services.debident_gateway.domain.errors import CredentialsUnreadableError
from services.debident_gateway.domain.events import OrderHasArrived
from services.debident_gateway.domain.manual import AWAITS_PERSON, MANUAL_ADAPTER
from services.debident_gateway.domain.model import ContractTerms, PortalAccess, StoredContent
from services.debident_gateway.domain.schedule import DispatchPolicy
from services.debident_gateway.domain.transmission import (
    ASKABLE,
    LOST,
    Move,
    Transmission,
    TransmissionState,
)
from services.debident_gateway.handlers.guard import Admission, admit, report
from services.debident_gateway.handlers.send_order import note_absent
from services.debident_gateway.handlers.taken import note_refused, note_taken
from services.debident_gateway.handlers.telling_held import tell_held
from services.debident_gateway.ports import UnitOfWork, UnitsOfWork
from services.debident_gateway.ports.portal import DebidentPortal, Documents, PortalSilentError
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError, TransientError

OTHER_CONTENT = "portal-has-other-content"


@dataclass(frozen=True, slots=True)
class AskAboutOrder:
    """Ask about this order if that is due and nobody else is asking."""

    order_id: UUID
    practice_id: UUID


@dataclass(frozen=True, slots=True)
class _Question:
    access: PortalAccess
    package_sha256: str
    lines: StoredContent
    admission: Admission
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class _Finding:
    """What an ask brought: an answer, or the reason why it is none; `stored` for an arrival.

    Attributes:
        portal_code: what the call tells of the portal itself.
    """

    answer: StatusAnswer | None
    reason_code: str | None = None
    stored: StoredContent | None = None
    portal_code: str = ANSWERED


async def ask_about_order(
    command: AskAboutOrder,
    units: UnitsOfWork,
    portal: DebidentPortal,
    documents: Documents,
    *,
    clock: Clock,
    policy: DispatchPolicy,
) -> TransmissionState | None:
    """Ask, record the answer, and return the state after it; None where it was not due."""
    async with units.begin(command.practice_id) as uow:
        question = await _take(command, uow, portal, now=clock.now(), policy=policy)
    if question is None:
        return None
    finding = await _find_out(command, question, portal, documents)
    async with units.begin(command.practice_id) as uow:
        state = await _record(command, question, finding, uow, now=clock.now(), policy=policy)
    await report(question.admission, finding.portal_code, units, clock=clock, policy=policy)
    return state


async def _take(
    command: AskAboutOrder,
    uow: UnitOfWork,
    portal: DebidentPortal,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> _Question | None:
    transmission = await uow.transmissions.lock_if_free(command.order_id)
    if transmission is None or not _is_due(transmission, now):
        return None
    terms = await uow.contracts.get(transmission.contract_id)
    if terms is None:
        return None
    if terms.adapter == MANUAL_ADAPTER:
        # No machine asks here: a person looks, and confirms what was seen (orders).
        transmission.note_still_waiting(AWAITS_PERSON, ask_at=now + terms.arrival_poll_interval)
        await uow.transmissions.save(transmission)
        return None
    access, reason = await _access(transmission, terms, uow)
    if access is None:
        transmission.note_still_waiting(reason, ask_at=now + policy.hold_recheck)
        await uow.transmissions.save(transmission)
        return None
    admission = await admit(
        portal.address(access.sftp), command.practice_id, uow, now=now, policy=policy
    )
    if admission.held_until is not None:
        transmission.put_off(until=admission.held_until)
        await uow.transmissions.save(transmission)
        return None
    lease_until = now + policy.lease
    transmission.lease_until = lease_until
    await uow.transmissions.save(transmission)
    return _Question(
        access, transmission.package.sha256, transmission.lines, admission, lease_until
    )


def _is_due(transmission: Transmission, now: datetime) -> bool:
    leased = transmission.lease_until is not None and transmission.lease_until > now
    return transmission.state in ASKABLE and transmission.next_action_at <= now and not leased


async def _access(
    transmission: Transmission, terms: ContractTerms, uow: UnitOfWork
) -> tuple[PortalAccess | None, str]:
    try:
        access = await uow.credentials.access(
            transmission.practice_id, account_number=terms.account_number, adapter=terms.adapter
        )
    except CredentialsUnreadableError as error:
        return None, error.code
    return access, "portal-credentials-missing"


async def _find_out(
    command: AskAboutOrder, question: _Question, portal: DebidentPortal, documents: Documents
) -> _Finding:
    try:
        answer = await portal.order_status(question.access, command.order_id)
    except PortalSilentError as error:
        return _Finding(None, error.code, portal_code=error.code)
    if isinstance(answer, UnknownToPortal):
        return _Finding(answer)
    if answer.sha256 != question.package_sha256:
        return _Finding(None, OTHER_CONTENT)
    if not isinstance(answer, Arrived):
        return _Finding(answer)
    return await _judge_arrival(command, question, answer, documents)


async def _judge_arrival(
    command: AskAboutOrder, question: _Question, answer: Arrived, documents: Documents
) -> _Finding:
    try:
        expected = await documents.invoice_numbers(question.lines, practice_id=command.practice_id)
        mismatch = line_mismatch(answer.lines, expected)
        if mismatch is not None:
            return _Finding(None, mismatch)
        stored = await documents.store_arrival(
            answer.lines, order_id=command.order_id, practice_id=command.practice_id
        )
    except TransientError:
        return _Finding(None, "object-store-not-available")
    except PermanentError:
        return _Finding(None, "order-lines-damaged")
    return _Finding(answer, stored=stored)


async def _record(
    command: AskAboutOrder,
    question: _Question,
    finding: _Finding,
    uow: UnitOfWork,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> TransmissionState | None:
    transmission = await uow.transmissions.lock(command.order_id)
    if transmission is None:
        return None
    terms = await uow.contracts.get(transmission.contract_id)
    # Whoever has lost the lease has an old answer: others may have asked, or sent again, meanwhile.
    in_hand = transmission.lease_until == question.lease_until
    if terms is None or transmission.state not in ASKABLE or not in_hand:
        return transmission.state
    transmission.polls += 1
    await uow.transmissions.add_poll(
        transmission, answer=_word_for(finding), reason_code=finding.reason_code, at=now
    )
    await _apply(finding, transmission, terms, uow, now=now, policy=policy)
    await uow.transmissions.save(transmission)
    return transmission.state


async def _apply(
    finding: _Finding,
    transmission: Transmission,
    terms: ContractTerms,
    uow: UnitOfWork,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> None:
    in_doubt = transmission.state is TransmissionState.UNKNOWN
    match finding.answer:
        case Received(reference):
            move = await note_taken(transmission, reference, uow, terms=terms, now=now)
            if move is Move.ALREADY_MADE:
                ask_at = _next_check(transmission, terms, policy, now)
                transmission.note_still_waiting(None, ask_at=ask_at)
        case Arrived(reference):
            await note_taken(transmission, reference, uow, terms=terms, now=now)
            _note_arrival(transmission, finding.answer, finding.stored, uow, now=now)
        case RefusedOnArrival(_, _, code):
            note_refused(transmission, code, uow, now=now)
        case UnknownToPortal() if in_doubt:
            note_absent(transmission, uow, now=now, policy=policy)
        case UnknownToPortal():
            # It had taken the order. Sending again by ourselves could double it: a person looks.
            wait = _interval(transmission, terms, policy)
            if transmission.reason_code != LOST:
                tell_held(transmission, LOST, uow, now=now)
            transmission.note_still_waiting(LOST, ask_at=now + wait)
        case None:
            wait = _pace_without_answer(transmission, terms, policy, in_doubt=in_doubt)
            transmission.note_still_waiting(finding.reason_code, ask_at=now + wait)


def _interval(
    transmission: Transmission, terms: ContractTerms, policy: DispatchPolicy
) -> timedelta:
    """The contract's pace of asking; slower once the order is overdue and a person knows it."""
    return terms.arrival_poll_interval * (policy.overdue_slowdown if transmission.overdue else 1)


def _next_check(
    transmission: Transmission, terms: ContractTerms, policy: DispatchPolicy, now: datetime
) -> datetime:
    """No check before the arrival clock allows one, then one per interval."""
    first = (transmission.sent_at or now) + terms.arrival_check_after
    return first if first > now else now + _interval(transmission, terms, policy)


def _pace_without_answer(
    transmission: Transmission, terms: ContractTerms, policy: DispatchPolicy, *, in_doubt: bool
) -> timedelta:
    retry = policy.retry.delay_after(transmission.failures + 1)
    if in_doubt and not transmission.overdue:
        return retry
    return max(retry, _interval(transmission, terms, policy))


def _note_arrival(
    transmission: Transmission,
    answer: Arrived,
    stored: StoredContent | None,
    uow: UnitOfWork,
    *,
    now: datetime,
) -> None:
    assert stored is not None  # noqa: S101 - an arrival is judged and stored before
    evidence: Literal["already-have-it", "portal-status"] = (
        "already-have-it" if transmission.already_had_it else "portal-status"
    )
    if transmission.note_arrival(evidence, at=now) is Move.ALREADY_MADE:
        return
    accepted = sum(line.accepted for line in answer.lines)
    uow.record(
        OrderHasArrived(
            practice_id=transmission.practice_id,
            order_id=transmission.order_id,
            contract_id=transmission.contract_id,
            evidence=evidence,
            portal_reference=answer.reference,
            accepted_count=accepted,
            refused_count=len(answer.lines) - accepted,
            lines=stored,
            arrived_at=answer.arrived_at,
            observed_at=now,
        )
    )


def _word_for(finding: _Finding) -> str:
    match finding.answer:
        case Received():
            return "received"
        case Arrived():
            return "arrived"
        case RefusedOnArrival():
            return "refused"
        case UnknownToPortal():
            return "unknown-to-portal"
        case None:
            return "no-usable-answer"
