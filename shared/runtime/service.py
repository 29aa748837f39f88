"""Runs one service: settings, waiting for what it needs, migrations, its parts, a clean end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.db.migrations import migrate
from shared.kernel.errors import PermanentError, TransientError
from shared.messaging.metrics import messaging_gauges
from shared.messaging.parts import Messaging
from shared.messaging.stopping import FINISH_SECONDS, unless_stopped
from shared.messaging.topics import pause
from shared.observability.health import Readiness
from shared.observability.logs import configure_logging
from shared.observability.metrics import ServiceMetrics
from shared.runtime.collector import calm_collector
from shared.runtime.definition import ServiceDefinition
from shared.runtime.parts import Part, run_parts, stop_on_signals
from shared.runtime.settings import Role, ServiceSettings
from shared.web.app import create_app
from shared.web.proxies import TrustedProxies, networks_in
from shared.web.server import run_app
from shared.web.tokens import TokenVerifier

_LOG = logging.getLogger(__name__)
_SECRETS = Path("/run/secrets")
EXIT_SETTINGS = 2
_RETRY_SECONDS = (0.2, 5.0)
S = TypeVar("S", bound=ServiceSettings)


def main(settings_type: type[S], build: Callable[[S], ServiceDefinition]) -> None:
    """Run a service until it is asked to stop; never returns.

    Exit status: 0 after SIGTERM or SIGINT, 1 when a part failed, 2 when a setting or the
    database does not fit, so that a restart would not help.
    """
    settings = _load(settings_type)
    configure_logging(service=_service_name(settings_type), level=settings.log_level)
    try:
        status = asyncio.run(_run(settings, build))
    except PermanentError as error:
        _LOG.error("cannot start", extra={"reason": str(error)})
        status = EXIT_SETTINGS
    raise SystemExit(status)


async def run_service(definition: ServiceDefinition, *, stop: asyncio.Event) -> int:
    """Bring the database up to date and run every part until `stop`; return the exit status."""
    settings, database = definition.settings, definition.database
    try:
        await database.wait_until_ready(stop=stop)
        await _migrate(definition, stop)
        return 0 if stop.is_set() else await run_parts(_parts(definition), stop=stop)
    finally:
        await database.close()
        _LOG.info("stopped", extra={"roles": settings.roles})


async def _run(settings: S, build: Callable[[S], ServiceDefinition]) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    definition = build(settings)
    calm_collector()
    return await run_service(definition, stop=stop)


def _load(settings_type: type[S]) -> S:
    arguments = _arguments(settings_type)
    given: dict[str, Any] = {"_secrets_dir": str(_SECRETS)} if _SECRETS.is_dir() else {}
    if arguments.roles:
        given["roles"] = arguments.roles
    try:
        return settings_type(**given)
    except ValidationError as error:
        prefix = settings_type.model_config.get("env_prefix", "")
        for problem in error.errors(include_input=False, include_url=False):
            name = prefix + ".".join(str(part) for part in problem["loc"]).upper()
            sys.stderr.write(f"setting {name}: {problem['msg']}\n")
        raise SystemExit(EXIT_SETTINGS) from None


def _arguments(settings_type: type[ServiceSettings]) -> argparse.Namespace:
    name = _service_name(settings_type)
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{name.replace('-', '_')}",
        description=f"The {name} service. Settings come from environment variables"
        f" that begin with {settings_type.model_config.get('env_prefix', '')}.",
    )
    parser.add_argument(
        "--roles",
        metavar="ROLE[,ROLE...]",
        help=f"parts to run in this process, of: {', '.join(Role)} (default: all)",
    )
    return parser.parse_args()


def _service_name(settings_type: type[ServiceSettings]) -> str:
    prefix = str(settings_type.model_config.get("env_prefix", ""))
    return prefix.rstrip("_").lower().replace("_", "-")


async def _migrate(definition: ServiceDefinition, stop: asyncio.Event) -> None:
    """Migrate, waiting out what passes, until `stop`; a stop in the middle changes nothing."""
    owner_url = definition.settings.database_owner_url
    delay = _RETRY_SECONDS[0]
    while owner_url is not None and not stop.is_set():
        work = migrate(owner_url.get_secret_value(), definition.migrations)
        try:
            await unless_stopped(work, stop=stop, finish_seconds=FINISH_SECONDS)
            return
        except TransientError as error:
            _LOG.warning(
                "the database cannot be migrated yet, trying again",
                extra={"retry_in_seconds": round(delay, 1), "error": str(error)},
            )
        await pause(stop, delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        delay = min(delay * 2, _RETRY_SECONDS[1])


def _parts(definition: ServiceDefinition) -> list[Part]:
    messaging = Messaging(
        service=definition.name,
        settings=definition.settings,
        database=definition.database,
        subscriptions=definition.subscriptions,
        clock=definition.clock,
    )
    parts = [*messaging.parts(), _web(definition, messaging)]
    if definition.settings.runs(Role.TIMERS):
        parts.extend(definition.timers)
    return parts


def _web(definition: ServiceDefinition, messaging: Messaging) -> Part:
    """The HTTP edge; a process without the api role still answers for health and metrics."""
    settings, database = definition.settings, definition.database
    metrics = ServiceMetrics(
        definition.name, gauges=[messaging_gauges(database), *definition.gauges]
    )
    app = create_app(
        service=definition.name,
        title=definition.title,
        endpoints=definition.endpoints if settings.runs(Role.API) else (),
        database=database,
        verifier=TokenVerifier.from_url(
            settings.jwks_url,
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            clock=definition.clock,
        ),
        clock=definition.clock,
        readiness=Readiness({"database": database.is_ready, **messaging.readiness()}),
        metrics=metrics,
        proxies=TrustedProxies(networks_in(settings.trusted_proxies), settings.proxy_header),
    )

    async def run(stop: asyncio.Event) -> None:
        await run_app(app, settings.http_host, settings.http_port, stop)

    return Part("web", run)
