"""The settings about proxies reach the web layer of every service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from shared.messaging.parts import Messaging
from shared.runtime import service
from shared.web.proxies import ProxyHeader, TrustedProxies
from tests.contracts.consumers import SERVICES, assembled


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_believes_the_proxies_of_its_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def create_app(**options: Any) -> web.Application:
        given.update(options)
        return web.Application()

    monkeypatch.setattr(service, "create_app", create_app)
    plain = assembled(name)
    said = {"trusted_proxies": "10.0.0.0/8", "proxy_header": ProxyHeader.FORWARDED}
    definition = replace(plain, settings=plain.settings.model_copy(update=said))
    messaging = Messaging(
        service=definition.name,
        settings=definition.settings,
        database=definition.database,
        subscriptions=definition.subscriptions,
        clock=definition.clock,
    )
    service._web(definition, messaging)
    proxies = given["proxies"]
    assert isinstance(proxies, TrustedProxies)
    headers = CIMultiDict({"Forwarded": "for=203.0.113.9"})
    assert proxies.caller_of("10.0.0.5", headers) == "203.0.113.9"
    assert proxies.caller_of("192.0.2.7", headers) == "192.0.2.7"
    await definition.database.close()
