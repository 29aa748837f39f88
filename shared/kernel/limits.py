"""Limits that several parts must agree on: what one takes in, the next one has to be able to pass.

What is imported is later packed into an order, and the package is checked; a limit of its own at
each of these doors would let in what does not get out.
"""

from __future__ import annotations

from typing import Final

DOCUMENT_BYTES_MAX: Final = 10 * 1024 * 1024
"""The largest invoice document that is imported, packed into an order and found right there."""
