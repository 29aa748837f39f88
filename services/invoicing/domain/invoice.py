"""An invoice as it was issued, and its standing since: state, balances, the asterisk.

"With the factor", "paid" and "balance zero" are three separate facts; none follows from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.errors import IllegalTransitionError
from services.invoicing.domain.insurance import Insurance
from services.invoicing.domain.order import Placement
from services.invoicing.domain.practice import Language
from shared.kernel.money import Money

NOTHING = Money.zero()
POSITIONS_MAX = 500
"""So many positions an invoice has at most; a printed one gets too slow and too long beyond."""


class InvoiceState(StrEnum):
    """issued → ordered → acquitted → closed; a refusal leads from ordered back to issued.

    What is issued and in no order may be cancelled.
    """

    ISSUED = "issued"
    ORDERED = "ordered"
    ACQUITTED = "acquitted"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """Whether a step was taken, or had been taken before."""

    DONE = "done"
    ALREADY_DONE = "already-done"


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Where a document rests in the object store, and what its bytes hash to."""

    key: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class DebtorBalance:
    """What the debtor owes, by component."""

    principal: Money
    reminder_fees: Money
    interest: Money
    costs: Money

    @classmethod
    def of(cls, principal: Money) -> DebtorBalance:
        """Return the balance of an invoice nobody has reminded of yet."""
        return cls(principal, Money.zero(), Money.zero(), Money.zero())

    @property
    def total(self) -> Money:
        """What the debtor owes in all."""
        return Money.total((self.principal, self.reminder_fees, self.interest, self.costs))


@dataclass(frozen=True, slots=True)
class Invoice:
    """What was issued; it never changes afterwards.

    Attributes:
        year, serial: make the number; serial counts without a gap per practice and year.
        qr_reference: 27 digits, or None without a factor.
        deposit: paid before the invoice.
        discount_percent: what was taken off; the total is without it.
        unfit_codes: why it cannot be ordered; empty if it can.
        own_number: the number that it came with from other software, if it was imported.
        insurance: of an insurer that owes it; None: tiers garant.
    """

    invoice_id: UUID
    practice_id: UUID
    year: int
    serial: int
    contract_id: UUID | None
    patient_id: UUID
    patient_number: str
    debtor_number: str
    qr_reference: str | None
    issued_at: datetime
    issued_on: date
    due_on: date
    language: Language
    total: Money
    deposit: Money
    document: StoredDocument
    unfit_codes: tuple[str, ...]
    own_number: str | None = None
    discount_percent: Decimal = Decimal(0)
    document_format: str | None = None
    insurance: Insurance | None = None

    @property
    def number(self) -> str:
        """The invoice number that people read ("2026-000001")."""
        return self.own_number or invoice_number(self.year, self.serial)

    @property
    def open_amount(self) -> Money:
        """What the debtor owes when the invoice is issued."""
        return self.total - self.deposit


def invoice_number(year: int, serial: int) -> str:
    """Return the invoice number made of a year and a serial number."""
    return f"{year:04d}-{serial:06d}"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that a DEB file told about an invoice; the amount is None for information.

    Attributes:
        reverses: of a reversal, the kind of the fact that it undoes; the amount is that fact's.
        credit_note_id: of the credit note that the books settled without the factor.
        level: of a reminder, which one it was, as far as its row says.
    """

    kind: str
    amount: Money | None
    event_date: date
    reverses: str | None = None
    credit_note_id: UUID | None = None
    level: int | None = None


# Which facts tell that the debtor paid, and which that the practice asks for less.
_PAID = {"debtor_payment": 1, "debtor_refund": -1}
_CREDITED = {"credit_note": 1, "credit_note_settled": 1}
_FINISHED = "closed"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an invoice stands now.

    Attributes:
        order_id: the order it is in, or was acquitted with.
        refusal_code: why the last order that contained it was refused, or None.
        with_factor: the asterisk.
        finished: whether the factor has said that it is through with the invoice.
        factor_owes: the invoice's share of the factor account (P).
        debtor_paid: what the debtor paid in all, the deposit included.
        credited: by how much credit notes reduced the invoice.
        given_back_by: the order of the acquittal that the factor's recourse ended; None while the
            factor has the invoice, or never had it.
        ledger_sequence: number of the last ledger event that was taken into account.
    """

    invoice_id: UUID
    invoice_number: str
    total: Money
    state: InvoiceState
    balance: DebtorBalance
    debtor_paid: Money
    order_id: UUID | None = None
    refusal_code: str | None = None
    with_factor: bool = False
    finished: bool = False
    factor_owes: Money = NOTHING
    credited: Money = NOTHING
    given_back_by: UUID | None = None
    ledger_sequence: int = 0

    @classmethod
    def at_issue(cls, invoice: Invoice) -> Standing:
        """Return the standing of an invoice that has just been issued."""
        return cls(
            invoice_id=invoice.invoice_id,
            invoice_number=invoice.number,
            total=invoice.total,
            state=InvoiceState.ISSUED,
            balance=DebtorBalance.of(invoice.open_amount),
            debtor_paid=invoice.deposit,
        )

    @property
    def paid(self) -> bool:
        """Whether the debtor paid the invoice; a debt that was written off is not paid."""
        covered = self.debtor_paid + self.credited
        return self.balance.total <= Money.zero() < self.debtor_paid and covered >= self.total

    def balance_text(self) -> str:
        """The balance as the office reads it; an asterisk says that the factor has the invoice."""
        return f"{self.balance.total} *" if self.with_factor else str(self.balance.total)

    @property
    def is_acquitted(self) -> bool:
        """Whether the invoice was acquitted against the factor, given back since or not."""
        return self.state in (InvoiceState.ACQUITTED, InvoiceState.CLOSED)

    @property
    def was_acquitted(self) -> bool:
        """Whether it ever was, even if it is in a newer order since the factor gave it back."""
        return self.is_acquitted or self.given_back_by is not None

    def placed(self, placements: Sequence[Placement]) -> Standing:
        """Return the standing that follows from every order the invoice was ever in.

        The newest order that may still have it counts; if all refused it, the newest refusal. What
        is with the factor stays so: that another order has it, too, the books set aside. What the
        factor gave back may be in a newer order; if none has it, it stands as it was given back.
        """
        by_age = sorted(placements, key=lambda one: (one.prepared_at, one.order_id))
        if self.given_back_by is not None:
            return self._given_back(by_age)
        live = [placement for placement in by_age if placement.is_live]
        if self.is_acquitted or not by_age or self.state is InvoiceState.CANCELLED:
            return self
        if live:
            return replace(
                self, state=InvoiceState.ORDERED, order_id=live[-1].order_id, refusal_code=None
            )
        code = by_age[-1].refusal_code
        return replace(self, state=InvoiceState.ISSUED, order_id=None, refusal_code=code)

    def places_since_return(self, placements: Sequence[Placement]) -> Sequence[Placement]:
        """Return the places in orders behind the one that the factor gave it back from, by age."""
        by_age = sorted(placements, key=lambda one: (one.prepared_at, one.order_id))
        ids = [placement.order_id for placement in by_age]
        ended = ids.index(self.given_back_by) if self.given_back_by in ids else -1
        return by_age[ended + 1 :]

    def _given_back(self, by_age: Sequence[Placement]) -> Standing:
        """Return the standing of an invoice whose last acquittal the factor ended."""
        since = self.places_since_return(by_age)
        live = [placement for placement in since if placement.is_live]
        if live:
            return replace(
                self, state=InvoiceState.ORDERED, order_id=live[-1].order_id, refusal_code=None
            )
        code = since[-1].refusal_code if since else None
        return replace(
            self, state=self._acquitted_state, order_id=self.given_back_by, refusal_code=code
        )

    @property
    def _acquitted_state(self) -> InvoiceState:
        return InvoiceState.CLOSED if self.finished else InvoiceState.ACQUITTED

    def acquitted(
        self, placement: Placement, *, amount: Money, sequence: int
    ) -> tuple[Standing, Outcome]:
        """Acquit the invoice against the factor: the balance gets its asterisk, the factor owes.

        Positions that a later statement of the books has set already are left alone. An invoice
        that the factor took over before it heard of the cancellation is acquitted all the same, and
        so is one that it gave back and took over anew; then it is not through with it any more.

        Raises:
            IllegalTransitionError: the order refused it, or it is acquitted with another order.
        """
        again = self.given_back_by is not None
        known = self.given_back_by if again else self.order_id
        if (again or self.is_acquitted) and known == placement.order_id:
            return self, Outcome.ALREADY_DONE
        if (self.is_acquitted and not again) or not placement.is_live:
            raise self._illegal(InvoiceState.ACQUITTED)
        fresh = replace(self, finished=self.finished and not again, given_back_by=None)
        done = replace(
            fresh,
            state=fresh._acquitted_state,  # noqa: SLF001 - of its own class
            order_id=placement.order_id,
            refusal_code=None,
        )
        if sequence <= self.ledger_sequence:
            return done, Outcome.DONE
        done = replace(
            done,
            with_factor=True,
            factor_owes=self.factor_owes + amount,
            ledger_sequence=sequence,
        )
        return done, Outcome.DONE

    def cancelled(self) -> Standing:
        """Return the standing of the cancelled invoice: nobody owes anything on it any more."""
        return replace(
            self, state=InvoiceState.CANCELLED, balance=DebtorBalance.of(NOTHING), refusal_code=None
        )

    def check_refusable(self, order_id: UUID) -> None:
        """Check that an order may still refuse the invoice.

        Raises:
            IllegalTransitionError: it was acquitted with that order.
        """
        if self.is_acquitted and self.order_id == order_id:
            raise self._illegal(InvoiceState.ISSUED)

    def repositioned(
        self,
        balance: DebtorBalance,
        *,
        factor_owes: Money,
        with_factor: bool,
        facts: Sequence[Fact],
        sequence: int,
    ) -> tuple[Standing, Outcome]:
        """Take over both positions from the books; an older statement changes nothing.

        Without the asterisk the factor has given the invoice back; with it, a recourse that ended
        its acquittal does not hold.

        Raises:
            IllegalTransitionError: an asterisk is claimed for an invoice that was never acquitted.
        """
        if sequence <= self.ledger_sequence:
            return self, Outcome.ALREADY_DONE
        if with_factor and not self.was_acquitted:
            raise self._illegal(InvoiceState.ACQUITTED)
        finished = self.finished or any(fact.kind == _FINISHED for fact in facts)
        moved = self._turned(with_factor=with_factor)
        closes = finished and moved.state is InvoiceState.ACQUITTED
        done = replace(
            moved,
            balance=balance,
            factor_owes=factor_owes,
            with_factor=with_factor,
            finished=finished,
            state=InvoiceState.CLOSED if closes else moved.state,
            debtor_paid=self.debtor_paid + _sum(facts, _PAID),
            credited=self.credited + _sum(facts, _CREDITED),
            ledger_sequence=sequence,
        )
        return done, Outcome.DONE

    def _turned(self, *, with_factor: bool) -> Standing:
        if with_factor and self.given_back_by is not None:
            order_id = self.given_back_by
            return replace(self, state=self._acquitted_state, order_id=order_id, given_back_by=None)
        if not with_factor and self.is_acquitted and self.given_back_by is None:
            return replace(self, given_back_by=self.order_id)
        return self

    def _illegal(self, wanted: InvoiceState) -> IllegalTransitionError:
        return IllegalTransitionError(
            self.invoice_number, state=self.state.value, wanted=wanted.value
        )


def _sum(facts: Sequence[Fact], signs: dict[str, int]) -> Money:
    done = sum(signs.get(fact.kind, 0) * _rappen(fact) for fact in facts)
    undone = sum(signs.get(fact.reverses or "", 0) * _rappen(fact) for fact in facts)
    return Money(done - undone)


def _rappen(fact: Fact) -> int:
    return fact.amount.rappen if fact.amount is not None else 0


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of an invoice's history.

    Attributes:
        kind: "issued", "printed", "ordered", "withdrawn", "arrived", "refused", "acquitted",
            "cancelled", "credit-note", or a DEB row's kind.
        cause_id: id of the event behind it; with `place` it makes the line unique.
        place: order among the lines of one cause.
        code: reason of a refusal, a cancellation or a credit note.
        level: of a reminder, which one it was, as far as its row says.
        reverses: of a reversal or undoing, the kind of what it undoes.
    """

    invoice_id: UUID
    kind: str
    occurred_on: date
    cause_id: UUID
    place: int = 0
    amount: Money | None = None
    order_id: UUID | None = None
    deb_file_id: UUID | None = None
    code: str | None = None
    level: int | None = None
    reverses: str | None = None
