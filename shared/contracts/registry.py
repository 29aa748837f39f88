"""All event and document types, looked up by their name and version on the wire."""

from __future__ import annotations

from shared.contracts import dead_letters
from shared.contracts.debident import v1 as debident
from shared.contracts.envelope import Document, EventPayload
from shared.contracts.invoicing import v1 as invoicing
from shared.contracts.orders import v1 as orders
from shared.contracts.reconciliation import v1 as reconciliation

EVENT_TYPES: tuple[type[EventPayload], ...] = (
    invoicing.PracticeRegistered,
    invoicing.ContractChanged,
    invoicing.InvoiceIssued,
    invoicing.InvoiceDocumentRendered,
    invoicing.InvoiceCancelled,
    invoicing.InvoiceWithdrawalWished,
    invoicing.CreditNoteIssued,
    orders.OrderPrepared,
    orders.OrderConfirmed,
    orders.OrderWithdrawalRequested,
    orders.OrderWithdrawn,
    orders.OrderClosed,
    orders.CreditNoteReleased,
    debident.OrderSent,
    debident.OrderSendFailed,
    orders.OrderOverdue,
    orders.OrderNotLeaving,
    orders.OrderMovedOn,
    debident.OrderArrived,
    debident.OrderRefused,
    debident.OrderHeld,
    debident.OrderWithheld,
    debident.DebFileFetched,
    debident.DebFileMissing,
    debident.DebFileGapClosed,
    debident.PortalUnreachable,
    debident.PortalReachable,
    reconciliation.InvoiceAcquitted,
    reconciliation.OrderAcquitted,
    reconciliation.DebFileBooked,
    reconciliation.DebFileHeld,
    reconciliation.DebFileReleased,
    reconciliation.DebFileDiscarded,
    reconciliation.DebFileUndone,
    reconciliation.DebRowParked,
    reconciliation.InvoicePositionChanged,
    reconciliation.DunningBrakeChanged,
    *dead_letters.BY_SERVICE.values(),
)
DOCUMENT_TYPES: tuple[type[Document], ...] = (
    orders.OrderLinesDocument,
    orders.ConfirmationDocument,
    debident.ArrivalDocument,
)
EVENTS_BY_NAME: dict[tuple[str, int], type[EventPayload]] = {
    (event.TYPE, event.VERSION): event for event in EVENT_TYPES
}


def dataschema(event: type[EventPayload]) -> str:
    """Return the CloudEvents `dataschema` of an event type; it ends in its version."""
    return f"/schemas/{event.TYPE}/v{event.VERSION}"
