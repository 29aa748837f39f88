"""`quittance deb lint|import|preview|undo|discard|explain`: DEB files before and after booking.

`lint` needs no service. The others know the services from outside only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO
from uuid import UUID

from rich.console import Console

from services.reconciliation.adapters.layouts import layout_in, shipped_layouts
from services.reconciliation.domain.deb.layout import Layout, LayoutError
from services.reconciliation.entrypoints.deb_calls import (
    Api,
    CallFailedError,
    discard_file,
    import_file,
    show_preview,
    show_row,
    undo_file,
)
from services.reconciliation.entrypoints.deb_lint import FITS, NOT_READ, lint

EXIT_FAILED = 2
_GATEWAY, _RECONCILIATION = "http://127.0.0.1:8083", "http://127.0.0.1:8084"


def lint_main(arguments: Sequence[str], out: TextIO = sys.stdout) -> int:
    """Explain a file; return 0 if it fits its layout, 1 if not, 2 if something cannot be read."""
    parser = _parser("lint", "Explains what of a DEB file does not fit a layout; needs no service.")
    parser.add_argument("file", type=Path, metavar="FILE")
    _add_layout(parser, required=True)
    parser.add_argument("--all", action="store_true", help="explain every problem")
    given = parser.parse_args(arguments)
    try:
        layout = _layout(given.layout)
    except LayoutError as error:
        out.write(f"the layout cannot be used: {error}\n")
        return NOT_READ
    return lint(given.file, layout, out, everything=given.all)


def import_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Upload a file; return 0 if it is there, 1 if it does not fit the layout, 2 if it is not."""
    parser = _parser("import", "Hands a DEB file to the gateway, which stores and announces it.")
    parser.add_argument("file", type=Path, metavar="FILE")
    _add_practice(parser)
    parser.add_argument("--contract", required=True, type=UUID, metavar="ID")
    _add_layout(parser, required=False)
    _add_service(parser, _GATEWAY, "debident gateway")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        if given.layout is not None:
            fits = lint(given.file, _layout(given.layout), console.file)
            if fits != FITS:
                return fits
        path = f"/v1/practices/{given.practice}/contracts/{given.contract}/deb-files"
        import_file(_api(given), path, given.file, console)
    except (CallFailedError, LayoutError) as error:
        return _failed(error, console)
    return 0


def preview_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Show what booking a file would do; return 0, or 2 if that cannot be had."""
    parser = _file_parser("preview", "Shows what booking a DEB file would do, row by row.")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        show_preview(_api(given), _path(given), console)
    except CallFailedError as error:
        return _failed(error, console)
    return 0


def undo_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Take a file's bookings back; return 0, or 2 if that is refused."""
    parser = _file_parser("undo", "Takes back all that a DEB file booked, by opposite entries.")
    parser.add_argument("--reason", required=True, help="kept with the entries")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        undo_file(_api(given), _path(given), given.reason, console)
    except CallFailedError as error:
        return _failed(error, console)
    return 0


def discard_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """End a held file for good; return 0, or 2 if that is refused."""
    parser = _file_parser("discard", "Ends a held DEB file: nothing of it is ever booked.")
    parser.add_argument("--reason", required=True, help="kept with the file")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        discard_file(_api(given), _path(given), given.reason, console)
    except CallFailedError as error:
        return _failed(error, console)
    return 0


def explain_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Show what became of one row and why; return 0, or 2 if that cannot be had."""
    parser = _file_parser("explain", "Shows one row of a DEB file and what became of it.")
    parser.add_argument("line", type=int, metavar="LINE", help="of the file, from 1")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        show_row(_api(given), _path(given), given.line, console)
    except CallFailedError as error:
        return _failed(error, console)
    return 0


def _parser(command: str, words: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"quittance deb {command}", description=words)


def _file_parser(command: str, words: str) -> argparse.ArgumentParser:
    parser = _parser(command, words)
    parser.add_argument("deb_file", type=UUID, metavar="DEB_FILE", help="the id of the file")
    _add_practice(parser)
    _add_service(parser, _RECONCILIATION, "reconciliation service")
    return parser


def _add_practice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--practice", required=True, type=UUID, metavar="ID", help="whose file it is"
    )


def _add_layout(parser: argparse.ArgumentParser, *, required: bool) -> None:
    words = "the name of a shipped layout, or the path of a TOML file"
    if not required:
        words += "; the file is then linted first"
    parser.add_argument("--layout", required=required, metavar="L", help=words)


def _add_service(parser: argparse.ArgumentParser, url: str, service: str) -> None:
    parser.add_argument("--url", default=url, help=f"of the {service} (default: %(default)s)")
    parser.add_argument("--token-file", required=True, type=Path, help="holds the bearer token")


def _layout(given: str) -> Layout:
    """Return the layout of that name, or in that file.

    Raises:
        LayoutError: there is none, or it contradicts itself.
    """
    if given.endswith(".toml"):
        return layout_in(Path(given))
    shipped = shipped_layouts()
    if given not in shipped:
        raise LayoutError(f"no layout {given} is shipped; there are {', '.join(sorted(shipped))}")
    return shipped[given]


def _api(given: argparse.Namespace) -> Api:
    if not given.url.startswith(("http://", "https://")):
        raise CallFailedError(f"{given.url} is no web address")
    try:
        token = given.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CallFailedError(f"the token cannot be read: {error}") from error
    return Api(given.url.rstrip("/"), token)


def _path(given: argparse.Namespace) -> str:
    return f"/v1/practices/{given.practice}/deb-files/{given.deb_file}"


def _failed(error: Exception, console: Console) -> int:
    console.print(f"✗ {error}", style="bold red", markup=False, highlight=False)
    return EXIT_FAILED
