"""The object store gives back exactly what was announced, to the practice that owns it."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from uuid import uuid4

import pytest
from obstore.store import S3Store

from shared.contracts.envelope import ContentRef
from shared.kernel.errors import PermanentError, TransientError
from shared.objectstore import ContentHashError, ObjectStore, open_object_store
from shared.objectstore.store import CALL_SECONDS
from tests.support.silent import silent_server

PRACTICE, OTHER = uuid4(), uuid4()
CANARY = b"Muster-Patient-7f3a, 1980-01-01, a filling and two x-rays"
KEY = os.urandom(32)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """An empty store in a folder."""
    return open_object_store(f"file://{tmp_path / 'objects'}", key=KEY)


async def put(store: ObjectStore, data: bytes = CANARY) -> ContentRef:
    """Store bytes of the first practice."""
    return await store.put(
        practice_id=PRACTICE, kind="invoice-document", data=data, media_type="application/xml"
    )


@pytest.mark.parametrize("data", [b"", b"a", CANARY, os.urandom(3_000_000)])
async def test_what_was_stored_is_given_back(store: ObjectStore, data: bytes) -> None:
    ref = await put(store, data)
    assert await store.get(ref, practice_id=PRACTICE) == data
    assert ref.size_bytes == len(data)
    assert ref.sha256 == hashlib.sha256(data).hexdigest()
    assert ref.key == f"{PRACTICE}/invoice-document/{ref.sha256}"


async def test_the_same_bytes_again_have_the_same_reference(store: ObjectStore) -> None:
    assert await put(store) == await put(store)
    assert await store.get(await put(store), practice_id=PRACTICE) == CANARY


async def test_a_memory_store_keeps_the_same_promise() -> None:
    store = open_object_store("memory:", key=KEY)
    assert await store.get(await put(store), practice_id=PRACTICE) == CANARY


async def test_another_practice_is_refused(store: ObjectStore) -> None:
    ref = await put(store)
    with pytest.raises(PermanentError, match="another practice"):
        await store.get(ref, practice_id=OTHER)


async def test_bytes_moved_to_another_practice_cannot_be_opened(
    store: ObjectStore, tmp_path: Path
) -> None:
    ref = await put(store)
    stolen = ref.model_copy(update={"key": ref.key.replace(str(PRACTICE), str(OTHER))})
    target = _file(tmp_path, stolen)
    target.parent.mkdir(parents=True)
    target.write_bytes(_file(tmp_path, ref).read_bytes())
    with pytest.raises(ContentHashError):
        await store.get(stolen, practice_id=OTHER)


async def test_what_rests_on_the_disk_cannot_be_read(store: ObjectStore, tmp_path: Path) -> None:
    await put(store)
    assert _files(tmp_path)
    for path in _files(tmp_path):
        assert b"Muster" not in path.read_bytes()
        assert "Muster" not in str(path)


async def test_equal_bytes_do_not_look_equal_on_the_disk(
    store: ObjectStore, tmp_path: Path
) -> None:
    ref = await put(store)
    first = _file(tmp_path, ref).read_bytes()
    await put(store)
    assert _file(tmp_path, ref).read_bytes() != first


@pytest.mark.parametrize("place", [0, 12, -1])
async def test_a_changed_byte_is_noticed(store: ObjectStore, tmp_path: Path, place: int) -> None:
    ref = await put(store)
    sealed = bytearray(_file(tmp_path, ref).read_bytes())
    sealed[place] ^= 1
    _file(tmp_path, ref).write_bytes(bytes(sealed))
    with pytest.raises(ContentHashError, match="altered"):
        await store.get(ref, practice_id=PRACTICE)


async def test_a_cut_file_is_noticed(store: ObjectStore, tmp_path: Path) -> None:
    ref = await put(store)
    path = _file(tmp_path, ref)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ContentHashError):
        await store.get(ref, practice_id=PRACTICE)


@pytest.mark.parametrize("length", [0, 5, 12, 20])
async def test_a_file_cut_to_almost_nothing_is_noticed(
    store: ObjectStore, tmp_path: Path, length: int
) -> None:
    ref = await put(store)
    path = _file(tmp_path, ref)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ContentHashError):
        await store.get(ref, practice_id=PRACTICE)


async def test_another_key_opens_nothing(store: ObjectStore, tmp_path: Path) -> None:
    ref = await put(store)
    other = open_object_store(f"file://{tmp_path / 'objects'}", key=os.urandom(32))
    with pytest.raises(ContentHashError):
        await other.get(ref, practice_id=PRACTICE)


async def test_a_reference_with_a_wrong_hash_is_refused(store: ObjectStore) -> None:
    ref = await put(store)
    wrong = ref.model_copy(update={"sha256": hashlib.sha256(b"other").hexdigest()})
    with pytest.raises(ContentHashError, match="announced"):
        await store.get(wrong, practice_id=PRACTICE)


async def test_what_is_not_there_may_still_come(store: ObjectStore) -> None:
    missing = ContentRef(
        key=f"{PRACTICE}/deb-file/{'0' * 64}",
        sha256="0" * 64,
        size_bytes=1,
        media_type="application/octet-stream",
    )
    with pytest.raises(TransientError):
        await store.get(missing, practice_id=PRACTICE)


async def test_a_folder_that_cannot_be_written_is_transient(tmp_path: Path) -> None:
    store = open_object_store(f"file://{tmp_path / 'objects'}", key=KEY)
    (tmp_path / "objects" / str(PRACTICE)).write_text("a file where a folder must be")
    with pytest.raises(TransientError, match="did not take") as trouble:
        await put(store)
    assert str(tmp_path) not in str(trouble.value)


async def test_what_is_missing_is_told_by_its_key_and_the_kind_of_trouble_only(
    store: ObjectStore,
) -> None:
    ref = await put(store)
    missing = ref.model_copy(update={"key": ref.key.replace("invoice-document", "deb-file")})
    with pytest.raises(TransientError) as trouble:
        await store.get(missing, practice_id=PRACTICE)
    assert str(trouble.value) == f"the object store did not give {missing.key}: FileNotFoundError"


async def test_an_object_and_the_folders_above_it_are_synced_before_it_is_named(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> Path:
        done.append(f"rename {source.name} {target.name}")
        return real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    ref = await put(store)
    unfinished = done[0].removeprefix("sync ")
    assert unfinished.startswith(f"{ref.sha256}#")
    assert done[1] == f"rename {unfinished} {ref.sha256}"
    assert done[2:] == ["sync invoice-document", f"sync {PRACTICE}", "sync objects"]
    assert [path.name for path in _files(tmp_path)] == [ref.sha256]


async def test_a_write_that_fails_leaves_nothing_behind(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "no space left", str(tmp_path))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TransientError) as trouble:
        await put(store)
    assert str(tmp_path) not in str(trouble.value)
    assert _files(tmp_path) == []


async def test_a_store_that_never_answers_is_transient_within_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "invented")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "invented")
    async with silent_server() as address:
        backend = S3Store(
            "bucket",
            endpoint=f"http://{address}",
            region="eu-central-2",
            client_options={"allow_http": True},
        )
        store = ObjectStore(backend, key=KEY, call_seconds=0.3)
        ref = ContentRef(
            key=f"{PRACTICE}/deb-file/{'0' * 64}", sha256="0" * 64, size_bytes=1, media_type="a/b"
        )
        with pytest.raises(TransientError, match=r"did not take .*: TimeoutError"):
            await put(store)
        with pytest.raises(TransientError, match=r"did not give .*: TimeoutError"):
            await store.get(ref, practice_id=PRACTICE)


@pytest.mark.timeout(60)
async def test_a_remote_store_that_is_silent_gives_up_long_before_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The settings that production gets, not those of the test above."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "invented")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "invented")
    monkeypatch.setenv("AWS_REGION", "eu-central-2")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    async with silent_server() as address:
        monkeypatch.setenv("AWS_ENDPOINT", f"http://{address}")
        store = open_object_store("s3://bucket/prefix", key=KEY)
        began = time.monotonic()
        with pytest.raises(TransientError) as trouble:
            await put(store)
    assert 8 <= time.monotonic() - began <= CALL_SECONDS + 1, "it waited, and did not wait long"
    assert address not in str(trouble.value)
    assert CALL_SECONDS <= 20


@pytest.mark.parametrize("key", ["{p}/../{o}/deb-file/x", "{p}/deb-file/../../{o}/x"])
async def test_a_key_does_not_climb_out_of_its_practice(store: ObjectStore, key: str) -> None:
    await store.put(practice_id=OTHER, kind="deb-file", data=b"x", media_type="text/plain")
    climbing = ContentRef(
        key=key.format(p=PRACTICE, o=OTHER), sha256="0" * 64, size_bytes=1, media_type="text/plain"
    )
    with pytest.raises(PermanentError, match="not a key"):
        await store.get(climbing, practice_id=PRACTICE)


def _file(folder: Path, ref: ContentRef) -> Path:
    return folder / "objects" / ref.key


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
