"""Unit tests reach no network: a socket other than a local pair is an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Block sockets; Unix ones stay, because event loops use a pair of them."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
