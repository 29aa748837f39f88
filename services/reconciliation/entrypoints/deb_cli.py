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
    undo_file,
    wait_until_undone,
)
from services.reconciliation.entrypoints.deb_lint import FITS, NOT_READ, lint
from services.reconciliation.entrypoints.deb_show import say, show, show_pages

EXIT_ROWS_KEPT, EXIT_FAILED = 1, 2
_WAIT_SECONDS = 600
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
    parser.add_argument(
        "--number", type=int, metavar="N", help="the portal's number, of a file that is missing"
    )
    _add_layout(parser, required=False)
    _add_service(parser, _GATEWAY, "debident gateway")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        if given.layout is not None:
            fits = lint(given.file, _layout(given.layout), console.file)
            if fits != FITS:
                return fits
        path = f"/v1/practices/{given.practice}/contracts/{given.contract}/deb-files"
        _import(_api(given), path, given, console)
    except (CallFailedError, LayoutError) as error:
        return _failed(error, console)
    return 0


def preview_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Show what booking a file would do, all of it; return 0, or 2 if that cannot be had."""
    parser = _file_parser("preview", "Shows what booking a DEB file would do, row by row.")
    parser.add_argument("--rows", type=int, metavar="N", help="stop after about so many rows")
    parser.add_argument("--after", metavar="CURSOR", help="go on where a preview stopped")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        pages = _api(given).pages(f"{_path(given)}/preview", after=given.after, rows=given.rows)
        following = show_pages(pages, console, rows_max=given.rows)
    except CallFailedError as error:
        return _failed(error, console)
    if following is not None:
        say(console, f"there are more rows: --after {following}")
    return 0


def undo_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Take a file's bookings back, and report each row.

    Returns:
        0 if all of it is undone (with --no-wait: asked for), 1 if rows stay booked, 2 if it is
        refused or not done in time.
    """
    parser = _file_parser("undo", "Takes back all that a DEB file booked, by opposite entries.")
    parser.add_argument("--reason", required=True, help="kept with the entries")
    parser.add_argument("--no-wait", action="store_true", help="only ask for it; no report")
    parser.add_argument(
        "--wait",
        type=int,
        default=_WAIT_SECONDS,
        metavar="SECONDS",
        help="how long to wait until it is done (default: %(default)s)",
    )
    given, console = parser.parse_args(arguments), console or Console()
    try:
        return _undo(_api(given), given, console)
    except CallFailedError as error:
        return _failed(error, console)


def discard_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """End a held file for good; return 0, or 2 if that is refused."""
    parser = _file_parser("discard", "Ends a held DEB file: nothing of it is ever booked.")
    parser.add_argument("--reason", required=True, help="kept with the file")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        show(discard_file(_api(given), _path(given), given.reason), console)
    except CallFailedError as error:
        return _failed(error, console)
    return 0


def explain_main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Show what became of one row and why; return 0, or 2 if that cannot be had."""
    parser = _file_parser("explain", "Shows one row of a DEB file and what became of it.")
    parser.add_argument("line", type=int, metavar="LINE", help="of the file, from 1")
    given, console = parser.parse_args(arguments), console or Console()
    try:
        show(_api(given).get(f"{_path(given)}/rows/{given.line}").body, console)
    except CallFailedError as error:
        return _failed(error, console)
    return 0


def _import(api: Api, path: str, given: argparse.Namespace, console: Console) -> None:
    file: Path = given.file
    query = {} if given.number is None else {"number": str(given.number)}
    answer = api.upload(path, file, **query)
    is_known = answer.replayed or answer.body.get("repeat") is True
    known = "known already" if is_known else "taken"
    say(console, f"{file.name}: {known}. DEB file {answer.body.get('deb_file_id', '(no id)')}")


def _undo(api: Api, given: argparse.Namespace, console: Console) -> int:
    path = _path(given)
    file = undo_file(api, path, given.reason)
    if given.no_wait:
        say(console, f"DEB file {given.deb_file}: {file.get('status', 'asked for')}")
        return 0
    if not wait_until_undone(api, path, seconds=given.wait):
        words = f"it is not undone after {given.wait} seconds; the same command waits on"
        raise CallFailedError(words)
    show_pages(api.pages(f"{path}/undo"), console)
    kept = api.get(f"{path}/undo", outcome="kept", limit="1").body.get("items")
    return EXIT_ROWS_KEPT if kept else 0


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
