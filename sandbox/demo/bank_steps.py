"""The step in which a payout agrees: DEB rows, books and bank say the same."""

from __future__ import annotations

from typing import Any

from sandbox.demo import bank, world
from sandbox.demo.office import Desk, Office, day_for_people, demand, francs


class BankSteps:
    """Has the bank confirm a payout; `offices` are filled by the steps before."""

    def __init__(self, desk: Desk, offices: list[Office]) -> None:
        self._desk = desk
        self._api = desk.api
        self._tell = desk.tell
        self._offices = offices

    def confirm_payout(self) -> None:
        """Keep the bank account, import the bank's camt.054, and see the payout agreed."""
        office, _ = self._offices
        iban = office.practice.registration()["iban"]
        account = self._api.post(
            "reconciliation",
            "/v1/bank-accounts",
            {
                "iban": iban,
                "holder": office.name,
                "practice_ids": [office.practice_id],
                "factor_ibans": [world.FACTOR_IBAN],
            },
        )
        path = f"/v1/bank-accounts/{account['account_id']}/payouts"
        waiting = self._api.items("reconciliation", path)
        demand(
            bool(waiting) and waiting[0]["state"] == "waiting-for-bank",
            f"a booked payout should wait for the bank, but the payouts are: {waiting}",
        )
        payout = waiting[0]
        self._tell.line(
            f"{office.name}: the DEB files announce payout {payout['payout_reference']} of"
            f" {day_for_people(payout['paid_on'])}, {francs(payout['announced'])} for"
            f" {payout['invoices']} invoices; it waits for the bank"
        )
        notification = bank.notification(payout, iban=iban, written_at=self._desk.clock.now())
        first, again = (self._import(notification) for _ in range(2))
        demand(
            first["new"] == 1 and again["already"],
            f"the bank's file should bring one entry, and nothing again: {first}, {again}",
        )
        agreed, *others = self._api.items("reconciliation", path)
        amounts = {agreed[side]["amount"] for side in ("announced", "booked", "received")}
        demand(
            agreed["payout_reference"] == payout["payout_reference"]
            and agreed["state"] == "agreed"
            and len(amounts) == 1,
            f"DEB rows, books and bank should agree about the payout: {agreed}",
        )
        self._tell.line(
            f"the bank's camt.054 is imported: announced {francs(agreed['announced'])}, booked"
            f" {francs(agreed['booked'])}, received {francs(agreed['received'])}; they agree"
        )
        self._tell.detail("the same file again changes nothing")
        for other in others:
            self._tell.detail(
                f"payout {other['payout_reference']} of {day_for_people(other['paid_on'])},"
                f" {francs(other['announced'])}: {other['state'].replace('-', ' ')}"
            )

    def _import(self, notification: bytes) -> dict[str, Any]:
        (receipt,) = self._api.upload(
            "reconciliation", "/v1/bank-statements", notification, "application/xml"
        )["items"]
        found: dict[str, Any] = receipt
        return found
