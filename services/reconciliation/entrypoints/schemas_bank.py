"""Bodies and queries of the part of the reconciliation API about the bank."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from services.reconciliation.domain.bank import is_iban
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several, Totals

PayoutState = Literal["agreed", "amount-differs", "rows-not-booked", "waiting-for-bank"]


def _without_blanks(value: object) -> object:
    return value.replace(" ", "") if isinstance(value, str) else value


def _checked(text: str) -> str:
    if not is_iban(text):
        raise ValueError("not an IBAN with a right check digit")
    return text


Iban = Annotated[
    str, BeforeValidator(_without_blanks), Field(max_length=34), AfterValidator(_checked)
]


class BankAccountRequest(ApiModel):
    """A bank account, whose practices are paid onto it, and from which accounts."""

    iban: Iban
    holder: Annotated[str, Field(min_length=1, max_length=70, pattern=r"\S")]
    practice_ids: Annotated[frozenset[UUID], Field(min_length=1, max_length=500)]
    factor_ibans: Annotated[
        frozenset[Iban],
        Field(max_length=20, description="Accounts from which the factor pays"),
    ] = frozenset()


class BankAccountReply(ApiModel):
    """A bank account as it is kept."""

    account_id: UUID
    iban: str
    holder: str
    practice_ids: list[UUID]
    factor_ibans: list[str]
    version: int


class BankAccountList(Page):
    """A page of the bank accounts that are open to the caller, by IBAN."""

    items: list[BankAccountReply]


class StatementReceiptReply(ApiModel):
    """What the import of one statement came to."""

    statement_id: UUID
    iban: str
    new: Annotated[int, Field(description="Movements that were stored now")]
    known: Annotated[int, Field(description="Movements that were here before")]
    detailed: Annotated[int, Field(description="Entries that are now known in their parts")]
    already: Annotated[bool, Field(description="Whether this very file was here before")]


class StatementImportReply(ApiModel):
    """What the import of a file came to, by account."""

    items: list[StatementReceiptReply]


class StatementReply(ApiModel):
    """A statement that was imported."""

    statement_id: UUID
    message_type: str
    message_id: str
    new_entries: int
    known_entries: int
    imported_by: str
    imported_at: datetime


class StatementList(Page):
    """A page of an account's statements, the newest first."""

    items: list[StatementReply]


class SinceQuery(PageQuery):
    """From which day on; left out: the last 90 days."""

    since: Annotated[date | None, Field(description="First day; left out: 90 days ago")] = None


class PayoutsQuery(SinceQuery):
    """Which payouts."""

    state: Several[PayoutState]


class PayoutReply(ApiModel):
    """One payout, as DEB rows announce it, as the books booked it, as the bank shows it."""

    payout_reference: str
    paid_on: date
    state: PayoutState
    announced: Annotated[WireMoney, Field(description="Sum of the DEB rows that name it")]
    booked: Annotated[WireMoney, Field(description="What the books have on bank accounts for it")]
    received: Annotated[WireMoney, Field(description="Sum of the bank's entries for it")]
    waiting_rows: Annotated[int, Field(description="DEB rows of it that are not booked")]
    invoices: int
    practices: int
    entries: Annotated[int, Field(description="Bank entries that are this payout")]
    value_on: date | None


class PayoutTotals(Totals):
    """How many payouts there are, what they come to, and what of it has come."""

    announced: WireMoney | None
    received: WireMoney | None


class PayoutList(Page):
    """A page of payouts, oldest first."""

    items: list[PayoutReply]
    totals: PayoutTotals | None


class PayoutPartsQuery(ApiModel):
    """Of which payout."""

    payout_reference: Annotated[str, Field(min_length=1, max_length=40)]


class PayoutPartReply(ApiModel):
    """One DEB row's part of a payout."""

    practice_id: UUID
    invoice_id: UUID | None
    invoice_number: str | None
    deb_file_id: UUID
    line: int
    kind: str
    status: str
    reason_code: str | None
    amount: WireMoney | None


class PracticeShare(ApiModel):
    """What of a payout is one practice's."""

    practice_id: UUID
    amount: WireMoney
    rows: int


class PayoutPartsReply(ApiModel):
    """A payout split over practices and invoices; the parts make up the whole."""

    payout_reference: str
    total: WireMoney
    shares: list[PracticeShare]
    parts: list[PayoutPartReply]


class BankEntryReply(ApiModel):
    """A bank entry that no payout explains."""

    entry_id: UUID
    booked_on: date
    value_on: date
    amount: WireMoney
    references: list[str]
    from_factor: bool
    is_reversal: bool
    suggestions: Annotated[
        list[str], Field(description="Payouts of this amount that wait for the bank")
    ]


class BankEntryTotals(Totals):
    """How many entries there are, and what they come to."""

    amount: WireMoney | None


class BankEntryList(Page):
    """A page of unexplained entries, oldest first."""

    totals: BankEntryTotals | None

    items: list[BankEntryReply]


class EntryDecisionRequest(ApiModel):
    """What the entry is."""

    decision: Literal["is-payout", "leave"]
    payout_reference: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    reason: Annotated[str, Field(min_length=3, max_length=300, pattern=r"\S")]

    @model_validator(mode="after")
    def _names_a_payout(self) -> EntryDecisionRequest:
        if (self.decision == "is-payout") != (self.payout_reference is not None):
            raise ValueError("payout_reference belongs to is-payout, and to nothing else")
        return self


class EntryDecisionReply(ApiModel):
    """What was decided, by whom."""

    entry_id: UUID
    decision: str
    payout_reference: str | None
    reason: str
    decided_by: str
    decided_at: datetime
