"""What every service's settings take, and what they refuse."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from services.orders.settings import OrdersSettings
from shared.web.proxies import ProxyHeader

GIVEN = {
    "database_url": "postgresql+asyncpg://nobody@127.0.0.1/none",
    "kafka_bootstrap": "127.0.0.1:9092",
    "object_store_url": "memory:",
    "object_store_key": base64.b64encode(bytes(32)).decode(),
    "jwks_url": "http://127.0.0.1/jwks",
    "token_issuer": "issuer",
}


def settings(monkeypatch: pytest.MonkeyPatch, **more: str) -> OrdersSettings:
    """Return the settings of a service with these variables in its environment."""
    for name, value in (GIVEN | more).items():
        monkeypatch.setenv(f"ORDERS_{name.upper()}", value)
    return OrdersSettings()


def test_nobody_is_trusted_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = settings(monkeypatch)
    assert (plain.trusted_proxies, plain.proxy_header) == ("", ProxyHeader.X_FORWARDED_FOR)


def test_proxies_are_set_by_their_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = "10.0.0.0/8, fd00::/8"
    said = settings(monkeypatch, trusted_proxies=networks, proxy_header="Forwarded")
    assert (said.trusted_proxies, said.proxy_header) == (networks, ProxyHeader.FORWARDED)


@pytest.mark.parametrize(
    "wrong", [{"trusted_proxies": "10.0.0.1/8"}, {"proxy_header": "X-Real-IP"}]
)
def test_what_is_no_proxy_is_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        settings(monkeypatch, **wrong)


def test_ten_years_are_the_default_and_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).retention_years == 10
    assert settings(monkeypatch, retention_years="12").retention_years == 12
    with pytest.raises(ValidationError, match="retention_years"):
        settings(monkeypatch, retention_years="9")
