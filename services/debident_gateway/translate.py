"""The only place where the wire contracts and the gateway's own types meet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.debident_gateway.domain.answers import AnsweredLine
from services.debident_gateway.domain.events import (
    DebFileGapIsClosed,
    DebFileIsMissing,
    DebFileWasFetched,
    DomainEvent,
    OrderHasArrived,
    OrderIsHeld,
    OrderSendDidFail,
    OrderWasRefused,
    OrderWasSent,
    OrderWasWithheld,
    PortalIsReachable,
    PortalIsUnreachable,
)
from services.debident_gateway.domain.model import ContractTerms, StoredContent
from shared.contracts.debident.v1 import (
    ArrivalDocument,
    ArrivalLine,
    DebFileFetched,
    DebFileGapClosed,
    DebFileMissing,
    OrderArrived,
    OrderHeld,
    OrderRefused,
    OrderSendFailed,
    OrderSent,
    OrderWithheld,
    PortalReachable,
    PortalUnreachable,
)
from shared.contracts.envelope import ContentRef, EventPayload
from shared.contracts.invoicing.v1 import ContractChanged
from shared.contracts.orders.v1 import ArrivalEvidence, OrderLinesDocument
from shared.kernel.errors import ContractError


def terms_from(event: ContractChanged) -> ContractTerms:
    """Read the portal terms of a contract."""
    return ContractTerms(
        practice_id=event.practice_id,
        contract_id=event.contract_id,
        version=event.contract_version,
        account_number=event.account_number,
        adapter=event.portal.adapter,
        arrival_check_after=timedelta(seconds=event.portal.arrival_check_after_seconds),
        arrival_poll_interval=timedelta(seconds=event.portal.arrival_poll_interval_seconds),
        deb_poll_interval=timedelta(seconds=event.portal.deb_poll_interval_seconds),
        deb_layout=event.portal.deb_layout,
    )


def content_from(ref: ContentRef) -> StoredContent:
    """Read a content reference."""
    return StoredContent(ref.key, ref.sha256, ref.size_bytes, ref.media_type)


def content_ref(content: StoredContent) -> ContentRef:
    """Write a content reference."""
    return ContentRef(
        key=content.key,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        media_type=content.media_type,
    )


def invoice_numbers_from(document: bytes) -> tuple[str, ...]:
    """Read the invoice numbers of an order-lines document.

    Raises:
        ContractError: it is not such a document.
    """
    try:
        lines = OrderLinesDocument.model_validate_json(document).lines
    except ValueError as error:
        raise ContractError("not an order-lines document") from error
    return tuple(line.invoice_number for line in lines)


def arrival_document(lines: Sequence[AnsweredLine], *, order_id: UUID, practice_id: UUID) -> bytes:
    """Write the portal's answer per invoice as it rests in the object store."""
    document = ArrivalDocument(
        order_id=order_id,
        practice_id=practice_id,
        lines=tuple(
            ArrivalLine(
                invoice_number=line.invoice_number,
                accepted=line.accepted,
                refusal_code=None if line.accepted else line.code,
            )
            for line in lines
        ),
    )
    return document.model_dump_json().encode()


def to_wire(event: DomainEvent) -> EventPayload:
    """Write a domain event in wire form."""
    match event:
        case OrderWasSent():
            return OrderSent(
                practice_id=event.practice_id,
                order_id=event.order_id,
                contract_id=event.contract_id,
                attempt=event.attempt,
                portal_reference=event.portal_reference,
                package_sha256=event.package_sha256,
                sent_at=event.sent_at,
                evidence=event.evidence,
            )
        case OrderSendDidFail():
            return OrderSendFailed(
                practice_id=event.practice_id,
                order_id=event.order_id,
                contract_id=event.contract_id,
                attempt=event.attempt,
                outcome=event.outcome,
                reason_code=event.reason_code,
                next_attempt_at=event.next_attempt_at,
                failed_at=event.failed_at,
            )
        case OrderHasArrived():
            return _order_arrived(event)
        case OrderWasRefused() | OrderWasWithheld() | OrderIsHeld():
            return _not_taken(event)
        case _:
            return _about_portal(event)


def _not_taken(event: OrderWasRefused | OrderWasWithheld | OrderIsHeld) -> EventPayload:
    match event:
        case OrderWasRefused():
            return OrderRefused(
                practice_id=event.practice_id,
                order_id=event.order_id,
                contract_id=event.contract_id,
                reason_code=event.reason_code,
                refused_at=event.refused_at,
            )
        case OrderIsHeld():
            return OrderHeld(
                practice_id=event.practice_id,
                order_id=event.order_id,
                contract_id=event.contract_id,
                attempt=event.attempt,
                reason_code=event.reason_code,
                held_at=event.held_at,
            )
        case OrderWasWithheld():
            return OrderWithheld(
                practice_id=event.practice_id,
                order_id=event.order_id,
                contract_id=event.contract_id,
                withheld_at=event.withheld_at,
            )


def _about_portal(
    event: DebFileWasFetched
    | DebFileIsMissing
    | DebFileGapIsClosed
    | PortalIsUnreachable
    | PortalIsReachable,
) -> EventPayload:
    match event:
        case DebFileWasFetched(file):
            return DebFileFetched(
                practice_id=file.practice_id,
                deb_file_id=file.deb_file_id,
                contract_id=file.contract_id,
                portal_file_id=file.portal_file_id,
                layout=file.layout,
                file=content_ref(file.content),
                fetched_at=file.fetched_at,
                source=file.source,
            )
        case DebFileIsMissing(missing):
            return DebFileMissing(
                practice_id=missing.practice_id,
                contract_id=missing.contract_id,
                gap_id=missing.gap_id,
                first_number=missing.gap.first,
                last_number=missing.gap.last,
                seen_number=missing.gap.seen,
                reason_code=missing.gap.reason_code,
                noticed_at=missing.noticed_at,
            )
        case DebFileGapIsClosed(missing, closed_at=closed_at):
            return DebFileGapClosed(
                practice_id=missing.practice_id,
                contract_id=missing.contract_id,
                gap_id=missing.gap_id,
                closed_at=closed_at,
            )
        case PortalIsUnreachable():
            return PortalUnreachable(
                practice_id=event.practice_id,
                outage_id=event.outage_id,
                adapter=event.adapter,
                scope=event.scope.value,
                reason_code=event.reason_code,
                failures=event.failures,
                since=event.since,
                next_call_at=event.next_call_at,
                noted_at=event.noted_at,
            )
        case PortalIsReachable():
            return PortalReachable(
                practice_id=event.practice_id,
                outage_id=event.outage_id,
                adapter=event.adapter,
                scope=event.scope.value,
                since=event.since,
                reachable_at=event.reachable_at,
                left=event.left,
            )


def _order_arrived(event: OrderHasArrived) -> OrderArrived:
    return OrderArrived(
        practice_id=event.practice_id,
        order_id=event.order_id,
        contract_id=event.contract_id,
        evidence=ArrivalEvidence(
            kind=event.evidence,
            reference=event.portal_reference,
            observed_at=event.observed_at,
        ),
        accepted_count=event.accepted_count,
        refused_count=event.refused_count,
        lines=content_ref(event.lines),
        arrived_at=event.arrived_at,
    )
