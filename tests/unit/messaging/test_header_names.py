"""Records whose header names are not UTF-8 are read like all others."""

from __future__ import annotations

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from shared.messaging.header_names import TolerantRecords, tolerate_any_header_name
from tests.support.odd_headers import READ_AS, OddName

_NONE, _GZIP = 0, 1


def _batch(names: list[str], *, base_offset: int = 0, compression: int = _NONE) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=100_000,
    )
    for number, name in enumerate(names):
        headers = [("good", b"1"), (name, b"\xff"), ("null", None)]
        builder.append(number, 1_700_000_000_000, b"k", f"v{number}".encode(), headers)
    built = builder.build()
    return base_offset.to_bytes(8, "big") + bytes(built[8:])


def _read(data: bytes) -> list[tuple[int, bytes | None, list[str]]]:
    records, found = TolerantRecords(data), []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        found += [(r.offset, r.value, [name for name, _ in r.headers]) for r in batch]
    assert records.next_batch() is None
    return found


@pytest.mark.parametrize("compression", [_NONE, _GZIP])
def test_a_wrong_name_is_replaced_and_no_record_is_lost_or_doubled(compression: int) -> None:
    odd = OddName("odd")
    data = _batch(["a", odd, "b", odd], compression=compression) + _batch(
        ["c"], base_offset=4, compression=compression
    )
    assert _read(data) == [
        (number, value, ["good", name, "null"])
        for number, value, name in [
            (0, b"v0", "a"),
            (1, b"v1", READ_AS),
            (2, b"v2", "b"),
            (3, b"v3", READ_AS),
            (4, b"v0", "c"),
        ]
    ]


def test_without_it_aiokafka_refuses_such_a_batch() -> None:
    """When this fails, aiokafka reads any name itself, and the tolerance may go."""
    batch = MemoryRecords(_batch([OddName("odd")])).next_batch()
    with pytest.raises((UnicodeDecodeError, CorruptRecordException)):
        list(batch)


def test_what_is_really_corrupt_is_still_refused() -> None:
    data = bytearray(_batch(["a"]))
    data[61] += 2  # the record's length, a varint: one more than it has
    records = TolerantRecords(bytes(data))
    batch = records.next_batch()
    assert not batch.validate_crc()
    with pytest.raises(CorruptRecordException):
        list(batch)


def test_records_of_before_headers_and_a_cut_batch_are_left_to_aiokafka() -> None:
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=1000)
    builder.append(0, timestamp=1, key=b"k", value=b"old")
    old = bytes(builder.build())
    assert [record.value for record in TolerantRecords(old).next_batch()] == [b"old"]
    cut = _batch(["a"]) + _batch(["b"], base_offset=1)[:-1]
    assert TolerantRecords(cut).size_in_bytes() == len(cut)
    assert [value for _, value, _ in _read(cut)] == [b"v0"]


def test_consumers_of_this_process_read_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    tolerate_any_header_name()
    assert fetcher.MemoryRecords is TolerantRecords
