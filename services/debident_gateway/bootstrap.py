"""Puts the gateway together; the only file that names concrete classes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.debident_http import HttpDebidentPortal
from services.debident_gateway.adapters.debident_sftp import SftpDebidentPortal
from services.debident_gateway.adapters.documents import ObjectStoreDocuments
from services.debident_gateway.adapters.portal_by_adapter import PortalByAdapter
from services.debident_gateway.adapters.sealing import SecretSealer
from services.debident_gateway.adapters.ssh_keys import AsyncsshKeys
from services.debident_gateway.adapters.unit_of_work import SqlUnitOfWork, SqlUnitsOfWork
from services.debident_gateway.domain.schedule import CircuitPolicy, DispatchPolicy, RetrySchedule
from services.debident_gateway.entrypoints.events import subscriptions
from services.debident_gateway.entrypoints.figures import gateway_gauges
from services.debident_gateway.entrypoints.http import endpoints
from services.debident_gateway.entrypoints.http_manual import manual_endpoints
from services.debident_gateway.entrypoints.timers import timers
from services.debident_gateway.entrypoints.workshop import Pace, Workshop
from services.debident_gateway.ports.portal import DebidentPortal
from services.debident_gateway.settings import DebidentGatewaySettings
from shared.contracts import topics
from shared.db.engine import Database
from shared.kernel.clock import Clock, SystemClock
from shared.objectstore import ObjectStore, open_object_store
from shared.runtime.dead_letters_http import dead_letter_endpoints
from shared.runtime.definition import ServiceDefinition
from shared.runtime.settings import decode_key

_LONGEST_PAUSE = timedelta(minutes=15)
MIGRATIONS = Path(__file__).parent / "migrations"


def build(
    settings: DebidentGatewaySettings,
    *,
    database: Database | None = None,
    clock: Clock | None = None,
    object_store: ObjectStore | None = None,
    portal: DebidentPortal | None = None,
) -> ServiceDefinition:
    """Return the service, assembled from its settings; tests pass in what they want to differ."""
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url.get_secret_value(), application_name=topics.DEBIDENT_GATEWAY
    )
    workshop = build_workshop(
        settings, database=database, clock=clock, object_store=object_store, portal=portal
    )
    return ServiceDefinition(
        name=topics.DEBIDENT_GATEWAY,
        title="Debident gateway",
        settings=settings,
        database=database,
        clock=clock,
        migrations=MIGRATIONS,
        endpoints=[
            *endpoints(workshop),
            *manual_endpoints(workshop),
            *dead_letter_endpoints(clock),
        ],
        subscriptions=subscriptions(workshop),
        timers=timers(workshop),
        gauges=[gateway_gauges(database)],
    )


def build_workshop(
    settings: DebidentGatewaySettings,
    *,
    database: Database,
    clock: Clock,
    object_store: ObjectStore | None = None,
    portal: DebidentPortal | None = None,
) -> Workshop:
    """Return what the entrypoints work with."""
    object_store = object_store or open_object_store(
        settings.object_store_url,
        key=decode_key(settings.object_store_key),
        retention_years=settings.retention_years,
    )
    sealer = SecretSealer(decode_key(settings.credentials_key))

    def unit_of_work(connection: AsyncConnection) -> SqlUnitOfWork:
        return SqlUnitOfWork(connection, clock, sealer)

    return Workshop(
        unit_of_work=unit_of_work,
        units=SqlUnitsOfWork(database, unit_of_work),
        portal=portal or _portals(settings, clock),
        documents=ObjectStoreDocuments(object_store),
        ssh_keys=AsyncsshKeys(),
        clock=clock,
        policy=_policy(settings),
        pace=Pace(
            tick_interval_seconds=settings.tick_interval_seconds,
            parallel_calls=settings.parallel_calls,
            batch_size=settings.batch_size,
        ),
    )


def _portals(settings: DebidentGatewaySettings, clock: Clock) -> PortalByAdapter:
    over_http = HttpDebidentPortal(
        settings.portal_url,
        timeout_seconds=settings.portal_timeout_seconds,
        deb_file_bytes_max=settings.deb_file_bytes_max,
        clock=clock,
    )
    over_sftp = SftpDebidentPortal(
        timeout_seconds=settings.portal_timeout_seconds,
        deb_file_bytes_max=settings.deb_file_bytes_max,
        connections_max=settings.parallel_calls,
    )
    return PortalByAdapter(http=over_http, sftp=over_sftp)


def _policy(settings: DebidentGatewaySettings) -> DispatchPolicy:
    # A send is at most two tokens and two uploads (HTTP), or a wait, a sign-in and a visit of twice
    # the time (SFTP), each bounded; the lease outlasts them all, also when they begin at the last
    # moment.
    spare = timedelta(seconds=settings.lease_spare_seconds)
    first_pause = timedelta(seconds=settings.outage_first_pause_seconds)
    return DispatchPolicy(
        doubt_settle=timedelta(seconds=settings.doubt_settle_seconds),
        lease=timedelta(seconds=4 * settings.portal_timeout_seconds) + spare,
        lease_spare=spare,
        overdue_slowdown=settings.overdue_slowdown,
        circuit=CircuitPolicy(
            failures_max=settings.outage_failures_max,
            pause=RetrySchedule(first=first_pause, slow=_LONGEST_PAUSE),
        ),
    )
