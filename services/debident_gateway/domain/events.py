"""What the gateway tells the others, before it is put into wire form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.debident_gateway.domain.circuit import CircuitScope
from services.debident_gateway.domain.deb_sequence import MissingDebFiles
from services.debident_gateway.domain.model import FetchedDebFile, StoredContent


@dataclass(frozen=True, slots=True)
class OrderWasSent:
    """The portal took the order's bytes; `evidence` says whether by its own or a person's word."""

    practice_id: UUID
    order_id: UUID
    contract_id: UUID
    attempt: int
    portal_reference: str
    package_sha256: str
    sent_at: datetime
    evidence: Literal["portal", "person"] = "portal"


@dataclass(frozen=True, slots=True)
class OrderSendDidFail:
    """An attempt did not end well; "unknown" means that it may have left all the same."""

    practice_id: UUID
    order_id: UUID
    contract_id: UUID
    attempt: int
    outcome: Literal["not-sent", "unknown"]
    reason_code: str
    next_attempt_at: datetime | None
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderHasArrived:
    """The portal shows the order with an answer per invoice.

    Attributes:
        evidence: how it is known.
        lines: the stored answer per invoice.
        observed_at: when the gateway saw it; `arrived_at` is the portal's own word.
    """

    practice_id: UUID
    order_id: UUID
    contract_id: UUID
    evidence: Literal["portal-status", "already-have-it"]
    portal_reference: str
    accepted_count: int
    refused_count: int
    lines: StoredContent
    arrived_at: datetime
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderWasRefused:
    """The portal refused the whole order."""

    practice_id: UUID
    order_id: UUID
    contract_id: UUID
    reason_code: str
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class OrderWasWithheld:
    """Nothing of the order has left, and nothing will."""

    practice_id: UUID
    order_id: UUID
    contract_id: UUID
    withheld_at: datetime


@dataclass(frozen=True, slots=True)
class DebFileWasFetched:
    """A DEB file's bytes are stored and hashed."""

    file: FetchedDebFile


@dataclass(frozen=True, slots=True)
class PortalIsUnreachable:
    """Calls are held back: the portal, or the practice's account there, failed too often.

    Attributes:
        since: when the first of the failures happened.
        next_call_at: when a single call will try again.
    """

    practice_id: UUID
    outage_id: UUID
    adapter: str
    scope: CircuitScope
    reason_code: str
    failures: int
    since: datetime
    next_call_at: datetime
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class PortalIsReachable:
    """An outage is over, or the practice's calls go elsewhere by now.

    Attributes:
        left: whether the practice does not use that portal any more; nothing is known of it then.
        reachable_at: when the answer came, or when the practice had left.
    """

    practice_id: UUID
    outage_id: UUID
    adapter: str
    scope: CircuitScope
    since: datetime
    reachable_at: datetime
    left: bool = False


@dataclass(frozen=True, slots=True)
class DebFileIsMissing:
    """The portal counted on, and a file is not here."""

    missing: MissingDebFiles


@dataclass(frozen=True, slots=True)
class DebFileGapIsClosed:
    """Nothing of what was missing is missing any more."""

    missing: MissingDebFiles
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderIsHeld:
    """The order waits for something that only a person can do."""

    practice_id: UUID
    order_id: UUID
    contract_id: UUID
    attempt: int
    reason_code: str
    held_at: datetime


DomainEvent = (
    OrderWasSent
    | OrderIsHeld
    | OrderSendDidFail
    | OrderHasArrived
    | OrderWasRefused
    | OrderWasWithheld
    | DebFileWasFetched
    | DebFileIsMissing
    | DebFileGapIsClosed
    | PortalIsUnreachable
    | PortalIsReachable
)
