"""The stand-in hands out a DEB file in pieces: memory is that of one, whatever the file's size."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.debident.deb_reading import PiecewiseFile
from sandbox.debident.desk import Desk
from sandbox.debident.portal import Portal
from sandbox.debident.stored_file import PIECE_BYTES, FileChangedError, StoredFile
from tests.unit.sandbox_debident.builders import ACCOUNT, PortalHome, a_registration

SIZE = 24 * PIECE_BYTES + 7
_PUT = (
    "INSERT INTO deb_file (file_id, header_file_id, account_number, name, sha256, size, row_count,"
    " content, created_at) VALUES ('f', 'f', ?, 'f.deb', 'right', ?, 1, randomblob(?), '')"
)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """A portal that knows one account."""
    portal = PortalHome(tmp_path).start()
    portal.register(a_registration())
    yield portal
    portal.close()


def _large_file(portal: Portal) -> StoredFile:
    portal.store.run(_PUT, ACCOUNT, SIZE, SIZE)
    file = portal.deb_file(ACCOUNT, "f")
    assert file is not None
    return file


def _whole(portal: Portal) -> bytes:
    row = portal.store.row("SELECT content FROM deb_file WHERE file_id = 'f'")
    assert row is not None
    return bytes(row["content"])


async def test_a_large_file_is_read_to_its_end_and_is_never_whole_in_memory(
    portal: Portal,
) -> None:
    file = _large_file(portal)
    read = PiecewiseFile(Desk(portal), file)
    digest = hashlib.sha256()
    tracemalloc.start()
    for offset in range(0, SIZE, 65_536):
        digest.update(await read.read(offset, 65_536))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * PIECE_BYTES
    assert digest.hexdigest() == hashlib.sha256(_whole(portal)).hexdigest()


async def test_reads_in_any_order_give_what_lies_there(portal: Portal) -> None:
    read = PiecewiseFile(Desk(portal), _large_file(portal))
    whole = _whole(portal)
    for offset, size in ((5, 10), (PIECE_BYTES - 3, 9), (0, 4), (SIZE - 5, 100), (SIZE, 8)):
        assert await read.read(offset, size) == whole[offset : offset + size]


def test_a_file_that_was_mended_since_its_download_began_gives_no_more_of_it(
    portal: Portal,
) -> None:
    file = _large_file(portal)
    portal.store.run("UPDATE deb_file SET sha256 = 'mended' WHERE file_id = 'f'")
    with pytest.raises(FileChangedError):
        file.piece(0)
