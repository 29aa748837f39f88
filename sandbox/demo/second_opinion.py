"""The last step: the services check their books, and Beancount adds them up on its own."""

from __future__ import annotations

import importlib
import importlib.util
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sandbox.demo.office import Desk, Office, demand
from shared.kernel.money import Money

_LAST_DAY = "9999-12-31"


class SecondOpinion:
    """Compares the books with Beancount's sums; `offices` are filled by the steps before."""

    def __init__(self, desk: Desk, offices: list[Office]) -> None:
        self._api = desk.api
        self._tell = desk.tell
        self._offices = offices

    def ask(self) -> None:
        """Show each practice's balances, and have them confirmed."""
        for office in self._offices:
            sheet = self._api.get("reconciliation", office.path("balances"), on=_LAST_DAY)
            self._tell.balances(f"{office.name}: accounts", sheet)
            check = self._api.get("reconciliation", office.path("books-check"))
            demand(
                not check["detail"],
                f"the books of {office.name} do not hold: {'; '.join(check['detail'])}",
            )
            self._tell.line(
                f"{office.name}: the books hold, {check['entries']} journal entries,"
                f" {check['postings']} postings: sums, chain, positions, rows"
            )
            self._compare(office, sheet)

    def _compare(self, office: Office, sheet: Mapping[str, Any]) -> None:
        if importlib.util.find_spec("beancount") is None:
            self._tell.line(
                f"{office.name}: Beancount is not installed here, so it was not asked"
                " (the test extra brings it)"
            )
            return
        journal = self._api.text(
            "reconciliation", office.path("journal/export"), format="beancount"
        )
        loader = importlib.import_module("beancount.loader")
        entries, errors, _ = loader.load_string(journal)
        complaints = "; ".join(str(error.message) for error in errors)
        demand(not errors, f"Beancount complains about the books of {office.name}: {complaints}")
        transactions = [entry for entry in entries if hasattr(entry, "postings")]
        theirs = _balances(transactions)
        ours = {
            row["account"]: amount
            for row in sheet["accounts"]
            if (amount := Money.parse(row["balance"]["amount"]))
        }
        demand(
            ours == theirs,
            f"Beancount has other balances for {office.name}: {theirs}, not {ours}",
        )
        self._tell.line(
            f"{office.name}: Beancount reads the exported journal without complaint and agrees,"
            f" {len(transactions)} transactions, {len(theirs)} accounts with a balance"
        )


def _balances(transactions: list[Any]) -> dict[str, Money]:
    """Return Beancount's balances that are not zero, by account number."""
    sums: dict[str, Money] = defaultdict(Money.zero)
    for transaction in transactions:
        for posting in transaction.postings:
            number = posting.account.rpartition(":")[2]
            sums[number] += Money.from_decimal(posting.units.number)
    return {number: amount for number, amount in sums.items() if amount}
