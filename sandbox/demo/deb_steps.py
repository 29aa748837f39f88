"""The steps in which DEB files tell what became of the invoices, not always as they should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sandbox.demo import world
from sandbox.demo.office import (
    ARRIVAL_SECONDS,
    SOON_SECONDS,
    Desk,
    Office,
    ProcedureError,
    demand,
    francs,
)

_FIRST_DEB_DAYS, _SECOND_DEB_DAYS, _THIRD_DEB_DAYS = 20, 19, 50
"""By the first file the practices are paid out, by the second one some debtors are reminded, by the
third one the factor has given up on an invoice and charged it back."""
_BOOK, _LEAVE = "book-on-invoice", "leave"
_UNKNOWN_INVOICE = "9999-999999"
"""What the stand-in's payment with a wrong invoice number names."""


class DebSteps:
    """Imports the DEB files; `offices` are filled by the steps before."""

    def __init__(self, desk: Desk, offices: list[Office]) -> None:
        self._desk = desk
        self._api = desk.api
        self._tell = desk.tell
        self._offices = offices

    # The files ----------------------------------------------------------------------------------

    def import_files(self) -> None:
        """Book two files of each practice: one comes twice, and the second ones overlap."""
        lausanne, winterthur = self._offices
        self._order_fate(lausanne, world.RECOURSE_PATIENT, "recourse")
        for patient, fate in world.SLOW_PATIENTS.items():
            self._order_fate(winterthur, patient, fate)
        self._import_first_files()
        self._import_second_files()
        for office in self._offices:
            self._show(office)

    def _order_fate(self, office: Office, patient: str, fate: str) -> None:
        account, number = office.practice.account_number, self._desk.number_of(office, patient)
        path = f"/admin/accounts/{account}/fates"
        self._desk.portal.put("portal", path, {"invoice_number": number, "fate": fate})

    def _import_first_files(self) -> None:
        lausanne, _ = self._offices
        day = self._desk.advance(_FIRST_DEB_DAYS)
        self._desk.switch(duplicate_deb=1)
        for office in self._offices:
            self._desk.publish(office)
        self._wait_for_booked_files(1)
        self._tell.line(f"{_FIRST_DEB_DAYS} days later, {day:%d.%m.%Y}: the DEB files are booked")
        self._see_duplicate(lausanne)

    def _see_duplicate(self, office: Office) -> None:
        """The gateway knows both names of the file; the books have it once."""

        def offered_twice() -> list[str] | None:
            (fetched,) = self._api.items("debident_gateway", office.path("deb-files"))
            names: list[str] = fetched["portal_file_ids"]
            return names if len(names) > 1 else None

        names = self._desk.wait("the file that is offered again", offered_twice, SOON_SECONDS)
        files = self._files(office)
        demand(
            [file["booked"] == file["rows_read"] for file in files] == [True],
            f"a DEB file was offered twice, and the books should have it once: {files}",
        )
        self._tell.line(
            f"{office.name}: Debident offers one file twice, as {' and '.join(names)};"
            f" its {files[0]['booked']} rows are booked once"
        )

    def _import_second_files(self) -> None:
        lausanne, winterthur = self._offices
        day = self._desk.advance(_SECOND_DEB_DAYS)
        self._desk.switch(overlapping_deb=len(self._offices), hostile_rows_deb=1)
        for office in (winterthur, lausanne):  # the hostile rows go to the first one
            self._desk.publish(office)
        self._wait_for_booked_files(2)
        self._tell.line(
            f"{_SECOND_DEB_DAYS} days after that, {day:%d.%m.%Y}: the next DEB files are booked;"
            " they repeat what the first ones said, which changes nothing"
        )
        for office in self._offices:
            newer, older = self._files(office)
            demand(
                newer["repeats"] == older["rows_read"],
                f"DEB file {newer['file_id']} repeats {older['rows_read']} rows, but"
                f" {newer['repeats']} are recognised",
            )
            self._tell.detail(
                f"{office.name}: {newer['file_id']} overlaps {older['file_id']},"
                f" {newer['repeats']} rows recognised and not booked again"
            )

    def _wait_for_booked_files(self, count: int, *offices: Office) -> None:
        for office in offices or self._offices:

            def booked(office: Office = office) -> bool | None:
                files = self._files(office)
                held = [file for file in files if file["status"] == "held"]
                if held:
                    raise ProcedureError(
                        f"DEB file {held[0]['file_id']} is held: {held[0]['reason_code']}"
                    )
                done = [file for file in files if file["status"] == "booked"]
                return True if len(done) >= count else None

            self._desk.wait(f"booking DEB file {count}", booked, ARRIVAL_SECONDS)

    # Parked rows --------------------------------------------------------------------------------

    def decide_parked_rows(self) -> None:
        """Book the payment with a wrong invoice number where it belongs; leave the other rows."""
        _, office = self._offices
        rows = self._parked(office)
        reasons = Counter(row["reason_code"] for row in rows)
        self._tell.line(
            f"{office.name}: {len(rows)} rows of its second file are parked,"
            " the rest of the file is booked"
        )
        self._tell.detail(", ".join(f"{count} {reason}" for reason, count in reasons.items()))
        (lost,) = (row for row in rows if row["invoice_number"] == _UNKNOWN_INVOICE)
        self._book_lost_payment(office, lost)
        others = [row for row in rows if row["row_id"] != lost["row_id"]]
        for row in others:
            self._decide(office, row, decision=_LEAVE, reason="Not ours; the factor is informed")
        self._tell.line(
            f"{office.name}: {len(others)} rows are left unbooked, each with the reason and the"
            " name of who decided it"
        )
        demand(not self._parked(office), "rows still wait for a person, though all are decided")
        self._wait_for_positions(office)

    def _book_lost_payment(self, office: Office, row: dict[str, Any]) -> None:
        path = office.path(f"parked-rows/{row['row_id']}/suggestions")
        suggested = self._api.get("reconciliation", path)["items"]
        demand(bool(suggested), "no invoice is suggested for a payment whose debtor is known")
        invoice, amount = suggested[0], francs(row["amount"])
        self._tell.line(
            f"{office.name}: a payment of {amount} names invoice {row['invoice_number']}, which"
            f" nobody has; suggested is {invoice['invoice_number']}"
            f" ({', '.join(invoice['because'])})"
        )
        decided = self._decide(
            office,
            row,
            decision=_BOOK,
            invoice_id=invoice["invoice_id"],
            reason="Wrong invoice number; the debtor is the one of this invoice",
        )
        position = self._api.get(
            "reconciliation", office.path(f"positions/{invoice['invoice_id']}")
        )
        demand(
            decided["status"] == "booked" and any(map(_is_told_by(row), position["history"])),
            f"the decided row is not booked on invoice {invoice['invoice_number']}: {decided}",
        )
        before, now = invoice["debtor_owes"]["total"], position["debtor_owes"]["total"]
        self._tell.detail(
            f"{decided['decision']['decided_by']} books it there: the debtor owed {francs(before)}"
            f" and now owes {francs(now)}"
        )

    def _decide(self, office: Office, row: dict[str, Any], **decision: str) -> dict[str, Any]:
        path = office.path(f"parked-rows/{row['row_id']}/decision")
        decided: dict[str, Any] = self._api.post("reconciliation", path, decision)
        return decided

    def _parked(self, office: Office) -> list[dict[str, Any]]:
        return self._api.items("reconciliation", office.path("parked-rows"))

    # Recourse -----------------------------------------------------------------------------------

    def take_back(self) -> None:
        """See the invoice given back: the factor owes nothing, the debtor owes the practice."""
        office, _ = self._offices
        day = self._desk.advance(_THIRD_DEB_DAYS)
        self._desk.publish(office)
        self._wait_for_booked_files(3, office)
        self._tell.line(
            f"{_THIRD_DEB_DAYS} days after that, {day:%d.%m.%Y}: a third DEB file of {office.name}"
        )
        invoice_id = office.invoices[world.RECOURSE_PATIENT]
        position = self._api.get("reconciliation", office.path(f"positions/{invoice_id}"))
        number = position["invoice_number"]
        recourse = [fact for fact in position["history"] if fact["kind"] == "recourse"]
        demand(len(recourse) == 1, f"invoice {number} was not given back once: {recourse}")
        demand(
            not position["with_factor"] and francs(position["factor_owes"]) == "CHF 0.00",
            f"invoice {number} was given back, but is still with the factor: {position}",
        )
        self._tell.line(
            f"{office.name}: nobody paid invoice {number}; the factor gives it back,"
            f" {francs(recourse[0]['amount'])}, and charges the practice what it had paid out"
        )
        self._tell.detail(
            "the asterisk is gone: the debtor owes the practice"
            f" {francs(position['debtor_owes']['total'])}, the factor owes nothing"
        )
        self._show(office)

    # --------------------------------------------------------------------------------------------

    def _show(self, office: Office) -> None:
        """Tell the practice's files, facts and invoices, once invoicing shows what is booked."""
        self._tell.deb_files(office.name, list(reversed(self._files(office))))
        self._wait_for_positions(office)
        self._tell.facts(self._positions(office))
        self._tell.invoices(office.name, self._desk.invoices(office))

    def _files(self, office: Office) -> list[dict[str, Any]]:
        return self._api.items("reconciliation", office.path("deb-files"))

    def _positions(self, office: Office) -> list[dict[str, Any]]:
        """The positions of which the factor has told anything, with their history."""
        rows = self._api.items("reconciliation", office.path("positions"))
        found = [
            self._api.get("reconciliation", office.path(f"positions/{row['invoice_id']}"))
            for row in rows
        ]
        return [one for one in found if any(fact["source"] for fact in one["history"])]

    def _wait_for_positions(self, office: Office) -> None:
        self._desk.wait(
            "invoicing showing what is booked", lambda: self._positions_agree(office), SOON_SECONDS
        )

    def _positions_agree(self, office: Office) -> bool | None:
        """Whether invoicing shows what the books say."""
        books = {
            row["invoice_id"]: (row["debtor_owes"]["total"]["amount"], row["factor_owes"]["amount"])
            for row in self._api.items("reconciliation", office.path("positions"))
        }
        shown = {
            row["invoice_id"]: (row["balance"]["amount"], row["factor_owes"]["amount"])
            for row in self._desk.invoices(office)
        }
        return True if books == shown else None


def _is_told_by(row: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    """Return the test of a fact of a position: whether this row told it."""
    place = (row["deb_file_id"], row["line"])

    def is_it(fact: dict[str, Any]) -> bool:
        source = fact["source"]
        return source is not None and (source["deb_file_id"], source["line"]) == place

    return is_it
