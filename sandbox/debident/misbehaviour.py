"""How the portal is told to misbehave; what is not named behaves well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from sandbox.debident.mischief import DOWN_WAYS, FILE_FLAWS

AT_REQUESTS = ("unavailable", "hang", "malformed_answer")
AT_SIGN_INS = ("unavailable", "hang")
AT_READINGS = ("malformed_answer",)
AT_UPLOADS = (
    "unavailable",
    "hang",
    "drop_request",
    "lost_answer",
    "malformed_answer",
    "already_have_it",
)
"""Counted switches of requests, the first one that is on acts first."""
_COUNTS = frozenset({*AT_REQUESTS, *AT_UPLOADS, "refuse_arrival", *FILE_FLAWS})


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """The switches.

    Attributes:
        lost_answer: so many uploads are taken, then the connection is cut before the answer.
        drop_request: so many uploads are cut off and not taken.
        unavailable: so many portal requests get 503.
        hang: so many portal requests get no answer until the caller gives up.
        malformed_answer: so many portal requests are worked and get an answer that is none.
        already_have_it: so many new uploads are taken with the answer that they are there already.
        refuse_arrival: so many orders are refused as a whole when they arrive.
        duplicate_deb: so many published DEB files are offered a second time under a new id.
        overlapping_deb: so many published DEB files repeat the rows of the file before.
        truncated_deb: so many published files end before their trailer; mended a day later.
        wrong_totals_deb: so many have a sum one Rappen off; mended a day later.
        hostile_rows_deb: so many hold hostile rows beside the true ones.
        hostile_file_deb: so many cannot be read as a whole; mended a day later.
        withheld_deb: so many are withheld for three days, while later ones are offered.
        late_days: simulated days that arrivals of new orders take longer.
        slow_seconds: real seconds that each portal request waits.
        refuse_lines: invoice number → code of lines that are refused on arrival.
        refuse_orders: code with which uploads are refused (422) while it is set.
        down: nothing but the admin API answers while it is set: "unavailable" (503), "hang", or
            "cut-off" (the connection is broken).
    """

    lost_answer: int = 0
    drop_request: int = 0
    unavailable: int = 0
    duplicate_deb: int = 0
    overlapping_deb: int = 0
    hang: int = 0
    malformed_answer: int = 0
    already_have_it: int = 0
    refuse_arrival: int = 0
    truncated_deb: int = 0
    wrong_totals_deb: int = 0
    hostile_rows_deb: int = 0
    hostile_file_deb: int = 0
    withheld_deb: int = 0
    late_days: float = 0.0
    slow_seconds: float = 0.0
    refuse_lines: Mapping[str, str] = field(default_factory=dict)
    refuse_orders: str | None = None
    down: str | None = None

    def has(self, count: str) -> bool:
        """Whether a counted switch is still on."""
        return int(getattr(self, count)) > 0

    def less(self, count: str) -> Misbehaviour:
        """Return the switches after a counted one has acted once."""
        change: dict[str, Any] = {count: max(int(getattr(self, count)) - 1, 0)}
        return replace(self, **change)

    def to_json(self) -> dict[str, object]:
        """Return the kebab-case form of the admin API."""
        return {name.replace("_", "-"): value for name, value in asdict(self).items()}


def misbehaviour_from(values: object) -> Misbehaviour:
    """Read the kebab-case form; what is left out is off.

    Raises:
        ValueError: a name is unknown or a value has the wrong form.
    """
    if not isinstance(values, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - a bad value of a request
    known = {item.name.replace("_", "-"): item.name for item in fields(Misbehaviour)}
    unknown = set(values) - set(known)
    if unknown:
        raise ValueError(f"unknown switches: {', '.join(sorted(unknown))}")
    chosen: dict[str, Any] = {known[name]: value for name, value in values.items()}
    for name, value in chosen.items():
        _check(name, value)
    return replace(Misbehaviour(), **chosen)


def _check(name: str, value: object) -> None:
    if name in _COUNTS:
        right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000
    elif name == "refuse_lines":
        right = isinstance(value, dict) and all(isinstance(code, str) for code in value.values())
    elif name == "down":
        right = value is None or value in DOWN_WAYS
    elif name == "refuse_orders":
        right = value is None or isinstance(value, str)
    else:
        right = isinstance(value, (int, float)) and 0 <= value <= 3650
    if not right:
        raise ValueError(f"{name.replace('_', '-')} has no usable value")
