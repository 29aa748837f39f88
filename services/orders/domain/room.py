"""How many documents there is room for: in an order, and in the memory of whoever reads them."""

from __future__ import annotations

from collections.abc import Iterable


def how_many_fit(sizes_bytes: Iterable[int], *, count_max: int, bytes_max: int) -> int:
    """Return how many of the first documents fit together.

    At least one, if there is one: what is too large for any room must not hold back the others for
    ever.
    """
    count = whole = 0
    for size in sizes_bytes:
        whole += size
        if count == count_max or (count and whole > bytes_max):
            break
        count += 1
    return count
