"""The portal's settings, from environment variables that begin with DEBIDENT_."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sandbox.debident.mischief import Plan, plan_from


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """How this portal behaves.

    Attributes:
        state_dir: folder of the SQLite file.
        admin_secret: bearer secret of the admin API.
        speed: simulated seconds per real second.
        seed: decides arrival delays and the fate of invoices.
        start: simulated time at the very first start; None: the world's time.
        arrival_days_min, arrival_days_max: simulated days from receipt to arrival.
        deb_every_days: simulated days between scheduled DEB files; 0: only on request.
        token_lifetime_seconds: real seconds.
        package_bytes_max: largest upload.
        sftp_port: where the SFTP server listens, 0: any free port; None: there is none.
        refuse_lines: invoice number → refusal code, from the first start on.
        plan: which misbehaviours are drawn, or None: only those that are switched on.
        every_kind: whether an invoice's fate is drawn from all, not only from the everyday ones.
    """

    state_dir: Path
    admin_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8090
    speed: float = 1.0
    seed: str = "quittance"
    start: datetime | None = None
    arrival_days_min: float = 0.3
    arrival_days_max: float = 0.8
    deb_every_days: int = 7
    token_lifetime_seconds: int = 3600
    package_bytes_max: int = 200_000_000
    sftp_port: int | None = None
    refuse_lines: Mapping[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    every_kind: bool = False


def settings_from_environment(environment: Mapping[str, str]) -> PortalSettings:
    """Read the settings.

    Raises:
        ValueError: a variable is missing or has no usable value; the message names it.
    """
    reader = _Reader(environment)
    start = environment.get("DEBIDENT_START")
    settings = PortalSettings(
        state_dir=Path(reader.required("DEBIDENT_STATE_DIR")),
        admin_secret=reader.required("DEBIDENT_ADMIN_SECRET"),
        host=environment.get("DEBIDENT_HOST", "127.0.0.1"),
        port=int(reader.number("DEBIDENT_PORT", 8090)),
        speed=reader.number("DEBIDENT_SPEED", 1.0),
        seed=environment.get("DEBIDENT_SEED", "quittance"),
        start=datetime.fromisoformat(start) if start else None,
        arrival_days_min=reader.number("DEBIDENT_ARRIVAL_DAYS_MIN", 0.3),
        arrival_days_max=reader.number("DEBIDENT_ARRIVAL_DAYS_MAX", 0.8),
        deb_every_days=int(reader.number("DEBIDENT_DEB_EVERY_DAYS", 7)),
        token_lifetime_seconds=int(reader.number("DEBIDENT_TOKEN_LIFETIME_SECONDS", 3600)),
        sftp_port=(
            int(reader.number("DEBIDENT_SFTP_PORT", 0))
            if environment.get("DEBIDENT_SFTP_PORT")
            else None
        ),
        refuse_lines=_refused_lines(environment.get("DEBIDENT_REFUSE_LINES", "")),
        plan=plan_from(environment.get("DEBIDENT_MISBEHAVE", "")),
        every_kind=reader.choice("DEBIDENT_FATES", ("everyday", "every-kind")) == "every-kind",
    )
    if settings.start is not None and settings.start.tzinfo is None:
        raise ValueError("DEBIDENT_START needs a time zone, for example 2026-01-05T08:00:00Z")
    if settings.arrival_days_min > settings.arrival_days_max:
        raise ValueError("DEBIDENT_ARRIVAL_DAYS_MIN is above DEBIDENT_ARRIVAL_DAYS_MAX")
    return settings


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def required(self, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            raise ValueError(f"set {name}")
        return value

    def number(self, name: str, default: float) -> float:
        text = self._environment.get(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{name} is not a number: {text!r}") from None
        if not 0 <= value < 1e9:
            raise ValueError(f"{name} is out of range: {text}")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self._environment.get(name) or choices[0]
        if value not in choices:
            raise ValueError(f"{name} is {' or '.join(choices)}, not {value!r}")
        return value


def _refused_lines(text: str) -> dict[str, str]:
    """Read {"2026-000001": "address-unknown"} or "2026-000001=address-unknown,..."."""
    if text.lstrip().startswith("{"):
        return {str(number): str(code) for number, code in json.loads(text).items()}
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {number.strip(): code.strip() or "refused" for number, _, code in pairs}
