"""`quittance deb import` brings a file to the gateway itself, whatever the file is called."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from services.debident_gateway.adapters.debident_fake import FakeDebidentPortal
from services.reconciliation.entrypoints.deb_cli import import_main
from shared.testing import FrozenClock
from tests.integration.debident_gateway.office import Office
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient, api_client


@pytest.fixture
async def api(office: Office) -> AsyncIterator[ApiClient]:
    """The gateway's API, called by a person of the practice."""
    async with api_client(
        office.definition.endpoints, office.database, clock=office.clock, service="debident-gateway"
    ) as client:
        yield client.as_user(subject="lea")


async def _imported(office: Office, api: ApiClient, file: Path, **changes: Any) -> tuple[int, str]:
    token = file.parent / "token"
    token.write_text(str(api.token))
    contract = changes.get("contract", office.contract_id)
    given = ("--practice", office.practice_id, "--contract", contract, *changes.get("more", ()))
    service = ("--url", f"{api.base_url}/", "--token-file", token)
    out = io.StringIO()
    arguments = [str(one) for one in (file, *given, *service)]
    status = await asyncio.to_thread(import_main, arguments, Console(file=out, width=150))
    return status, out.getvalue()


@pytest.mark.parametrize("name", ["CMD-77 März (2).deb", "_a.deb", "a" * 120 + ".deb"])
async def test_a_file_is_taken_as_it_is_and_is_known_when_it_comes_again(
    office: Office, api: ApiClient, tmp_path: Path, name: str
) -> None:
    await office.open()
    data = DebFile((Row("R-1", rappen=100),), account="CMD-4711").data()
    (tmp_path / name).write_bytes(data)
    status, words = await _imported(office, api, tmp_path / name)
    assert status == 0, words
    [row] = await office.rows("SELECT deb_file_id, size_bytes, uploaded_by FROM deb_file")
    assert (row["size_bytes"], row["uploaded_by"]) == (len(data), "lea")
    assert words == f"{name}: taken. DEB file {row['deb_file_id']}\n"
    status, words = await _imported(office, api, tmp_path / name)
    assert (status, words) == (0, f"{name}: known already. DEB file {row['deb_file_id']}\n")
    (tmp_path / "b.deb").write_bytes(data)
    status, words = await _imported(office, api, tmp_path / "b.deb")
    assert (status, words) == (0, f"b.deb: known already. DEB file {row['deb_file_id']}\n")


async def test_a_missing_file_that_is_brought_with_its_number_closes_its_gap_once(
    office: Office, api: ApiClient, portal: FakeDebidentPortal, clock: FrozenClock, tmp_path: Path
) -> None:
    await office.open()
    await office.order()
    await office.ticks.send_orders()
    for number in range(1, 6):
        portal.offer_deb_file("CMD-4711", f"rows {number}".encode(), file_id=f"f{number}")
    del portal.deb_files["CMD-4711"][1:4]
    for _ in range(2):
        await office.ticks.fetch_deb_files()
        clock.advance(timedelta(hours=1))
    path = f"/v1/practices/{office.practice_id}/missing-deb-files"

    async def missing() -> list[tuple[int, int]]:
        _, found = await api.as_user().get(path, resolved="false")
        return [(one["first_number"], one["last_number"]) for one in found["items"]]

    async def bring(number: int, content: str | None = None) -> tuple[int, str]:
        file = tmp_path / "by-mail.deb"
        file.write_text(content or f"rows {number}")
        return await _imported(office, api.as_user(subject="lea"), file, more=("--number", number))

    assert await missing() == [(2, 4)]
    file = tmp_path / "x.deb"
    file.write_text("rows 3")
    assert (await _imported(office, api.as_user(subject="lea"), file))[0] == 0
    assert await missing() == [(2, 4)], "nobody said which one it is"
    assert "known already" in (await bring(3))[1]
    assert await missing() == [(2, 4)], "what is missing lies on both sides of it"
    assert (await bring(4))[0] == 0
    assert await missing() == [(2, 2)]
    status, words = await bring(4, "other rows")
    assert status == 2
    assert "is not missing" in words
    assert (await bring(9))[0] == 2
    status, words = await bring(2, "rows 4")
    assert status == 2
    assert "it is the contract's DEB file number 4" in words
    assert await missing() == [(2, 2)]
    assert (await bring(2))[0] == 0
    assert await missing() == []
    assert (await bring(2))[0] == 0
    file = tmp_path / "by-mail.deb"
    answer = await api.as_user().request(
        "POST",
        f"/v1/practices/{office.practice_id}/contracts/{office.contract_id}/deb-files",
        body=b"rows 2",
        query={"name": file.name, "number": "2"},
        headers={"Content-Type": "application/octet-stream"},
    )
    assert (answer.status, answer.json["repeat"]) == (200, True)
    clock.advance(timedelta(hours=1))
    await office.ticks.fetch_deb_files()
    assert await missing() == []
    told = [data for name, data in await office.told() if name == "deb-file-gap-closed"]
    assert len(told) == 1


async def test_a_file_that_the_gateway_refuses_ends_with_2(
    office: Office, api: ApiClient, tmp_path: Path
) -> None:
    await office.open()
    (tmp_path / "a.deb").write_bytes(b"rows")
    status, words = await _imported(office, api, tmp_path / "a.deb", contract=uuid4())
    assert status == 2
    assert "refuses (404)" in words
