"""A payout's kept sum is what its rows say, whatever becomes of the rows and of what they name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from uuid import UUID

import asyncpg
import pytest

from sandbox.postgres import ServiceUrls
from tests.integration.reconciliation.bank import Bank, came, new_iban, payout_row
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.support.camt_builder import Entry, Part
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

LATER = "ZA 2026-0002"
_KEPT = "SELECT payout_token, deb_rows, announced_rappen AS rappen FROM payout"
_SAID = """SELECT payout_token, count(*) AS deb_rows,
  coalesce(sum(amount_rappen), 0)::bigint AS rappen FROM payout_row GROUP BY payout_token"""


@pytest.fixture
async def house(house: House, api: ApiClient) -> House:
    """A practice with invoices of 120 and 80, whose bank account is kept."""
    await house.acquitted_invoices("120.00", "80.00")
    await Bank(api, new_iban()).open(house)
    return house


@pytest.fixture
def office(house: House, api: ApiClient) -> FileOffice:
    """The people who decide about files."""
    return FileOffice(api, house)


async def _sums(house: House) -> dict[str, tuple[int, int]]:
    """Rows and sum of each payout as they are kept, after a look that its rows say the same."""
    found = []
    for query in (_KEPT, _SAID):
        rows = await house.rows(query)
        found.append({one["payout_token"]: (one["deb_rows"], one["rappen"]) for one in rows})
    kept, said = found
    assert {token: sums for token, sums in kept.items() if sums[0]} == said
    return kept


def _reversal(rappen: int = 12_000, record: str = "U-1", of: str = "R-1") -> Row:
    """A reversal that a later payout settles."""
    return payout_row(rappen, record=record).but(kind="reversal", text=of, payout_reference=LATER)


def _second(*rows: Row, number: int = 2) -> DebFile:
    return DebFile(rows, file_id=f"F-{number:04d}", previous=f"F-{number - 1:04d}")


async def test_undoing_a_payout_moves_the_later_payout_that_a_parked_reversal_of_it_names(
    house: House, office: FileOffice
) -> None:
    first = await house.book(DebFile((payout_row(),)))
    second = await house.book(_second(_reversal(11_900)))
    assert await house.outcomes(second) == ["2 parked impossible-amount"]
    assert await _sums(house) == {"ZA2026-0001": (1, 12_000), "ZA2026-0002": (1, -11_900)}
    assert await office.undo(first) == "undone"
    assert await _sums(house) == {"ZA2026-0001": (0, 0), "ZA2026-0002": (0, 0)}


async def test_a_payout_booked_anew_counts_what_a_parked_reversal_takes_from_a_later_one(
    house: House, office: FileOffice
) -> None:
    first = await house.book(DebFile((payout_row(),)))
    await house.book(_second(_reversal(11_900)))
    await office.undo(first)
    assert (await office.decide(first, "book-anew"))[0] in (200, 201)
    await house.work()
    assert await _sums(house) == {"ZA2026-0001": (1, 12_000), "ZA2026-0002": (1, -11_900)}


async def test_a_payout_that_a_person_books_counts_for_a_reversal_that_a_later_one_settles(
    house: House, api: ApiClient
) -> None:
    unknown = payout_row(invoice="2026-999999")
    await house.book(DebFile((unknown,)))
    second = await house.book(_second(_reversal(11_900)))
    assert await house.outcomes(second) == ["2 parked reversed-record-unknown"]
    left = await house.rows("SELECT row_id, deb_file_id FROM deb_row WHERE status = 'parked'")
    of_second = next(one["row_id"] for one in left if one["deb_file_id"] == second)
    of_first = next(one["row_id"] for one in left if one["deb_file_id"] != second)
    path = f"{house.path}/parked-rows"
    body = {"decision": "leave", "reason": "the factor writes it off"}
    assert (await api.post(f"{path}/{of_second}/decision", body))[0] == 200
    body = {
        "decision": "book-on-invoice",
        "invoice_id": str(house.invoice_id("2026-000001")),
        "reason": "seen on the advice",
    }
    status, answer = await api.post(f"{path}/{of_first}/decision", body)
    assert status == 200, answer
    assert await _sums(house) == {"ZA2026-0001": (1, 12_000), "ZA2026-0002": (1, -11_900)}


async def test_an_undone_payout_that_a_booked_reversal_took_back_stays_and_so_do_the_sums(
    house: House, office: FileOffice
) -> None:
    first = await house.book(DebFile((payout_row(),)))
    second = await house.book(_second(_reversal()))
    assert await office.undo(first) == "partly-undone"
    assert await _sums(house) == {"ZA2026-0001": (1, 12_000), "ZA2026-0002": (1, -12_000)}
    assert await office.undo(second) == "undone"
    assert await _sums(house) == {"ZA2026-0001": (1, 12_000), "ZA2026-0002": (0, 0)}
    assert await office.undo(first) == "undone"
    assert set((await _sums(house)).values()) == {(0, 0)}


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_booked_undone_and_booked_anew_the_sums_are_what_the_rows_say(
    house: House, office: FileOffice, seed: int
) -> None:
    random = Random(seed)
    files: list[UUID] = []
    for number in range(1, 7):
        file = DebFile(
            tuple(_any_row(random, f"R-{number}-{place}") for place in range(5)),
            file_id=f"F-{number:04d}",
            previous=f"F-{number - 1:04d}" if number > 1 else "",
        )
        files.append(await house.book(file))
        await _sums(house)
        if random.random() < 0.6:
            undone = random.choice(files)
            if (await office.decide(undone, "undo"))[0] == 200:
                await house.work()
                await _sums(house)
                await office.decide(undone, "book-anew")
                await house.work()
        await _sums(house)


def _any_row(random: Random, record: str) -> Row:
    invoice = f"2026-{random.randint(1, 3):06d}"
    row = payout_row(random.choice((500, 1_000)), invoice, record).but(
        payout_reference=random.choice(("ZA 1", "ZA 2", "ZA 3"))
    )
    if random.random() < 0.5:
        of = f"R-{random.randint(1, 6)}-{random.randint(0, 4)}"
        return row.but(kind="reversal", text=of)
    return row


STATEMENT = tuple(
    came(
        f"{number}.50",
        reference=f"ZA 2026-{number % 7:04d}",
        bank_reference=f"ASR-{number}",
        day=f"2026-04-{number % 28 + 1:02d}",
    )
    for number in range(1, 61)
)
_OF_ACCOUNT = """SELECT payout_token, deb_rows, announced_rappen, entries, received_rappen
  FROM payout WHERE account_id = :account ORDER BY payout_token"""
_ENTRIES_OF = """SELECT value_on, amount_rappen, payout_token, is_unmatched
  FROM bank_entry WHERE account_id = :account AND NOT superseded ORDER BY value_on, amount_rappen"""


async def _stands(house: House, bank: Bank) -> list[object]:
    found: list[object] = []
    for query in (_OF_ACCOUNT, _ENTRIES_OF):
        found += [tuple(row.values()) for row in await house.rows(query, account=bank.account_id)]
    return found


async def test_a_statement_of_many_entries_moves_payouts_as_its_entries_one_by_one_do(
    house: House, api: ApiClient
) -> None:
    at_once, in_steps = Bank(api, new_iban()), Bank(api, new_iban())
    for bank in (at_once, in_steps):
        await bank.open(house)
    rows = [
        payout_row(1_000 * number, record=f"R-{number}").but(
            payout_reference=f"ZA 2026-{number:04d}"
        )
        for number in range(1, 6)
    ]
    await house.book(DebFile(tuple(rows)))
    assert (await at_once.receive(*STATEMENT))[0] == 200
    for number, entry in enumerate(STATEMENT):
        assert (await in_steps.receive(entry, message=f"MSG-{number}"))[0] == 200
    once = await _stands(house, at_once)
    assert once == await _stands(house, in_steps)
    assert len(once) == 5 + len(STATEMENT), "of 7 references the DEB file names 5"


async def test_payouts_are_made_anew_once_per_statement_and_not_per_entry(
    house: House, api: ApiClient, urls: ServiceUrls
) -> None:
    bank = Bank(api, new_iban())
    await bank.open(house)
    await house.book(DebFile((payout_row(),)))
    lumps = [Entry(f"{number}.50", bank_reference=f"LUMP-{number}") for number in range(1, 31)]
    parts = [replace(lump, parts=(Part(lump.amount, "RENT"),)) for lump in lumps]
    async with refreshes_of(urls) as count:
        assert (await bank.receive(*STATEMENT))[0] == 200
        assert await count() == 1
        assert (await bank.receive(*lumps, message="MSG-3", kind="053"))[0] == 200
        assert await count() == 1
        assert (await bank.receive(*parts, message="MSG-4"))[0] == 200
        assert await count() == 2, "the lumps go, and their parts come"


@asynccontextmanager
async def refreshes_of(urls: ServiceUrls) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Count how often payouts are made anew: each time puts down those that are new."""
    owner = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
    await owner.execute(
        """
        CREATE SEQUENCE refreshes;
        GRANT USAGE ON SEQUENCE refreshes TO PUBLIC;
        CREATE FUNCTION count_refresh() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM nextval('refreshes'); RETURN NULL; END $$;
        CREATE TRIGGER count_refresh AFTER INSERT ON payout
          FOR EACH STATEMENT EXECUTE FUNCTION count_refresh()
        """
    )
    try:
        yield _since(owner)
    finally:
        await owner.execute("DROP FUNCTION count_refresh() CASCADE; DROP SEQUENCE refreshes")
        await owner.close()


def _since(owner: asyncpg.Connection[asyncpg.Record]) -> Callable[[], Awaitable[int]]:
    seen = 0

    async def count() -> int:
        nonlocal seen
        before = seen
        seen = await owner.fetchval(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM refreshes"
        )
        return seen - before

    return count
