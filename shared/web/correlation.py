"""Correlation ids: the number under which a request can be found in every log and event."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from shared.kernel.context import WorkContext, current_work
from shared.kernel.ids import new_id

HEADER = "X-Correlation-Id"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def work_of(headers: Mapping[str, str]) -> WorkContext:
    """Return the work that a request begins or continues.

    The caller's own id is taken when it has a sane form, else its trace id, else a new one.
    """
    given = headers.get(HEADER, "")
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    fallback = trace.group(1) if trace else str(new_id())
    correlation_id = given if _SANE.fullmatch(given) else fallback
    return WorkContext(correlation_id, traceparent=trace.group(0) if trace else None)


def correlation_id_of(request: web.BaseRequest) -> str:
    """Return the id of the request in hand; one from its headers when none is current."""
    work = current_work() or work_of(request.headers)
    return work.correlation_id
