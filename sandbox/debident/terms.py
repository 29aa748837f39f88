"""What the factor knows of a contract and of an invoice that it took over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """The contract as the factor keeps it.

    Attributes:
        payout_term_days: days from arrival to payout.
        payout_basis: "net" pays the amount less the fee, and the fee is a row of its own; "gross"
            pays the whole amount (the fee is then billed apart, outside the DEB files).
        factor_fee_permille: of the amount handed over.
        reminder_fee_beneficiary: who keeps the reminder fee.
        loss_cover: whether the factor bears a loss; else it takes the loss back.
    """

    payout_term_days: int = 15
    payout_basis: Literal["gross", "net"] = "net"
    factor_fee_permille: int = 25
    reminder_fee_beneficiary: Literal["factor", "practice"] = "factor"
    loss_cover: bool = False


@dataclass(frozen=True, slots=True)
class TakenInvoice:
    """An invoice that the factor took over."""

    account_number: str
    order_id: str
    order_number: str
    invoice_number: str
    debtor_number: str
    amount: Money
    arrived_on: date


@dataclass(frozen=True, slots=True)
class ClientRegistration:
    """A practice's access and its contract, as the admin API registers it."""

    client_id: str
    client_secret: str
    account_number: str
    terms: AccountTerms
