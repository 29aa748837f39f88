"""Puts the reconciliation service together; the only file that names concrete classes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.bank_rows import PostgresBankRepository
from services.reconciliation.adapters.camt import read_statements
from services.reconciliation.adapters.content import ObjectStoreContent
from services.reconciliation.adapters.dunning import PostgresDunningQueue
from services.reconciliation.adapters.exception_queue import PostgresExceptionDesk, PostgresReports
from services.reconciliation.adapters.file_queue import PostgresFileQueue
from services.reconciliation.adapters.layouts import all_layouts, shipped_layouts
from services.reconciliation.adapters.payout_rows import PostgresPayouts
from services.reconciliation.adapters.previewing import preview_opener
from services.reconciliation.adapters.unit_of_work import SqlUnitOfWork, unit_opener
from services.reconciliation.domain.deb.layout_file import read_layout
from services.reconciliation.entrypoints.acquittal_exceptions import set_aside_endpoints
from services.reconciliation.entrypoints.deb_files import DebFileOperations, deb_file_endpoints
from services.reconciliation.entrypoints.dunning_timer import DunningWatcher, dunning_part
from services.reconciliation.entrypoints.events import EventHandlers, subscriptions
from services.reconciliation.entrypoints.exception_events import (
    ExceptionEvents,
    exception_subscriptions,
    together,
)
from services.reconciliation.entrypoints.exceptions import (
    LatenessNow,
    exception_endpoints,
    exception_gauges,
    letter_noter,
)
from services.reconciliation.entrypoints.http import ReconciliationApi, endpoints
from services.reconciliation.entrypoints.http_bank import bank_endpoints
from services.reconciliation.entrypoints.http_dunning import dunning_endpoints
from services.reconciliation.entrypoints.http_exports import export_endpoints
from services.reconciliation.entrypoints.http_lint import lint_endpoints
from services.reconciliation.entrypoints.http_payouts import payout_endpoints
from services.reconciliation.entrypoints.http_periods import period_endpoints
from services.reconciliation.entrypoints.http_positions import position_endpoints
from services.reconciliation.entrypoints.parked_rows import parked_row_endpoints
from services.reconciliation.entrypoints.timers import DebBooker, parts
from services.reconciliation.handlers.deb_lease import BookingPolicy
from services.reconciliation.handlers.watch_dunning import DunningWatch
from services.reconciliation.handlers.work_deb_file import DebWorkshop
from services.reconciliation.ports.exceptions import ExceptionDesk
from services.reconciliation.settings import ReconciliationSettings
from services.reconciliation.views.exception_queue import Lateness, known_item
from shared.contracts import topics
from shared.db.engine import Database
from shared.kernel.clock import Clock, SystemClock
from shared.objectstore import ObjectStore, open_object_store
from shared.runtime.dead_letters_http import dead_letter_endpoints
from shared.runtime.definition import ServiceDefinition
from shared.runtime.settings import decode_key
from shared.web.endpoints import Endpoint

MIGRATIONS = Path(__file__).parent / "migrations"


def build(
    settings: ReconciliationSettings,
    *,
    database: Database | None = None,
    clock: Clock | None = None,
    object_store: ObjectStore | None = None,
) -> ServiceDefinition:
    """Return the service, assembled from its settings; tests pass in what they want to differ."""
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url.get_secret_value(), application_name=topics.RECONCILIATION
    )
    object_store = object_store or open_object_store(
        settings.object_store_url,
        key=decode_key(settings.object_store_key),
        retention_years=settings.retention_years,
    )
    content = ObjectStoreContent(object_store)

    def unit_on(connection: AsyncConnection) -> SqlUnitOfWork:
        return SqlUnitOfWork(connection, clock)

    policy = booking_policy(settings)
    shop = DebWorkshop(
        queue=PostgresFileQueue(database, clock, lease=policy.lease),
        open_unit=unit_opener(database, clock),
        content=content,
        layouts=all_layouts(settings.deb_layouts_folder),
        policy=policy,
        clock=clock,
    )
    watch = _dunning_watch(settings, database, clock)
    return ServiceDefinition(
        name=topics.RECONCILIATION,
        title="Reconciliation",
        settings=settings,
        database=database,
        clock=clock,
        migrations=MIGRATIONS,
        endpoints=[
            *endpoints(ReconciliationApi(unit_on, clock)),
            *parked_row_endpoints(unit_on, clock),
            *deb_file_endpoints(
                DebFileOperations(
                    unit_on, preview_opener(database, clock), clock, batch_rows=policy.batch_rows
                )
            ),
            *lint_endpoints(shop.layouts, frozenset(shipped_layouts()), read_layout),
            *set_aside_endpoints(unit_on, clock),
            *export_endpoints(clock),
            *position_endpoints(clock),
            *period_endpoints(unit_on, clock),
            *dunning_endpoints(unit_on, clock, deb_days_max=settings.dunning_deb_days_max),
            *bank_endpoints(PostgresBankRepository, read_statements, clock),
            *payout_endpoints(PostgresPayouts, clock),
            *_queue_endpoints(settings, clock),
        ],
        subscriptions=together(
            *subscriptions(EventHandlers(unit_on, content, clock)),
            *exception_subscriptions(ExceptionEvents(PostgresReports)),
        ),
        timers=(
            *parts(DebBooker(shop, settings.deb_tick_seconds)),
            dunning_part(DunningWatcher(watch), clock, settings.dunning_tick_seconds),
        ),
        gauges=[exception_gauges(database, _lateness(settings, clock))],
    )


def _dunning_watch(
    settings: ReconciliationSettings, database: Database, clock: Clock
) -> DunningWatch:
    return DunningWatch(
        queue=PostgresDunningQueue(database),
        open_unit=unit_opener(database, clock),
        deb_days_max=settings.dunning_deb_days_max,
        clock=clock,
    )


def _queue_endpoints(settings: ReconciliationSettings, clock: Clock) -> list[Endpoint]:
    late = _lateness(settings, clock)

    def desk_on(connection: AsyncConnection) -> ExceptionDesk:
        return PostgresExceptionDesk(connection, lambda on, item: known_item(on, item, late()))

    return [
        *exception_endpoints(desk_on, clock, late),
        *dead_letter_endpoints(clock, noted=letter_noter(desk_on, clock)),
    ]


def _lateness(settings: ReconciliationSettings, clock: Clock) -> LatenessNow:
    return lambda: Lateness(clock.today(), settings.payout_days_max)


def booking_policy(settings: ReconciliationSettings) -> BookingPolicy:
    """Return how DEB files are worked, according to the settings."""
    return BookingPolicy(
        batch_rows=settings.deb_batch_rows,
        lease=timedelta(seconds=settings.deb_lease_seconds),
        attempts_max=settings.deb_attempts_max,
        early_grace=timedelta(seconds=settings.deb_early_grace_seconds),
        accept_test_files=settings.deb_accept_test_files,
        dated_ahead=timedelta(days=settings.deb_dated_ahead_days),
    )
