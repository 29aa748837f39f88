"""A client that has credentials must use them, over the protocol that was meant."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from shared.kernel.errors import PermanentError
from shared.messaging.kafka import client_options
from tests.integration.messaging.helpers import settings_for

_LOGIN = {"kafka_username": "orders", "kafka_password": SecretStr("s3cret-word")}


def test_plaintext_without_credentials_is_plain() -> None:
    options = client_options(settings_for())
    assert options["security_protocol"] == "PLAINTEXT"
    assert options["ssl_context"] is None
    assert "sasl_plain_password" not in options


def test_sasl_over_tls_carries_credentials_and_checks_the_host_name() -> None:
    options = client_options(settings_for(kafka_security_protocol="SASL_SSL", **_LOGIN))
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == (
        "orders",
        "s3cret-word",
    )
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize(
    "wrong",
    [
        _LOGIN,
        {"kafka_username": "orders"},
        {"kafka_security_protocol": "SSL", **_LOGIN},
        {"kafka_security_protocol": "SASL_SSL"},
        {"kafka_security_protocol": "SASL_SSL", "kafka_username": "orders"},
        {"kafka_security_protocol": "TLS"},
        {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "GSSAPI", **_LOGIN},
        {"kafka_ca_file": "ca.pem"},
    ],
)
def test_settings_that_would_silently_talk_in_clear_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PermanentError) as refusal:
        client_options(settings_for(**wrong))
    assert "kafka_" in str(refusal.value)
    assert "s3cret-word" not in str(refusal.value)
