"""Settings of the Debident gateway, read from DEBIDENT_GATEWAY_... variables."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings, decode_key


class DebidentGatewaySettings(ServiceSettings):
    """What every service has, and how the portal is reached."""

    model_config = SettingsConfigDict(env_prefix="DEBIDENT_GATEWAY_", extra="ignore", frozen=True)

    http_port: Annotated[int, Field(ge=0, le=65535)] = 8083
    portal_url: str
    credentials_key: SecretStr = Field(
        description="32 bytes, base64: seals the practices' portal secrets at rest."
    )
    tick_interval_seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    portal_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    lease_spare_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=30.0, description="How long preparing a call may take before it is given up."
    )
    outage_failures_max: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=5, description="So many failures in a row, and the portal is left alone."
    )
    outage_first_pause_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=30.0, description="How long at first; the pauses grow up to a quarter of an hour."
    )
    overdue_slowdown: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4, description="An overdue order is asked about so many times less often."
    )
    doubt_settle_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=2.0, description="How long after a lost answer the portal is asked."
    )
    deb_file_bytes_max: Annotated[int, Field(ge=1)] = Field(
        default=2_000_000_000, description="A larger DEB file is not fetched; a person is told."
    )
    parallel_calls: Annotated[int, Field(ge=1, le=100)] = 8
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="At most so many orders or contracts per tick."
    )

    @field_validator("portal_url")
    @classmethod
    def _is_an_http_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("the portal's URL must be http or https, without a user name")
        return value

    @field_validator("credentials_key")
    @classmethod
    def _credentials_key_is_32_bytes(cls, value: SecretStr) -> SecretStr:
        decode_key(value)
        return value
