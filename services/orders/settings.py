"""Settings of the orders service, read from ORDERS_... variables."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class OrdersSettings(ServiceSettings):
    """What every service has, and the pace of the queue of orders to prepare."""

    model_config = SettingsConfigDict(env_prefix="ORDERS_", extra="ignore", frozen=True)

    http_port: Annotated[int, Field(ge=0, le=65535)] = 8082
    tick_interval_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    parallel_orders: Annotated[int, Field(ge=1, le=8)] = Field(
        default=2, description="Orders that this process prepares at once from its queue."
    )
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="At most so many tasks or policies per tick."
    )
    trial_day_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None,
        description="For demonstrations only: a working day of the arrival clock lasts so long.",
    )
