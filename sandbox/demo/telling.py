"""Tells the demo to a person: steps, sentences, tables, and what is being waited for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

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
        table = Table(title=practice, title_justify="left", title_style="dim")
        for name in ("invoice", "patient", "state"):
            table.add_column(name)
        for name in ("total", "deposit", "balance", "factor owes"):
            table.add_column(name, justify="right")
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
        table = Table(title=practice, title_justify="left", title_style="dim")
        table.add_column("DEB file")
        for name in _DEB_COLUMNS:
            table.add_column(name.replace("_", " "), justify="right")
        for file in files:
            table.add_row(str(file["file_id"]), *(str(file[name]) for name in _DEB_COLUMNS))
        self._console.print(table)

    def balances(self, practice: str, sheet: Mapping[str, Any]) -> None:
        """Show the balance of every account that moved; they add up to 0.00."""
        table = Table(title=f"{practice}, books", title_justify="left", title_style="dim")
        table.add_column("account")
        table.add_column("name")
        table.add_column("balance", justify="right")
        for account in sheet["accounts"]:
            if Money.parse(account["balance"]["amount"]):
                table.add_row(account["account"], account["name"], _amount(account["balance"]))
        table.add_section()
        table.add_row("", "sum", _amount(sheet["total"]))
        self._console.print(table)


def _amount(money: Mapping[str, str]) -> str:
    return money["amount"]
