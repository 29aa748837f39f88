"""Unit tests cannot reach the network by accident."""

from __future__ import annotations

import asyncio
import socket

import pytest


def test_a_network_socket_is_refused() -> None:
    # pytest-socket warns before it raises, and a warning is an error here.
    with pytest.raises((RuntimeError, UserWarning), match="tried to use socket"):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


async def test_an_event_loop_still_works() -> None:
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, "done")
    assert await done == "done"
