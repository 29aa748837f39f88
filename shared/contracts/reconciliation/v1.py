"""Events of reconciliation, version 1: acquittals, DEB files booked or held, positions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import topics
from shared.contracts.envelope import Code, EventPayload, Timestamp, WireModel, WireMoney


class InvoiceAcquitted(EventPayload):
    """An invoice was acquitted against the factor account; its balance carries the asterisk."""

    TYPE: ClassVar[str] = "invoice-acquitted"
    TOPIC: ClassVar[str] = topics.LEDGER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "invoice_id"

    invoice_id: UUID
    contract_id: UUID
    order_id: UUID
    amount: WireMoney
    ledger_account: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    label: Annotated[str, Field(max_length=80)]
    acquitted_on: date
    journal_entry_id: UUID


class OrderAcquitted(EventPayload):
    """Every accepted invoice of an order is acquitted, or set aside for a person to decide."""

    TYPE: ClassVar[str] = "order-acquitted"
    TOPIC: ClassVar[str] = topics.LEDGER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "order_id"

    order_id: UUID
    contract_id: UUID
    invoice_count: Annotated[int, Field(ge=0, description="Invoices that are acquitted")]
    total: Annotated[WireMoney, Field(description="Sum of the acquitted invoices")]
    acquitted_on: date
    set_aside_count: Annotated[
        int, Field(ge=0, description="Accepted invoices that the books could not acquit")
    ] = 0
    set_aside_total: Annotated[
        WireMoney | None, Field(description="What the factor confirmed of those; none: nothing")
    ] = None


class DebFileBooked(EventPayload):
    """A DEB file was worked: rows read = booked + repeats + parked."""

    TYPE: ClassVar[str] = "deb-file-booked"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "deb_file_id"

    deb_file_id: UUID
    contract_id: UUID
    rows_read: Annotated[int, Field(ge=0)]
    booked: Annotated[int, Field(ge=0)]
    repeats: Annotated[int, Field(ge=0)]
    parked: Annotated[int, Field(ge=0)]
    booked_at: Timestamp


class DebFileHeld(EventPayload):
    """A DEB file does not add up or is not ours: nothing of it was booked."""

    TYPE: ClassVar[str] = "deb-file-held"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "deb_file_id"

    deb_file_id: UUID
    contract_id: UUID
    reason_code: Code
    line: Annotated[int, Field(ge=1)] | None
    held_at: Timestamp


class DebFileReleased(EventPayload):
    """A person let a held DEB file go: it is read and judged again."""

    TYPE: ClassVar[str] = "deb-file-released"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "deb_file_id"

    deb_file_id: UUID
    contract_id: UUID
    reason_code: Annotated[Code, Field(description="Why it was held")]
    released_at: Timestamp


class DebFileDiscarded(EventPayload):
    """A held DEB file will never be booked: a person discarded it, or another version is booked."""

    TYPE: ClassVar[str] = "deb-file-discarded"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "deb_file_id"

    deb_file_id: UUID
    contract_id: UUID
    reason_code: Annotated[Code, Field(description="Why it was held")]
    superseded_by: Annotated[
        UUID | None,
        Field(description="The version that is booked in its place; none: a person discarded it"),
    ]
    discarded_at: Timestamp


class DebFileUndone(EventPayload):
    """A booked DEB file was undone by compensating entries, as far as that is possible.

    Rows read = booked + repeats + parked + undone; `kept` of the booked ones depend on later facts.
    """

    TYPE: ClassVar[str] = "deb-file-undone"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "deb_file_id"

    deb_file_id: UUID
    contract_id: UUID
    rows_read: Annotated[int, Field(ge=0)]
    booked: Annotated[int, Field(ge=0)]
    repeats: Annotated[int, Field(ge=0)]
    parked: Annotated[int, Field(ge=0)]
    undone: Annotated[int, Field(ge=0)]
    kept: Annotated[int, Field(ge=0)]
    debt_change: Annotated[
        WireMoney, Field(description="What this undoing changed of all that debtors owe, in sum")
    ]
    factor_change: Annotated[
        WireMoney, Field(description="What this undoing changed of all that the factor owes")
    ]
    undone_at: Timestamp


class DebRowParked(EventPayload):
    """One row of a DEB file waits for a person; the rest of the file was booked."""

    TYPE: ClassVar[str] = "deb-row-parked"
    TOPIC: ClassVar[str] = topics.DEB_FILE_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "deb_file_id"

    deb_file_id: UUID
    contract_id: UUID
    line: Annotated[int, Field(ge=1)]
    kind: Annotated[str, Field(max_length=40)] | None
    reason_code: Code
    amount: WireMoney | None
    parked_at: Timestamp


class DebtorBalance(WireModel):
    """What the debtor still owes, by component."""

    principal: WireMoney
    reminder_fees: WireMoney
    interest: WireMoney
    costs: WireMoney
    total: WireMoney


class PositionChange(WireModel):
    """One fact from a DEB file about an invoice."""

    kind: Annotated[str, Field(max_length=40)]
    amount: WireMoney | None
    event_date: date
    reverses: Annotated[
        str | None,
        Field(max_length=40, description="Of a reversal or undoing: the kind of what it undoes"),
    ] = None
    credit_note_id: Annotated[
        UUID | None, Field(description="The credit note that was settled without the factor")
    ] = None
    level: Annotated[
        int | None, Field(ge=0, le=99, description="Of a reminder, which one it was; none: unsaid")
    ] = None


class InvoicePositionChanged(EventPayload):
    """An invoice's two running positions after a booking: one event per invoice and batch."""

    TYPE: ClassVar[str] = "invoice-position-changed"
    TOPIC: ClassVar[str] = topics.LEDGER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "invoice_id"

    invoice_id: UUID
    contract_id: UUID | None
    debtor_owes: DebtorBalance
    factor_owes: Annotated[
        WireMoney, Field(description="The invoice's share of the factor account")
    ]
    with_factor: Annotated[bool, Field(description="The asterisk: acquitted against the factor")]
    deb_file_id: UUID | None
    changes: Annotated[tuple[PositionChange, ...], Field(max_length=50)]
    changed_at: Timestamp
    given_back: Annotated[
        bool,
        Field(
            description="The factor gave the invoice back (recourse): it is the practice's to"
            " collect, and goes into another order only by a person's decision"
        ),
    ] = False
    given_back_by: Annotated[
        UUID | None,
        Field(description="The order from which it was given back; a newer one keeps it"),
    ] = None


class DunningBrake(WireModel):
    """One reason why reminders have to wait."""

    reason_code: Literal[
        "order-unconfirmed",
        "deb-file-late",
        "no-deb-file-yet",
        "deb-file-held",
        "deb-file-awaits-review",
        "rows-parked",
    ]
    count: Annotated[
        int,
        Field(ge=1, description="Orders, files or rows; of late or missing DEB files: contracts"),
    ]
    amount: Annotated[
        WireMoney | None, Field(description="Of parked rows, added up whatever their signs")
    ]
    since: Annotated[
        date | None, Field(description="Day of the oldest order, or of the last DEB file")
    ]
    set_aside: Annotated[
        int | None,
        Field(
            ge=1,
            description="Of `deb-file-held`: how many of these files are not held, but set aside,"
            " because booking or undoing them fails again and again; none: not one",
        ),
    ] = None


class DunningBrakeChanged(EventPayload):
    """Whether a practice may run reminders has changed, or why not; until told: it may.

    Told once for each other set of reasons; counts and amounts are those of that moment.
    """

    TYPE: ClassVar[str] = "dunning-brake-changed"
    TOPIC: ClassVar[str] = topics.LEDGER_EVENTS.name
    PRODUCER: ClassVar[str] = topics.RECONCILIATION
    SUBJECT: ClassVar[str] = "practice_id"

    released: Annotated[bool, Field(description="Reminders may be run")]
    reasons: Annotated[
        tuple[DunningBrake, ...], Field(max_length=6, description="Empty when it is released")
    ]
    changed_at: Annotated[Timestamp, Field(description="When the verdict changed")]
