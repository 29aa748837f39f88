"""Bodies of several files (`multipart/form-data`), written by hand so that they can be wrong."""

from __future__ import annotations

from collections.abc import Sequence

Part = tuple[str, bytes]
DISPOSITION = 'Content-Disposition: form-data; name="files"; filename="{}"'


def a_part(data: bytes, name: str = "a.xml", *, headers: str | None = None) -> Part:
    """Return a part with a file: its headers and its data."""
    return headers or DISPOSITION.format(name), data


def packed(parts: Sequence[Part], boundary: str = "b0") -> bytes:
    """Return a body of these parts."""
    pieces = [
        f"--{boundary}\r\n{headers}\r\n\r\n".encode() + data + b"\r\n" for headers, data in parts
    ]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()
