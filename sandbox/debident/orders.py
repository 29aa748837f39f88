"""The portal's order desk: takes packages, lets them arrive, answers about them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.debident.fate_desk import FateDesk
from sandbox.debident.package import (
    Package,
    PackagedInvoice,
    PackageError,
    looks_like_zip,
    read_package,
)
from sandbox.debident.store import Store
from sandbox.debident.terms import AccountTerms, TakenInvoice
from shared.kernel.clock import SWISS_TIME
from shared.kernel.money import Money

ALREADY_TAKEN_OVER = "already-taken-over"
RefusedLines = Callable[[Package], Mapping[str, str]]
"""Invoice number → code of a package's refused lines."""


class Receipt(StrEnum):
    """How an upload was met."""

    ACCEPTED = "accepted"
    ALREADY_HAVE_IT = "already-have-it"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class UploadAnswer:
    """The answer to an upload; `code` and `text` where it is refused."""

    receipt: Receipt
    reference: str = ""
    code: str = ""
    text: str = ""


class OrderDesk:
    """Orders of all accounts; every method is about one account only."""

    def __init__(
        self, store: Store, fates: FateDesk, *, seed: str, delay_days: tuple[float, float]
    ) -> None:
        self._store = store
        self._fates = fates
        self._seed = seed
        self._delay_days = delay_days

    def receive(
        self, account: str, order_id: str, package: bytes, *, now: datetime, late_days: float
    ) -> UploadAnswer:
        """Take the package, or say that it is here already; the content is judged on arrival."""
        digest = hashlib.sha256(package).hexdigest()
        known = self._store.row(
            "SELECT sha256, reference FROM portal_order WHERE account_number = ? AND order_id = ?",
            account,
            order_id,
        )
        if known is not None:
            return self._again(account, order_id, digest, known["sha256"], known["reference"])
        if not looks_like_zip(package):
            return UploadAnswer(
                Receipt.REFUSED, code="not-a-zip", text="the package is no ZIP file"
            )
        reference = f"DBD-{hashlib.sha256(f'{account}/{order_id}'.encode()).hexdigest()[:12]}"
        self._store.run(
            "INSERT INTO portal_order (account_number, order_id, reference, sha256, package, state,"
            " received_at, arrives_at) VALUES (?, ?, ?, ?, ?, 'received', ?, ?)",
            account,
            order_id,
            reference,
            digest,
            package,
            now.isoformat(),
            (now + self._delay(order_id) + timedelta(days=late_days)).isoformat(),
        )
        return UploadAnswer(Receipt.ACCEPTED, reference=reference)

    def _again(
        self, account: str, order_id: str, digest: str, known: str, reference: str
    ) -> UploadAnswer:
        if digest != known:
            return UploadAnswer(
                Receipt.CONFLICT, code="other-content", text="this order is here with other content"
            )
        self._store.run(
            "UPDATE portal_order SET uploads = uploads + 1"
            " WHERE account_number = ? AND order_id = ?",
            account,
            order_id,
        )
        return UploadAnswer(Receipt.ALREADY_HAVE_IT, reference=reference)

    def _delay(self, order_id: str) -> timedelta:
        chance = random.Random(f"{self._seed}/arrival/{order_id}")  # noqa: S311 - no secret
        return timedelta(days=chance.uniform(*self._delay_days))

    def let_arrive(
        self, now: datetime, terms: Mapping[str, AccountTerms], refused: RefusedLines
    ) -> None:
        """Let every order arrive whose time has come; judge each package and each of its lines.

        `refused` gives the refused lines of a package, or raises PackageError for all of it.
        """
        due = self._store.rows(
            "SELECT account_number, order_id, package, arrives_at FROM portal_order"
            " WHERE state = 'received' AND arrives_at <= ? ORDER BY arrives_at, order_id",
            now.isoformat(),
        )
        for order in due:
            account, order_id = order["account_number"], order["order_id"]
            try:
                package = read_package(order["package"])
                _require_match(package, account=account, order_id=order_id)
                refused_lines = refused(package)
            except PackageError as error:
                self._refuse(account, order_id, error)
            else:
                arrived_at = datetime.fromisoformat(order["arrives_at"])
                self._arrive(account, package, arrived_at, terms[account], refused_lines)

    def _refuse(self, account: str, order_id: str, error: PackageError) -> None:
        self._store.run(
            "UPDATE portal_order SET state = 'refused', refusal_code = ?, refusal_text = ?"
            " WHERE account_number = ? AND order_id = ?",
            error.code,
            str(error)[:200],
            account,
            order_id,
        )

    def _arrive(
        self,
        account: str,
        package: Package,
        arrived_at: datetime,
        terms: AccountTerms,
        refused: Mapping[str, str],
    ) -> None:
        for place, invoice in enumerate(package.invoices, start=1):
            code = refused.get(invoice.invoice_number)
            if code is None and self._has_taken_over(account, invoice.invoice_number):
                code = ALREADY_TAKEN_OVER
            self._add_line(account, package.order_id, place, invoice, code)
            if code is None:
                taken = TakenInvoice(
                    account_number=account,
                    order_id=package.order_id,
                    order_number=package.order_number,
                    invoice_number=invoice.invoice_number,
                    debtor_number=invoice.debtor_number,
                    amount=invoice.amount,
                    arrived_on=arrived_at.astimezone(SWISS_TIME).date(),
                )
                self._fates.begin_life(taken, terms)
        arrived_on = arrived_at.astimezone(SWISS_TIME).date()
        self._fates.charge_account(account, package.order_id, terms, arrived_on=arrived_on)
        self._add_credit_notes(account, package)
        self._store.run(
            "UPDATE portal_order SET state = 'arrived', arrived_at = ?, order_number = ?,"
            " communication = ? WHERE account_number = ? AND order_id = ?",
            arrived_at.isoformat(),
            package.order_number,
            package.communication,
            account,
            package.order_id,
        )

    def _has_taken_over(self, account: str, invoice_number: str) -> bool:
        row = self._store.row(
            "SELECT 1 FROM order_line"
            " WHERE account_number = ? AND invoice_number = ? AND accepted = 1",
            account,
            invoice_number,
        )
        return row is not None

    def _add_line(
        self, account: str, order_id: str, place: int, invoice: PackagedInvoice, code: str | None
    ) -> None:
        self._store.run(
            "INSERT INTO order_line (account_number, order_id, place, invoice_number,"
            " debtor_number, amount_rappen, accepted, code) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            account,
            order_id,
            place,
            invoice.invoice_number,
            invoice.debtor_number,
            invoice.amount.rappen,
            int(code is None),
            code,
        )

    def _add_credit_notes(self, account: str, package: Package) -> None:
        self._store.run_many(
            "INSERT INTO order_credit_note (account_number, order_id, place, credit_note_number,"
            " invoice_number, amount_rappen) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    account,
                    package.order_id,
                    place,
                    note.credit_note_number,
                    note.invoice_number,
                    note.amount.rappen,
                )
                for place, note in enumerate(package.credit_notes, start=1)
            ],
        )

    def has(self, account: str, order_id: str) -> bool:
        """Whether the account handed this order over."""
        found = self._store.row(
            "SELECT 1 FROM portal_order WHERE account_number = ? AND order_id = ?",
            account,
            order_id,
        )
        return found is not None

    def of_account(self, account: str, *, limit: int, offset: int) -> list[dict[str, object]]:
        """Return orders of an account, the newest first."""
        rows = self._store.rows(
            "SELECT order_id, order_number, reference, state, received_at, arrived_at,"
            " refusal_code FROM portal_order WHERE account_number = ?"
            " ORDER BY received_at DESC, order_id LIMIT ? OFFSET ?",
            account,
            limit,
            offset,
        )
        return [dict(row) for row in rows]

    def page(self, account: str, order_id: str) -> dict[str, object] | None:
        """Return an order of the account with its lines and credit notes, or None."""
        order = self._store.row(
            "SELECT order_id, order_number, reference, state, sha256, received_at, arrived_at,"
            " refusal_code, communication, uploads FROM portal_order"
            " WHERE account_number = ? AND order_id = ?",
            account,
            order_id,
        )
        if order is None:
            return None
        lines = self._store.rows(
            "SELECT invoice_number, debtor_number, amount_rappen, accepted, code"
            " FROM order_line WHERE account_number = ? AND order_id = ? ORDER BY place",
            account,
            order_id,
        )
        notes = self._store.rows(
            "SELECT credit_note_number, invoice_number, amount_rappen"
            " FROM order_credit_note WHERE account_number = ? AND order_id = ? ORDER BY place",
            account,
            order_id,
        )
        return {
            **dict(order),
            "lines": [dict(line) for line in lines],
            "credit_notes": [dict(note) for note in notes],
        }

    def status(self, account: str, order_id: str) -> dict[str, object] | None:
        """Return what `GET /v1/orders/{order_id}` answers, or None for an unknown order."""
        order = self._store.row(
            "SELECT * FROM portal_order WHERE account_number = ? AND order_id = ?",
            account,
            order_id,
        )
        if order is None:
            return None
        lines = self._store.rows(
            "SELECT invoice_number, accepted, code FROM order_line"
            " WHERE account_number = ? AND order_id = ? ORDER BY place",
            account,
            order_id,
        )
        return {
            "order_id": order_id,
            "state": order["state"],
            "reference": order["reference"],
            "sha256": order["sha256"],
            "received_at": order["received_at"],
            "arrived_at": order["arrived_at"],
            "code": order["refusal_code"],
            "text": order["refusal_text"],
            "lines": [
                {
                    "invoice_number": line["invoice_number"],
                    "accepted": bool(line["accepted"]),
                    "code": line["code"],
                }
                for line in lines
            ],
        }

    def overview(self) -> list[dict[str, object]]:
        """Return all orders, newest first, for the clerk's page and for checks."""
        rows = self._store.rows(
            "SELECT account_number, order_id, order_number, reference, sha256, state, uploads,"
            " received_at, arrives_at, arrived_at, refusal_code, communication,"
            " length(package) AS package_bytes,"
            " (SELECT count(*) FROM order_line AS line WHERE line.order_id = portal_order.order_id"
            "  AND line.account_number = portal_order.account_number AND accepted = 1) AS accepted,"
            " (SELECT count(*) FROM order_line AS line WHERE line.order_id = portal_order.order_id"
            "  AND line.account_number = portal_order.account_number AND accepted = 0) AS refused"
            " FROM portal_order ORDER BY received_at DESC LIMIT 1000"
        )
        return [dict(row) for row in rows]

    def credit_notes(self) -> list[dict[str, object]]:
        """Return the credit notes of the orders that arrived, those of the newest first."""
        rows = self._store.rows(
            "SELECT note.account_number, order_number, credit_note_number, invoice_number,"
            " amount_rappen FROM order_credit_note AS note"
            " JOIN portal_order USING (account_number, order_id)"
            " ORDER BY received_at DESC, order_id, place LIMIT 1000"
        )
        return [{**dict(row), "amount": str(Money(row["amount_rappen"]))} for row in rows]


def _require_match(package: Package, *, account: str, order_id: str) -> None:
    if package.order_id != order_id:
        raise PackageError("wrong-order", "the manifest names another order")
    if package.account_number != account:
        raise PackageError("wrong-account", "the manifest names another account")
