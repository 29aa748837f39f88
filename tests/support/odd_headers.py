"""Header names that are no UTF-8, and a way to write them: aiokafka's producer cannot by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

WRONG_BYTES = b"\xff\xfe-odd"
READ_AS = "\ufffd\ufffd-odd"


class OddName(str):
    """A header's name that is written as bytes that are no text."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the wrong bytes, whatever was asked for."""
        return WRONG_BYTES


@contextmanager
def odd_names_can_be_written() -> Iterator[None]:
    """Let aiokafka's producers build their batches in Python, where `OddName` has its say."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (message_accumulator, producer):
            patch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        yield
