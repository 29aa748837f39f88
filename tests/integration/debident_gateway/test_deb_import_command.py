"""`quittance deb import` brings a file to the gateway itself, whatever the file is called."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from services.reconciliation.entrypoints.deb_cli import import_main
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
    given = ("--practice", office.practice_id, "--contract", contract)
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


async def test_a_file_that_the_gateway_refuses_ends_with_2(
    office: Office, api: ApiClient, tmp_path: Path
) -> None:
    await office.open()
    (tmp_path / "a.deb").write_bytes(b"rows")
    status, words = await _imported(office, api, tmp_path / "a.deb", contract=uuid4())
    assert status == 2
    assert "refuses (404)" in words
