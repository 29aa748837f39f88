"""Sends one due order: intent first, then the call, then the outcome; a doubt stays a doubt.

Between the two transactions the process may die at any instruction. Then the intent stands as
`sending` with a lease that runs out, and `abandon_attempt` turns it into a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    InDoubt,
    NotSent,
    Refused,
    SendOutcome,
)
from services.debident_gateway.domain.circuit import code_of
from services.debident_gateway.domain.errors import CredentialsUnreadableError
from services.debident_gateway.domain.events import OrderSendDidFail
from services.debident_gateway.domain.model import (
    AUTOMATIC_ADAPTERS,
    ContractTerms,
    PortalAccess,
    StoredContent,
)
from services.debident_gateway.domain.schedule import DispatchPolicy
from services.debident_gateway.domain.transmission import Transmission, TransmissionState
from services.debident_gateway.handlers.guard import Admission, admit, report
from services.debident_gateway.handlers.taken import note_refused, note_taken, withhold_if_asked
from services.debident_gateway.handlers.telling_held import (
    hold_and_tell,
    tell_if_only_a_person_mends,
)
from services.debident_gateway.ports import UnitOfWork, UnitsOfWork
from services.debident_gateway.ports.portal import DebidentPortal, Documents
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError, TransientError


@dataclass(frozen=True, slots=True)
class SendOrder:
    """Send this order if it is due, free, and nothing else of its contract is under way."""

    order_id: UUID
    practice_id: UUID


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt whose intent is stored; its call begins before `call_before`, or never."""

    number: int
    access: PortalAccess
    package: StoredContent
    admission: Admission
    call_before: datetime


async def send_order(
    command: SendOrder,
    units: UnitsOfWork,
    portal: DebidentPortal,
    documents: Documents,
    *,
    clock: Clock,
    policy: DispatchPolicy,
) -> SendOutcome | None:
    """Send and return the outcome, or None where there was nothing to send just now.

    Any number of workers may call this at once for the same order: one of them sends.
    """
    async with units.begin(command.practice_id) as uow:
        attempt = await _begin_attempt(command, uow, portal, now=clock.now(), policy=policy)
    if attempt is None:
        return None
    package = await _package(command, attempt, documents, clock)
    outcome = (
        package
        if isinstance(package, NotSent)
        else await portal.send_order(
            attempt.access, command.order_id, package, sha256=attempt.package.sha256
        )
    )
    async with units.begin(command.practice_id) as uow:
        await _record_outcome(command, attempt.number, outcome, uow, now=clock.now(), policy=policy)
    if not isinstance(package, NotSent):
        await report(attempt.admission, code_of(outcome), units, clock=clock, policy=policy)
    return outcome


async def _begin_attempt(
    command: SendOrder,
    uow: UnitOfWork,
    portal: DebidentPortal,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> _Attempt | None:
    transmission = await uow.transmissions.lock_if_free(command.order_id)
    if transmission is None or not _is_due(transmission, now):
        return None
    # The contract's row lock makes "one in flight" true also for two orders at the same moment.
    terms = await uow.contracts.lock(transmission.contract_id)
    if terms is None:
        return None
    if await uow.transmissions.contract_in_flight(
        transmission.contract_id, apart_from=transmission.order_id
    ):
        return None
    access = await _access_or_hold(transmission, terms, uow, now=now, policy=policy)
    if access is None:
        await uow.transmissions.save(transmission)
        return None
    admission = await admit(
        portal.address(access.sftp), command.practice_id, uow, now=now, policy=policy
    )
    if admission.held_until is not None:
        transmission.put_off(until=admission.held_until)
        await uow.transmissions.save(transmission)
        return None
    transmission.begin_attempt(lease_until=now + policy.lease)
    await uow.transmissions.add_attempt(transmission, began_at=now)
    await uow.transmissions.save(transmission)
    return _Attempt(
        transmission.attempts,
        access,
        transmission.package,
        admission,
        call_before=now + policy.lease_spare,
    )


def _is_due(transmission: Transmission, now: datetime) -> bool:
    return transmission.state is TransmissionState.INTENDED and transmission.next_action_at <= now


async def _access_or_hold(
    transmission: Transmission,
    terms: ContractTerms,
    uow: UnitOfWork,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> PortalAccess | None:
    until = now + policy.hold_recheck
    if terms.adapter not in AUTOMATIC_ADAPTERS:
        code = f"contract-uses-{terms.adapter}"
        hold_and_tell(transmission, code, uow, now=now, until=until)
        return None
    try:
        access = await uow.credentials.access(
            transmission.practice_id, account_number=terms.account_number, adapter=terms.adapter
        )
    except CredentialsUnreadableError as error:
        hold_and_tell(transmission, error.code, uow, now=now, until=until)
        return None
    if access is None:
        hold_and_tell(transmission, "portal-credentials-missing", uow, now=now, until=until)
    return access


async def _package(
    command: SendOrder, attempt: _Attempt, documents: Documents, clock: Clock
) -> bytes | NotSent:
    """Return the bytes to send, or why nothing of them may leave by this attempt."""
    try:
        package = await documents.package(attempt.package, practice_id=command.practice_id)
    except TransientError:
        return NotSent("package-not-available")
    except PermanentError:
        return NotSent("package-damaged")
    # A call that began now could outlast the lease, and another worker would send beside it.
    return package if clock.now() < attempt.call_before else NotSent("sender-too-slow")


async def _record_outcome(
    command: SendOrder,
    number: int,
    outcome: SendOutcome,
    uow: UnitOfWork,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> None:
    transmission = await uow.transmissions.lock(command.order_id)
    if transmission is None:
        return
    terms = await uow.contracts.get(transmission.contract_id)
    if terms is None:
        return
    await uow.transmissions.finish_attempt(
        transmission,
        number=number,
        outcome=_word_for(outcome),
        reason_code=getattr(outcome, "code", None),
        ended_at=now,
    )
    if transmission.attempts != number or not _may_still_tell(transmission, outcome):
        return
    await _apply(outcome, transmission, terms, uow, now=now, policy=policy)
    await uow.transmissions.save(transmission)


def _may_still_tell(transmission: Transmission, outcome: SendOutcome) -> bool:
    """Whether the outcome still says something, after a lease that may have run out meanwhile."""
    if transmission.state is TransmissionState.SENDING:
        return True
    certain = isinstance(outcome, (Accepted, AlreadyHaveIt, Refused))
    return transmission.state is TransmissionState.UNKNOWN and certain


async def _apply(
    outcome: SendOutcome,
    transmission: Transmission,
    terms: ContractTerms,
    uow: UnitOfWork,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> None:
    match outcome:
        case Accepted(reference):
            await note_taken(transmission, reference, uow, terms=terms, now=now)
        case AlreadyHaveIt(reference):
            # The bytes are there; whether the order has arrived is asked at once.
            transmission.already_had_it = True
            await note_taken(transmission, reference, uow, terms=terms, now=now, check_at=now)
        case Refused(code):
            note_refused(transmission, code, uow, now=now)
        case NotSent(code, retry_after):
            wait = policy.retry.delay_after(transmission.failures + 1, at_least=retry_after)
            failed_before = transmission.reason_code
            transmission.note_not_sent(code, next_attempt_at=now + wait)
            gives_up = transmission.withdrawal_asked and not transmission.may_have_left
            again = None if gives_up else wait
            uow.record(_failure(transmission, "not-sent", code, now=now, wait=again))
            if again is not None:
                tell_if_only_a_person_mends(
                    transmission, code, uow, failed_before=failed_before, now=now
                )
            # While this attempt ran, a person may have asked for the order back.
            withhold_if_asked(transmission, uow, now=now)
        case InDoubt(code):
            note_doubt(transmission, code, uow, now=now, policy=policy)


def note_doubt(
    transmission: Transmission, code: str, uow: UnitOfWork, *, now: datetime, policy: DispatchPolicy
) -> None:
    """Move to unknown and tell the others; the portal is asked once the request has ended."""
    transmission.note_doubt(code, ask_at=now + policy.doubt_settle)
    uow.record(_failure(transmission, "unknown", code, now=now, wait=None))


def note_absent(
    transmission: Transmission, uow: UnitOfWork, *, now: datetime, policy: DispatchPolicy
) -> None:
    """Back to intended, with the same bytes, because the portal does not have the order."""
    wait = policy.retry.delay_after(max(transmission.failures, 1))
    transmission.note_absent(next_attempt_at=now + wait)
    code = transmission.reason_code or "portal-does-not-have-it"
    uow.record(_failure(transmission, "not-sent", code, now=now, wait=wait))


def _failure(
    transmission: Transmission, outcome: str, code: str, *, now: datetime, wait: timedelta | None
) -> OrderSendDidFail:
    return OrderSendDidFail(
        practice_id=transmission.practice_id,
        order_id=transmission.order_id,
        contract_id=transmission.contract_id,
        attempt=transmission.attempts,
        outcome="unknown" if outcome == "unknown" else "not-sent",
        reason_code=code,
        next_attempt_at=None if wait is None else now + wait,
        failed_at=now,
    )


def _word_for(outcome: SendOutcome) -> str:
    match outcome:
        case Accepted():
            return "accepted"
        case AlreadyHaveIt():
            return "already-have-it"
        case Refused():
            return "refused"
        case NotSent():
            return "not-sent"
        case InDoubt():
            return "unknown"
