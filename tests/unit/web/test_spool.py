"""An upload rests on the disk, encrypted, and comes back as it was."""

from __future__ import annotations

import hashlib

import pytest

from shared.web.spool import PIECE_BYTES, Spool

PIECES = [bytes([number]) * 100_000 for number in range(9)]


async def _spooled(*pieces: bytes) -> Spool:
    spool = Spool()
    for piece in pieces:
        await spool.write(piece)
    return spool


async def test_what_came_is_given_back_in_pieces_as_often_as_it_is_asked_for() -> None:
    spool = await _spooled(*PIECES)
    whole = b"".join(PIECES)
    for _ in range(2):
        given = [piece async for piece in spool.pieces()]
        assert b"".join(given) == whole
        assert max(len(piece) for piece in given) == PIECE_BYTES
    assert (spool.size_bytes, spool.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert spool.beginning == whole[:PIECE_BYTES]
    spool.close()


async def test_what_lies_on_the_disk_does_not_show_what_came() -> None:
    spool = await _spooled(*PIECES)
    spool._file.seek(0)
    lying = spool._file.read()
    assert len(lying) == spool.size_bytes
    assert not any(piece[:64] in lying for piece in PIECES)
    spool.close()


async def test_an_upload_of_nothing_has_no_piece_and_a_closed_one_gives_none() -> None:
    empty = await _spooled()
    assert [piece async for piece in empty.pieces()] == []
    empty.close()
    closed = await _spooled(b"rows")
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        _ = [piece async for piece in closed.pieces()]
