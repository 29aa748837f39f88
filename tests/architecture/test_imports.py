"""Nobody imports what their room may not know."""

from __future__ import annotations

import pytest

from tests.architecture.import_table import IMPORT_TABLE
from tests.architecture.imports import forbidden_imports
from tests.architecture.sources import PRODUCT, Source, services, source, sources

FILES = sources(*PRODUCT)


@pytest.mark.parametrize("top", PRODUCT)
def test_every_import_is_allowed_by_the_table(top: str) -> None:
    files = [file for file in FILES if file.path.parts[0] == top]
    assert files
    problems = [problem for file in files for problem in forbidden_imports(file)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("service", services())
def test_no_service_knows_another(service: str) -> None:
    own = [file for file in FILES if file.path.parts[:2] == ("services", service)]
    others = [name for name in services() if name != service]
    text = "\n".join(file.text for file in own)
    assert [name for name in others if f"services.{name}" in text] == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("shared/kernel/money.py", "import pydantic"),
        ("shared/kernel/money.py", "from shared.db import Database"),
        ("shared/contracts/orders/v1.py", "from shared.messaging.events import RawRecord"),
        ("shared/contracts/orders/v1.py", "import sqlalchemy"),
        ("shared/db/engine.py", "from shared.messaging import outbox"),
        ("shared/messaging/relay.py", "from services.orders.domain import order"),
        ("shared/secrets.py", "import cryptography"),
        ("services/orders/domain/order.py", "from shared.contracts import topics"),
        ("services/orders/domain/order.py", "import pydantic"),
        ("services/orders/domain/order.py", "import sqlalchemy as sa"),
        ("services/orders/domain/order.py", "from services.orders.ports import OrderBook"),
        ("services/orders/ports.py", "from services.orders.adapters import tables"),
        ("services/orders/handlers/confirm_order.py", "from shared.messaging import outbox"),
        ("services/orders/handlers/confirm_order.py", "from services.orders.adapters import x"),
        ("services/orders/handlers/confirm_order.py", "from shared.contracts.orders import v1"),
        ("services/orders/translate.py", "from pydantic import BaseModel"),
        ("services/orders/translate.py", "from services.orders.handlers import confirm_order"),
        ("services/orders/adapters/tables.py", "from services.orders.handlers import x"),
        ("services/orders/adapters/tables.py", "from shared.web import endpoints"),
        ("services/orders/entrypoints/http.py", "from services.orders.adapters import tables"),
        ("services/orders/entrypoints/http.py", "import aiokafka"),
        ("services/orders/bootstrap.py", "from services.invoicing import settings"),
        ("services/orders/bootstrap.py", "from services import invoicing"),
        ("services/orders/bootstrap.py", "import importlib\nimportlib.import_module('services.x')"),
        ("services/orders/views.py", "def f() -> None:\n    from services.invoicing import views"),
        ("services/orders/views.py", "if TYPE_CHECKING:\n    import services.invoicing.domain"),
        ("services/orders/migrations/versions/0001_a.py", "from services.orders.domain import x"),
        ("services/orders/ports.py", "from . import adapters"),
        ("sandbox/demo/run.py", "from services.orders import bootstrap"),
    ],
)
def test_a_forbidden_import_is_noticed(path: str, line: str) -> None:
    assert len(forbidden_imports(source(path, line))) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("shared/kernel/money.py", "import re\nfrom decimal import Decimal"),
        ("services/orders/domain/order.py", "from shared.kernel.money import Money"),
        ("services/orders/handlers/a.py", "from services.orders.domain.order import Order"),
        ("services/orders/translate.py", "from pydantic import ValidationError"),
        ("services/orders/bootstrap.py", "from services.orders.adapters import tables"),
        ("services/orders/bootstrap.py", "from shared.runtime import settings"),
    ],
)
def test_an_allowed_import_is_let_through(path: str, line: str) -> None:
    assert forbidden_imports(source(path, line)) == []


def test_a_module_without_a_row_is_noticed() -> None:
    stray: Source = source("tools/repair.py", "")
    assert "no row" in forbidden_imports(stray)[0]


def test_every_row_of_the_table_has_something_to_say() -> None:
    names = [room.name for room in IMPORT_TABLE]
    assert len(names) == len(set(names))
