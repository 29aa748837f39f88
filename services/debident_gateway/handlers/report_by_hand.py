"""A person handed an order over on the portal's site, or saw there that it was refused.

For contracts of the manual mode. The arrival itself is confirmed in orders, line by line; the
gateway hears of it there (`settle_by_person`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.errors import (
    ContractNotManualError,
    ImpossibleTimeError,
    OtherOrderInFlightError,
    OtherPackageUploadedError,
    UnknownContractError,
    UnknownTransmissionError,
)
from services.debident_gateway.domain.events import OrderWasSent
from services.debident_gateway.domain.manual import MANUAL_ADAPTER, HandReport, ReportKind
from services.debident_gateway.domain.model import ContractTerms
from services.debident_gateway.domain.transmission import Move, Transmission
from services.debident_gateway.handlers.taken import begin_to_look_for_deb_files, note_refused
from services.debident_gateway.ports import UnitOfWork
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class HandOverOrder:
    """A person uploaded the order's package on the portal's site.

    Attributes:
        by: who did it.
        uploaded_at: when, by that person's word.
        reference: what the site calls the order.
        seen: what the site showed, in the person's own words.
        package_sha256: of the file that was uploaded, where it is known.
    """

    order_id: UUID
    practice_id: UUID
    by: str
    uploaded_at: datetime
    reference: str
    seen: str
    package_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRefusal:
    """A person saw on the portal's site that the factor refused the whole order.

    Attributes:
        reason_code: the factor's reason, stable kebab-case.
    """

    order_id: UUID
    practice_id: UUID
    by: str
    observed_at: datetime
    reference: str
    seen: str
    reason_code: str


async def hand_over_order(command: HandOverOrder, uow: UnitOfWork, clock: Clock) -> Move:
    """Move to sent on a person's word and keep it; reported again, nothing changes.

    Raises:
        UnknownTransmissionError: there is no such order in scope.
        ContractNotManualError: the gateway itself speaks with this contract's portal.
        OtherPackageUploadedError: another file was uploaded; nothing is recorded as sent.
        OtherOrderInFlightError: another order of the contract has no answer yet.
        ImpossibleTimeError: before the order was prepared, or in the future.
        IllegalTransmissionMoveError: it is being sent just now, was refused or withdrawn.
    """
    transmission, terms = await _manual(command.order_id, uow)
    now = clock.now()
    if not transmission.prepared_at <= command.uploaded_at <= now:
        raise ImpossibleTimeError("uploaded_at")
    if command.package_sha256 not in {None, transmission.package.sha256}:
        raise OtherPackageUploadedError
    if await uow.transmissions.contract_in_flight(
        transmission.contract_id, apart_from=transmission.order_id
    ):
        raise OtherOrderInFlightError
    move = transmission.note_handed_over(
        command.reference,
        at=command.uploaded_at,
        next_check_at=command.uploaded_at + terms.arrival_check_after,
    )
    if move is Move.MADE:
        await _keep_attempt(transmission, uow, began_at=command.uploaded_at, now=now)
        await uow.hand_reports.add(
            HandReport(
                order_id=command.order_id,
                practice_id=command.practice_id,
                kind=ReportKind.HANDED_OVER,
                by=command.by,
                observed_at=command.uploaded_at,
                reference=command.reference,
                seen=command.seen,
                recorded_at=now,
            )
        )
        uow.record(_sent(transmission, command))
        await begin_to_look_for_deb_files(transmission, uow, now=now)
    return move


async def report_refusal(command: ReportRefusal, uow: UnitOfWork, clock: Clock) -> Move:
    """Move to refused on a person's word and keep it; reported again, nothing changes.

    Raises:
        UnknownTransmissionError: there is no such order in scope.
        ContractNotManualError: the gateway itself speaks with this contract's portal.
        ImpossibleTimeError: before the order was prepared, or in the future.
        IllegalTransmissionMoveError: it was never handed over, has arrived, or was withdrawn.
    """
    transmission, _ = await _manual(command.order_id, uow)
    now = clock.now()
    if not transmission.prepared_at <= command.observed_at <= now:
        raise ImpossibleTimeError("observed_at")
    move = note_refused(transmission, command.reason_code, uow, now=now)
    if move is Move.MADE:
        await uow.transmissions.save(transmission)
        await uow.hand_reports.add(
            HandReport(
                order_id=command.order_id,
                practice_id=command.practice_id,
                kind=ReportKind.REFUSED,
                by=command.by,
                observed_at=command.observed_at,
                reference=command.reference,
                seen=command.seen,
                recorded_at=now,
            )
        )
    return move


async def _manual(order_id: UUID, uow: UnitOfWork) -> tuple[Transmission, ContractTerms]:
    """Return the locked order and its terms; the contract's row keeps other senders waiting."""
    transmission = await uow.transmissions.lock(order_id)
    if transmission is None:
        raise UnknownTransmissionError
    terms = await uow.contracts.lock(transmission.contract_id)
    if terms is None:
        raise UnknownContractError
    if terms.adapter != MANUAL_ADAPTER:
        raise ContractNotManualError(terms.adapter)
    return transmission, terms


async def _keep_attempt(
    transmission: Transmission, uow: UnitOfWork, *, began_at: datetime, now: datetime
) -> None:
    await uow.transmissions.save(transmission)
    await uow.transmissions.add_attempt(transmission, began_at=began_at)
    await uow.transmissions.finish_attempt(
        transmission,
        number=transmission.attempts,
        outcome="accepted",
        reason_code=None,
        ended_at=now,
    )


def _sent(transmission: Transmission, command: HandOverOrder) -> OrderWasSent:
    return OrderWasSent(
        practice_id=transmission.practice_id,
        order_id=transmission.order_id,
        contract_id=transmission.contract_id,
        attempt=transmission.attempts,
        portal_reference=command.reference,
        package_sha256=transmission.package.sha256,
        sent_at=command.uploaded_at,
        evidence="person",
    )
