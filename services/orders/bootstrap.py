"""Puts the orders service together; the only file that names concrete classes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.document_archive import ObjectStoreDocumentArchive
from services.orders.adapters.swiss_holidays import SwissHolidays
from services.orders.adapters.unit_of_work import SqlUnitOfWork, SqlUnitsOfWork
from services.orders.entrypoints.events import subscriptions
from services.orders.entrypoints.figures import order_gauges
from services.orders.entrypoints.http import endpoints
from services.orders.entrypoints.timers import timers
from services.orders.entrypoints.workshop import Pace, Workshop
from services.orders.ports import Holidays
from services.orders.settings import OrdersSettings
from shared.contracts import topics
from shared.db.engine import Database
from shared.kernel.clock import Clock, SystemClock
from shared.objectstore import ObjectStore, open_object_store
from shared.runtime.dead_letters_http import dead_letter_endpoints
from shared.runtime.definition import ServiceDefinition
from shared.runtime.settings import decode_key

MIGRATIONS = Path(__file__).parent / "migrations"


def build(
    settings: OrdersSettings,
    *,
    database: Database | None = None,
    clock: Clock | None = None,
    object_store: ObjectStore | None = None,
    holidays: Holidays | None = None,
) -> ServiceDefinition:
    """Return the service, assembled from its settings; tests pass in what they want to differ."""
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url.get_secret_value(), application_name=topics.ORDERS
    )
    workshop = build_workshop(
        settings, database=database, clock=clock, object_store=object_store, holidays=holidays
    )
    return ServiceDefinition(
        name=topics.ORDERS,
        title="Orders",
        settings=settings,
        database=database,
        clock=clock,
        migrations=MIGRATIONS,
        endpoints=[*endpoints(workshop), *dead_letter_endpoints(clock)],
        subscriptions=subscriptions(workshop),
        timers=timers(workshop),
        gauges=[order_gauges(database)],
    )


def build_workshop(
    settings: OrdersSettings,
    *,
    database: Database,
    clock: Clock,
    object_store: ObjectStore | None = None,
    holidays: Holidays | None = None,
) -> Workshop:
    """Return what the entrypoints work with."""
    object_store = object_store or open_object_store(
        settings.object_store_url,
        key=decode_key(settings.object_store_key),
        retention_years=settings.retention_years,
    )

    def unit_of_work(connection: AsyncConnection) -> SqlUnitOfWork:
        return SqlUnitOfWork(connection, clock)

    return Workshop(
        unit_of_work=unit_of_work,
        units=SqlUnitsOfWork(database, clock),
        archive=ObjectStoreDocumentArchive(object_store),
        holidays=holidays or SwissHolidays(),
        clock=clock,
        pace=Pace(
            tick_interval_seconds=settings.tick_interval_seconds,
            parallel_orders=settings.parallel_orders,
            batch_size=settings.batch_size,
            trial_day=_trial_day(settings),
        ),
        retention_years=settings.retention_years,
    )


def _trial_day(settings: OrdersSettings) -> timedelta | None:
    seconds = settings.trial_day_seconds
    return None if seconds is None else timedelta(seconds=seconds)
