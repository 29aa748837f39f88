"""Bodies about invoices: what was issued, how it stands, what happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from services.invoicing.domain.insurance import Insurance
from services.invoicing.domain.invoice import DebtorBalance, InvoiceState, Standing
from services.invoicing.entrypoints.csv_text import plain
from services.invoicing.entrypoints.schemas.cancellations import (
    CancellationAnswer,
    cancellation_answer,
)
from services.invoicing.entrypoints.schemas.collection import (
    COLLECTION_CSV_HEADER,
    CollectionAnswer,
    collection_answer,
    collection_csv,
)
from services.invoicing.entrypoints.schemas.fields import (
    PERCENT_PATTERN,
    Payment,
    money,
    number,
)
from services.invoicing.entrypoints.schemas.insurance import (
    TIERS,
    InsurerBody,
    KnownInsurer,
    LawBody,
    TiersWord,
    insurance_of,
    insurer_answer,
    law_answer,
)
from services.invoicing.entrypoints.schemas.invoice_selection import State
from services.invoicing.translate import to_balance
from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import DebtorBalance as DebtorOwes
from shared.kernel.money import Money
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, Totals


def _each_once(ids: list[UUID]) -> list[UUID]:
    if len(set(ids)) != len(ids):
        raise ValueError("must not name a treatment twice")
    return ids


class InvoiceRequest(ApiModel):
    """Treatments of one patient to bill."""

    treatment_ids: Annotated[
        list[UUID], Field(min_length=1, max_length=50), AfterValidator(_each_once)
    ]
    contract_id: Annotated[
        UUID | None, Field(description="The factoring contract; null: no factor stands between")
    ]
    deposit: Annotated[Payment, Field(description="Paid before the invoice (acompte)")] = Payment(
        amount="0.00"
    )
    payment_period_days: Annotated[int, Field(ge=1, le=180)] = 30
    discount_percent: Annotated[
        str,
        Field(
            pattern=PERCENT_PATTERN,
            description="Taken off the treatments, in per cent; a line of its own per VAT rate",
            examples=["10"],
        ),
    ] = "0"
    tiers: Annotated[
        TiersWord,
        Field(
            description=f"{TIERS}; a correction that does not say it keeps tiers, insurer and law"
        ),
    ] = "garant"
    insurer: Annotated[
        InsurerBody | None, Field(description="Who owes tiers payant or soldant; else null")
    ] = None
    law: Annotated[
        LawBody | None, Field(description="By which the insurer pays; null tiers garant")
    ] = None

    def insurance(self) -> Insurance | None:
        """Read who owes; None tiers garant.

        Raises:
            DomainError: tiers, insurer and law do not fit each other.
        """
        return insurance_of(self.tiers, self.insurer, self.law)

    def says_who_owes(self) -> bool:
        """Whether tiers, insurer or law are given."""
        return bool({"tiers", "insurer", "law"} & self.model_fields_set)

    def discount(self) -> Decimal:
        """The discount as a number."""
        return Decimal(self.discount_percent)


class InvoiceAnswer(ApiModel):
    """An invoice as it stands now. With the factor, paid, and balance zero are separate facts."""

    practice_id: UUID
    practice_name: str
    invoice_id: UUID
    invoice_number: str
    state: State
    contract_id: UUID | None
    patient_id: UUID
    patient_number: str
    patient_name: str
    debtor_number: str
    debtor_name: str
    tiers: Annotated[TiersWord, Field(description=TIERS)]
    issued_on: date
    due_on: date
    language: str
    qr_reference: str | None
    total: WireMoney
    deposit: WireMoney
    discount_percent: Annotated[str, Field(description="Taken off; the total is without it")]
    balance: Annotated[WireMoney, Field(description="What the debtor owes now (D)")]
    balance_text: Annotated[
        str,
        Field(
            description="The balance; an asterisk if the factor has the invoice",
            examples=["120.00 *"],
        ),
    ]
    debtor_owes: Annotated[DebtorOwes, Field(description="The balance, by component")]
    with_factor: bool
    paid: bool
    factor_owes: Annotated[WireMoney, Field(description="The share of the factor account (P)")]
    order_id: UUID | None
    order_number: str | None
    collection: CollectionAnswer
    refusal_code: Annotated[str | None, Field(description="Why its last order was refused")]
    unfit_codes: Annotated[list[str], Field(description="Why it cannot be ordered; empty: it can")]
    printed_at: datetime | None
    printed_by: str | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    cancel_reason: str | None
    replaces: Annotated[UUID | None, Field(description="The invoice that it corrects")]
    replaced_by: Annotated[UUID | None, Field(description="The invoice that corrects it")]


class HistoryAnswer(ApiModel):
    """One line of an invoice's history."""

    kind: Annotated[str, Field(description='"issued", "ordered", "arrived", ..., or a DEB kind')]
    occurred_on: date
    amount: WireMoney | None
    order_id: UUID | None
    order_number: str | None
    deb_file_id: UUID | None
    code: Annotated[str | None, Field(description="Reason, where one was given")]
    level: Annotated[int | None, Field(description="Of a reminder: which one, where that is said")]


class InvoiceDetailAnswer(InvoiceAnswer):
    """An invoice with its treatments and the last 200 lines of its history, oldest first."""

    insurer: KnownInsurer | None
    law: LawBody | None
    treatment_ids: list[UUID]
    document_sha256: str
    document_format: Annotated[
        str | None,
        Field(description="Version of the official format; null: issued before it was noted"),
    ]
    history: list[HistoryAnswer]
    cancellation: Annotated[
        CancellationAnswer | None, Field(description="That asked for its order; null: none did")
    ] = None


class InvoiceTotals(Totals):
    """How many invoices there are, and what they come to."""

    total: WireMoney | None
    balance: WireMoney | None
    factor_owes: WireMoney | None


class InvoicePage(Page):
    """Invoices by practice and number."""

    items: list[InvoiceAnswer]
    totals: InvoiceTotals | None


def invoice_answer(row: Any) -> InvoiceAnswer:
    """Write an invoice."""
    return InvoiceAnswer(**_facts(row))


def invoice_detail(
    row: Any,
    document: Any,
    treatment_ids: Sequence[UUID],
    history: Sequence[Any],
    wish: Any = None,
) -> InvoiceDetailAnswer:
    """Write an invoice with its present document and its history."""
    return InvoiceDetailAnswer(
        **_facts(row),
        insurer=insurer_answer(row),
        law=law_answer(row),
        treatment_ids=list(treatment_ids),
        document_sha256=document["document_sha256"],
        document_format=document["document_format"],
        history=[_history_answer(line) for line in history],
        cancellation=cancellation_answer(wish),
    )


CSV_HEADER = (
    "invoice_number",
    "state",
    "issued_on",
    "due_on",
    "patient_number",
    "patient_name",
    "debtor_number",
    "debtor_name",
    "total",
    "deposit",
    "balance",
    "with_factor",
    "paid",
    "factor_owes",
    "order_number",
    "printed_at",
    *COLLECTION_CSV_HEADER,
    "tiers",
)


CSV_HEADER_OF_PRACTICES = ("practice_name", *CSV_HEADER)


def csv_row_of_practices(row: Any) -> list[str]:
    """Write an invoice as a line of CSV_HEADER_OF_PRACTICES."""
    return [plain(row["practice_name"]), *csv_row(row)]


def csv_row(row: Any) -> list[str]:
    """Write an invoice as a line of CSV_HEADER; amounts are plain numbers."""
    answer = invoice_answer(row)
    return [
        plain(answer.invoice_number),
        answer.state,
        answer.issued_on.isoformat(),
        answer.due_on.isoformat(),
        plain(answer.patient_number),
        plain(answer.patient_name),
        plain(answer.debtor_number),
        plain(answer.debtor_name),
        answer.total.amount,
        answer.deposit.amount,
        answer.balance.amount,
        "yes" if answer.with_factor else "no",
        "yes" if answer.paid else "no",
        answer.factor_owes.amount,
        plain(answer.order_number),
        answer.printed_at.isoformat() if answer.printed_at else "",
        *collection_csv(answer.collection),
        answer.tiers,
    ]


def _facts(row: Any) -> dict[str, Any]:
    standing = _standing(row)
    same_names = (
        "practice_id",
        "practice_name",
        "invoice_id",
        "invoice_number",
        "state",
        "contract_id",
        "patient_id",
        "patient_number",
        "debtor_number",
        "debtor_name",
        "tiers",
        "issued_on",
        "due_on",
        "language",
        "qr_reference",
        "with_factor",
        "order_id",
        "order_number",
        "refusal_code",
        "unfit_codes",
        "printed_at",
        "printed_by",
        "cancelled_at",
        "cancelled_by",
        "cancel_reason",
        "replaces",
        "replaced_by",
    )
    return {
        **{name: row[name] for name in same_names},
        "patient_name": f"{row['patient_family_name']} {row['patient_given_name']}",
        "total": money(row["total_rappen"]),
        "deposit": money(row["deposit_rappen"]),
        "discount_percent": number(row["discount_percent"]),
        "balance": WireMoney.of(standing.balance.total),
        "balance_text": standing.balance_text(),
        "debtor_owes": to_balance(standing.balance),
        "paid": standing.paid,
        "factor_owes": WireMoney.of(standing.factor_owes),
        "collection": collection_answer(row),
    }


def _standing(row: Any) -> Standing:
    return Standing(
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        total=Money(row["total_rappen"]),
        state=InvoiceState(row["state"]),
        balance=DebtorBalance(
            principal=Money(row["principal_rappen"]),
            reminder_fees=Money(row["reminder_fees_rappen"]),
            interest=Money(row["interest_rappen"]),
            costs=Money(row["costs_rappen"]),
        ),
        debtor_paid=Money(row["debtor_paid_rappen"]),
        with_factor=row["with_factor"],
        factor_owes=Money(row["factor_owes_rappen"]),
        credited=Money(row["credited_rappen"]),
    )


def _history_answer(row: Any) -> HistoryAnswer:
    rappen = row["amount_rappen"]
    return HistoryAnswer(
        kind=row["kind"],
        occurred_on=row["occurred_on"],
        amount=None if rappen is None else money(rappen),
        order_id=row["order_id"],
        order_number=row["order_number"],
        deb_file_id=row["deb_file_id"],
        code=row["code"],
        level=row["level"],
    )
