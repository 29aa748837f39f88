"""Assembles each service through its own bootstrap, to see what it listens to and to feed it."""

from __future__ import annotations

import base64
import importlib
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.db.engine import Database
from shared.kernel.clock import Clock
from shared.objectstore import ObjectStore, open_object_store
from shared.runtime.definition import ServiceDefinition
from shared.runtime.settings import ServiceSettings
from shared.testing import FrozenClock

SERVICES = ("invoicing", "orders", "debident_gateway", "reconciliation")
"""The packages of the services; one that is missing is a failure, not a reason to skip."""
STORE_KEY = bytes(range(32))
_NOWHERE = "postgresql+asyncpg://nobody:none@127.0.0.1:9/none"
_KNOWN: dict[str, object] = {
    "database_url": _NOWHERE,
    "kafka_bootstrap": "127.0.0.1:9",
    "http_port": 0,
    "object_store_url": "memory:",
    "object_store_key": base64.b64encode(STORE_KEY).decode(),
    "jwks_url": "http://127.0.0.1:9/jwks",
    "token_issuer": "http://127.0.0.1:9",
}


def assembled(
    package: str,
    *,
    database: Database | None = None,
    object_store: ObjectStore | None = None,
    clock: Clock | None = None,
    **changes: object,
) -> ServiceDefinition:
    """Return a service as its bootstrap builds it, with invented settings; changes are of those."""
    bootstrap = importlib.import_module(f"services.{package}.bootstrap")
    definition: ServiceDefinition = bootstrap.build(
        _settings(package).model_copy(update=changes),
        database=database or Database(_NOWHERE),
        object_store=object_store or open_object_store("memory:", key=STORE_KEY),
        clock=clock or FrozenClock(),
    )
    return definition


def _settings(package: str) -> ServiceSettings:
    module = importlib.import_module(f"services.{package}.settings")
    (settings,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ServiceSettings)
        and value is not ServiceSettings
    )
    given: dict[str, Any] = {
        name: _KNOWN.get(name) or _invented(name, field)
        for name, field in settings.model_fields.items()
        if field.is_required() or name == "http_port"
    }
    return settings(**given)


def _invented(name: str, field: FieldInfo) -> object:
    """Return a value for a setting of one service alone: a key, a number or an address."""
    if "key" in name or field.annotation is SecretStr:
        return _KNOWN["object_store_key"]
    return 0 if field.annotation is int else "http://127.0.0.1:9"
