"""The five steps of the CMD procedure, done through the services' own APIs and told in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sandbox.demo import practice_software, world
from sandbox.demo.api import Api, ApiError, wait_for
from sandbox.demo.stack import Stack
from sandbox.demo.telling import Teller
from shared.kernel.clock import SWISS_TIME, SystemClock
from shared.kernel.money import Money

_SOON_SECONDS = 30.0
_ARRIVAL_SECONDS = 60.0
_FIRST_DEB_DAYS, _SECOND_DEB_DAYS = 20, 19
"""By the first file the practices are paid out; by the second one some debtors are reminded."""
_NOT_CHOSEN = "10004"
"""The patient whose invoice the first practice keeps for a later order."""


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

    def path(self, rest: str) -> str:
        """Return the API path below this practice."""
        return f"/v1/practices/{self.practice_id}/{rest}"


class ProcedureError(Exception):
    """A step did not lead to what the procedure demands; the message says in plain words what."""


class Procedure:
    """Runs the procedure for the demo's practices.

    Attributes:
        step: name of the step in progress; "complete" after the last one.
    """

    def __init__(self, stack: Stack, api: Api, teller: Teller) -> None:
        self._stack = stack
        self._api = api
        self._portal = Api(stack.urls, stack.portal_admin_secret)
        self._tell = teller
        self._clock = SystemClock()
        self.offices: list[Office] = []
        self.step = "start"

    def run(self) -> None:
        """Do all five steps.

        Raises:
            ProcedureError, ApiError, WaitedTooLongError: the step named in `step` failed.
        """
        for name, title, work in (
            ("bill", "1. Bill the treatments under the CMD contract", self._bill),
            ("order", "2. Prepare and send the CMD orders", self._order),
            ("arrival", "3. Wait until the orders have arrived on Debident", self._arrive),
            ("acquit", "4. The invoices are acquitted", self._acquit),
            ("deb", "5. Import the DEB files", self._import_deb),
        ):
            self.step = name
            self._tell.step(title)
            work()
        self.step = "complete"

    # 1 ------------------------------------------------------------------------------------------

    def _bill(self) -> None:
        for practice in world.PRACTICES:
            office = self._register(practice)
            self.offices.append(office)
            if practice.has_software:
                self._import(office)
            else:
                self._treat_and_bill(office)
            self._tell.invoices(practice.name, self._invoices(office))

    def _register(self, practice: world.Practice) -> Office:
        registered = self._api.post("invoicing", "/v1/practices", practice.registration())
        office = Office(practice, registered["practice_id"], contract_id="")
        contract = self._api.post(
            "invoicing", office.path("contracts"), world.contract_body(practice)
        )
        office.contract_id = contract["contract_id"]
        client_id, client_secret = f"{practice.slug}-demo", f"invented-{practice.slug}"
        self._portal.put(
            "portal",
            f"/admin/clients/{client_id}",
            {"client_secret": client_secret, "account_number": practice.account_number},
        )
        access = {"client_id": client_id, "client_secret": client_secret}
        self._wait(
            "the contract reaching the gateway",
            lambda: self._access_entered(office, access),
            _SOON_SECONDS,
        )
        self._tell.line(
            f"{practice.name} in {practice.city} is registered, with CMD contract"
            f" {practice.account_number} (ledger account {contract['ledger_account']})"
        )
        return office

    def _access_entered(self, office: Office, access: Mapping[str, str]) -> bool | None:
        try:
            self._api.put("debident_gateway", office.path("portal-credentials"), access)
        except ApiError as error:
            if error.problem.get("code") == "practice-unknown-to-gateway":
                return None
            raise
        return True

    def _treat_and_bill(self, office: Office) -> None:
        practice, today = office.practice, self._clock.today()
        family_name, given_name = practice.provider_name
        provider = self._api.post(
            "invoicing",
            office.path("providers"),
            {
                "gln": world.gln(practice.provider_gln_body),
                "family_name": family_name,
                "given_name": given_name,
            },
        )
        patients = {
            patient.number: self._api.post(
                "invoicing", office.path("patients"), practice.patient_body(patient)
            )["patient_id"]
            for patient in practice.patients
        }
        for treatment in practice.treatments:
            recorded = self._api.post(
                "invoicing",
                office.path("treatments"),
                practice.treatment_body(
                    treatment,
                    patient_id=patients[treatment.patient_number],
                    provider_id=provider["provider_id"],
                    day=today.isoformat(),
                ),
            )
            invoice = self._api.post(
                "invoicing",
                office.path("invoices"),
                {
                    "treatment_ids": [recorded["treatment_id"]],
                    "contract_id": office.contract_id,
                    "deposit": {"amount": treatment.deposit},
                },
            )
            office.invoices[treatment.patient_number] = invoice["invoice_id"]

    def _import(self, office: Office) -> None:
        """Take over the invoices that the practice's own software has written."""
        issued_at = self._clock.now()
        report = self._api.upload(
            "invoicing",
            office.path("invoice-imports"),
            practice_software.export(office.practice, issued_at=issued_at),
            "application/zip",
            contract_id=office.contract_id,
        )
        for file in report["files"]:
            if file["outcome"] != "imported" or file["unfit_codes"]:
                raise ProcedureError(f"{file['name']} was not imported as it should be: {file}")
        patients = practice_software.patient_numbers(office.practice, issued_at=issued_at)
        office.invoices = {
            patients[file["invoice_number"]]: file["invoice_id"] for file in report["files"]
        }
        self._tell.line(
            f"{office.practice.name}: {report['imported']} invoices of its practice software"
            " imported (generalInvoiceRequest 5.0)"
        )

    # 2 ------------------------------------------------------------------------------------------

    def _order(self) -> None:
        lausanne, winterthur = self.offices
        for office in self.offices:
            self._wait_for_invoices_in_orders(office)
        chosen = [
            invoice_id for number, invoice_id in lausanne.invoices.items() if number != _NOT_CHOSEN
        ]
        self._prepare(lausanne, chosen)
        self._prepare(winterthur, None)
        self._second_order_is_refused(lausanne)

    def _wait_for_invoices_in_orders(self, office: Office) -> None:
        def all_there() -> bool | None:
            page = self._api.get(
                "orders", office.path("orderable-invoices"), exclude_zero_balance="false"
            )
            return True if page["count"] == len(office.invoices) else None

        self._wait("the invoices reaching the orders service", all_there, _SOON_SECONDS)

    def _prepare(self, office: Office, invoice_ids: list[str] | None) -> None:
        order = self._api.post(
            "orders",
            office.path("orders"),
            {
                "contract_id": office.contract_id,
                "invoice_ids": invoice_ids,
                "communication": office.practice.communication,
            },
        )
        office.order = order
        how = "everything" if invoice_ids is None else "a sub-selection"
        self._tell.line(
            f"{office.practice.name}: order {order['order_number']} prepared from {how},"
            f" {order['invoice_count']} invoices, {_francs(order['total'])}"
        )
        self._tell.detail(f"communication: {order['communication']}")
        for left in order["left_out"]:
            self._tell.detail(f"left out: {left['invoice_number']} ({left['reason_code']})")

    def _second_order_is_refused(self, office: Office) -> None:
        try:
            self._api.post(
                "orders",
                office.path("orders"),
                {"contract_id": office.contract_id, "invoice_ids": None, "communication": ""},
            )
        except ApiError as error:
            if error.status != 409:
                raise
            self._tell.line("a second order is refused while the first is under way:")
            self._tell.detail(str(error.problem.get("detail")))
            return
        raise ProcedureError("a second order was accepted while the first was under way")

    # 3 ------------------------------------------------------------------------------------------

    def _arrive(self) -> None:
        for office in self.offices:
            number, path = office.order["order_number"], self._order_path(office)

            def sent(path: str = path) -> dict[str, Any] | None:
                order: dict[str, Any] = self._api.get("orders", path)
                return None if order["state"] == "prepared" else order

            self._wait(f"sending order {number}", sent, _SOON_SECONDS)
            self._tell.line(
                f"{office.practice.name}: order {number} is on its way;"
                " nothing is acquitted before it has arrived"
            )
        for office in self.offices:
            self._tell.line(self._arrival_of(office))

    def _order_path(self, office: Office) -> str:
        return office.path(f"orders/{office.order['order_id']}")

    def _arrival_of(self, office: Office) -> str:
        number = office.order["order_number"]

        def confirmed() -> dict[str, Any] | None:
            order: dict[str, Any] = self._api.get("orders", self._order_path(office))
            return order if order["state"] in {"confirmed", "acquitted", "closed"} else None

        order = self._wait(f"the arrival of order {number}", confirmed, _ARRIVAL_SECONDS)
        return (
            f"{office.practice.name}: order {number} has arrived and is confirmed,"
            f" {order['accepted_count']} invoices accepted, {_francs(order['accepted_total'])},"
            f" {order['refused_count']} refused"
        )

    # 4 ------------------------------------------------------------------------------------------

    def _acquit(self) -> None:
        for office in self.offices:
            accepted = self._api.get("orders", self._order_path(office))["accepted_count"]

            def acquitted(
                office: Office = office, accepted: int = accepted
            ) -> list[dict[str, Any]] | None:
                found = self._api.items(
                    "reconciliation",
                    office.path("acquittals"),
                    order_id=office.order["order_id"],
                )
                return found if len(found) == accepted else None

            acquittals = self._wait("the acquittal", acquitted, _SOON_SECONDS)
            self._wait("the asterisks", lambda o=office: self._asterisks(o), _SOON_SECONDS)
            first = acquittals[0]
            total = Money.total(Money.parse(line["amount"]["amount"]) for line in acquittals)
            self._tell.line(
                f"{office.practice.name}: {len(acquittals)} invoices acquitted,"
                f" {total.for_people()}, account {first['ledger_account']} / 1100,"
                f" {_day(first['acquitted_on'])}, “{first['label']}”"
            )
            self._tell.invoices(office.practice.name, self._invoices(office))

    def _asterisks(self, office: Office) -> bool | None:
        marked = [row for row in self._invoices(office) if row["with_factor"]]
        return True if len(marked) == office.order["invoice_count"] else None

    # 5 ------------------------------------------------------------------------------------------

    def _import_deb(self) -> None:
        day = self._publish(_FIRST_DEB_DAYS)
        self._wait_for_booked_files(1)
        self._tell.line(f"{_FIRST_DEB_DAYS} days later, {day:%d.%m.%Y}: the DEB files are booked")
        # The next files also repeat the rows of the files before: nothing may be booked twice.
        self._portal.put("portal", "/admin/misbehaviour", {"overlapping-deb": len(self.offices)})
        day = self._publish(_SECOND_DEB_DAYS)
        self._wait_for_booked_files(2)
        self._tell.line(
            f"{_SECOND_DEB_DAYS} days after that, {day:%d.%m.%Y}: the next DEB files are booked;"
            " they repeat what the first ones said, which changes nothing"
        )
        for office in self.offices:
            name = office.practice.name
            files = self._api.items("reconciliation", office.path("deb-files"))
            self._tell.deb_files(name, list(reversed(files)))
            self._wait("the positions", lambda o=office: self._positions_agree(o), _SOON_SECONDS)
            self._tell.facts(self._positions(office))
            self._tell.invoices(name, self._invoices(office))
            sheet = self._api.get("reconciliation", office.path("balances"), on=day.isoformat())
            self._tell.balances(f"{name}, books on {day:%d.%m.%Y}", sheet)

    def _publish(self, days: int) -> date:
        """Let time pass at the portal and have it publish a file for each account."""
        now = self._portal.post("portal", "/admin/advance", {"days": days})["simulated_now"]
        for office in self.offices:
            account = office.practice.account_number
            self._portal.post("portal", f"/admin/accounts/{account}/deb-files", {"advance_days": 0})
        return datetime.fromisoformat(now).astimezone(SWISS_TIME).date()

    def _positions(self, office: Office) -> list[dict[str, Any]]:
        """The positions of the ordered invoices, with their history."""
        return [
            self._api.get("reconciliation", office.path(f"positions/{row['invoice_id']}"))
            for row in self._api.items(
                "reconciliation", office.path("positions"), with_factor="true"
            )
        ]

    def _wait_for_booked_files(self, count: int) -> None:
        for office in self.offices:

            def booked(office: Office = office) -> bool | None:
                files = self._api.items("reconciliation", office.path("deb-files"))
                held = [file for file in files if file["status"] == "held"]
                if held:
                    raise ProcedureError(
                        f"DEB file {held[0]['file_id']} is held: {held[0]['reason_code']}"
                    )
                done = [file for file in files if file["status"] == "booked"]
                return True if len(done) >= count else None

            self._wait(f"booking DEB file {count}", booked, _ARRIVAL_SECONDS)

    def _positions_agree(self, office: Office) -> bool | None:
        """Whether invoicing shows what the books say."""
        books = {
            row["invoice_id"]: (row["debtor_owes"]["total"]["amount"], row["factor_owes"]["amount"])
            for row in self._api.items("reconciliation", office.path("positions"))
        }
        shown = {
            row["invoice_id"]: (row["balance"]["amount"], row["factor_owes"]["amount"])
            for row in self._invoices(office)
        }
        return True if books == shown else None

    # --------------------------------------------------------------------------------------------

    def _invoices(self, office: Office) -> list[dict[str, Any]]:
        return self._api.items("invoicing", office.path("invoices"))

    def _wait(self, what: str, look: Any, within_seconds: float) -> Any:
        with self._tell.waiting(what):
            return wait_for(
                what, look, within_seconds=within_seconds, between=self._stack.runner.check
            )


def _francs(money: Mapping[str, str]) -> str:
    return Money.parse(money["amount"]).for_people()


def _day(text: str) -> str:
    return date.fromisoformat(text).strftime("%d.%m.%Y")
