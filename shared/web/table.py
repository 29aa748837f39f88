"""Checks that a table of endpoints does not contradict itself, before anything is served."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.web.endpoints import Endpoint
from shared.web.uploads import MULTIPART

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
RESERVED_PATHS = frozenset({"/openapi.json", "/health/live", "/health/ready", "/metrics"})
_PATH = re.compile(r"(/([a-z0-9._~:-]+|\{[a-z_]+\}))+")
_OPERATION_ID = re.compile(r"[a-z][A-Za-z0-9]*")
PARAMETER = re.compile(r"\{([a-z_]+)\}")


def check_table(endpoints: Sequence[Endpoint]) -> None:
    """Check every line of the table and that no two are the same.

    Raises:
        ValueError: names each line that is wrong, and why.
    """
    faults = [f"{one.operation_id}: {fault}" for one in endpoints for fault in _faults(one)]
    seen: set[str] = set()
    for endpoint in endpoints:
        route = f"{endpoint.method} {PARAMETER.sub('{}', endpoint.path)}"
        faults += [
            f"{name} occurs twice" for name in (route, endpoint.operation_id) if name in seen
        ]
        seen |= {route, endpoint.operation_id}
    if faults:
        raise ValueError("the table of endpoints is wrong: " + "; ".join(faults))


def guards_of(endpoints: Sequence[Endpoint]) -> dict[str, Endpoint]:
    """Return, for each POST on one thing that a GET shows with an ETag, that GET; by operation."""
    shown = {one.path: one for one in endpoints if one.method == "GET" and one.holds is not None}
    moves = (one for one in endpoints if one.method == "POST" and not one.asks_only)
    found = ((one.operation_id, shown.get(one.path.rpartition("/")[0])) for one in moves)
    return {operation_id: guard for operation_id, guard in found if guard is not None}


def _faults(endpoint: Endpoint) -> list[str]:
    is_json = endpoint.request_media_type == "application/json"
    has_body = endpoint.request is not None or not is_json
    parameters = PARAMETER.findall(endpoint.path)
    checks = {
        "has no roles": bool(endpoint.roles),
        "its method is unknown": endpoint.method in METHODS,
        "its path has another form": _PATH.fullmatch(endpoint.path) is not None,
        "its path is reserved": endpoint.path not in RESERVED_PATHS,
        "its path names a parameter twice": len(parameters) == len(set(parameters)),
        "its name is not camelCase": _OPERATION_ID.fullmatch(endpoint.operation_id) is not None,
        "a GET has no body": endpoint.method != "GET" or not has_body,
        "only an upload has further media types": not is_json or not endpoint.further_media_types,
        "an upload of several may be one of one": endpoint.request_media_type != MULTIPART,
        "an upload has no request model": is_json or endpoint.request is None,
        "only a POST asks with a body": endpoint.method == "POST" or not endpoint.asks_only,
        "only what is conditional may create so": endpoint.conditional or not endpoint.may_create,
        "only a GET of one thing holds it": endpoint.holds is None or _shows_one(endpoint),
        "its status is not a success": 200 <= endpoint.status < 400,
    }
    return [fault for fault, holds in checks.items() if not holds]


def _shows_one(endpoint: Endpoint) -> bool:
    is_plain = endpoint.method == "GET" and endpoint.query is None
    return is_plain and endpoint.path.endswith("}")
