"""Settings of the reconciliation service, read from RECONCILIATION_... variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class ReconciliationSettings(ServiceSettings):
    """What the booking of DEB files may be tuned by; the rest every service has."""

    model_config = SettingsConfigDict(env_prefix="RECONCILIATION_", extra="ignore", frozen=True)

    http_port: Annotated[int, Field(ge=0, le=65535)] = 8084
    deb_tick_seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    deb_batch_rows: Annotated[int, Field(ge=1, le=5000)] = 2000
    deb_lease_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    deb_attempts_max: Annotated[int, Field(ge=1, le=100)] = 10
    deb_early_grace_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        default=60,
        description="How long a file waits for invoices and acquittals that are still under way.",
    )
    dunning_deb_days_max: Annotated[int, Field(ge=1, le=365)] = Field(
        default=10,
        description="Reminders wait when a contract's last booked DEB file is more days old.",
    )
    payout_days_max: Annotated[int, Field(ge=0, le=365)] = Field(
        default=5,
        description="A payout that no bank entry shows so many days after its day is an exception.",
    )
    dunning_tick_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    deb_accept_test_files: bool = Field(
        default=False, description="Book files whose header carries the test flag."
    )
    deb_dated_ahead_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=0,
        description="How many days after its fetching a DEB file may be dated; none at a real"
        " portal, many where the stand-in's calendar runs ahead.",
    )
    deb_layouts_folder: Path | None = Field(
        default=None,
        description="A folder with the office's own layouts (*.toml), beside those shipped.",
    )
