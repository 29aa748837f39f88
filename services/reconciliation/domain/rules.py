"""The posting rules: one table, kind by kind, of what a fact does to D, to P and to the book.

docs/accounting.md is rendered from this table; an accountant reads it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.model import Beneficiary, Component

ISSUED = "invoice_issued"


ACQUITTED = "acquittal"


CANCELLED = "invoice_cancelled"


CANCELLED_LATE = "cancellation_too_late"


CREDIT_ANNOUNCED = "credit_note_issued"


CREDIT_SETTLED = "credit_note_settled"


ACQUITTAL_SET_ASIDE = "acquittal_set_aside"


ACQUITTAL_LEFT = "acquittal_left"


ROW_LEFT = "row_left"


ROW_REOPENED = "row_reopened"


PAYMENT = "debtor_payment"


RECOURSE = "recourse"


WRITE_OFF = "write_off"


REMINDER = "reminder"


REVERSAL = "reversal"


UNDO = "undo"


MOVEMENT = "account_movement"


class AmountForm(StrEnum):
    """Which amounts a kind may carry."""

    NONE = "none"
    POSITIVE = "positive"
    SIGNED = "not zero"
    OF_THE_REVERSED = "that of the reversed row"


class Measure(StrEnum):
    """Which amount of a fact a posting takes."""

    AMOUNT = "amount"
    BALANCE = "balance"
    DEPOSIT = "deposit"
    TOTAL = "total"


class Side(StrEnum):
    """Debit or credit."""

    DEBIT = "D"
    CREDIT = "C"


@dataclass(frozen=True, slots=True)
class Leg:
    """One posting of a rule, by role instead of number."""

    role: AccountRole
    side: Side
    measure: Measure = Measure.AMOUNT


class DebtorEffect(StrEnum):
    """What a fact does to D."""

    NONE = "0"
    CHARGE = "+"
    PAYMENT = "-"
    REDUCTION = "- principal"
    GIVEN_UP = "to 0"
    GIVEN_BACK = "to the amount"
    OPPOSITE = "opposite"


class Case(StrEnum):
    """In which case a rule holds, for a kind that has several."""

    LOSS_COVER = "with the factor, loss cover"
    NO_LOSS_COVER = "with the factor, no loss cover"
    GIVEN_BACK = "given back by the factor"
    IN_A_PAYOUT = "in a payout"
    ON_ACCOUNT = "on account"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        kind: of the fact; the record kind of a DEB row, or a kind of our own.
        label: what the journal entry is called.
        beneficiary: the rule holds only when this party gets the money; None: whoever gets it.
        component: of D, for a charge.
        case: the rule holds only in this case; None: always.
        after_return: whether it is booked of an invoice that the factor gave back, too.
        factor: sign of the change of P: +1, 0 or -1 times the amount.
        from_deb: whether a DEB row may carry this kind.
    """

    kind: str
    label: str
    amount: AmountForm = AmountForm.POSITIVE
    beneficiary: Beneficiary | None = None
    debtor: DebtorEffect = DebtorEffect.NONE
    component: Component | None = None
    factor: int = 0
    legs: tuple[Leg, ...] = ()
    from_deb: bool = True
    case: Case | None = None
    after_return: bool = False

    @property
    def moves_money(self) -> bool:
        """Whether the fact changes D, P or the book."""
        return self.amount is not AmountForm.NONE


def _information(kind: str, label: str) -> Rule:
    return Rule(kind, label, amount=AmountForm.NONE)


def _ours(kind: str, label: str) -> Rule:
    return Rule(kind, label, amount=AmountForm.NONE, from_deb=False)


def _transfer(debit: AccountRole, credit: AccountRole) -> tuple[Leg, ...]:
    return (Leg(debit, Side.DEBIT), Leg(credit, Side.CREDIT))


def _charge(kind: str, label: str, component: Component) -> tuple[Rule, Rule]:
    return (
        Rule(
            kind,
            label,
            beneficiary=Beneficiary.FACTOR,
            debtor=DebtorEffect.CHARGE,
            component=component,
        ),
        Rule(
            kind,
            label,
            beneficiary=Beneficiary.PRACTICE,
            debtor=DebtorEffect.CHARGE,
            component=component,
            factor=1,
            legs=_transfer(AccountRole.FACTOR, AccountRole.FEE_INCOME),
        ),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        ISSUED,
        "Invoice issued",
        debtor=DebtorEffect.CHARGE,
        component=Component.PRINCIPAL,
        legs=(
            Leg(AccountRole.RECEIVABLES, Side.DEBIT, Measure.BALANCE),
            Leg(AccountRole.DEPOSITS, Side.DEBIT, Measure.DEPOSIT),
            Leg(AccountRole.FEES, Side.CREDIT, Measure.TOTAL),
        ),
        from_deb=False,
    ),
    Rule(
        ACQUITTED,
        "Acquittal",
        factor=1,
        legs=_transfer(AccountRole.FACTOR, AccountRole.RECEIVABLES),
        from_deb=False,
    ),
    Rule(
        CANCELLED,
        "Invoice cancelled",
        debtor=DebtorEffect.REDUCTION,
        legs=(
            Leg(AccountRole.FEES, Side.DEBIT, Measure.TOTAL),
            Leg(AccountRole.RECEIVABLES, Side.CREDIT, Measure.BALANCE),
            Leg(AccountRole.DEPOSITS, Side.CREDIT, Measure.DEPOSIT),
        ),
        from_deb=False,
    ),
    _ours(CREDIT_ANNOUNCED, "Credit note issued"),
    Rule(
        CREDIT_SETTLED,
        "Credit note settled without the factor",
        debtor=DebtorEffect.REDUCTION,
        legs=_transfer(AccountRole.FEES, AccountRole.RECEIVABLES),
        from_deb=False,
    ),
    _ours(CANCELLED_LATE, "Cancelled, but with the factor"),
    _ours(ACQUITTAL_SET_ASIDE, "Acquittal set aside"),
    _ours(ACQUITTAL_LEFT, "Acquittal left by a person"),
    _ours(ROW_LEFT, "Row left by a person"),
    _ours(ROW_REOPENED, "Left row put back by a person"),
    _information("sent", "Sent to the debtor"),
    _information("returned", "Returned by the post"),
    _information(REMINDER, "Reminder"),
    _information("instalment_plan", "Instalment plan"),
    _information("deferral", "Deferral"),
    _information("dispute", "Dispute"),
    _information("debt_enforcement", "Debt enforcement"),
    _information("closed", "Closed by the factor"),
    Rule(PAYMENT, "Payment of the debtor", debtor=DebtorEffect.PAYMENT),
    Rule(
        "debtor_refund",
        "Refund to the debtor",
        debtor=DebtorEffect.CHARGE,
        component=Component.PRINCIPAL,
    ),
    *_charge("reminder_fee", "Reminder fee", Component.REMINDER_FEES),
    *_charge("default_interest", "Default interest", Component.INTEREST),
    *_charge("instalment_surcharge", "Instalment surcharge", Component.INTEREST),
    *_charge("enforcement_cost", "Enforcement cost", Component.COSTS),
    Rule(
        "payout",
        "Payout of the factor",
        amount=AmountForm.SIGNED,
        factor=-1,
        legs=_transfer(AccountRole.BANK, AccountRole.FACTOR),
        after_return=True,
    ),
    Rule(
        "advance",
        "Advance of the factor",
        factor=-1,
        legs=_transfer(AccountRole.BANK, AccountRole.FACTOR),
        after_return=True,
    ),
    Rule(
        "factor_fee",
        "Charge of the factor",
        factor=-1,
        legs=_transfer(AccountRole.FACTOR_CHARGES, AccountRole.FACTOR),
        after_return=True,
    ),
    Rule(
        "credit_note",
        "Credit note",
        debtor=DebtorEffect.REDUCTION,
        factor=-1,
        legs=_transfer(AccountRole.FEES, AccountRole.FACTOR),
    ),
    Rule(
        "cancellation",
        "Claim given up",
        debtor=DebtorEffect.GIVEN_UP,
        factor=-1,
        legs=_transfer(AccountRole.FEES, AccountRole.FACTOR),
    ),
    Rule(
        RECOURSE,
        "Given back by the factor",
        debtor=DebtorEffect.GIVEN_BACK,
        factor=-1,
        legs=_transfer(AccountRole.RECEIVABLES, AccountRole.FACTOR),
    ),
    Rule(WRITE_OFF, "Loss", debtor=DebtorEffect.PAYMENT, case=Case.LOSS_COVER),
    Rule(
        WRITE_OFF,
        "Loss",
        debtor=DebtorEffect.PAYMENT,
        factor=-1,
        legs=_transfer(AccountRole.LOSSES, AccountRole.FACTOR),
        case=Case.NO_LOSS_COVER,
    ),
    Rule(
        WRITE_OFF,
        "Loss",
        debtor=DebtorEffect.PAYMENT,
        legs=_transfer(AccountRole.LOSSES, AccountRole.RECEIVABLES),
        case=Case.GIVEN_BACK,
        after_return=True,
    ),
    Rule(
        "adjustment",
        "Correction",
        amount=AmountForm.SIGNED,
        beneficiary=Beneficiary.FACTOR,
        debtor=DebtorEffect.CHARGE,
        component=Component.PRINCIPAL,
    ),
    Rule(
        "adjustment",
        "Correction",
        amount=AmountForm.SIGNED,
        beneficiary=Beneficiary.PRACTICE,
        debtor=DebtorEffect.CHARGE,
        component=Component.PRINCIPAL,
        factor=1,
        legs=_transfer(AccountRole.FACTOR, AccountRole.FEES),
    ),
    Rule(
        REVERSAL,
        "Reversal",
        amount=AmountForm.OF_THE_REVERSED,
        debtor=DebtorEffect.OPPOSITE,
        after_return=True,
    ),
    Rule(UNDO, "Undone", AmountForm.OF_THE_REVERSED, debtor=DebtorEffect.OPPOSITE, from_deb=False),
    Rule(
        MOVEMENT,
        "Movement of the account",
        amount=AmountForm.SIGNED,
        legs=_transfer(AccountRole.BANK, AccountRole.FACTOR_CHARGES),
        case=Case.IN_A_PAYOUT,
    ),
    Rule(
        MOVEMENT,
        "Movement of the account",
        amount=AmountForm.SIGNED,
        legs=_transfer(AccountRole.FACTOR_CURRENT, AccountRole.FACTOR_CHARGES),
        case=Case.ON_ACCOUNT,
    ),
)
