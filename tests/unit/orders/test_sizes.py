"""What is large: an order has room for so many bytes, and what comes in gets out again."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from services.invoicing.adapters.forum_xml import ForumInvoiceRenderer
from services.orders.domain import credit_note, selection
from services.orders.domain.credit_note import CREDIT_NOTE_BYTES_PER_ORDER_MAX
from services.orders.domain.order import INVOICE_BYTES_PER_ORDER_MAX
from services.orders.domain.room import how_many_fit
from services.orders.domain.selection import (
    Candidate,
    Reason,
    Selection,
    Wish,
    select_chosen,
    select_everything,
)
from services.orders.domain.verification import (
    MANIFEST_BYTES_MAX,
    PACKAGE_BYTES_MAX,
    UNPACKED_BYTES_MAX,
)
from services.orders.entrypoints import cli
from services.orders.handlers import prepare_order as preparing
from shared.forum.opening import NotOpenedError, open_request
from shared.kernel.errors import DomainError
from shared.kernel.limits import DOCUMENT_BYTES_MAX
from tests.support.waiting import eventually
from tests.unit.invoicing.builders import a_document
from tests.unit.orders.builders import CONTRACT, NOON, an_invoice, document_bytes
from tests.unit.orders.forum_documents import lines_of, package_of
from tests.unit.orders.test_prepare_order import Desk

WISH = Wish(CONTRACT, NOON.date())


def _of_bytes(number: str, size: int) -> Candidate:
    invoice = an_invoice(number)
    return Candidate(replace(invoice, document=replace(invoice.document, size_bytes=size)))


def _padded(document: bytes, size: int) -> bytes:
    """Return a document of this size, with comments behind it; no parser takes one long one."""
    while size - len(document) > 1_000_007:
        document += b"<!--" + b" " * 1_000_000 + b"-->"
    return document + b"<!--" + b" " * (size - len(document) - 7) + b"-->"


def _left_out(chosen: Selection) -> list[tuple[str, Reason]]:
    return [(each.invoice.number, each.reason) for each in chosen.left_out]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [([], 0), ([11], 1), ([5, 5], 2), ([5, 6], 1), ([5, 6, 1], 1), ([1, 1, 1, 1], 3), ([11, 1], 1)],
)
def test_as_many_fit_as_there_is_room_for_and_at_least_one(sizes: list[int], count: int) -> None:
    assert how_many_fit(sizes, count_max=3, bytes_max=10) == count


def test_an_order_takes_no_more_bytes_than_it_has_room_for_and_says_so() -> None:
    half = INVOICE_BYTES_PER_ORDER_MAX // 2
    candidates = [_of_bytes("N-1", half), _of_bytes("N-2", half), _of_bytes("N-3", 1)]
    chosen = select_everything(candidates, WISH)
    assert [line.invoice_number for line in chosen.lines] == ["N-1", "N-2"]
    assert _left_out(chosen) == [("N-3", Reason.ORDER_FULL)]


def test_chosen_invoices_that_do_not_fit_together_refuse_the_order_and_are_named() -> None:
    candidates = [_of_bytes("N-1", INVOICE_BYTES_PER_ORDER_MAX), _of_bytes("N-2", 1)]
    ids = [each.invoice.invoice_id for each in candidates]
    with pytest.raises(DomainError) as refused:
        select_chosen(ids, candidates, replace(WISH, by_name=True))
    assert refused.value.code == "invoices-not-orderable"
    [named] = cast("list[dict[str, str]]", refused.value.facts["invoices"])
    assert (named["invoice_number"], named["reason_code"]) == ("N-2", "order-full")


async def test_an_order_that_is_full_leaves_the_rest_to_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = len(document_bytes("N-1"))
    monkeypatch.setattr(selection, "INVOICE_BYTES_PER_ORDER_MAX", 2 * size)
    desk = Desk()
    desk.issue("N-1", "N-2", "N-3")
    prepared = await desk.prepare()
    assert prepared.order.invoice_count == 2
    assert [each.reason for each in prepared.left_out] == [Reason.ORDER_FULL]


async def test_credit_notes_without_room_wait_for_the_next_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credit_note, "CREDIT_NOTE_BYTES_PER_ORDER_MAX", 1)
    desk = Desk()
    await desk.hand_over("A-1")
    desk.credit("CN-1", "CN-2")
    desk.issue("B-1")
    prepared = await desk.prepare()
    assert [note.number for note in prepared.credit_notes] == ["CN-1"]
    assert len(desk.uow.corrections.held) == 1


async def test_no_more_bytes_are_read_at_once_than_a_batch_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preparing, "_BYTES_AT_ONCE", 2 * len(document_bytes("N-1")))
    desk, reading, most = Desk(), 0, 0
    desk.issue(*(f"N-{place}" for place in range(1, 8)))
    read = desk.archive.issued_document

    async def watched(*given: Any) -> bytes:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await asyncio.sleep(0)
        reading -= 1
        return await read(*given)

    monkeypatch.setattr(desk.archive, "issued_document", watched)
    assert (await desk.prepare()).order.invoice_count == 7
    assert most == 2


async def test_the_transaction_is_kept_awake_while_the_archive_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.kernel.staying_awake.PAUSE_SECONDS", 0.001)
    desk = Desk()
    desk.issue("N-1")
    read = desk.archive.issued_document

    async def slow(*given: Any) -> bytes:
        await eventually(lambda: desk.uow.asked_to_stay >= 3, because="the database is asked")
        return await read(*given)

    monkeypatch.setattr(desk.archive, "issued_document", slow)
    assert (await desk.prepare()).order.invoice_count == 1


def test_whatever_fits_into_an_order_is_within_what_a_check_accepts() -> None:
    """Deflate adds at most five bytes per 16 KiB and each entry its two headers."""
    unpacked = INVOICE_BYTES_PER_ORDER_MAX + CREDIT_NOTE_BYTES_PER_ORDER_MAX + MANIFEST_BYTES_MAX
    entries = 20_001
    packed_at_most = unpacked + unpacked // 1000 + entries * 200
    assert unpacked <= UNPACKED_BYTES_MAX
    assert packed_at_most <= PACKAGE_BYTES_MAX


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_largest_file_that_is_imported_is_right_in_a_package_and_one_byte_more_is_neither(
    tmp_path: Path, beyond: int
) -> None:
    data = _padded(ForumInvoiceRenderer().render(a_document()), DOCUMENT_BYTES_MAX + beyond)
    lines, _ = lines_of(a_document())
    package, out = tmp_path / "package.zip", io.StringIO()
    package.write_bytes(package_of(lines, [data]))
    status = cli.main([str(package)], out)
    if beyond:
        assert "file-too-large" in out.getvalue()
        with pytest.raises(NotOpenedError):
            open_request(data)
    else:
        assert status == cli.RIGHT, out.getvalue()
        open_request(data)
