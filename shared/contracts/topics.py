"""The topic registry: who owns each topic, who listens, its partitions, how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass

INVOICING = "invoicing"
ORDERS = "orders"
DEBIDENT_GATEWAY = "debident-gateway"
RECONCILIATION = "reconciliation"

FOREVER = -1


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic.

    Attributes:
        name: kebab-case, no dots.
        producers: services that may write; the first one owns the topic.
        consumers: services that read every event of it into their inbox.
        partitions: fixed at creation; the key is the aggregate id, so order per aggregate holds.
        retention_ms: FOREVER where consumers must be able to rebuild themselves from the topic.
        purpose: one sentence for docs/events.md.
    """

    name: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int
    retention_ms: int
    purpose: str

    def dead_letter_topic(self, consumer: str) -> str:
        """Name of the topic that receives copies of what `consumer` could not work."""
        return f"{self.name}-{consumer}-dlq"


PRACTICE_EVENTS = Topic(
    "practice-events",
    (INVOICING,),
    (ORDERS, DEBIDENT_GATEWAY, RECONCILIATION),
    3,
    FOREVER,
    "Practices and their factoring contracts, as their owner last decided them.",
)
INVOICE_EVENTS = Topic(
    "invoice-events",
    (INVOICING,),
    (ORDERS, RECONCILIATION),
    3,
    FOREVER,
    "Invoices as the practice issued them.",
)
ORDER_EVENTS = Topic(
    "order-events",
    (ORDERS, DEBIDENT_GATEWAY),
    (INVOICING, ORDERS, DEBIDENT_GATEWAY, RECONCILIATION),
    3,
    FOREVER,
    "The life of an order, from the frozen package to the confirmed arrival.",
)
DEB_FILE_EVENTS = Topic(
    "deb-file-events",
    (DEBIDENT_GATEWAY, RECONCILIATION),
    (RECONCILIATION,),
    3,
    FOREVER,
    "DEB files: fetched from the portal, then booked or held, released or undone.",
)
LEDGER_EVENTS = Topic(
    "ledger-events",
    (RECONCILIATION,),
    (INVOICING, ORDERS),
    3,
    FOREVER,
    "What the books say: acquittals, changed invoice positions, and whether to remind.",
)

PORTAL_EVENTS = Topic(
    "portal-events",
    (DEBIDENT_GATEWAY,),
    (RECONCILIATION,),
    3,
    FOREVER,
    "Whether portals, and the practices' accounts there, can be reached.",
)

DEAD_LETTER_EVENTS = Topic(
    "dead-letter-events",
    (INVOICING, ORDERS, DEBIDENT_GATEWAY),
    (RECONCILIATION,),
    3,
    FOREVER,
    "Events that a service could not work, and what persons did about them.",
)

TOPICS: tuple[Topic, ...] = (
    PRACTICE_EVENTS,
    INVOICE_EVENTS,
    ORDER_EVENTS,
    DEB_FILE_EVENTS,
    LEDGER_EVENTS,
    PORTAL_EVENTS,
    DEAD_LETTER_EVENTS,
)
TOPICS_BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def topics_consumed_by(service: str) -> tuple[Topic, ...]:
    """Return the topics that a service ingests."""
    return tuple(topic for topic in TOPICS if service in topic.consumers)


def topics_produced_by(service: str) -> tuple[Topic, ...]:
    """Return the topics that a service may write."""
    return tuple(topic for topic in TOPICS if service in topic.producers)
