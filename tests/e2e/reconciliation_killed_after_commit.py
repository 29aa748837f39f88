"""Runs reconciliation, but dies by SIGKILL right after the inbox has committed an order-confirmed.

That is the instant between the database's commit and the acknowledgement to Kafka. The test starts
this in place of the service; everything else in it is the service as it is.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from services.reconciliation.bootstrap import build
from services.reconciliation.settings import ReconciliationSettings
from shared.contracts.orders.v1 import OrderConfirmed
from shared.db.engine import Database
from shared.kernel.clock import Clock
from shared.messaging import parts
from shared.messaging.events import RawRecord
from shared.messaging.source import RecordSink
from shared.runtime.service import main

_sink_of_the_service = parts.inbox_sink


def _deadly_sink(database: Database, clock: Clock) -> RecordSink:
    store = _sink_of_the_service(database, clock)

    async def sink(records: Sequence[RawRecord]) -> None:
        await store(records)
        if any(record.headers.get("ce_type") == OrderConfirmed.TYPE.encode() for record in records):
            os.kill(os.getpid(), signal.SIGKILL)

    return sink


if __name__ == "__main__":
    parts.inbox_sink = _deadly_sink
    main(ReconciliationSettings, build)
