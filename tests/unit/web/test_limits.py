"""A bucket per subject, refilled by time, and no more buckets than the limit."""

from __future__ import annotations

import pytest

from shared.web.limits import RateLimiter, WebLimits
from shared.web.problems import ProblemError


class Seconds:
    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        return self.value


def a_limiter(seconds: Seconds, **limits: float) -> RateLimiter:
    given = {"requests_per_second": 2, "requests_burst": 3, "subjects_max": 2, **limits}
    return RateLimiter(WebLimits(**given), now=seconds)  # type: ignore[arg-type]


def takes(limiter: RateLimiter, subject: str) -> bool:
    try:
        limiter.take(subject)
    except ProblemError:
        return False
    return True


def test_a_burst_is_allowed_then_requests_come_at_the_rate() -> None:
    seconds = Seconds()
    limiter = a_limiter(seconds)

    assert [takes(limiter, "a") for _ in range(4)] == [True, True, True, False]
    seconds.value = 0.5
    assert [takes(limiter, "a") for _ in range(2)] == [True, False]
    seconds.value = 100
    assert [takes(limiter, "a") for _ in range(4)] == [True, True, True, False]


def test_subjects_do_not_share_a_bucket() -> None:
    limiter = a_limiter(Seconds(), requests_burst=1)

    assert [takes(limiter, subject) for subject in ("a", "b", "a")] == [True, True, False]


def test_the_refusal_says_how_long_to_wait() -> None:
    limiter = a_limiter(Seconds(), requests_burst=1, requests_per_second=0.1)
    limiter.take("a")

    with pytest.raises(ProblemError) as caught:
        limiter.take("a")

    assert caught.value.problem.status == 429
    assert caught.value.problem.headers["Retry-After"] == "10"


def test_only_so_many_subjects_are_remembered() -> None:
    limiter = a_limiter(Seconds(), requests_burst=1)

    assert [takes(limiter, subject) for subject in "abcb"] == [True, True, True, False]
    assert takes(limiter, "a")
