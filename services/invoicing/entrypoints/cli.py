"""`quittance invoices import PATH...`: sends invoices of other software to the API.

It knows the service from outside only. Files are sent in archives of some hundred, so that a large
folder takes few requests; the report names the files as they are on the disk.
"""

from __future__ import annotations

import argparse
import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import UUID

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from shared.kernel.ids import new_id

BATCH_FILES: Final = 200
BATCH_BYTES: Final = 8 * 1024 * 1024
EXIT_REFUSED, EXIT_FAILED = 1, 2
_TIMEOUT_SECONDS: Final = 120
_TRIES: Final = 5
_WAIT_SECONDS_MAX: Final = 30
_FILE_BYTES_MAX: Final = 31 * 1024 * 1024
_GOOD: Final = frozenset({"imported", "already-known"})
_OUTCOMES: Final = ("imported", "already-known", "refused", "conflict")
_NOT_SENT: Final = "not-sent"
# The token, the role or the practice is wrong: every other upload would be refused likewise.
_HOPELESS: Final = frozenset({401, 403, 404})


class ImportFailedError(Exception):
    """The import cannot go on; the message says why in plain words."""


class UploadRefusedError(Exception):
    """The service refuses one upload as a whole; the others may be taken."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes in one request.

    Attributes:
        names: of the files that it holds, in order; none for an archive, which names its own.
        weight: how many files it holds, as far as one can tell before they are read.
        archive: its name, if it is an archive as it was given.
    """

    data: bytes
    media_type: str
    names: tuple[str, ...]
    weight: int
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """Where the invoices go.

    Attributes:
        wait: waits for so many seconds between two tries.
    """

    url: str
    token: str = field(repr=False)
    practice_id: UUID
    contract_id: UUID | None
    wait: Callable[[int], None] = time.sleep

    def send(self, batch: Batch) -> list[dict[str, Any]]:
        """Send a batch; return what became of each of its files.

        The service's being away for a moment is waited for; a repeat has the same key.

        Raises:
            UploadRefusedError: it refuses this batch.
            ImportFailedError: it refuses whoever asks, stays away, or answers what nobody can read.
        """
        key = str(new_id())
        for tries in range(1, _TRIES + 1):
            try:
                return self._post(batch, key)
            except HTTPError as error:
                if error.code in _HOPELESS or tries == _TRIES:
                    raise ImportFailedError(_refusal(error)) from error
                if error.code not in {429, 503}:
                    raise UploadRefusedError(_refusal(error)) from error
                self.wait(_seconds(error.headers.get("Retry-After")))
            except (KeyError, TypeError, ValueError) as error:
                raise ImportFailedError(f"{self.url} answers what is no report") from error
            except (HTTPException, OSError) as error:
                if tries == _TRIES:
                    raise ImportFailedError(f"{self.url} does not answer: {error}") from error
                self.wait(tries)
        raise ImportFailedError(f"{self.url} does not answer")

    def _post(self, batch: Batch, key: str) -> list[dict[str, Any]]:
        query = {} if self.contract_id is None else {"contract_id": str(self.contract_id)}
        path = f"/v1/practices/{self.practice_id}/invoice-imports"
        request = Request(  # noqa: S310 - the scheme was checked
            f"{self.url}{path}?{urlencode(query)}",
            method="POST",
            data=batch.data,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": batch.media_type,
                "Idempotency-Key": key,
            },
        )
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
            files: list[dict[str, Any]] = json.loads(response.read())["files"]
        for name, file in zip(batch.names, files, strict=False):
            file["name"] = name
        return files


def main(arguments: Sequence[str], *, console: Console | None = None) -> int:
    """Import files; return 0 if all are in, 1 if some were refused or wait for a decision, else 2.

    Files that are known already count as in. Whatever happens, the report says what became of each
    file so far.
    """
    console = console or Console()
    try:
        given = _parse(arguments)
        service, paths = _service(given), _files(given.paths)
    except ImportFailedError as error:
        _complain(error, console)
        return EXIT_FAILED
    reports, end = _send_all(service, paths, console)
    _tell(reports, console, everything=given.all)
    if end is not None:
        _complain(end, console)
        return EXIT_FAILED
    return 0 if all(report["outcome"] in _GOOD for report in reports) else EXIT_REFUSED


def _complain(error: ImportFailedError, console: Console) -> None:
    console.print(f"✗ {error}", style="bold red", markup=False, highlight=False)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="quittance invoices import",
        description="Imports invoices of other practice software (generalInvoiceRequest 4.5, 5.0).",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="an XML file, a ZIP, or a folder of them",
    )
    parser.add_argument("--practice", required=True, type=UUID, metavar="ID")
    parser.add_argument("--contract", type=UUID, metavar="ID", help="the factoring contract")
    parser.add_argument("--url", default="http://127.0.0.1:8081", help="of the invoicing service")
    parser.add_argument("--token-file", required=True, type=Path, help="holds the bearer token")
    parser.add_argument("--all", action="store_true", help="list the good files, too")
    return parser.parse_args(arguments)


def _service(given: argparse.Namespace) -> Service:
    if not given.url.startswith(("http://", "https://")):
        raise ImportFailedError(f"{given.url} is no web address")
    try:
        token = given.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFailedError(f"the token cannot be read: {error}") from error
    return Service(given.url.rstrip("/"), token, given.practice, given.contract)


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (one for one in path.rglob("*") if one.suffix.lower() in {".xml", ".zip"})
            found += sorted(one for one in inside if one.is_file())
        elif path.is_file():
            found.append(path)
        else:
            raise ImportFailedError(f"{path} does not exist")
    if not found:
        raise ImportFailedError("there is no XML or ZIP file there")
    return list(dict.fromkeys(found))


def _send_all(
    service: Service, paths: Sequence[Path], console: Console
) -> tuple[list[dict[str, Any]], ImportFailedError | None]:
    """Return what became of each file, and why the import ended early, if it did.

    The bar counts files, those in archives too, and stands still once nothing is sent any more.
    """
    reports: list[dict[str, Any]] = []
    end: ImportFailedError | None = None
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    total = sum(_weight(path) for path in paths)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("importing", total=total)
        for batch in batches(paths, reports):
            if end is None:
                try:
                    reports += service.send(batch)
                except UploadRefusedError as refusal:
                    reports += _not_in(batch, "refused", str(refusal))
                except ImportFailedError as error:
                    end = error
            if end is not None:
                reports += _not_in(batch, _NOT_SENT, "The import ended before.")
            else:
                progress.advance(task, batch.weight)
        if end is None:  # What could not be read has been dealt with, too.
            progress.update(task, completed=total)
    return reports, end


def batches(paths: Sequence[Path], reports: list[dict[str, Any]]) -> Iterator[Batch]:
    """Yield the requests for these files: an archive as it is, XML files some at a time.

    A file that cannot be read, or is too large to send, goes into the reports instead.
    """
    held: list[tuple[Path, bytes]] = []
    for path in paths:
        try:
            data = _read(path)
        except ImportFailedError as error:
            reports.append(_report(str(path), "refused", str(error)))
            continue
        if path.suffix.lower() == ".zip":
            yield Batch(data, "application/zip", (), _weight(path), str(path))
            continue
        held_bytes = sum(len(one) for _, one in held)
        if held and (len(held) == BATCH_FILES or held_bytes + len(data) > BATCH_BYTES):
            yield _packed(held)
            held = []
        held.append((path, data))
    if held:
        yield _packed(held)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise ImportFailedError(f"It is larger than {_FILE_BYTES_MAX // 1024 // 1024} MB.")
        return path.read_bytes()
    except OSError as error:
        raise ImportFailedError(f"It cannot be read: {error.strerror or error}.") from error


def _weight(path: Path) -> int:
    """Return how many files are behind a path; only the directory of an archive is read."""
    if path.suffix.lower() != ".zip":
        return 1
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(not entry.is_dir() for entry in archive.infolist()) or 1
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return 1  # It is refused as one.


def _not_in(batch: Batch, outcome: str, reason: str) -> list[dict[str, Any]]:
    return [_report(name, outcome, reason) for name in batch.names or (batch.archive,)]


def _report(name: str, outcome: str, reason: str) -> dict[str, Any]:
    """What the command itself says of a file, as the service would."""
    fault = {"code": outcome, "reason": reason, "field": None, "line": None, "column": None}
    return {
        "name": name,
        "outcome": outcome,
        "invoice_number": None,
        "invoice_id": None,
        "conflict_id": None,
        "unfit_codes": [],
        "faults": [fault],
        "notices": [],
    }


def _packed(files: Sequence[tuple[Path, bytes]]) -> Batch:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for place, (_, data) in enumerate(files):
            archive.writestr(f"{place:06}.xml", data)
    names = tuple(str(path) for path, _ in files)
    return Batch(buffer.getvalue(), "application/zip", names, len(files))


def _refusal(error: HTTPError) -> str:
    try:
        problem = json.loads(error.read())
    except ValueError:
        problem = {}
    told = problem.get("detail") if isinstance(problem, dict) else None
    return f"the service refuses ({error.code}): {told or error.reason}"


def _seconds(text: str | None) -> int:
    return min(int(text), _WAIT_SECONDS_MAX) if text and text.isdigit() else 1


def _tell(reports: Sequence[Mapping[str, Any]], console: Console, *, everything: bool) -> None:
    shown = [
        one for one in reports if everything or one["outcome"] not in _GOOD or one.get("notices")
    ]
    if shown:
        table = Table(box=box.SIMPLE_HEAD, expand=True)
        table.add_column("file", ratio=2, overflow="fold")
        for name in ("outcome", "invoice", "line"):
            table.add_column(name, no_wrap=True)
        table.add_column("reason", ratio=3, overflow="fold")
        for report in shown:
            _add_rows(table, report)
        console.print(table)
    counts = Counter(report["outcome"] for report in reports)
    names = (*_OUTCOMES, *((_NOT_SENT,) if counts[_NOT_SENT] else ()))
    told = ", ".join(f"{counts[name]} {name.replace('-', ' ')}" for name in names)
    console.print(f"{len(reports)} files: {told}", markup=False, highlight=False)


def _add_rows(table: Table, report: Mapping[str, Any]) -> None:
    beginning = (report["name"], report["outcome"], report["invoice_number"] or "")
    reasons = [(_line(fault), fault["reason"]) for fault in report["faults"]]
    if report["conflict_id"] is not None:
        reasons.append(("", f"other content; to decide: {report['conflict_id']}"))
    if report["unfit_codes"]:
        reasons.append(("", f"cannot be ordered: {', '.join(report['unfit_codes'])}"))
    reasons += [("", f"{one['code']}: {one['reason']}") for one in report.get("notices", ())]
    for place, reason in enumerate(reasons or [("", "")]):
        start = beginning if place == 0 else ("", "", "")
        table.add_row(*(_plain(cell) for cell in (*start, *reason)))


def _line(fault: Mapping[str, Any]) -> str:
    if fault["line"] is None:
        return ""
    return str(fault["line"]) + (f":{fault['column']}" if fault["column"] is not None else "")


def _plain(cell: str) -> str:
    """The text without what the console would take for markup."""
    return cell.replace("[", r"\[")
