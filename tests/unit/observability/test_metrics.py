"""Figures are read when Prometheus asks, and one that fails does not hide the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.observability import metrics as module
from shared.observability.metrics import ServiceMetrics


async def values(metrics: ServiceMetrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families((await metrics.render()).decode())
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


async def depth() -> Mapping[str, float]:
    return {"outbox_unpublished": 3, "inbox_waiting": 1.5}


async def broken() -> Mapping[str, float]:
    raise RuntimeError("the database is away")


async def test_requests_are_counted_and_timed_by_method_route_and_status() -> None:
    metrics = ServiceMetrics("orders")
    metrics.request_done(method="GET", route="/v1/{id}", status=200, seconds=0.02)
    metrics.request_done(method="GET", route="/v1/{id}", status=200, seconds=0.3)

    found = await values(metrics)

    labels = ("method=GET", "route=/v1/{id}", "service=orders", "status=200")
    assert found["quittance_http_requests_total", *labels] == 2
    assert found["quittance_http_request_duration_seconds_count", *labels[:3]] == 2
    bucket = ("le=0.025", *labels[:3])
    assert found["quittance_http_request_duration_seconds_bucket", *bucket] == 1


async def test_an_invented_method_does_not_make_a_new_series() -> None:
    metrics = ServiceMetrics("orders")
    for number in range(5):
        metrics.request_done(method=f"M{number}", route="unmatched", status=405, seconds=0)

    found = await values(metrics)

    labels = ("method=OTHER", "route=unmatched", "service=orders", "status=405")
    assert found["quittance_http_requests_total", *labels] == 5


async def test_figures_are_read_anew_at_each_scrape() -> None:
    counts = iter([1.0, 2.0])

    async def count() -> Mapping[str, float]:
        return {"orders_in_flight": next(counts)}

    metrics = ServiceMetrics("orders", gauges=[depth])
    metrics.add_gauges(count)

    first, second = await values(metrics), await values(metrics)

    assert first["quittance_outbox_unpublished", "service=orders"] == 3
    assert first["quittance_inbox_waiting", "service=orders"] == 1.5
    assert first["quittance_orders_in_flight", "service=orders"] == 1
    assert second["quittance_orders_in_flight", "service=orders"] == 2


async def test_a_figure_that_fails_is_left_out_counted_and_hides_no_other() -> None:
    metrics = ServiceMetrics("orders", gauges=[broken, depth])

    await metrics.render()
    found = await values(metrics)

    assert found["quittance_outbox_unpublished", "service=orders"] == 3
    assert found["quittance_gauge_failures_total", "service=orders"] == 2


async def test_a_figure_that_takes_too_long_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow() -> Mapping[str, float]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(module, "_PROVIDER_SECONDS", 0.01)

    found = await values(ServiceMetrics("orders", gauges=[slow, depth]))

    assert found["quittance_outbox_unpublished", "service=orders"] == 3


async def test_a_figure_with_a_wrong_name_is_left_out_and_counted() -> None:
    async def wrong() -> Mapping[str, float]:
        return {"lag{topic}": 1}

    found = await values(ServiceMetrics("orders", gauges=[wrong, depth]))

    assert found["quittance_outbox_unpublished", "service=orders"] == 3
    assert found["quittance_gauge_failures_total", "service=orders"] == 1


async def test_two_services_in_one_process_do_not_mix() -> None:
    one, two = ServiceMetrics("orders"), ServiceMetrics("invoicing")
    one.request_done(method="GET", route="/", status=200, seconds=0)

    assert "quittance_http_requests_total" not in {name for name, *_ in await values(two)}
