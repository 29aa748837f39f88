"""A large object comes and goes in pieces: proved as a whole, in memory of one piece."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from shared.contracts.envelope import ContentRef
from shared.kernel.errors import PermanentError, TransientError
from shared.objectstore import Announced, ContentHashError, ObjectStore, open_object_store
from shared.objectstore.store import PIECE_BYTES

PRACTICE = uuid4()
KEY = os.urandom(32)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store in a folder, or in memory."""
    return open_object_store(
        f"file://{tmp_path}" if request.param == "folder" else "memory:", key=KEY
    )


async def put(store: ObjectStore, data: bytes) -> ContentRef:
    return await store.put(
        practice_id=PRACTICE, kind="deb-file", data=data, media_type="text/plain"
    )


async def streamed(store: ObjectStore, ref: ContentRef) -> list[bytes]:
    return [piece async for piece in store.stream(ref, practice_id=PRACTICE)]


@pytest.mark.parametrize("size", [0, 1, 12, 28, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
async def test_the_pieces_are_what_was_stored(store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    assert b"".join(await streamed(store, await put(store, data))) == data


async def test_another_practice_is_refused(store: ObjectStore) -> None:
    ref = await put(store, b"rows")
    with pytest.raises(PermanentError, match="another practice"):
        await anext(store.stream(ref, practice_id=uuid4()))


async def test_what_is_not_there_may_still_come(store: ObjectStore) -> None:
    ref = (await put(store, b"rows")).model_copy(update={"key": f"{PRACTICE}/deb-file/none"})
    with pytest.raises(TransientError) as raised:
        await anext(store.stream(ref, practice_id=PRACTICE))
    assert isinstance(raised.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("place", [0, 20, PIECE_BYTES + 40, -1])
async def test_not_one_piece_of_a_damaged_object_is_given_out(tmp_path: Path, place: int) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY)
    ref = await put(store, os.urandom(PIECE_BYTES + 100))
    sealed = bytearray((tmp_path / ref.key).read_bytes())
    sealed[place] ^= 1
    (tmp_path / ref.key).write_bytes(bytes(sealed))
    with pytest.raises(ContentHashError):
        await anext(store.stream(ref, practice_id=PRACTICE))


@pytest.mark.parametrize("length", [0, 5, 20, 40])
async def test_a_cut_object_is_noticed(tmp_path: Path, length: int) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY)
    ref = await put(store, b"x" * 100)
    (tmp_path / ref.key).write_bytes((tmp_path / ref.key).read_bytes()[:length])
    with pytest.raises(ContentHashError):
        await anext(store.stream(ref, practice_id=PRACTICE))


@pytest.mark.parametrize("lie", [{"sha256": "0" * 64}, {"size_bytes": 99}])
async def test_bytes_other_than_announced_are_refused(
    store: ObjectStore, lie: dict[str, object]
) -> None:
    ref = (await put(store, b"x" * 100)).model_copy(update=lie)
    with pytest.raises(ContentHashError):
        await anext(store.stream(ref, practice_id=PRACTICE))


async def test_an_object_stored_anew_while_it_is_read_is_to_be_read_again(
    store: ObjectStore,
) -> None:
    data = os.urandom(PIECE_BYTES * 2)
    ref = await put(store, data)
    pieces = store.stream(ref, practice_id=PRACTICE)
    await anext(pieces)
    await put(store, data)
    with pytest.raises(TransientError):
        await anext(pieces)
    assert b"".join(await streamed(store, ref)) == data


async def test_memory_is_that_of_a_piece(tmp_path: Path) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY)
    ref = await put(store, bytes(24 * PIECE_BYTES))
    tracemalloc.start()
    async for _ in store.stream(ref, practice_id=PRACTICE):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * PIECE_BYTES


def announced(data: bytes) -> Announced:
    return Announced("deb-file", hashlib.sha256(data).hexdigest(), len(data), "text/plain")


async def cut(data: bytes, *, then: Exception | None = None) -> AsyncIterator[bytes]:
    """Give some bytes in pieces, and then an error."""
    for start in range(0, len(data), 7000):
        yield data[start : start + 7000]
    if then is not None:
        raise then


async def receive(store: ObjectStore, pieces: AsyncIterator[bytes], what: Announced) -> ContentRef:
    return await store.put_stream(pieces, practice_id=PRACTICE, announced=what)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, 6999, PIECE_BYTES + 1])
async def test_what_came_in_pieces_is_as_if_it_had_come_at_once(
    store: ObjectStore, size: int
) -> None:
    data = os.urandom(size)
    ref = await receive(store, cut(data), announced(data))
    assert ref == await put(store, data)
    again = await receive(store, cut(data), announced(data))
    assert b"".join(await streamed(store, again)) == data
    assert await store.get(ref, practice_id=PRACTICE) == data


@pytest.mark.parametrize("came", [b"row", b"rows and more", b"rowz", b"", b"x" * 1_000_000])
async def test_other_bytes_than_announced_leave_nothing_behind(tmp_path: Path, came: bytes) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY)
    with pytest.raises(ContentHashError):
        await receive(store, cut(came), announced(b"rows"))
    assert files_in(tmp_path) == []


async def test_pieces_that_break_off_leave_nothing_behind_and_say_why(tmp_path: Path) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY)
    with pytest.raises(ConnectionError, match="torn"):
        await receive(store, cut(b"rows", then=ConnectionError("torn")), announced(b"rows"))
    assert files_in(tmp_path) == []


async def test_what_is_under_way_cannot_be_read_on_the_disk(tmp_path: Path) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY)
    data = b"recognisable " * 100_000
    seen = list[bytes]()

    async def watched() -> AsyncIterator[bytes]:
        async for piece in cut(data):
            yield piece
            seen.extend(path.read_bytes() for path in files_in(tmp_path))

    await receive(store, watched(), announced(data))
    assert max(len(content) for content in seen) > 1_000_000
    assert not any(b"recognisable" in content for content in seen)


async def test_a_folder_that_takes_no_piece_is_transient(tmp_path: Path) -> None:
    store = open_object_store(f"file://{tmp_path / 'store'}", key=KEY)
    (tmp_path / "store" / str(PRACTICE)).write_text("a file where a folder should be")
    with pytest.raises(TransientError):
        await receive(store, cut(b"rows"), announced(b"rows"))


async def test_memory_is_that_of_a_piece_on_the_way_in_too(tmp_path: Path) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY)
    piece, count = bytes(PIECE_BYTES), 24
    whole = hashlib.sha256()
    for _ in range(count):
        whole.update(piece)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield piece

    what = Announced("deb-file", whole.hexdigest(), count * PIECE_BYTES, "text/plain")
    tracemalloc.start()
    await receive(store, pieces(), what)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * PIECE_BYTES
