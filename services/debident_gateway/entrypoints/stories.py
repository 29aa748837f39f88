"""One order's whole way to the factor, read for an answer."""

from __future__ import annotations

from services.debident_gateway import views
from services.debident_gateway.domain.errors import UnknownTransmissionError
from services.debident_gateway.entrypoints import replies
from services.debident_gateway.entrypoints.schemas import TransmissionDetail
from shared.web.endpoints import Call

_STORY_ENTRIES_MAX = 100


async def standing(call: Call) -> dict[str, object]:
    """Return how the transmission of the path stands, for a move; nothing if it is unknown."""
    row = await views.transmission_standing(
        call.connection, call.practice_id, call.path_id("order_id")
    )
    return {} if row is None else dict(row)


async def whole_transmission(call: Call) -> TransmissionDetail:
    """Return the transmission of the path with its latest attempts, polls and reports.

    Raises:
        UnknownTransmissionError: the practice has no such order here.
    """
    order_id = call.path_id("order_id")
    row = await views.transmission(call.connection, call.practice_id, order_id)
    if row is None:
        raise UnknownTransmissionError
    attempts = await views.attempts(call.connection, order_id, limit=_STORY_ENTRIES_MAX)
    polls = await views.polls(call.connection, order_id, limit=_STORY_ENTRIES_MAX)
    reports = await views.reports(call.connection, order_id)
    return replies.transmission_detail(row, attempts, polls, reports)
