"""The third step: one order arrives in time, the other one late and not as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.demo import world
from sandbox.demo.office import (
    ARRIVAL_SECONDS,
    SOON_SECONDS,
    Desk,
    Office,
    demand,
    francs,
)
from sandbox.demo.stack import TRIAL_DAY_SECONDS
from shared.kernel.clock import SWISS_TIME

_ARRIVED = frozenset({"confirmed", "acquitted", "closed"})


class ArrivalSteps:
    """Waits for the arrivals; `offices` are filled by the steps before."""

    def __init__(self, desk: Desk, offices: list[Office]) -> None:
        self._desk = desk
        self._api = desk.api
        self._tell = desk.tell
        self._offices = offices

    def arrive(self) -> None:
        """See the first order arrive, the second one overdue, then arrived with a refusal."""
        punctual, late = self._offices
        self._see_arrival(punctual)
        self._see_overdue(late)
        self._desk.advance(world.LATE_DAYS)
        self._see_arrival(late)
        self._desk.switch()
        self._see_flag_gone(late)
        self._see_refusal(late)

    def _see_arrival(self, office: Office) -> None:
        number = office.order["order_number"]

        def confirmed() -> dict[str, Any] | None:
            order: dict[str, Any] = self._api.get("orders", office.order_path)
            return order if order["state"] in _ARRIVED else None

        order = self._desk.wait(f"the arrival of order {number}", confirmed, ARRIVAL_SECONDS)
        self._tell.line(
            f"{office.name}: order {number} has arrived and is confirmed,"
            f" {order['accepted_count']} invoices accepted, {francs(order['accepted_total'])},"
            f" {order['refused_count']} refused"
        )

    def _overdue(self, office: Office) -> list[dict[str, Any]]:
        return self._api.items("orders", office.path("orders"), overdue="true")

    def _see_overdue(self, office: Office) -> None:
        number = office.order["order_number"]
        (order,) = self._desk.wait(
            f"order {number} being overdue", lambda: self._overdue(office) or None, ARRIVAL_SECONDS
        )
        demand(
            order["order_number"] == number and order["accepted_count"] is None,
            f"order {number} should be overdue, and not confirmed: {order}",
        )
        deadline = datetime.fromisoformat(order["arrival_deadline"]).astimezone(SWISS_TIME)
        self._tell.line(
            f"{office.name}: order {number} is overdue, it should have arrived by"
            f" {deadline:%H:%M:%S}"
        )
        self._tell.detail(
            f"in this demo a working day lasts {TRIAL_DAY_SECONDS:.0f} seconds; no invoice is"
            " acquitted"
        )
        acquitted = self._api.items(
            "reconciliation", office.path("acquittals"), order_id=order["order_id"]
        )
        demand(not acquitted, f"invoices of order {number} are acquitted before it has arrived")

    def _see_flag_gone(self, office: Office) -> None:
        number = office.order["order_number"]
        order = self._api.get("orders", office.order_path)
        demand(
            not order["overdue"] and not self._overdue(office),
            f"order {number} has arrived and is still called overdue",
        )
        demand(
            any(entry["kind"] == "overdue" for entry in order["timeline"]),
            f"the story of order {number} does not say that it was overdue",
        )
        self._tell.detail("it is overdue no longer; its story keeps that it was")

    def _see_refusal(self, office: Office) -> None:
        """The refused line names its reason, and its invoice may be ordered again."""
        lines = self._api.items("orders", f"{office.order_path}/lines")
        refused = [line for line in lines if line["outcome"] == "refused"]
        wanted = office.invoices[world.REFUSED_PATIENT]
        demand(
            [(line["invoice_id"], line["refusal_code"]) for line in refused]
            == [(wanted, world.REFUSAL_CODE)],
            f"one line should be refused ({world.REFUSAL_CODE}), but these are: {refused}",
        )
        (line,) = refused

        def orderable() -> bool | None:
            rows = self._api.items("orders", office.path("orderable-invoices"))
            (row,) = (row for row in rows if row["invoice_id"] == wanted)
            return True if row["orderable"] and row["last_refusal"] else None

        self._desk.wait("the refused invoice being free again", orderable, SOON_SECONDS)
        self._tell.line(
            f"{office.name}: the factor refuses invoice {line['invoice_number']},"
            f" {francs(line['amount'])} ({line['refusal_code']})"
        )
        self._tell.detail("it is not acquitted; once its address is right it may be ordered again")
