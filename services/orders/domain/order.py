"""The order: its state follows from the facts known about it, in whatever order they become known.

What the gateway reports about an attempt only ever makes us surer (doubt < not sent < sent), so a
late or repeated report changes nothing. A doubt is neither a sending nor a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.orders.domain.errors import (
    IllegalMoveError,
    OrderMayHaveLeftError,
    OrderNotAcquittedError,
    WrongPackageError,
)
from services.orders.domain.model import ArrivalEvidence, StoredContent
from services.orders.domain.notices import Notice
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money

INVOICES_PER_ORDER_MAX = 10_000
INVOICE_BYTES_PER_ORDER_MAX = 120_000_000
"""What the documents of an order's invoices come to at most, before they are packed.

Whoever prepares, sends or serves a package has it in memory as a whole.
"""


class OrderState(StrEnum):
    """Where an order is. Whether it is being sent right now only the gateway knows."""

    PREPARED = "prepared"
    UNKNOWN = "unknown"
    SENT = "sent"
    ARRIVED = "arrived"
    CONFIRMED = "confirmed"
    ACQUITTED = "acquitted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


UNDER_WAY = frozenset({OrderState.PREPARED, OrderState.UNKNOWN, OrderState.SENT})
IN_FLIGHT = UNDER_WAY | {OrderState.ARRIVED}
"""States that close the gate of a practice and contract (P2)."""


class FactKind(StrEnum):
    """What can become known about an order."""

    PREPARED = "prepared"
    UNKNOWN = "unknown"
    NOT_SENT = "not-sent"
    SENT = "sent"
    OVERDUE = "overdue"
    ARRIVED = "arrived"
    CONFIRMED = "confirmed"
    ACQUITTED = "acquitted"
    REFUSED = "refused"
    WITHDRAWAL_ASKED = "withdrawal-asked"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


FOR_A_CORRECTION = "an invoice of it is to be cancelled or corrected"
FOR_A_CANCELLED = "an invoice of it was cancelled"
"""Who asks for an order back without wanting more of it than one invoice."""
_MAY_HAVE_LEFT = frozenset({FactKind.UNKNOWN, FactKind.SENT, FactKind.ARRIVED})
_CERTAINTY = {FactKind.UNKNOWN: 1, FactKind.NOT_SENT: 2, FactKind.SENT: 3}
_DECISIVE = (
    (FactKind.CLOSED, OrderState.CLOSED),
    (FactKind.ACQUITTED, OrderState.ACQUITTED),
    (FactKind.CONFIRMED, OrderState.CONFIRMED),
    (FactKind.ARRIVED, OrderState.ARRIVED),
    (FactKind.REFUSED, OrderState.REFUSED),
    (FactKind.WITHDRAWN, OrderState.WITHDRAWN),
    (FactKind.SENT, OrderState.SENT),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known about an order; at most one per kind and attempt.

    Attributes:
        attempt: number of the attempt to send, counted from 1; 0 where none is meant.
        reason_code: the portal's or the network's reason, for failures and refusals.
        reference: what the portal or a person calls it.
        next_attempt_at: when the gateway will try again, where it said so.
    """

    kind: FactKind
    at: datetime
    attempt: int = 0
    reason_code: str | None = None
    reference: str | None = None
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The sums of a confirmed order and where its confirmation per line rests."""

    accepted_count: int
    accepted_total: Money
    refused_count: int
    content: StoredContent
    evidence: ArrivalEvidence


@dataclass(frozen=True, slots=True)
class Order:
    """An order whose package is frozen; only facts are added to it."""

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    number: str
    communication: str
    invoice_count: int
    total: Money
    package: StoredContent
    lines: StoredContent
    prepared_at: datetime
    facts: tuple[Fact, ...]
    confirmation: Confirmation | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def state(self) -> OrderState:
        """The state that the known facts amount to."""
        kinds = {fact.kind for fact in self.facts}
        for kind, state in _DECISIVE:
            if kind in kinds:
                return state
        return OrderState.UNKNOWN if self._doubts() else OrderState.PREPARED

    @property
    def since(self) -> datetime:
        """When the present state began."""
        state = self.state
        if state is OrderState.UNKNOWN:
            return min(fact.at for fact in self._doubts())
        return min(fact.at for fact in self.facts if fact.kind.value == state.value)

    @property
    def withdrawal_pending(self) -> bool:
        """Whether a person asked for the order back and the gateway has not answered yet.

        News that something may have left is an answer: no.
        """
        return withdrawal_pending(self.facts)

    @property
    def is_wanted_for_an_invoice(self) -> bool:
        """Whether the order is asked back for one invoice only, and nobody wants the others."""
        asked = (one for one in self.facts if one.kind is FactKind.WITHDRAWAL_ASKED)
        return any(one.reference in {FOR_A_CORRECTION, FOR_A_CANCELLED} for one in asked)

    def ask_withdrawal(self, *, at: datetime, by: str) -> Step:
        """A person wants the order back; only the gateway can say whether that is still possible.

        Raises:
            OrderMayHaveLeftError: something of it may be at the portal, or has been.
        """
        if self.withdrawal_pending or self.state is OrderState.WITHDRAWN:
            return Step(self)
        if self.state is not OrderState.PREPARED or self._may_have_left():
            raise OrderMayHaveLeftError(number=self.number, state=self.state.value)
        return self._with(Fact(FactKind.WITHDRAWAL_ASKED, at, reference=by))

    def withheld(self, *, at: datetime) -> Step:
        """The gateway says that nothing has left and nothing will.

        Raises:
            IllegalMoveError: nobody asked, or that contradicts what the gateway said before.
        """
        if self.state is OrderState.WITHDRAWN:
            return Step(self)
        if not self.withdrawal_pending:
            raise self._illegal("withdrawn")
        return self._with(Fact(FactKind.WITHDRAWN, at))

    def closed(self, *, at: datetime, by: str) -> Step:
        """A person says that nothing more is expected of an acquitted order.

        Raises:
            OrderNotAcquittedError: it is not acquitted.
        """
        if self.state is OrderState.CLOSED:
            return Step(self)
        if self.state is not OrderState.ACQUITTED:
            raise OrderNotAcquittedError(number=self.number, state=self.state.value)
        return self._with(Fact(FactKind.CLOSED, at, reference=by))

    def sent(self, *, attempt: int, at: datetime, reference: str, package_sha256: str) -> Step:
        """The portal took the bytes.

        Raises:
            WrongPackageError: they were not the bytes of this order's package.
            IllegalMoveError: the gateway had promised that it would not be sent.
        """
        if self.state is OrderState.WITHDRAWN:
            raise self._illegal("sent")
        if package_sha256 != self.package.sha256:
            raise WrongPackageError(
                number=self.number,
                sent_sha256=package_sha256,
                package_sha256=self.package.sha256,
            )
        return self._reported(Fact(FactKind.SENT, at, attempt=attempt, reference=reference))

    def send_failed(
        self,
        *,
        attempt: int,
        at: datetime,
        left: bool,
        reason_code: str,
        next_attempt_at: datetime | None,
    ) -> Step:
        """An attempt did not end well; `left` when the bytes may have left all the same."""
        return self._reported(
            Fact(
                FactKind.UNKNOWN if left else FactKind.NOT_SENT,
                at,
                attempt=attempt,
                reason_code=reason_code,
                next_attempt_at=next_attempt_at,
            )
        )

    def arrived(self, *, at: datetime, evidence: ArrivalEvidence) -> Step:
        """The portal shows the order.

        Raises:
            IllegalMoveError: the portal refused this order before, or it was withdrawn.
        """
        if self.state in {OrderState.REFUSED, OrderState.WITHDRAWN}:
            raise self._illegal("arrived")
        if self.state not in UNDER_WAY:
            return Step(self)
        return self._with(
            Fact(FactKind.ARRIVED, at, reason_code=evidence.kind, reference=evidence.reference)
        )

    def confirmed(self, *, at: datetime, confirmation: Confirmation) -> Step:
        """It is known of every line whether the factor took it over.

        Raises:
            IllegalMoveError: the order has not arrived (P1).
        """
        if self.state in {OrderState.CONFIRMED, OrderState.ACQUITTED, OrderState.CLOSED}:
            return Step(self)
        if self.state is not OrderState.ARRIVED:
            raise self._illegal("confirmed")
        step = self._with(Fact(FactKind.CONFIRMED, at))
        return replace(step, order=replace(step.order, confirmation=confirmation))

    def refused(self, *, at: datetime, reason_code: str) -> Step:
        """The portal refused the whole order.

        Raises:
            IllegalMoveError: the order arrived before.
        """
        if self.state is OrderState.REFUSED:
            return Step(self)
        if self.state not in UNDER_WAY:
            raise self._illegal("refused")
        return self._with(Fact(FactKind.REFUSED, at, reason_code=reason_code))

    def acquitted(self, *, at: datetime) -> Step:
        """Every accepted invoice is acquitted in the books.

        Raises:
            IllegalMoveError: the order is not confirmed (P1).
        """
        if self.state in {OrderState.ACQUITTED, OrderState.CLOSED}:
            return Step(self)
        if self.state is not OrderState.CONFIRMED:
            raise self._illegal("acquitted")
        return self._with(Fact(FactKind.ACQUITTED, at))

    def _reported(self, fact: Fact) -> Step:
        known = max(
            (
                _CERTAINTY.get(other.kind, 0)
                for other in self.facts
                if other.attempt == fact.attempt
            ),
            default=0,
        )
        if self.state not in UNDER_WAY or known >= _CERTAINTY[fact.kind]:
            return Step(self)
        return self._with(fact)

    def _with(self, fact: Fact) -> Step:
        return Step(replace(self, facts=(*self.facts, fact)), (fact,))

    def _may_have_left(self) -> bool:
        return any(fact.kind in _MAY_HAVE_LEFT for fact in self.facts)

    def _doubts(self) -> list[Fact]:
        settled = {fact.attempt for fact in self.facts if fact.kind is FactKind.NOT_SENT}
        return [
            fact
            for fact in self.facts
            if fact.kind is FactKind.UNKNOWN and fact.attempt not in settled
        ]

    def _illegal(self, move: str) -> IllegalMoveError:
        return IllegalMoveError(number=self.number, state=self.state.value, move=move)


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a move: the order after it, and the facts that it added.

    Without added facts it was known already, or it came too late to change anything.
    """

    order: Order
    added: tuple[Fact, ...] = ()

    @property
    def already_done(self) -> bool:
        """Whether the move changed nothing."""
        return not self.added

    def then(self, following: Step) -> Step:
        """Join a step taken from this one's order."""
        return Step(following.order, self.added + following.added)


def withdrawal_pending(facts: Sequence[Fact]) -> bool:
    """Return whether by these facts an order is wanted back and nothing has answered that yet."""
    kinds = {fact.kind for fact in facts}
    answered = _MAY_HAVE_LEFT | {kind for kind, _ in _DECISIVE}
    return FactKind.WITHDRAWAL_ASKED in kinds and kinds.isdisjoint(answered)


def order_number(*, factor: str, year: int, count: int) -> str:
    """Write an order's number: "CMD-2026-0001"; it grows beyond four digits, it never wraps."""
    return f"{factor}-{year}-{count:04d}"
