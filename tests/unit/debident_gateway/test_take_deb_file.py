"""Taking a DEB file that a person brings: what lasts while the store takes it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.debident_gateway.domain.model import StoredContent
from services.debident_gateway.handlers.take_deb_file import TakeDebFile, take_deb_file
from shared.testing import FrozenClock
from shared.web.spool import Spool
from tests.unit.debident_gateway.builders import CONTRACT, PRACTICE, content, terms
from tests.unit.debident_gateway.fakes import MemoryUnitOfWork


class Awake(MemoryUnitOfWork):
    """Notes that the database was asked for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def stay_awake(self) -> None:
        self.asked.set()


class SlowDocuments:
    """Takes the bytes only after the transaction has been kept awake."""

    def __init__(self, awake: Awake) -> None:
        self._awake = awake

    async def store_deb_file(self, file: Any, *, practice_id: UUID) -> StoredContent:
        await asyncio.wait_for(self._awake.asked.wait(), timeout=5)
        return content(b"rows")


async def test_the_transaction_is_kept_awake_while_the_store_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.kernel.staying_awake.PAUSE_SECONDS", 0.001)
    uow, spool = Awake(), Spool()
    await spool.write(b"rows")
    uow.contracts.rows[CONTRACT] = terms()
    command = TakeDebFile(PRACTICE, CONTRACT, "lea", "a.deb", spool)
    _, _, placed = await take_deb_file(command, uow, SlowDocuments(uow), FrozenClock())
    spool.close()
    assert not placed
    assert len(uow.events) == 1
