"""Lets every consumer read records whose header names are not UTF-8.

Kafka takes any bytes for a header's name. aiokafka decodes them strictly, and a single such record
makes its consumer raise at that offset for ever: ingest, the auditor, and Faust, which reads with
aiokafka too, would stand still until the record's retention ends. Here the wrong bytes of a name
are replaced, as Kafka's own client does; such a name means nothing to the codec, and the event is
judged by the others. The compiled parser stays in use; only a batch that it refuses is read again
in Python. Tests against a broker hold this for each version of aiokafka.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AT = 8
_OVERHEAD = 12


def tolerate_any_header_name() -> None:
    """Make aiokafka's consumers of this process read any header name; harmless when done again."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords:
    """The batches of one answer of the broker, in the place of aiokafka's MemoryRecords."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._records = MemoryRecords(data)
        self._at = 0

    def size_in_bytes(self) -> int:
        """Return the size of the answer."""
        size: int = self._records.size_in_bytes()
        return size

    def has_next(self) -> bool:
        """Whether another whole batch follows."""
        more: bool = self._records.has_next()
        return more

    def next_batch(self) -> Any:
        """Return the next batch."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        start = self._at
        (length,) = struct.unpack_from(">i", self._data, start + _LENGTH_AT)
        self._at = start + _OVERHEAD + length
        if not isinstance(batch, DefaultRecordBatch):
            return batch  # a format from before headers
        return _TolerantBatch(batch, self._data[start : self._at])


class _TolerantBatch:
    """A batch that reads itself again where a header's name is refused."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        following = self._batch.base_offset
        try:
            for record in self._batch:
                following = record.offset + 1
                yield record
        except (UnicodeDecodeError, CorruptRecordException):
            # A batch that is really corrupt raises here again.
            again = _BatchInPython(self._data)
            yield from (record for record in again if record.offset >= following)


class _BatchInPython(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka ships no types
    """aiokafka's own parser in Python, over bytes whose text may be wrong."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Lenient(self._buffer)


class _Lenient(bytearray):
    """Bytes that decode whatever they hold; in a batch only names of headers are decoded."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
