"""Tells the demo to a person: steps, sentences, tables, and what is being waited for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from shared.kernel.money import Money

_DEB_COLUMNS = ("rows_read", "booked", "repeats", "parked")


class Teller:
    """Prints in plain words; on a terminal also what is under way."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, title: str) -> None:
        """Begin a step."""
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left")

    def line(self, sentence: str) -> None:
        """Tell one thing that has happened."""
        self._console.print(f"• {sentence}", highlight=False, markup=False)

    def detail(self, sentence: str) -> None:
        """Add to the line before."""
        self._console.print(f"    {sentence}", highlight=False, markup=False, style="dim")

    def trouble(self, sentence: str) -> None:
        """Tell what went wrong."""
        self._console.print(f"✗ {sentence}", highlight=False, markup=False, style="bold red")

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show what is being waited for, on a terminal only."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(what):
            yield

    def invoices(self, practice: str, invoices: Sequence[Mapping[str, Any]]) -> None:
        """Show invoices with their balance; the asterisk says that the factor has the invoice."""
        table = _table(practice)
        table.add_column("invoice", no_wrap=True)
        table.add_column("patient", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("state", no_wrap=True)
        for name in ("total", "deposit", "balance", "factor owes"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in invoices:
            table.add_row(
                row["invoice_number"],
                row["patient_name"],
                row["state"],
                _amount(row["total"]),
                _amount(row["deposit"]),
                row["balance_text"],
                _amount(row["factor_owes"]),
            )
        self._console.print(table)

    def deb_files(self, practice: str, files: Sequence[Mapping[str, Any]]) -> None:
        """Show DEB files: rows read = booked + repeats + parked."""
        table = _table(practice)
        table.add_column("DEB file", no_wrap=True)
        for name in _DEB_COLUMNS:
            table.add_column(name.replace("_", " "), justify="right")
        for file in files:
            table.add_row(str(file["file_id"]), *(str(file[name]) for name in _DEB_COLUMNS))
        self._console.print(table)

    def facts(self, positions: Sequence[Mapping[str, Any]]) -> None:
        """Tell what the DEB files say of each invoice, oldest first."""
        for position in positions:
            told = [
                _fact(fact)
                for fact in sorted(position["history"], key=_day)
                if fact["source"] is not None
            ]
            self.detail(f"{position['invoice_number']}: {'; '.join(told)}")

    def balances(self, title: str, sheet: Mapping[str, Any]) -> None:
        """Show the balance of every account that moved; they add up to 0.00."""
        table = _table(title)
        table.add_column("account")
        table.add_column("name")
        table.add_column("balance", justify="right")
        for account in sheet["accounts"]:
            if Money.parse(account["balance"]["amount"]):
                table.add_row(account["account"], account["name"], _amount(account["balance"]))
        table.add_section()
        table.add_row("", "sum", _amount(sheet["total"]))
        self._console.print(table)


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="dim", box=box.SIMPLE_HEAD, padding=(0, 1)
    )


def _day(fact: Mapping[str, Any]) -> str:
    return str(fact["event_date"])


def _fact(fact: Mapping[str, Any]) -> str:
    day = date.fromisoformat(fact["event_date"]).strftime("%d.%m.%Y")
    amount = f" {fact['amount']['amount']}" if fact["amount"] is not None else ""
    return f"{day} {fact['kind'].replace('_', ' ')}{amount}"


def _amount(money: Mapping[str, str]) -> str:
    return money["amount"]
