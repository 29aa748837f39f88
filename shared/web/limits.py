"""Limits of the HTTP edge: how much one caller may ask for, and how large a request may be."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from shared.web.problems import Problem, ProblemError
from shared.web.strict_json import DEPTH_MAX


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What the edge of one process allows.

    Attributes:
        requests_per_second: refill of each subject's bucket.
        requests_burst: size of each subject's bucket.
        subjects_max: how many buckets are remembered; the longest unused is forgotten first.
        body_read_seconds: how long a caller may take to send a body.
        json_depth_max: levels of nesting in a body.
        answers_kept_seconds: how long a stored answer can be replayed.
    """

    requests_per_second: float = 100.0
    requests_burst: int = 500
    subjects_max: int = 10_000
    body_read_seconds: float = 30.0
    json_depth_max: int = DEPTH_MAX
    answers_kept_seconds: int = 7 * 24 * 3600


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class RateLimiter:
    """A token bucket per subject, in the memory of this process."""

    def __init__(self, limits: WebLimits, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, subject: str) -> None:
        """Count one request of this subject.

        Raises:
            ProblemError: 429 with Retry-After when its bucket is empty.
        """
        bucket = self._filled(subject)
        if bucket.tokens < 1:
            wait = math.ceil((1 - bucket.tokens) / self._limits.requests_per_second)
            detail = "Too many requests in a short time; please wait a moment."
            headers = {"Retry-After": str(max(1, wait))}
            raise ProblemError(Problem(429, "too-many-requests", detail, headers=headers))
        bucket.tokens -= 1

    def _filled(self, subject: str) -> _Bucket:
        now, full = self._now(), float(self._limits.requests_burst)
        bucket = self._buckets.setdefault(subject, _Bucket(full, now))
        self._buckets.move_to_end(subject)
        if len(self._buckets) > self._limits.subjects_max:
            self._buckets.popitem(last=False)
        gained = (now - bucket.filled_at) * self._limits.requests_per_second
        bucket.tokens = min(full, bucket.tokens + gained)
        bucket.filled_at = now
        return bucket
