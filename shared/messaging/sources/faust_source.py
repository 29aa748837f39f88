"""EventSource on Faust: one generic agent that hands raw bytes on and knows nothing else.

Faust 0.15.3 commits the offset of an event whose agent raised, was cancelled or could not decode,
and commits past a single event that was not acknowledged (docs/decisions/0003). The arrangement
below is the one that lost nothing in the experiments, and each of its rules is asserted by a test:
raw bytes, concurrency 1, noack, acknowledged in order after the sink, CrashingSupervisor,
stream_wait_empty off, no tables, no producing, no web server, no leader topic.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import faust
from faust import streams as faust_streams
from faust.app.base import BootStrategy
from faust.transport import conductor as faust_conductor
from mode import CrashingSupervisor
from mode.threads import WorkerThread

from shared.kernel.errors import TransientError
from shared.messaging.events import RawRecord
from shared.messaging.header_names import tolerate_any_header_name
from shared.messaging.kafka import check_security, sasl_mechanism, ssl_context, uses_sasl
from shared.messaging.source import RecordSink
from shared.messaging.sources.delivery import BATCH, deliver, header_dict
from shared.runtime.settings import ServiceSettings

_LOG = logging.getLogger(__name__)
BATCH_SECONDS = 0.05
_BUFFER = 400
_STOP_SECONDS = 5.0
_PRESS_SECONDS = 0.2


class _ConsumeOnly(BootStrategy):
    """Starts no producer and no web server: events leave through the outbox alone."""

    enable_kafka_producer = False
    enable_web = False


class _ReaderThread(WorkerThread):
    """Faust's consumer thread; being cut off at the end is no failure of it."""

    def run(self) -> None:
        with suppress(asyncio.CancelledError):
            super().run()


class FaustSource:
    """Reads topics with a Faust app that lives in the running event loop; one app per process."""

    def __init__(self, *, group: str, topics: Sequence[str], settings: ServiceSettings) -> None:
        self._group = group
        self._topics = list(topics)
        self._settings = settings
        self._ready = False

    def is_ready(self) -> bool:
        """Whether the group has given this member its partitions."""
        return self._ready

    async def run(self, sink: RecordSink, *, stop: asyncio.Event) -> None:
        """Feed the sink until `stop` is set; see EventSource.

        Raises:
            TransientError: Faust ended on its own without saying why.
            Exception: whatever the sink raises, except TransientError; or what made Faust crash.
        """
        warn_without_cython()
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with tempfile.TemporaryDirectory(prefix="ingest-") as datadir:
            app = self.build_app(datadir)
            self.add_agent(app, sink, stop=stop, failure=failure)
            reader = reader_thread(app)
            starter = asyncio.create_task(app.start(), name="faust-start")
            ended = asyncio.create_task(_wait_until_ended(app, starter), name="faust-end")
            stopped = asyncio.create_task(stop.wait(), name="faust-stop")
            try:
                firsts: list[asyncio.Future[Any]] = [ended, stopped, failure]
                await asyncio.wait(firsts, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._ready = False
                await _shut_down(app, reader, starter, ended, stopped)
        if failure.done():
            failure.result()
        if not stop.is_set():
            raise TransientError("Faust ended on its own") from app.crash_reason

    def build_app(self, datadir: str) -> faust.App:
        """Return a Faust app under the rules of docs/decisions/0003, without its agent."""
        check_security(self._settings)
        tolerate_any_header_name()
        session_seconds = self._settings.kafka_session_timeout_seconds
        app = faust.App(
            self._group,
            broker=[f"aiokafka://{each}" for each in self._settings.kafka_bootstrap.split(",")],
            broker_credentials=_credentials(self._settings),
            broker_session_timeout=session_seconds,
            broker_heartbeat_interval=max(session_seconds / 5, 0.2),
            broker_request_timeout=max(40.0, session_seconds * 2),
            broker_commit_interval=1.0,
            consumer_auto_offset_reset="earliest",
            datadir=datadir,
            processing_guarantee="at_least_once",
            producer_threaded=False,
            store="memory://",
            stream_buffer_maxsize=_BUFFER,
            stream_wait_empty=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            reply_create_topic=False,
            value_serializer="raw",
            key_serializer="raw",
            web_enabled=False,
            web_in_thread=False,
            loghandlers=[],
            logging_config=None,
            autodiscover=False,
        )
        app.boot_strategy = _ConsumeOnly(app)
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        return app

    async def _on_assigned(self, *_: Any, **__: Any) -> None:
        self._ready = True

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        self._ready = False

    def add_agent(
        self,
        app: faust.App,
        sink: RecordSink,
        *,
        stop: asyncio.Event,
        failure: asyncio.Future[None],
    ) -> None:
        """Give the app its one agent; `failure` gets what the sink raised."""
        topic = app.topic(
            *self._topics,
            key_type=bytes,
            key_serializer="raw",
            value_type=bytes,
            value_serializer="raw",
        )

        async def ingest(stream: Any) -> None:
            try:
                # noack() first: what noack_take restores at its end must be "no acknowledgement".
                async for events in stream.noack().noack_take(BATCH, within=BATCH_SECONDS):
                    if not await deliver(sink, [_raw(event) for event in events], stop=stop):
                        return
                    for event in events:
                        event.ack()
            except Exception as error:
                if not failure.done():
                    failure.set_exception(error)
                raise

        app.agent(topic, name="ingest", concurrency=1, supervisor_strategy=CrashingSupervisor)(
            ingest
        )


def cython_is_on() -> bool:
    """Whether Faust runs its compiled loops; the Python ones acknowledge in more cases."""
    compiled = (
        getattr(faust_streams, "_CStreamIterator", None),
        getattr(faust_conductor, "ConductorHandler", None),
    )
    return None not in compiled


def warn_without_cython() -> None:
    """Log a warning if Faust would run uncompiled."""
    if not cython_is_on():
        _LOG.warning("Faust runs without its compiled loops; delivery was not proven that way")


def _raw(event: Any) -> RawRecord:
    message = event.message
    return RawRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=header_dict(message.headers or ()),
    )


def _credentials(settings: ServiceSettings) -> Any:
    if uses_sasl(settings) and settings.kafka_password is not None:
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            mechanism=sasl_mechanism(settings),
            ssl_context=ssl_context(settings),
        )
    context = ssl_context(settings)
    return None if context is None else faust.SSLCredentials(context)


async def _wait_until_ended(app: faust.App, starter: asyncio.Task[Any]) -> None:
    await starter
    await app.wait_until_stopped()


def reader_thread(app: faust.App) -> Any:
    """Return the service that reads in a thread of its own, prepared for being cut off."""
    consumer: Any = app.consumer
    service = consumer._thread  # noqa: SLF001 - faust-streaming is pinned, a test holds it
    service.Worker = _ReaderThread
    return service


async def _shut_down(app: faust.App, reader: Any, *tasks: asyncio.Task[Any]) -> None:
    """Stop the app within a bound and let no task of ours survive it."""
    with _ends_within(_STOP_SECONDS, reader):
        try:
            async with asyncio.timeout(_STOP_SECONDS + _PRESS_SECONDS):
                await app.stop()
        except TimeoutError:
            _LOG.warning("Faust did not stop in time")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def _ends_within(seconds: float, reader: Any) -> Iterator[None]:
    """Let Faust's consumer thread end, though its broker is silent.

    Faust reads in a thread of its own, which is no daemon, and joins it by blocking our event loop;
    inside, aiokafka waits for the broker for as long as a request may take. No timeout of our loop
    reaches that, so another thread cancels what still waits there. Nothing is lost by it: what is
    not acknowledged is read again.
    """
    ended = threading.Event()
    presser = threading.Thread(
        target=_press, args=(reader, seconds, ended), name="ingest-end", daemon=True
    )
    presser.start()
    try:
        yield
    finally:
        ended.set()


def _press(reader: Any, seconds: float, ended: threading.Event) -> None:
    worker = reader._thread  # noqa: SLF001 - as above
    loop: asyncio.AbstractEventLoop = reader.thread_loop

    def cancel_all() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()

    ended.wait(seconds)
    if worker is None or not worker.is_alive():
        return
    _LOG.warning("the broker is silent; what waits for it is cut off")
    while worker.is_alive():
        try:
            loop.call_soon_threadsafe(cancel_all)
        except RuntimeError:
            return  # the loop was closed, so the thread is at its end
        worker.join(_PRESS_SECONDS)
