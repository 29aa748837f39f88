"""Other programmes take an exported journal, whatever texts are in it, and see our amounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

import pytest
from beancount.core import data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reconciliation.domain.accounts import DEFAULT_CHART, AccountRole, LedgerAccount
from services.reconciliation.domain.exports.entries import (
    ExportedEntry,
    ExportedPosting,
    Journal,
    account_kind,
    account_name,
)
from services.reconciliation.domain.exports.formats import FORMATS
from services.reconciliation.domain.exports.table import HEADER, plain
from services.reconciliation.domain.journal import Head
from shared.kernel.money import Money
from tests.support.ledgers import (
    beancount_balances,
    beancount_entries,
    csv_lines,
    csv_sums,
    hledger,
    hledger_balances,
    needs_hledger,
)

CHART = (*DEFAULT_CHART, LedgerAccount("1088", AccountRole.FACTOR, 'Account with "C", M; D\\'))
FIRST_DAY = date(2026, 1, 1)
HOSTILE = '=Transmis "CMD"; a|b, c: d \\ ^x #y\n2026-01-01 open {é}'


def _journal(accounts: Sequence[LedgerAccount] = CHART) -> Journal:
    return Journal(UUID(int=1), None, None, FIRST_DAY, Head(9, "f" * 64), accounts)


def _entry(
    number: int = 1,
    *amounts: tuple[str, int],
    day: date = FIRST_DAY,
    label: str = "Acquittal",
    invoice: str | None = "2026-000001",
    source: str | None = None,
) -> ExportedEntry:
    return ExportedEntry(
        number=number,
        entry_id=UUID(int=number),
        entry_date=day,
        kind="acquittal",
        label=label,
        source=source,
        entry_hash=f"{number:064x}",
        postings=tuple(
            ExportedPosting(account, Money(rappen), invoice)
            for account, rappen in amounts or (("1088", 12000), ("1100", -12000))
        ),
    )


def _written(form: str, entries: Iterable[ExportedEntry]) -> str:
    ledger = FORMATS[form].ledger(_journal())
    return ledger.opening() + "".join(ledger.entry(entry) for entry in entries)


def _expected(entries: Iterable[ExportedEntry]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        for posting in entry.postings:
            sums[posting.account] += posting.amount.rappen
    return dict(sums)


_TEXTS = st.text(max_size=40) | st.sampled_from([HOSTILE, "", " ", "=1+1", "\t-1", "(x) ; y: z"])
_RAPPEN = st.integers(-(10**11), 10**11) | st.just(0)


@st.composite
def _entries(draw: st.DrawFn) -> list[ExportedEntry]:
    made = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        accounts = draw(st.lists(st.sampled_from([a.number for a in CHART]), min_size=2))
        rappen = [draw(_RAPPEN) for _ in accounts[1:]]
        made.append(
            _entry(
                number,
                *zip(accounts, [-sum(rappen), *rappen], strict=True),
                day=draw(st.dates(FIRST_DAY, date(2030, 12, 31))),
                label=draw(_TEXTS),
                invoice=draw(st.none() | _TEXTS | st.just("2026-000001")),
                source=draw(st.none() | _TEXTS),
            )
        )
    return made


def test_every_role_has_its_place_in_the_other_programmes() -> None:
    accounts = [LedgerAccount("1000", role, "A") for role in AccountRole]
    assert len({account_name(account) for account in accounts}) == len(AccountRole)
    for form in ("beancount", "hledger"):
        opening = FORMATS[form].ledger(_journal(accounts)).opening()
        assert all(f"role: {mark}" in opening for mark in _marks(form)), form
    kinds = {account_kind(account) for account in accounts}
    assert kinds == {"Assets", "Liabilities", "Income", "Expenses"}


def _marks(form: str) -> list[str]:
    return [f'"{role}"' if form == "beancount" else f"{role}," for role in AccountRole]


@settings(max_examples=60, deadline=None)
@given(_entries())
def test_beancount_takes_any_text_and_sees_the_same_balances(entries: list[ExportedEntry]) -> None:
    assert beancount_balances(_written("beancount", entries)) == _expected(entries)


@needs_hledger
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_entries())
def test_hledger_takes_any_text_and_sees_the_same_balances(entries: list[ExportedEntry]) -> None:
    seen = hledger_balances(_written("hledger", entries))
    assert {name: sum_ for name, sum_ in seen.items() if sum_} == {
        name: sum_ for name, sum_ in _expected(entries).items() if sum_
    }


@settings(max_examples=60, deadline=None)
@given(_entries())
def test_the_table_read_back_gives_the_same_sums_and_holds_no_formula(
    entries: list[ExportedEntry],
) -> None:
    content = _written("csv", entries).encode()
    balances = {name: debit - credit for name, (debit, credit) in csv_sums(content).items()}
    assert balances == _expected(entries)
    cells = [cell for line in csv_lines(content) for cell in line.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_beancount_finds_an_entry_by_its_hash_and_by_its_invoice() -> None:
    entry = _entry(7, label=HOSTILE, source="F-0001:6")
    opens, (found,) = _split(beancount_entries(_written("beancount", [entry])))
    assert found.links == {"2026-000001"}
    assert found.narration == HOSTILE.replace("\n", " ")
    assert [str(found.meta[key]) for key in ("journal-number", "entry-id", "entry-hash")] == [
        "7",
        str(UUID(int=7)),
        f"{7:064x}",
    ]
    assert (found.meta["kind"], found.meta["deb-line"]) == ("acquittal", "F-0001:6")
    assert {posting.meta["invoice"] for posting in found.postings} == {"2026-000001"}
    assert {one.account: (one.meta["role"], one.meta["name"]) for one in opens} == {
        account_name(account): (account.role.value, account.name) for account in CHART
    }


def test_an_invoice_number_that_cannot_be_a_link_is_told_all_the_same() -> None:
    text = _written("beancount", [_entry(invoice="2026 ^1")])
    _, (found,) = _split(beancount_entries(text))
    assert found.links == set()
    assert {posting.meta["invoice"] for posting in found.postings} == {"2026 ^1"}


@needs_hledger
def test_hledger_finds_an_entry_by_its_hash_and_by_its_invoice() -> None:
    text = _written("hledger", [_entry(7, label=HOSTILE), _entry(8, invoice="2026-000002")])
    for question in (f"tag:entry-hash={7:064x}", "tag:invoice=^2026-000001$", "code:^7$"):
        assert {line["txnidx"] for line in hledger(text, "print", question)} == {"1"}, question
    said = {line["description"] for line in hledger(text, "print", "code:^7$")}
    assert said == {HOSTILE.replace("\n", " ").replace(";", ",").replace("|", "/")}
    assert {line["account"] for line in hledger(text, "balance", "type:A", "--flat", "-N")} == {
        "Assets:Factor:1088",
        "Assets:Receivables:1100",
    }


def test_the_table_says_who_what_when_and_for_which_invoice() -> None:
    content = _written("csv", [_entry(7, label="=1+1", source="F-0001:6")]).encode()
    assert content.startswith(b"\xef\xbb\xbf")
    sealed = f"2026-000001;F-0001:6;{UUID(int=7)};{7:064x}"
    factor = '1088;factor;"Account with ""C"", M; D\\";'
    receivables = "1100;receivables;Patient receivables;"
    assert content.decode("utf-8-sig").splitlines() == [
        ";".join(HEADER),
        f"2026-01-01;7;1;acquittal;'=1+1;{factor}120.00;;CHF;{sealed}",
        f"2026-01-01;7;2;acquittal;'=1+1;{receivables};120.00;CHF;{sealed}",
    ]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert plain(text) == f"'{text}"


def test_an_empty_journal_is_a_valid_file_too() -> None:
    assert beancount_balances(_written("beancount", [])) == {}
    assert csv_lines(_written("csv", []).encode()) == []


def _split(entries: list[object]) -> tuple[list[data.Open], list[data.Transaction]]:
    return (
        [entry for entry in entries if isinstance(entry, data.Open)],
        [entry for entry in entries if isinstance(entry, data.Transaction)],
    )
