"""How often a process looks for cyclic garbage: less often than Python does by itself.

A unit of work holds tens of thousands of values at once, and none of them in a cycle. Python's own
thresholds have the collector walk over all of them again and again while they are made.
"""

from __future__ import annotations

import gc

_NEW_VALUES, _YOUNG_RUNS, _MIDDLE_RUNS = 50_000, 20, 20


def calm_collector() -> None:
    """Spare what is there by now, and wait for 50,000 new values before each look at the rest.

    For a process that is assembled: modules and settings stay until its end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_VALUES, _YOUNG_RUNS, _MIDDLE_RUNS)
