"""Settings of the orders service, read from ORDERS_... variables."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class OrdersSettings(ServiceSettings):
    """What every service has; orders adds nothing of its own but its port."""

    model_config = SettingsConfigDict(env_prefix="ORDERS_", extra="ignore", frozen=True)

    http_port: Annotated[int, Field(ge=0, le=65535)] = 8082
