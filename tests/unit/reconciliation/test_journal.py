"""The chain of the journal: gapless numbers, sealed entries, and a check that sees every change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.reconciliation.domain.accounts import (
    DEFAULT_CHART,
    AccountRole,
    AccountTakenError,
    Chart,
    LedgerAccount,
)
from services.reconciliation.domain.journal import (
    GENESIS_HASH,
    ChainCheck,
    ChainedEntry,
    Entry,
    Head,
    Posting,
    chained,
)
from shared.kernel.money import Money

START = Head(0, GENESIS_HASH)


def _entry(number: int) -> Entry:
    invoice = UUID(int=7)
    return Entry(
        entry_id=UUID(int=number),
        practice_id=UUID(int=1),
        entry_date=date(2026, 4, number),
        kind="payout",
        label="Payout",
        postings=(
            Posting("1020", AccountRole.BANK, Money(100), invoice),
            Posting("1088", AccountRole.FACTOR, Money(-100), invoice, UUID(int=9)),
        ),
    )


def _check(links: list[ChainedEntry], head: Head) -> ChainCheck:
    chain = ChainCheck()
    for link in links:
        chain.follow(link)
    assert chain.is_intact(head) == (chain.broken_at is None and bool(links))
    return chain


def test_a_chain_grows_without_a_gap_over_several_bookings() -> None:
    first, head = chained(START, [_entry(1), _entry(2)])
    second, head = chained(head, [_entry(3)])
    assert [link.number for link in first + second] == [1, 2, 3]
    assert second[0].previous_hash == first[1].entry_hash
    assert _check(first + second, head).broken_at is None


@pytest.mark.parametrize(
    "change",
    [
        {"label": "Other"},
        {"kind": "advance"},
        {"entry_date": date(2026, 5, 1)},
        {"entry_id": UUID(int=99)},
        {"practice_id": UUID(int=99)},
        {"order_id": UUID(int=99)},
        {"deb_file_id": UUID(int=99)},
        {"deb_line": 99},
        {"postings": _entry(2).postings[::-1]},
        {"postings": (replace(_entry(2).postings[0], account="1021"), _entry(2).postings[1])},
        {"postings": (replace(_entry(2).postings[0], invoice_id=None), _entry(2).postings[1])},
        {"postings": (*_entry(2).postings, replace(_entry(2).postings[0], amount=Money(0)))},
        {"postings": (replace(_entry(2).postings[0], amount=Money(101)), _entry(2).postings[1])},
    ],
)
def test_every_change_of_an_entry_breaks_the_chain_there(change: dict[str, Any]) -> None:
    links, head = chained(START, [_entry(1), _entry(2), _entry(3)])
    links[1] = replace(links[1], entry=replace(links[1].entry, **change))
    chain = ChainCheck()
    for link in links:
        chain.follow(link)
    assert chain.broken_at == 2
    assert not chain.is_intact(head)


def test_a_missing_first_middle_or_last_entry_is_noticed() -> None:
    links, head = chained(START, [_entry(1), _entry(2), _entry(3)])
    for missing in range(3):
        chain = ChainCheck()
        for link in links[:missing] + links[missing + 1 :]:
            chain.follow(link)
        assert not chain.is_intact(head)


def test_an_empty_journal_is_intact() -> None:
    assert ChainCheck().is_intact(START)


def test_a_contract_opens_its_factor_account_once_and_never_over_another_role() -> None:
    chart = Chart(DEFAULT_CHART)
    account = chart.opening("1088", factor="CMD")
    assert account == LedgerAccount("1088", AccountRole.FACTOR, "Account with CMD")
    assert Chart((*DEFAULT_CHART, account)).opening("1088", factor="CMD") is None
    with pytest.raises(AccountTakenError, match="already used for bank"):
        chart.opening("1020", factor="CMD")
