"""The state machine of one order's way to the portal.

    intended → sending → sent → arrived | refused
    sending → intended            nothing can have left
    sending → unknown             it may have left: the portal is asked
    unknown → sent | arrived | refused, or → intended once proven absent
    intended, unknown → sent      a person handed it over on the portal's site
    intended → withdrawn          a person wants it back, and nothing can ever have left

Every step returns whether it was made or had been made before; a step that the state forbids
raises. A doubt is never treated as sent nor as failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.debident_gateway.domain.errors import IllegalTransmissionMoveError
from services.debident_gateway.domain.manual import AWAITS_PERSON
from services.debident_gateway.domain.model import StoredContent


class TransmissionState(StrEnum):
    """Where a transmission stands."""

    INTENDED = "intended"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    ARRIVED = "arrived"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Move(StrEnum):
    """Whether a step changed anything."""

    MADE = "made"
    ALREADY_MADE = "already-made"


IN_FLIGHT = frozenset(
    {TransmissionState.SENDING, TransmissionState.UNKNOWN, TransmissionState.SENT}
)
"""States in which bytes may be at the portal without an answer: one per contract at a time."""
ANSWERED = frozenset({TransmissionState.ARRIVED, TransmissionState.REFUSED})
SETTLED = ANSWERED | {TransmissionState.WITHDRAWN}
LOST = "portal-lost-the-order"
"""Why a transmission that was taken waits: the portal no longer knows it."""
ASKABLE = frozenset({TransmissionState.UNKNOWN, TransmissionState.SENT})


@dataclass(slots=True)
class Transmission:
    """One order on its way; the order id is the natural key, the package never changes.

    Attributes:
        attempts: sends that were begun, including those of unknown outcome.
        failures: attempts and asks in a row without progress; decides the retry delay.
        held: whether it waits for a person (no credentials, no machine access), not for the clock.
        reason_code: why it is not further on, or None.
        may_have_left: whether the outcome of any attempt was ever in doubt, or the portal once had
            the bytes. A resend of the same bytes is then harmless; a withdrawal is not.
        withdrawal_asked: whether a person wants the order back.
        overdue: whether this sending should have arrived by now.
        waits_for_portal: whether it is put off because the portal is out of reach.
        already_had_it: whether the portal once said that it has these very bytes.
        next_action_at: when to send (intended) or ask (sent, unknown) next.
        lease_until: until when one worker has it in hand.
    """

    order_id: UUID
    practice_id: UUID
    contract_id: UUID
    order_number: str
    invoice_count: int
    package: StoredContent
    lines: StoredContent
    prepared_at: datetime
    next_action_at: datetime
    state: TransmissionState = TransmissionState.INTENDED
    attempts: int = 0
    failures: int = 0
    polls: int = 0
    held: bool = False
    reason_code: str | None = None
    portal_reference: str | None = None
    already_had_it: bool = False
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    evidence: str | None = None
    lease_until: datetime | None = None
    may_have_left: bool = False
    withdrawal_asked: bool = False
    overdue: bool = False
    waits_for_portal: bool = False

    def hold(self, reason_code: str, *, until: datetime) -> Move:
        """Stay intended for a reason that a person can act on; look again at `until`."""
        self._require(TransmissionState.INTENDED, step="hold")
        self.held = True
        self.waits_for_portal = False
        self.reason_code = reason_code
        self.next_action_at = until
        return Move.MADE

    def release(self, *, now: datetime) -> Move:
        """Go on at once after a person did what was missing."""
        if not self.held or self.state is not TransmissionState.INTENDED:
            return Move.ALREADY_MADE
        self.held = False
        self.next_action_at = now
        return Move.MADE

    def begin_attempt(self, *, lease_until: datetime) -> Move:
        """Take it into hand for sending; committed before the first byte leaves."""
        self._require(TransmissionState.INTENDED, step="begin-attempt")
        self.state = TransmissionState.SENDING
        self.attempts += 1
        self.held = self.waits_for_portal = False
        self.lease_until = lease_until
        return Move.MADE

    def put_off(self, *, until: datetime) -> Move:
        """Neither send nor ask while the portal is out of reach; no attempt, no failure."""
        self._require(TransmissionState.INTENDED, *ASKABLE, step="put-off")
        self.waits_for_portal = True
        self.next_action_at = until
        return Move.MADE

    def note_overdue(self, *, attempt: int) -> Move:
        """This sending should have arrived by now; another one, or what is settled, stays so."""
        if self.overdue or self.state not in ASKABLE or attempt != max(self.attempts, 1):
            return Move.ALREADY_MADE
        self.overdue = True
        return Move.MADE

    def note_taken(self, reference: str, *, at: datetime, next_check_at: datetime) -> Move:
        """The portal has the bytes: accepted, already there, or found when asked."""
        if self.state is TransmissionState.SENT or self.state in ANSWERED:
            return Move.ALREADY_MADE
        self._require(TransmissionState.SENDING, TransmissionState.UNKNOWN, step="note-taken")
        self.state = TransmissionState.SENT
        self.may_have_left = True
        self.portal_reference = reference
        self.sent_at = at
        self._wait(next_check_at, reason_code=None, failures=0)
        return Move.MADE

    def note_not_sent(self, reason_code: str, *, next_attempt_at: datetime) -> Move:
        """Nothing can have left: back to intended, with the same bytes."""
        if self.state in ANSWERED:
            return Move.ALREADY_MADE
        self._require(TransmissionState.SENDING, step="note-not-sent")
        self.state = TransmissionState.INTENDED
        self._wait(next_attempt_at, reason_code=reason_code, failures=self.failures + 1)
        return Move.MADE

    def note_doubt(self, reason_code: str, *, ask_at: datetime) -> Move:
        """It may have left: only the portal can tell."""
        if self.state is TransmissionState.UNKNOWN or self.state in ANSWERED:
            return Move.ALREADY_MADE
        self._require(TransmissionState.SENDING, step="note-doubt")
        self.state = TransmissionState.UNKNOWN
        self.may_have_left = True
        self._wait(ask_at, reason_code=reason_code, failures=self.failures + 1)
        return Move.MADE

    def note_absent(self, *, next_attempt_at: datetime) -> Move:
        """The portal does not have it: proven absent, so the same bytes may be sent again."""
        if self.state is TransmissionState.INTENDED:
            return Move.ALREADY_MADE
        self._require(TransmissionState.UNKNOWN, step="note-absent")
        self.state = TransmissionState.INTENDED
        self.overdue = False
        self._wait(next_attempt_at, reason_code="portal-does-not-have-it", failures=self.failures)
        return Move.MADE

    def note_still_waiting(self, reason_code: str | None, *, ask_at: datetime) -> Move:
        """Asked, and no further on: the same state, ask again later."""
        self._require(*ASKABLE, step="note-still-waiting")
        failures = self.failures + 1 if reason_code else 0
        self._wait(ask_at, reason_code=reason_code, failures=failures)
        return Move.MADE

    def note_arrival(self, evidence: str, *, at: datetime) -> Move:
        """The portal shows it with an answer for exactly its invoices."""
        if self.state is TransmissionState.ARRIVED:
            return Move.ALREADY_MADE
        self._require(TransmissionState.SENT, step="note-arrival")
        self._settle(TransmissionState.ARRIVED, reason_code=None, at=at)
        self.evidence = evidence
        return Move.MADE

    def note_refusal(self, reason_code: str, *, at: datetime) -> Move:
        """The portal refused the whole order."""
        if self.state is TransmissionState.REFUSED:
            return Move.ALREADY_MADE
        self._require(
            TransmissionState.SENDING,
            TransmissionState.UNKNOWN,
            TransmissionState.SENT,
            step="note-refusal",
        )
        self._settle(TransmissionState.REFUSED, reason_code=reason_code, at=at)
        return Move.MADE

    def send_again(self, *, at: datetime) -> Move:
        """A person wants the same bytes to leave now: those that wait, or that the portal lost."""
        if self.state is TransmissionState.SENT and self.reason_code == LOST:
            self.state = TransmissionState.INTENDED
        self._require(TransmissionState.INTENDED, step="send-again")
        self.held = self.overdue = False
        self._wait(at, reason_code=self.reason_code, failures=0)
        return Move.MADE

    def ask_withdrawal(self) -> Move:
        """Remember that a person wants the order back; `withhold` follows where that is possible.

        The wish is kept while an attempt runs, whose outcome decides.
        """
        if self.withdrawal_asked:
            return Move.ALREADY_MADE
        self.withdrawal_asked = True
        return Move.MADE

    def withhold(self, *, at: datetime) -> Move:
        """Never send it: asked for back, not in hand, and nothing of it can ever have left.

        Anything less changes nothing: the order goes on.
        """
        ready = self.state is TransmissionState.INTENDED and self.withdrawal_asked
        if not ready or self.may_have_left:
            return Move.ALREADY_MADE
        self._settle(TransmissionState.WITHDRAWN, reason_code=None, at=at)
        return Move.MADE

    def note_handed_over(self, reference: str, *, at: datetime, next_check_at: datetime) -> Move:
        """A person gave the bytes to the portal: those that wait, or that were in doubt."""
        if self.state in {TransmissionState.SENT, TransmissionState.ARRIVED}:
            return Move.ALREADY_MADE
        self._require(
            TransmissionState.INTENDED, TransmissionState.UNKNOWN, step="note-handed-over"
        )
        self.state = TransmissionState.SENT
        self.attempts += 1
        self.held = False
        self.may_have_left = True
        self.portal_reference = reference
        self.sent_at = at
        self._wait(next_check_at, reason_code=AWAITS_PERSON, failures=0)
        return Move.MADE

    def note_confirmed_by_person(self, *, at: datetime) -> Move:
        """A person confirmed the arrival elsewhere: nothing more is sent or asked."""
        if self.state is TransmissionState.ARRIVED:
            return Move.ALREADY_MADE
        if self.state in SETTLED:
            raise IllegalTransmissionMoveError(state=self.state, step="note-confirmed-by-person")
        self._settle(TransmissionState.ARRIVED, reason_code=None, at=at)
        self.evidence = "person"
        return Move.MADE

    def _settle(self, state: TransmissionState, *, reason_code: str | None, at: datetime) -> None:
        self.state = state
        self.settled_at = at
        self.held = self.overdue = False
        self._wait(at, reason_code=reason_code, failures=0)

    def _wait(self, until: datetime, *, reason_code: str | None, failures: int) -> None:
        self.next_action_at = until
        self.reason_code = reason_code
        self.failures = failures
        self.lease_until = None
        self.waits_for_portal = False

    def _require(self, *states: TransmissionState, step: str) -> None:
        if self.state not in states:
            raise IllegalTransmissionMoveError(state=self.state, step=step)
