"""The settings every service has, read from the environment or a secrets folder."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kernel.retention import RETENTION_YEARS
from shared.web.proxies import ProxyHeader, networks_in


class Role(StrEnum):
    """A part of a service that may run in a process of its own."""

    API = "api"
    RELAY = "relay"
    INGEST = "ingest"
    PROCESSOR = "processor"
    TIMERS = "timers"
    AUDITOR = "auditor"


class ServiceSettings(BaseSettings):
    """Base of a service's settings; each service sets its own environment prefix.

    Secrets come from the environment or from files named like the variables in `/run/secrets`.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: SecretStr
    database_owner_url: SecretStr | None = Field(
        default=None, description="Migrations run at start as this role; None: they ran elsewhere."
    )
    kafka_bootstrap: str
    kafka_idempotence: bool = True
    kafka_session_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str | None = None
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: str | None = None
    kafka_replication_factor: Annotated[int, Field(ge=1)] = 1
    event_source: Annotated[str, Field(pattern="^(faust|aiokafka)$")] = "faust"
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)]
    trusted_proxies: str = Field(
        default="",
        description="Comma-separated networks of the proxies that may say from where a request is.",
    )
    proxy_header: ProxyHeader = Field(
        default=ProxyHeader.X_FORWARDED_FOR,
        description="Where they say it; what a caller writes there, they must keep or replace.",
    )
    object_store_url: str
    object_store_key: SecretStr
    retention_years: Annotated[int, Field(ge=RETENTION_YEARS, le=100)] = Field(
        default=RETENTION_YEARS,
        description="What is stored must stay so long from the end of its year; the law's least.",
    )
    jwks_url: str
    token_issuer: str
    token_audience: str = "quittance"  # noqa: S105 - a name, not a secret
    roles: str = Field(
        default=",".join(Role), description="Comma-separated parts to run in this process."
    )
    log_level: str = "INFO"

    @field_validator("object_store_key")
    @classmethod
    def _key_is_32_bytes(cls, value: SecretStr) -> SecretStr:
        decode_key(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_networks(cls, value: str) -> str:
        networks_in(value)
        return value

    @field_validator("roles")
    @classmethod
    def _roles_are_known(cls, value: str) -> str:
        unknown = {role.strip() for role in value.split(",")} - set(Role)
        if unknown:
            raise ValueError(f"unknown roles: {', '.join(sorted(unknown))}")
        return value

    def runs(self, role: Role) -> bool:
        """Whether this process runs the given part."""
        return role in {part.strip() for part in self.roles.split(",")}


def decode_key(value: SecretStr) -> bytes:
    """Return the 32 bytes behind a base64 key.

    Raises:
        ValueError: it is not base64 or not 32 bytes long; the message does not show the key.
    """
    try:
        key = base64.b64decode(value.get_secret_value(), validate=True)
    except binascii.Error:
        raise ValueError("the key is not base64") from None
    if len(key) != 32:
        raise ValueError("the key must be 32 bytes, base64-encoded")
    return key
