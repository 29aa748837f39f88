"""Which service works which event: for the documents, and to know whom a change of one concerns.

Contracts may not import services, so the table stands here by itself; a test in tests/contracts
compares it with what each service subscribes to.
"""

from __future__ import annotations

from shared.contracts.topics import DEBIDENT_GATEWAY, INVOICING, ORDERS, RECONCILIATION

LISTENERS: dict[str, tuple[str, ...]] = {
    "practice-registered": (ORDERS, RECONCILIATION),
    "contract-changed": (ORDERS, DEBIDENT_GATEWAY, RECONCILIATION),
    "invoice-issued": (ORDERS, RECONCILIATION),
    "invoice-document-rendered": (ORDERS,),
    "invoice-cancelled": (ORDERS, RECONCILIATION),
    "invoice-withdrawal-wished": (ORDERS,),
    "credit-note-issued": (ORDERS, RECONCILIATION),
    "order-prepared": (INVOICING, DEBIDENT_GATEWAY, RECONCILIATION),
    "order-sent": (INVOICING, ORDERS),
    "order-send-failed": (ORDERS, RECONCILIATION),
    "order-overdue": (DEBIDENT_GATEWAY, RECONCILIATION),
    "order-held": (ORDERS,),
    "order-not-leaving": (RECONCILIATION,),
    "order-moved-on": (RECONCILIATION,),
    "order-arrived": (ORDERS,),
    "order-refused": (INVOICING, ORDERS, RECONCILIATION),
    "order-withdrawal-requested": (DEBIDENT_GATEWAY,),
    "order-withheld": (ORDERS,),
    "order-withdrawn": (INVOICING, RECONCILIATION),
    "order-closed": (),
    "credit-note-released": (RECONCILIATION,),
    "order-confirmed": (INVOICING, DEBIDENT_GATEWAY, RECONCILIATION),
    "deb-file-fetched": (RECONCILIATION,),
    "deb-file-missing": (RECONCILIATION,),
    "deb-file-gap-closed": (RECONCILIATION,),
    "portal-unreachable": (RECONCILIATION,),
    "portal-reachable": (RECONCILIATION,),
    "invoice-acquitted": (INVOICING,),
    "order-acquitted": (ORDERS,),
    "deb-file-booked": (),
    "deb-file-held": (),
    "deb-file-released": (),
    "deb-file-discarded": (),
    "deb-file-undone": (),
    "deb-row-parked": (),
    "invoice-position-changed": (INVOICING, ORDERS),
    "dunning-brake-changed": (),
    "invoicing-dead-letter-changed": (RECONCILIATION,),
    "orders-dead-letter-changed": (RECONCILIATION,),
    "debident-gateway-dead-letter-changed": (RECONCILIATION,),
}


def listeners_of(event_type: str) -> tuple[str, ...]:
    """Return the services that work an event; the others on its topic pass it over."""
    return LISTENERS[event_type]
