"""Reads an exported journal back with other people's programmes, and adds up what they saw.

Each reader returns balances in Rappen, debit positive, by the account's number.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from beancount import loader
from beancount.core import data

BEAN_CHECK = Path(sys.executable).parent / "bean-check"
HLEDGER = shutil.which("hledger")
needs_hledger = pytest.mark.skipif(
    HLEDGER is None, reason="there is no hledger on PATH; it is the Debian package hledger"
)


def beancount_entries(text: str) -> list[Any]:
    """Return the directives of a Beancount file; any complaint of Beancount is a failure."""
    entries, errors, _ = loader.load_string(text)
    assert not errors, [error.message for error in errors]
    return list(entries)


def beancount_balances(text: str) -> dict[str, int]:
    """Return the balances that Beancount sees."""
    return _summed(
        (posting.account, posting.units.number)
        for entry in beancount_entries(text)
        if isinstance(entry, data.Transaction)
        for posting in entry.postings
    )


def bean_check(text: str) -> None:
    """Run Beancount's own programme over a file; a complaint of it is a failure."""
    with NamedTemporaryFile("w", suffix=".beancount", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        done = subprocess.run(  # noqa: S603 - the test's own command
            [BEAN_CHECK, "--no-cache", file.name],
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
    complaints = done.stdout + done.stderr
    assert (done.returncode, complaints) == (0, ""), complaints


def hledger(text: str, *command: str) -> list[dict[str, str]]:
    """Return what an hledger command answers as CSV; any complaint of hledger is a failure."""
    assert HLEDGER is not None
    done = subprocess.run(  # noqa: S603 - the test's own command
        [HLEDGER, "--file", "-", *command, "--output-format", "csv"],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def hledger_balances(text: str) -> dict[str, int]:
    """Return the balances that hledger sees; accounts that it checks are all declared."""
    return _summed(
        (line["account"], Decimal(line["balance"].removesuffix("CHF").strip()))
        for line in hledger(text, "balance", "--strict", "--flat", "--no-total", "--empty")
    )


def csv_lines(content: bytes) -> list[dict[str, str]]:
    """Return the lines of the table."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def csv_sums(content: bytes) -> dict[str, tuple[int, int]]:
    """Return (debit, credit) of each account that occurs."""
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for line in csv_lines(content):
        debit, credit = sums[line["account"]]
        sums[line["account"]] = (
            debit + _rappen(Decimal(line["debit"] or 0)),
            credit + _rappen(Decimal(line["credit"] or 0)),
        )
    return dict(sums)


def _summed(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for account, francs in amounts:
        sums[account.rsplit(":", 1)[1]] += _rappen(francs)
    return dict(sums)


def _rappen(francs: Decimal) -> int:
    assert francs == francs.quantize(Decimal("0.01"))
    return int(francs * 100)
