"""The import command against the service, over a real socket."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from rich.console import Console

from services.invoicing.entrypoints.cli import EXIT_REFUSED, main
from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_imports import a_file
from tests.unit.invoicing.requests import reference


async def test_a_folder_is_imported_once_and_what_is_bad_is_told(
    office: Office, tmp_path: Path
) -> None:
    token, files = tmp_path / "token", tmp_path / "files"
    files.mkdir()
    token.write_text(str(office.api.token))
    for serial in range(1, 4):
        data = await a_file(office, number=f"RE-{serial}", reference=reference(serial))
        (files / f"{serial}.xml").write_bytes(data)
    arguments = [
        str(files),
        *("--practice", str(office.practice_id), "--contract", office.contract_id),
        *("--url", office.api.base_url, "--token-file", str(token)),
    ]

    async def run() -> tuple[int, str]:
        out = Console(file=io.StringIO(), width=300)
        status = await asyncio.to_thread(main, arguments, console=out)
        assert isinstance(out.file, io.StringIO)
        return status, out.file.getvalue()

    status, told = await run()
    assert (status, told) == (
        0,
        "3 files: 3 imported, 0 already known, 0 refused, 0 conflict\n",
    )
    (files / "4.xml").write_bytes(b"<html/>")
    status, told = await run()
    assert status == EXIT_REFUSED
    assert "0 imported, 3 already known, 1 refused, 0 conflict" in told
    assert "4.xml" in told.replace("\n", "").replace(" ", "")
    assert "no generalInvoiceRequest" in " ".join(told.split())
    assert (await office.get("invoices"))["totals"]["count"] == 3
