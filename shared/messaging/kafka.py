"""Connection options of every Kafka client, from the settings; never silently in clear."""

from __future__ import annotations

import ssl
from typing import Any

from aiokafka.helpers import create_ssl_context

from shared.kernel.errors import PermanentError
from shared.runtime.settings import ServiceSettings

_PROTOCOLS = frozenset({"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"})
_MECHANISMS = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})
REQUEST_TIMEOUT_MS = 40_000


def client_options(settings: ServiceSettings) -> dict[str, Any]:
    """Return the keyword arguments that every aiokafka client of this service takes.

    Raises:
        PermanentError: the security settings contradict each other (credentials without SASL,
            SASL without credentials, an unknown protocol or mechanism).
    """
    check_security(settings)
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if uses_sasl(settings) and settings.kafka_password is not None:
        options |= {
            "sasl_mechanism": sasl_mechanism(settings),
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return options


def uses_sasl(settings: ServiceSettings) -> bool:
    """Whether the clients log in with user name and password."""
    return settings.kafka_security_protocol.startswith("SASL_")


def sasl_mechanism(settings: ServiceSettings) -> str:
    """Return the SASL mechanism; SCRAM-SHA-512 unless another one is set."""
    return settings.kafka_sasl_mechanism or "SCRAM-SHA-512"


def ssl_context(settings: ServiceSettings) -> ssl.SSLContext | None:
    """Return the TLS context (host name checked), or None without TLS."""
    if not settings.kafka_security_protocol.endswith("SSL"):
        return None
    context: ssl.SSLContext = create_ssl_context(cafile=settings.kafka_ca_file)
    return context


def check_security(settings: ServiceSettings) -> None:
    """Refuse settings under which a client would silently talk in clear or without logging in.

    Raises:
        PermanentError: the message names the setting that does not fit, and shows no secret.
    """
    protocol = settings.kafka_security_protocol
    if protocol not in _PROTOCOLS:
        raise PermanentError(f"kafka_security_protocol is none of {', '.join(sorted(_PROTOCOLS))}")
    credentials = (settings.kafka_username, settings.kafka_password)
    if uses_sasl(settings):
        if None in credentials:
            raise PermanentError(f"{protocol} needs kafka_username and kafka_password")
        if sasl_mechanism(settings) not in _MECHANISMS:
            raise PermanentError(
                f"kafka_sasl_mechanism is none of {', '.join(sorted(_MECHANISMS))}"
            )
    elif credentials != (None, None):
        raise PermanentError(
            f"kafka_username or kafka_password is set, but {protocol} would not use it:"
            " set kafka_security_protocol to SASL_SSL"
        )
    if settings.kafka_ca_file is not None and not protocol.endswith("SSL"):
        raise PermanentError(f"kafka_ca_file is set, but {protocol} does not encrypt")
