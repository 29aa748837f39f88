"""What every step of the demo works with: offices, the services, the portal, the teller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from sandbox.demo import world
from sandbox.demo.api import Api, wait_for
from sandbox.demo.stack import Stack
from sandbox.demo.telling import Teller
from shared.kernel.clock import SWISS_TIME, SystemClock
from shared.kernel.money import Money

SOON_SECONDS = 30.0
ARRIVAL_SECONDS = 60.0
T = TypeVar("T")


@dataclass(slots=True)
class Office:
    """One practice as the demo has set it up.

    Attributes:
        invoices: invoice id by patient number, in the order of billing.
        order: the practice's order, once prepared.
    """

    practice: world.Practice
    practice_id: str
    contract_id: str
    invoices: dict[str, str] = field(default_factory=dict)
    order: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The practice's name."""
        return self.practice.name

    @property
    def order_path(self) -> str:
        """The API path of its order."""
        return self.path(f"orders/{self.order['order_id']}")

    def path(self, rest: str) -> str:
        """Return the API path below this practice."""
        return f"/v1/practices/{self.practice_id}/{rest}"


class ProcedureError(Exception):
    """A step did not lead to what the procedure demands; the message says in plain words what."""


def demand(holds: bool, sentence: str) -> None:  # noqa: FBT001 - reads as a sentence
    """End the procedure with a sentence where something does not hold.

    Raises:
        ProcedureError: it does not hold.
    """
    if not holds:
        raise ProcedureError(sentence)


class Desk:
    """The services and the portal, as the steps of the demo reach them.

    Attributes:
        api: the services, on behalf of a billing office that serves both practices.
        portal: the admin API of the portal's stand-in, which decides what happens at the factor.
    """

    def __init__(self, stack: Stack, api: Api, teller: Teller) -> None:
        self.api = api
        self.portal = Api(stack.urls, stack.portal_admin_secret)
        self.tell = teller
        self.clock = SystemClock()
        self._check = stack.runner.check

    def wait(self, what: str, look: Callable[[], T | None], within_seconds: float) -> T:
        """Look until there is something; a service that ends meanwhile ends the wait.

        Raises:
            WaitedTooLongError: it did not come in time.
        """
        with self.tell.waiting(what):
            return wait_for(what, look, within_seconds=within_seconds, between=self._check)

    def invoices(self, office: Office) -> list[dict[str, Any]]:
        """Return the practice's invoices as it sees them."""
        return self.api.items("invoicing", office.path("invoices"))

    def number_of(self, office: Office, patient: str) -> str:
        """Return the number of the patient's invoice."""
        wanted = office.invoices[patient]
        rows = self.invoices(office)
        return next(str(row["invoice_number"]) for row in rows if row["invoice_id"] == wanted)

    def switch(self, **switches: object) -> None:
        """Set the stand-in's switches; what is left out is off."""
        values = {name.replace("_", "-"): value for name, value in switches.items()}
        self.portal.put("portal", "/admin/misbehaviour", values)

    def advance(self, days: int) -> date:
        """Let days pass at the portal; return its day."""
        now = self.portal.post("portal", "/admin/advance", {"days": days})["simulated_now"]
        return datetime.fromisoformat(now).astimezone(SWISS_TIME).date()

    def publish(self, office: Office) -> None:
        """Have the portal publish a DEB file with everything up to now."""
        account = office.practice.account_number
        self.portal.post("portal", f"/admin/accounts/{account}/deb-files", {"advance_days": 0})


def francs(money: Mapping[str, str]) -> str:
    """Return an amount for people."""
    return Money.parse(money["amount"]).for_people()


def day_for_people(text: str) -> str:
    """Return a day of the API as a Swiss reader writes it."""
    return date.fromisoformat(text).strftime("%d.%m.%Y")
