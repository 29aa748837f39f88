"""How the portal is told to misbehave; what is not named behaves well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

_COUNTS = ("lost_answer", "drop_request", "unavailable", "duplicate_deb", "overlapping_deb")


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """The switches.

    Attributes:
        lost_answer: so many uploads are taken, then the connection is cut before the answer.
        drop_request: so many uploads are cut off and not taken.
        unavailable: so many portal requests get 503.
        duplicate_deb: so many published DEB files are offered a second time under a new id.
        overlapping_deb: so many published DEB files repeat the rows of the file before.
        late_days: simulated days that arrivals of new orders take longer.
        slow_seconds: real seconds that each portal request waits.
        refuse_lines: invoice number → code of lines that are refused on arrival.
        refuse_orders: code with which uploads are refused (422) while it is set.
    """

    lost_answer: int = 0
    drop_request: int = 0
    unavailable: int = 0
    duplicate_deb: int = 0
    overlapping_deb: int = 0
    late_days: float = 0.0
    slow_seconds: float = 0.0
    refuse_lines: Mapping[str, str] = field(default_factory=dict)
    refuse_orders: str | None = None

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
    elif name == "refuse_orders":
        right = value is None or isinstance(value, str)
    else:
        right = isinstance(value, (int, float)) and 0 <= value <= 3650
    if not right:
        raise ValueError(f"{name.replace('_', '-')} has no usable value")
