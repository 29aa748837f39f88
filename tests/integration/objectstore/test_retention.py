"""Ten years by default: the day until which an object must stay is written, and told with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import obstore
import pytest
from aiohttp import web
from obstore.store import MemoryStore

from shared.contracts.envelope import ContentRef
from shared.objectstore import Announced, ObjectStore, open_object_store
from shared.testing.clock import FrozenClock
from shared.web.server import serving

PRACTICE, KEY = uuid4(), bytes(range(32))
NEW_YEARS_EVE = FrozenClock(datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
"""In Switzerland the new year has begun."""


async def put(store: ObjectStore, data: bytes = b"package") -> ContentRef:
    """Store a package."""
    return await store.put(
        practice_id=PRACTICE, kind="order-package", data=data, media_type="application/zip"
    )


async def put_in_pieces(store: ObjectStore) -> ContentRef:
    """Store a package that comes in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"pack"
        yield b"age"

    sha256 = hashlib.sha256(b"package").hexdigest()
    announced = Announced("order-package", sha256, 7, "application/zip")
    return await store.put_stream(pieces(), practice_id=PRACTICE, announced=announced)


class Bucket:
    """As much of S3 as storing and fetching an object takes."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    async def put(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.objects[request.path] = body, {k.lower(): v for k, v in request.headers.items()}
        return web.Response(headers={"ETag": '"1"'})

    async def get(self, request: web.Request) -> web.Response:
        body, headers = self.objects[request.path]
        told = {k: v for k, v in headers.items() if k.startswith("x-amz-meta-")}
        stored = {"ETag": '"1"', "Last-Modified": "Wed, 25 Nov 2026 01:00:00 GMT"}
        return web.Response(body=body, headers=told | stored)


@asynccontextmanager
async def a_bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    """Serve a bucket, and let the environment name it as an operator would."""
    bucket, app = Bucket(), web.Application()
    app.router.add_put("/bucket/{key:.*}", bucket.put)
    app.router.add_get("/bucket/{key:.*}", bucket.get)
    async with serving(app, "127.0.0.1", 0) as port:
        for name, value in {
            "ACCESS_KEY_ID": "invented",
            "SECRET_ACCESS_KEY": "invented",
            "REGION": "eu-central-2",
            "ALLOW_HTTP": "true",
            "ENDPOINT": f"http://127.0.0.1:{port}",
            "CHECKSUM_ALGORITHM": "SHA256",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield bucket


@pytest.mark.parametrize("way", [put, put_in_pieces])
async def test_the_day_is_written_with_the_object(way: object) -> None:
    assert callable(way)
    backend = MemoryStore()
    store = ObjectStore(backend, key=KEY, clock=NEW_YEARS_EVE)
    ref = await way(store)
    response = await obstore.get_async(backend, ref.key)
    assert response.attributes["retain-until"] == "2037-12-31"
    kept = await store.get_kept(ref, practice_id=PRACTICE)
    assert (kept.data, kept.until) == (b"package", date(2037, 12, 31))


async def test_the_years_are_a_setting_and_a_day_once_written_stays() -> None:
    backend = MemoryStore()
    ref = await put(ObjectStore(backend, key=KEY, retention_years=15, clock=NEW_YEARS_EVE))
    later = await ObjectStore(backend, key=KEY).get_kept(ref, practice_id=PRACTICE)
    assert later.until == date(2042, 12, 31)


async def test_a_bucket_is_told_the_day_and_a_checksum_that_its_lock_demands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_bucket(monkeypatch) as bucket:
        store = open_object_store("s3://bucket/prefix", key=KEY, retention_years=11)
        for way in (put, put_in_pieces):
            ref = await way(store)
            (path,) = bucket.objects
            _, headers = bucket.objects[path]
            written = headers["x-amz-meta-retain-until"]
            assert written == f"{datetime.now(UTC).year + 11}-12-31"
            assert headers["x-amz-checksum-sha256"]
            kept = await store.get_kept(ref, practice_id=PRACTICE)
            assert (kept.data, kept.until.isoformat()) == (b"package", written)


async def test_what_was_stored_before_days_were_written_has_one_too() -> None:
    backend = MemoryStore()
    ref = await put(ObjectStore(backend, key=KEY))
    response = await obstore.get_async(backend, ref.key)
    await obstore.put_async(backend, ref.key, await response.bytes_async())
    kept = await ObjectStore(backend, key=KEY).get_kept(ref, practice_id=PRACTICE)
    assert (kept.until.year - response.meta["last_modified"].year, kept.until.month) == (10, 12)


@pytest.mark.parametrize(("years", "until"), [(10, date(2027, 12, 31)), (12, date(2029, 12, 31))])
async def test_in_a_folder_the_day_follows_from_that_of_the_file(
    tmp_path: Path, years: int, until: date
) -> None:
    store = open_object_store(f"file://{tmp_path}", key=KEY, retention_years=years)
    ref = await put(store)
    stored_at = datetime(2017, 1, 1, 0, 30, tzinfo=UTC).timestamp()
    os.utime(tmp_path / ref.key, (stored_at, stored_at))
    assert (await store.get_kept(ref, practice_id=PRACTICE)).until == until
