"""`quittance orders verify PACKAGE...`: a package is checked before it is trusted or sent again."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from services.orders.domain.verification import (
    PACKAGE_BYTES_MAX,
    DocumentNumbers,
    OpenedDocument,
    Verified,
    verify_package,
)
from shared.forum.checking import check_document
from shared.forum.opening import Fault

RIGHT, WRONG, NOT_READ = 0, 1, 2


def main(arguments: Sequence[str], out: TextIO = sys.stdout) -> int:
    """Check packages; return 0 if all are right, 1 if one is wrong, 2 if one cannot be read."""
    parser = argparse.ArgumentParser(
        prog="quittance orders verify",
        description="Checks packages: form, limits, hashes, sums, the same bytes again but for"
        " their compression, and every document by its official schema and the rules beyond it.",
    )
    parser.add_argument("package", nargs="+", type=Path, metavar="PACKAGE")
    parser.add_argument(
        "--sha256",
        type=_sha256,
        metavar="HEX",
        help="what was recorded with the order (getOrder says it); of one package only",
    )
    parser.add_argument(
        "--modus",
        choices=("production", "test"),
        default="production",
        help='what every document must be marked as; "test" for packages of a trial run',
    )
    given = parser.parse_args(arguments)
    if given.sha256 is not None and len(given.package) > 1:
        parser.error("--sha256 is that of one package")
    return max(_verify(path, given.sha256, out, modus=given.modus) for path in given.package)


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError("it has 64 hexadecimal digits")
    return text.lower()


def _verify(path: Path, recorded_sha256: str | None, out: TextIO, *, modus: str) -> int:
    try:
        with path.open("rb") as file:
            data = file.read(PACKAGE_BYTES_MAX + 1)
    except OSError as error:
        out.write(f"{path}: cannot be read: {error.strerror}\n")
        return NOT_READ
    opener = partial(_open, modus=modus)
    verified = verify_package(data, opener=opener, recorded_sha256=recorded_sha256)
    out.write("".join(f"{line}\n" for line in _lines(path, verified)))
    return WRONG if verified.findings else RIGHT


def _open(data: bytes, numbers: DocumentNumbers, *, modus: str) -> OpenedDocument:
    checked = check_document(
        data,
        invoice_number=numbers.invoice,
        credit_note_number=numbers.credit_note,
        modus=modus,
    )
    faults = tuple((one.code, _words(one)) for one in checked.faults)
    return OpenedDocument(checked.version, faults, checked.modus)


def _words(fault: Fault) -> str:
    at = "" if fault.line is None else f"Line {fault.line}: "
    return f"{at}{fault.reason}"


def _lines(path: Path, verified: Verified) -> list[str]:
    order = verified.order_number or "no order"
    if not verified.findings:
        total = verified.total.for_people() if verified.total else "nothing"
        notes = verified.credit_note_count
        along = f"; {_counted(notes, 'credit note')}" if notes else ""
        invoices = _counted(verified.invoice_count or 0, "invoice")
        return [
            f"{path}: right. Order {order}, {invoices}, {total}{along}",
            f"  sha256 {verified.sha256}, {verified.size_bytes} bytes",
            *(f"  note: {each.words}" for each in verified.notes),
        ]
    return [
        f"{path}: NOT right. Order {order}",
        *(f"  {each.code} ({each.where}): {each.words}" for each in verified.findings),
    ]


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
