"""Tells the others, once per reason, that an order waits for a person and not for the clock."""

from __future__ import annotations

from datetime import datetime

from services.debident_gateway.domain.events import OrderIsHeld
from services.debident_gateway.domain.transmission import Transmission
from services.debident_gateway.ports import UnitOfWork

_ONLY_A_PERSON_MENDS = frozenset(
    {
        "package-damaged",
        "portal-folder-missing",
        "portal-host-key-changed",
        "portal-opens-another-account",
        "portal-refused-credentials",
        "portal-refused-file",
    }
)
"""Why a sending failed that will fail again, however often it is tried."""


def hold_and_tell(
    transmission: Transmission, reason_code: str, uow: UnitOfWork, *, now: datetime, until: datetime
) -> None:
    """Hold the order until somebody acted, and look again at `until`."""
    was_held_for = transmission.reason_code if transmission.held else None
    transmission.hold(reason_code, until=until)
    if was_held_for != reason_code:
        tell_held(transmission, reason_code, uow, now=now)


def tell_if_only_a_person_mends(
    transmission: Transmission,
    code: str,
    uow: UnitOfWork,
    *,
    failed_before: str | None,
    now: datetime,
) -> None:
    """Tell of a failed sending that trying again does not mend.

    Args:
        failed_before: why the sending before it failed; the same reason is told once.
    """
    if code in _ONLY_A_PERSON_MENDS and code != failed_before:
        tell_held(transmission, code, uow, now=now)


def tell_held(
    transmission: Transmission, reason_code: str, uow: UnitOfWork, *, now: datetime
) -> None:
    """Tell that the order waits for a person."""
    uow.record(
        OrderIsHeld(
            practice_id=transmission.practice_id,
            order_id=transmission.order_id,
            contract_id=transmission.contract_id,
            attempt=transmission.attempts,
            reason_code=reason_code,
            held_at=now,
        )
    )
