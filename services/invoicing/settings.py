"""Settings of the invoicing service, from environment variables that begin with INVOICING_."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class InvoicingSettings(ServiceSettings):
    """What invoicing needs beside what every service has."""

    model_config = SettingsConfigDict(env_prefix="INVOICING_", extra="ignore", frozen=True)

    http_port: Annotated[int, Field(ge=0, le=65535)] = 8081
    document_modus: Literal["production", "test"] = Field(
        default="production",
        description='"test" marks every invoice document as a trial, for one-machine runs, and'
        " lets documents in that other software marked so.",
    )
