"""A large upload: others are answered meanwhile, and what is in stays in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Self

import pytest

from services.invoicing.adapters.invoice_files import ArchiveLimits, ForumInvoiceFiles
from services.invoicing.domain.incoming import GivenFile, ImportOutcome, IncomingFile
from services.invoicing.handlers import import_invoices
from services.invoicing.handlers.import_invoices import CHUNK_FILES
from shared.kernel.errors import DomainError
from tests.support.waiting import eventually
from tests.unit.invoicing.fakes import FakeUnitOfWork
from tests.unit.invoicing.requests import a_request, a_zip, reference
from tests.unit.invoicing.test_importing import Desk


class HeldFiles(ForumInvoiceFiles):
    """Files that can be read only once somebody else has been answered."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.answered = threading.Event(), threading.Event()

    def read(self, given: Sequence[GivenFile]) -> Iterator[IncomingFile]:
        self.reading.set()
        assert self.answered.wait(5), "nobody was answered while the files were read"
        yield from super().read(given)


async def test_others_are_answered_while_an_upload_is_read() -> None:
    files = HeldFiles()
    desk = Desk(files=files)
    importing = asyncio.create_task(desk.one(a_request()))
    await eventually(files.reading.is_set)
    files.answered.set()
    assert (await importing).outcome is ImportOutcome.IMPORTED


class CountedWork(FakeUnitOfWork):
    """Counts the units of work, and how many files each one kept."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[int] = []

    async def __aenter__(self) -> Self:
        self._before = len(self.invoices.by_id)
        return await super().__aenter__()

    async def __aexit__(self, *error: object) -> None:
        self.kept.append(len(self.invoices.by_id) - self._before)
        await super().__aexit__(*error)


async def test_an_upload_is_kept_some_files_at_a_time() -> None:
    uow = CountedWork()
    desk = Desk(uow=uow)
    files = {
        f"{n}.xml": a_request(number=f"RE-{n}", reference=reference(n + 1))
        for n in range(CHUNK_FILES + 5)
    }
    await desk.upload(a_zip(files))
    assert uow.kept == [0, CHUNK_FILES, 5]


async def test_an_archive_that_breaks_a_limit_is_refused_before_any_file_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_invoices, "CHUNK_FILES", 1)
    desk = Desk(files=ForumInvoiceFiles(ArchiveLimits(total_bytes=len(a_request()) + 10)))
    first, second = a_request(), a_request(number="RE-2", reference=reference(2))
    with pytest.raises(DomainError) as caught:
        await desk.upload(a_zip({"1.xml": first, "2.xml": second}))
    assert caught.value.code == "archive-too-large"
    assert desk.uow.invoices.by_id == {}
