"""Logs as JSON lines: what happened, where, and under which correlation id, never a secret.

Extra fields named like a secret or like personal data are dropped, passwords in URLs and bearer
tokens are masked in any text, and an exception is told by type and place only: its message may
quote what a person typed. Only our own errors, whose words we chose, keep their first line.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import traceback
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Any, TextIO

from shared.db.engine import sqlstate
from shared.kernel.context import current_work
from shared.kernel.errors import QuittanceError

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FORBIDDEN = re.compile(
    r"token|password|passwd|secret|authorization|cookie|credential|private|api_?key|(^|_)jwt"
    r"|first_?name|last_?name|given_?name|family_?name|patient_?name|debtor_?name|(^|_)person"
    r"|birth|address|street|e_?mail|phone|(^|_)(ahv|avs|ssn|iban)(_|$)|(^|_)body(_|$)",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*):[^@\s]+@")
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)?")
_PARAMETERS = re.compile(r"(password|passwd|secret|token)=[^\s&;,]+", re.IGNORECASE)
_TEXT_MAX = 4_000
_ITEMS_MAX = 100
_DEPTH_MAX = 6
_FRAMES_MAX = 40
_CAUSES_MAX = 8
_HANDLER = "quittance"
_NOISY = ("asyncio", "aiohttp", "aiokafka", "alembic", "faust", "mode", "sqlalchemy")


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what JSON does not know is written as text."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        work = current_work()
        if work is not None:
            line["correlation_id"] = work.correlation_id
            if work.causation_id is not None:
                line["causation_id"] = work.causation_id
        for name, value in vars(record).items():
            if name not in _STANDARD and name not in line and not _FORBIDDEN.search(name):
                line[name] = clean(value)
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = error_facts(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True)


def configure_logging(*, service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log record of the process to `stream` (stderr) as JSON lines.

    Calling it again replaces the former destination. Libraries are heard from WARNING on.

    Raises:
        ValueError: there is no such level.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.set_name(_HANDLER)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.setLevel(level.upper())
    for former in [one for one in root.handlers if one.get_name() == _HANDLER]:
        root.removeHandler(former)
    root.addHandler(handler)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def mask(text: str) -> str:
    """Return the text without passwords and tokens, and of bounded length."""
    text = _URL_PASSWORD.sub(r"\1:***@", text[:_TEXT_MAX])
    text = _BEARER.sub(r"\1 ***", text)
    return _PARAMETERS.sub(r"\1=***", _JWT.sub("***", text))


def clean(value: object, *, depth: int = 0) -> object:
    """Return a value fit for a log line, without anything named like a secret, however deep."""
    match value:
        case float() if not math.isfinite(value):
            fit: object = str(value)
        case None | bool() | int() | float():
            fit = value
        case str():
            fit = mask(value)
        case bytes() | bytearray():
            fit = f"{len(value)} bytes"
        case BaseException():
            fit = type(value).__name__
        case Mapping() | list() | tuple() | set() | frozenset():
            fit = _clean_many(value, depth + 1) if depth < _DEPTH_MAX else "..."
        case _:
            fit = mask(str(value))
    return fit


def _clean_many(value: Collection[object], depth: int) -> object:
    if isinstance(value, Mapping):
        return {
            str(name): clean(member, depth=depth)
            for name, member in islice(value.items(), _ITEMS_MAX)
            if not _FORBIDDEN.search(str(name))
        }
    return [clean(member, depth=depth) for member in islice(value, _ITEMS_MAX)]


def error_facts(error: BaseException) -> dict[str, Any]:
    """Return type, place and cause of an exception; its words only when they are ours."""
    return _facts(error, causes_left=_CAUSES_MAX)


def _facts(error: BaseException, *, causes_left: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    if isinstance(error, QuittanceError):
        facts["reason"] = mask(str(error).partition("\n")[0])
    state = sqlstate(error)
    if state is not None:
        facts["sqlstate"] = state
    facts["stack"] = _stack(error.__traceback__)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and causes_left:
        facts["cause"] = _facts(cause, causes_left=causes_left - 1)
    if isinstance(error, BaseExceptionGroup):
        members = error.exceptions[:_CAUSES_MAX] if causes_left else ()
        facts["members"] = [_facts(one, causes_left=causes_left - 1) for one in members]
    return facts


def _stack(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-_FRAMES_MAX:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
