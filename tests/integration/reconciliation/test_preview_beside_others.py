"""While a preview is under way the practice's books are open to others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from services.reconciliation.adapters.previewing import preview_opener
from services.reconciliation.handlers.preview_deb_file import (
    Preview,
    PreviewDebFile,
    preview_deb_file,
)
from services.reconciliation.ports.previewing import InTheWayError, PreviewGround
from shared.kernel.errors import ConflictError
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row
from tests.support.waiting import eventually
from tests.support.web import ApiClient

AT_MOST_SECONDS = 8
"""Less than a writer waits for a lock before it gives up."""
ROWS = tuple(Row(f"R-{number}", "debtor_payment", rappen=1_000) for number in range(4))


async def _nothing(_: PreviewGround) -> None:
    """Nobody comes."""


@dataclass
class Interrupted:
    """Opens previews; after each batch something happens.

    Attributes:
        begun: how many previews were opened.
    """

    house: House
    then: Callable[[PreviewGround], Awaitable[None]] = _nothing
    begun: int = 0
    batches: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, practice_id: UUID) -> AsyncIterator[PreviewGround]:
        """Open one."""
        self.begun += 1
        async with preview_opener(self.house.database, self.house.clock)(practice_id) as ground:
            yield PreviewGround(ground.uow, After(self, ground))


@dataclass
class After:
    """Asks who waits, after something has happened."""

    interrupted: Interrupted
    ground: PreviewGround

    async def wait(self) -> bool:
        """Let it happen, then ask."""
        self.interrupted.batches.append(self.interrupted.begun)
        await self.interrupted.then(self.ground)
        return await self.ground.bystanders.wait()


async def _staged(house: House) -> UUID:
    """A file that waits for its review, of four payments for the first of two invoices."""
    await house.acquitted_invoices("120.00", "80.00")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    return await house.book(DebFile(ROWS))


async def _preview(house: House, deb_file_id: UUID, interrupted: Interrupted) -> Preview:
    command = PreviewDebFile(house.practice_id, deb_file_id, 0, 100)
    return await preview_deb_file(command, interrupted.open, house.clock, batch_rows=2)


def _owes(preview: Preview) -> list[str]:
    """What the debtor owes before each row."""
    positions = [getattr(row, "before") for row in preview.rows]  # noqa: B009 - booked, all
    return [str(one.debt.total) for one in positions]


async def _acquit(house: House, invoice: str, order: str) -> None:
    await house.receive(house.invoice_issued(invoice, "50.00"))
    await house.receive(await house.order_confirmed([(invoice, "50.00", True)], number=order))


async def test_an_acquittal_goes_through_while_a_preview_is_under_way(house: House) -> None:
    deb_file_id = await _staged(house)
    orders = iter(("CMD-2026-0002", "CMD-2026-0003"))

    async def acquit(_: PreviewGround) -> None:
        order = next(orders)
        async with asyncio.timeout(AT_MOST_SECONDS):
            await _acquit(house, f"2026-{order}", order)

    interrupted = Interrupted(house, acquit)
    preview = await _preview(house, deb_file_id, interrupted)
    assert (interrupted.begun, len(interrupted.batches)) == (1, 2), "it did not begin anew"
    assert _owes(preview) == ["120.00", "110.00", "100.00", "90.00"]
    assert preview.counts.booked == 4
    assert await house.position("2026-CMD-2026-0003") == "D 50.00 P 50.00 *"
    assert await house.outcomes(deb_file_id) == [f"{line} staged" for line in range(2, 6)]
    await house.assert_books_hold()


async def _decide(house: House, api: ApiClient, row_id: UUID, invoice: str) -> int:
    """Let a person book a parked payment of 5.00 on an invoice."""
    body = {
        "decision": "book-on-invoice",
        "invoice_id": str(house.invoice_id(invoice)),
        "reason": "seen on the advice",
    }
    status, _ = await api.post(f"{house.path}/parked-rows/{row_id}/decision", body)
    return status


async def _parked_and_staged(house: House, *rows: Row) -> tuple[UUID, UUID]:
    """A parked row, and a file behind it that waits for its review."""
    await house.acquitted_invoices("120.00", "80.00")
    await house.book(DebFile((Row("X-1", "debtor_payment", "2026-999999", rappen=500),)))
    [parked] = await house.rows("SELECT row_id FROM deb_row WHERE status = 'parked'")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    staged = await house.book(DebFile(rows, file_id="F-0002", previous="F-0001"))
    return parked["row_id"], staged


async def test_a_preview_gives_way_to_who_comes_to_an_invoice_of_its_file(
    house: House, api: ApiClient
) -> None:
    row_id, deb_file_id = await _parked_and_staged(house, *ROWS)
    decisions: list[asyncio.Task[int]] = []

    async def decide(ground: PreviewGround) -> None:
        if not decisions:
            task = asyncio.create_task(_decide(house, api, row_id, "2026-000001"))
            decisions.append(task)
            await eventually(ground.bystanders.wait, because="the decision waits for the invoice")

    interrupted = Interrupted(house, decide)
    preview = await _preview(house, deb_file_id, interrupted)
    assert await decisions[0] == 200
    assert interrupted.begun >= 2
    assert _owes(preview) == ["115.00", "105.00", "95.00", "85.00"], "it shows what was decided"
    assert await house.position("2026-000001") == "D 115.00 P 120.00 *"


async def test_a_preview_that_meets_a_change_since_its_moment_begins_anew_on_it(
    house: House, api: ApiClient
) -> None:
    second = [row.but(invoice="2026-000002") for row in ROWS[2:]]
    row_id, deb_file_id = await _parked_and_staged(house, *ROWS[:2], *second)
    decided: list[int] = []

    async def decide(_: PreviewGround) -> None:
        if not decided:
            decided.append(await _decide(house, api, row_id, "2026-000002"))

    interrupted = Interrupted(house, decide)
    preview = await _preview(house, deb_file_id, interrupted)
    assert (decided, interrupted.batches) == ([200], [1, 2, 2])
    assert _owes(preview) == ["120.00", "110.00", "75.00", "65.00"]


async def test_a_preview_that_always_meets_others_says_so(house: House) -> None:
    deb_file_id = await _staged(house)

    class Busy:
        async def wait(self) -> bool:
            return True

    @asynccontextmanager
    async def open_preview(practice_id: UUID) -> AsyncIterator[PreviewGround]:
        async with preview_opener(house.database, house.clock)(practice_id) as ground:
            yield PreviewGround(ground.uow, Busy())

    command = PreviewDebFile(house.practice_id, deb_file_id, 0, 100)
    with pytest.raises(ConflictError) as busy:
        await preview_deb_file(command, open_preview, house.clock, batch_rows=2)
    assert busy.value.code == "books-are-busy"


async def test_what_a_connection_prepared_before_a_preview_books_on_the_real_head_after_it(
    house: House,
) -> None:
    deb_file_id = await _staged(house)
    for number in range(3):
        await _acquit(house, f"2026-00010{number}", f"CMD-2026-010{number}")
        await _preview(house, deb_file_id, Interrupted(house))
    await _acquit(house, "2026-000200", "CMD-2026-0200")
    [head] = await house.rows("SELECT number FROM journal_head")
    [last] = await house.rows("SELECT max(number) AS number FROM journal_entry")
    assert head == last
    await house.assert_books_hold()


async def test_previews_of_one_practice_come_one_after_the_other(house: House) -> None:
    deb_file_id = await _staged(house)
    interrupted = Interrupted(house)
    both = await asyncio.gather(*(_preview(house, deb_file_id, interrupted) for _ in range(2)))
    assert [preview.counts.booked for preview in both] == [4, 4]
    assert interrupted.begun == 2, "neither gave way to the other"


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO practice SELECT * FROM practice RETURNING 1", InTheWayError),
        ("UPDATE contract SET payment_order = 'costs' RETURNING 1", IntegrityError),
    ],
    ids=["booked by somebody meanwhile", "another rule"],
)
async def test_only_what_is_there_already_is_somebody_in_the_way(
    house: House, statement: str, error: type[Exception]
) -> None:
    await house.acquitted_invoices("120.00")
    with pytest.raises(error):
        async with preview_opener(house.database, house.clock)(house.practice_id):
            await house.rows(statement)
