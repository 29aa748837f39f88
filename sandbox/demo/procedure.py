"""The CMD procedure of two practices, done through the services' own APIs and told in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.demo import practice_software, world
from sandbox.demo.api import Api, ApiError
from sandbox.demo.arrival_steps import ArrivalSteps
from sandbox.demo.bank_steps import BankSteps
from sandbox.demo.deb_steps import DebSteps
from sandbox.demo.office import (
    SOON_SECONDS,
    Desk,
    Office,
    ProcedureError,
    day_for_people,
    francs,
)
from sandbox.demo.second_opinion import SecondOpinion
from sandbox.demo.stack import Stack
from sandbox.demo.telling import Teller
from shared.kernel.money import Money

_NOT_CHOSEN = "10004"
"""The patient whose invoice the first practice keeps for a later order."""


class Procedure:
    """Runs the procedure for the demo's practices.

    Attributes:
        step: name of the step in progress; "complete" after the last one.
    """

    def __init__(self, stack: Stack, api: Api, teller: Teller) -> None:
        self._desk = Desk(stack, api, teller)
        self._api = api
        self._tell = teller
        self.offices: list[Office] = []
        self.step = "start"

    def run(self) -> None:
        """Do all steps.

        Raises:
            ProcedureError, ApiError, WaitedTooLongError: the step named in `step` failed.
        """
        arrival = ArrivalSteps(self._desk, self.offices)
        deb = DebSteps(self._desk, self.offices)
        bank = BankSteps(self._desk, self.offices)
        opinion = SecondOpinion(self._desk, self.offices)
        for name, title, work in (
            ("bill", "1. Bill the treatments under the CMD contract", self._bill),
            ("order", "2. Prepare and send the CMD orders", self._order),
            ("arrival", "3. Wait until the orders have arrived on Debident", arrival.arrive),
            ("acquit", "4. The invoices are acquitted", self._acquit),
            ("deb", "5. Import the DEB files", deb.import_files),
            ("parked", "6. A person decides about the parked rows", deb.decide_parked_rows),
            ("recourse", "7. The factor gives an invoice back: recourse", deb.take_back),
            ("bank", "8. The bank confirms a payout", bank.confirm_payout),
            ("books", "9. The books, and what Beancount says of them", opinion.ask),
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
            self._tell.invoices(practice.name, self._desk.invoices(office))

    def _register(self, practice: world.Practice) -> Office:
        registered = self._api.post("invoicing", "/v1/practices", practice.registration())
        office = Office(practice, registered["practice_id"], contract_id="")
        contract = self._api.post(
            "invoicing", office.path("contracts"), world.contract_body(practice)
        )
        office.contract_id = contract["contract_id"]
        access = practice.portal_access
        self._desk.portal.put(
            "portal",
            f"/admin/clients/{access['client_id']}",
            {
                "client_secret": access["client_secret"],
                "account_number": practice.account_number,
            },
        )
        self._desk.wait(
            "the contract reaching the gateway",
            lambda: self._access_entered(office, access),
            SOON_SECONDS,
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
        practice, today = office.practice, self._desk.clock.today()
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
        issued_at = self._desk.clock.now()
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
        self._second_order_is_refused(lausanne)
        self._wait_until_sent(lausanne)
        self._trouble_ahead(winterthur)
        self._prepare(winterthur, None)
        self._wait_until_sent(winterthur)

    def _wait_for_invoices_in_orders(self, office: Office) -> None:
        def all_there() -> bool | None:
            page = self._api.get(
                "orders", office.path("orderable-invoices"), exclude_zero_balance="false"
            )
            return True if page["totals"]["count"] == len(office.invoices) else None

        self._desk.wait("the invoices reaching the orders service", all_there, SOON_SECONDS)

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
            f" {order['invoice_count']} invoices, {francs(order['total'])}"
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

    def _wait_until_sent(self, office: Office) -> None:
        number = office.order["order_number"]

        def sent() -> bool | None:
            state = self._api.get("orders", office.order_path)["state"]
            return None if state == "prepared" else True

        self._desk.wait(f"sending order {number}", sent, SOON_SECONDS)
        self._tell.line(
            f"{office.name}: order {number} is on its way;"
            " nothing is acquitted before it has arrived"
        )

    def _trouble_ahead(self, office: Office) -> None:
        """Let the next order show late at the factor, which then refuses one of its invoices."""
        refused = self._desk.number_of(office, world.REFUSED_PATIENT)
        self._desk.switch(late_days=world.LATE_DAYS, refuse_lines={refused: world.REFUSAL_CODE})

    # 4 ------------------------------------------------------------------------------------------

    def _acquit(self) -> None:
        for office in self.offices:
            accepted = self._api.get("orders", office.order_path)["accepted_count"]
            acquittals = self._acquitted(office, accepted)
            self._wait_for_asterisks(office, accepted)
            first = acquittals[0]
            total = Money.total(Money.parse(line["amount"]["amount"]) for line in acquittals)
            self._tell.line(
                f"{office.practice.name}: {len(acquittals)} invoices acquitted,"
                f" {total.for_people()}, account {first['ledger_account']} / 1100,"
                f" {day_for_people(first['acquitted_on'])}, “{first['label']}”"
            )
            self._tell.invoices(office.practice.name, self._desk.invoices(office))

    def _acquitted(self, office: Office, accepted: int) -> list[dict[str, Any]]:
        order_id = office.order["order_id"]

        def all_there() -> list[dict[str, Any]] | None:
            found = self._api.items("reconciliation", office.path("acquittals"), order_id=order_id)
            return found if len(found) == accepted else None

        return self._desk.wait("the acquittal", all_there, SOON_SECONDS)

    def _wait_for_asterisks(self, office: Office, accepted: int) -> None:
        def all_marked() -> bool | None:
            marked = [row for row in self._desk.invoices(office) if row["with_factor"]]
            return True if len(marked) == accepted else None

        self._desk.wait("the asterisks", all_marked, SOON_SECONDS)
