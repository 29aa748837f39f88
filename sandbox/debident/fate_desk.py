"""Decides what becomes of each invoice, and keeps it until the DEB files tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sandbox.debident.deb_writer import DebRow
from sandbox.debident.facts import fact_from_json, fact_to_json
from sandbox.debident.life import life_of, movement_of
from sandbox.debident.store import Store
from sandbox.debident.terms import AccountTerms, TakenInvoice
from shared.kernel.clock import SWISS_TIME
from shared.kernel.money import Money


class FateBegunError(Exception):
    """Money of the invoice has been told already, so its fate cannot change any more."""


class FateDesk:
    """Lives of the invoices of all accounts."""

    def __init__(self, store: Store, *, seed: str, every_kind: bool) -> None:
        self._store = store
        self._seed = seed
        self._every_kind = every_kind

    def begin_life(self, taken: TakenInvoice, terms: AccountTerms) -> None:
        """Decide everything that will be told of an invoice that was taken over."""
        ordered = self._store.row(
            "SELECT fate FROM fate WHERE account_number = ? AND invoice_number = ?",
            taken.account_number,
            taken.invoice_number,
        )
        life = life_of(
            taken,
            terms,
            seed=self._seed,
            fate=ordered["fate"] if ordered else None,
            every_kind=self._every_kind,
        )
        self._add(taken.account_number, life)

    def charge_account(
        self, account: str, order_id: str, terms: AccountTerms, *, arrived_on: date
    ) -> None:
        """Where every kind is to come, charge the account once per order."""
        if self._every_kind:
            self._add(account, [movement_of(account, order_id, terms, arrived_on=arrived_on)])

    def order_fate(self, account: str, invoice_number: str, fate: str, terms: AccountTerms) -> bool:
        """Order a fate; return whether the invoice is here already, so that it applies at once.

        Raises:
            FateBegunError: a file has told of its money already.
        """
        told = [row for row in self._facts(account, invoice_number) if row[1]]
        if any(fact.amount for fact, _ in told):
            raise FateBegunError(invoice_number)
        self._store.run(
            "INSERT INTO fate VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET fate = excluded.fate",
            account,
            invoice_number,
            fate,
        )
        taken = self._taken(account, invoice_number)
        if taken is None:
            return False
        known = {(fact.kind, fact.event_date) for fact, _ in told}
        self._forget_untold(account, invoice_number)
        life = life_of(taken, terms, seed=self._seed, fate=fate)
        self._add(account, [fact for fact in life if (fact.kind, fact.event_date) not in known])
        return True

    def ordered(self) -> list[dict[str, object]]:
        """Return the fates that were ordered."""
        rows = self._store.rows("SELECT * FROM fate ORDER BY account_number, invoice_number")
        return [dict(row) for row in rows]

    def _facts(self, account: str, invoice_number: str) -> list[tuple[DebRow, bool]]:
        """Return an invoice's facts, each with whether a file has told it."""
        rows = self._store.rows(
            "SELECT row, first_file_id FROM fact WHERE account_number = ?"
            " AND json_extract(row, '$.invoice_number') = ? ORDER BY place",
            account,
            invoice_number,
        )
        return [(fact_from_json(row["row"]), row["first_file_id"] is not None) for row in rows]

    def _forget_untold(self, account: str, invoice_number: str) -> None:
        self._store.run(
            "DELETE FROM fact WHERE account_number = ? AND first_file_id IS NULL"
            " AND json_extract(row, '$.invoice_number') = ?",
            account,
            invoice_number,
        )

    def _taken(self, account: str, invoice_number: str) -> TakenInvoice | None:
        row = self._store.row(
            "SELECT line.*, order_number, arrived_at FROM order_line AS line"
            " JOIN portal_order USING (account_number, order_id)"
            " WHERE account_number = ? AND invoice_number = ? AND accepted = 1",
            account,
            invoice_number,
        )
        if row is None:
            return None
        arrived_at = datetime.fromisoformat(row["arrived_at"])
        return TakenInvoice(
            account_number=account,
            order_id=row["order_id"],
            order_number=row["order_number"],
            invoice_number=invoice_number,
            debtor_number=row["debtor_number"],
            amount=Money(row["amount_rappen"]),
            arrived_on=arrived_at.astimezone(SWISS_TIME).date(),
        )

    def _add(self, account: str, facts: Sequence[DebRow]) -> None:
        self._store.run_many(
            "INSERT INTO fact (record_id, account_number, event_date, row) VALUES (?, ?, ?, ?)",
            [
                (fact.record_id, account, fact.event_date.isoformat(), fact_to_json(fact))
                for fact in facts
            ],
        )
