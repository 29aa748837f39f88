"""`quittance THING COMMAND ...` (or `python -m quittance`): finds the command and runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

USAGE_STATUS: Final = 2


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        run: takes the arguments behind the command's words and returns the exit status.
        words: what it does, for the list.
    """

    run: Callable[[Sequence[str]], int]
    words: str


def _import_invoices(arguments: Sequence[str]) -> int:
    from services.invoicing.entrypoints.cli import main as run

    return run(arguments)


def _verify_packages(arguments: Sequence[str]) -> int:
    from services.orders.entrypoints.cli import main as run

    return run(arguments)


def _verify_books(arguments: Sequence[str]) -> int:
    from services.reconciliation.entrypoints.books_cli import main as run

    return run(arguments)


def _lint_deb(arguments: Sequence[str]) -> int:
    from services.reconciliation.entrypoints.deb_cli import lint_main as run

    return run(arguments)


def _import_deb(arguments: Sequence[str]) -> int:
    from services.reconciliation.entrypoints.deb_cli import import_main as run

    return run(arguments)


def _preview_deb(arguments: Sequence[str]) -> int:
    from services.reconciliation.entrypoints.deb_cli import preview_main as run

    return run(arguments)


def _undo_deb(arguments: Sequence[str]) -> int:
    from services.reconciliation.entrypoints.deb_cli import undo_main as run

    return run(arguments)


def _discard_deb(arguments: Sequence[str]) -> int:
    from services.reconciliation.entrypoints.deb_cli import discard_main as run

    return run(arguments)


def _explain_deb(arguments: Sequence[str]) -> int:
    from services.reconciliation.entrypoints.deb_cli import explain_main as run

    return run(arguments)


# Each command loads its own service's room only when it is asked for: a terminal answers at once.
COMMANDS: Final[Mapping[tuple[str, str], Command]] = {
    ("invoices", "import"): Command(_import_invoices, "import invoices of other practice software"),
    ("orders", "verify"): Command(_verify_packages, "check order packages before they are trusted"),
    ("books", "verify"): Command(_verify_books, "prove the books of practices from their rows"),
    ("deb", "lint"): Command(_lint_deb, "explain what of a DEB file does not fit its layout"),
    ("deb", "import"): Command(_import_deb, "hand a DEB file to the gateway"),
    ("deb", "preview"): Command(_preview_deb, "show what booking a DEB file would do"),
    ("deb", "undo"): Command(_undo_deb, "take back all that a DEB file booked"),
    ("deb", "discard"): Command(_discard_deb, "end a held DEB file that is never to be booked"),
    ("deb", "explain"): Command(_explain_deb, "show what became of one row of a DEB file"),
}


def main(arguments: Sequence[str], out: TextIO, errors: TextIO) -> int:
    """Run the command that the first two words name; return its exit status, 2 for unknown words.

    Without words, or with `--help`, the list of commands is printed.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        out.write(_list())
        return 0
    command = COMMANDS.get((arguments[0], arguments[1])) if len(arguments) > 1 else None
    if command is None:
        errors.write(f"quittance: no such command: {' '.join(arguments[:2])}\n\n{_list()}")
        return USAGE_STATUS
    return command.run(arguments[2:])


def _list() -> str:
    width = max(len(" ".join(words)) for words in COMMANDS)
    lines = [f"  {' '.join(words):<{width}}  {each.words}" for words, each in COMMANDS.items()]
    return "\n".join(
        ["usage: quittance THING COMMAND ...", "", *lines, "", "Each command knows --help.", ""]
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], sys.stdout, sys.stderr))
