"""Each service reaches its own database only, and its runtime role is bound by row security."""

from __future__ import annotations

import asyncpg
import pytest

from sandbox.postgres import ServiceUrls, new_account, service_urls
from sandbox.provision import SERVICES, ServiceAccount, accounts_from_environment, main, provision
from tests.support.servers import DatabaseServer, ServiceDatabaseFactory


def plain(url: str) -> str:
    """Return the URL in the form that asyncpg itself reads."""
    return url.replace("postgresql+asyncpg://", "postgresql://")


async def run(url: str, *statements: str) -> None:
    """Execute statements in one connection."""
    connection = await asyncpg.connect(plain(url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def value(url: str, query: str) -> object:
    """Return a query's single value."""
    connection = await asyncpg.connect(plain(url))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_the_runtime_role_uses_what_the_owner_creates(
    service_database: ServiceDatabaseFactory,
) -> None:
    urls = service_database("invoicing")
    await run(
        urls.owner_url,
        "CREATE TABLE invoice (id bigserial PRIMARY KEY, amount text)",
        "CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    )
    await run(
        urls.url,
        "INSERT INTO invoice (amount) VALUES ('120.00')",
        "UPDATE invoice SET amount = '130.00'",
        "CREATE TEMPORARY TABLE staging (line text)",
    )
    assert await value(urls.url, "SELECT amount FROM invoice WHERE id = two() - 1") == "130.00"
    await run(urls.url, "DELETE FROM invoice")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "DROP TABLE invoice",
        "TRUNCATE invoice",
        "ALTER TABLE invoice DISABLE ROW LEVEL SECURITY",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "SET ROLE invoicing_owner",
        "SET ROLE postgres",
    ],
)
async def test_the_runtime_role_may_not(
    service_database: ServiceDatabaseFactory, statement: str
) -> None:
    urls = service_database("invoicing")
    await run(urls.owner_url, "CREATE TABLE invoice (id int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(urls.url, statement)


@pytest.mark.parametrize("which", ["url", "owner_url"])
async def test_no_role_connects_to_another_services_database(
    service_database: ServiceDatabaseFactory, postgres_server: DatabaseServer, which: str
) -> None:
    mine, theirs = service_database("invoicing"), service_database("orders")
    for database in (theirs.database, "postgres", "template1"):
        url = getattr(mine, which).replace(f"/{mine.database}", f"/{database}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(url, "SELECT 1")


@pytest.mark.parametrize("which", ["url", "owner_url"])
async def test_row_level_security_binds_both_roles(
    service_database: ServiceDatabaseFactory, which: str
) -> None:
    urls = service_database("orders")
    await run(
        urls.owner_url,
        "CREATE TABLE secret (practice int, word text)",
        "INSERT INTO secret VALUES (1, 'mine'), (2, 'theirs')",
        "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE secret FORCE ROW LEVEL SECURITY",
        "CREATE POLICY own ON secret USING (practice = 1) WITH CHECK (practice = 1)",
    )
    url = getattr(urls, which)
    assert await value(url, "SELECT string_agg(word, ',') FROM secret") == "mine"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(url, "SET row_security = off", "SELECT * FROM secret")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(url, "INSERT INTO secret VALUES (2, 'forged')")


async def test_no_service_role_has_a_privilege_on_the_whole_server(
    service_database: ServiceDatabaseFactory, postgres_server: DatabaseServer
) -> None:
    service_database("reconciliation")
    privileged = await value(
        postgres_server.address.admin_url,
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'reconciliation%' AND"
        " (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)",
    )
    assert privileged == 0


async def test_provisioning_again_changes_passwords_but_gives_no_taken_right_back(
    service_database: ServiceDatabaseFactory, postgres_server: DatabaseServer
) -> None:
    urls = service_database("debident_gateway")
    await run(
        urls.owner_url,
        "CREATE TABLE log (line text)",
        "REVOKE UPDATE, DELETE ON log FROM debident_gateway",
    )
    kept = _account(urls)
    await provision(postgres_server.address.admin_url, [kept, kept])
    await run(urls.url, "INSERT INTO log VALUES ('one')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(urls.url, "DELETE FROM log")


def _account(urls: ServiceUrls) -> ServiceAccount:
    def password(url: str) -> str:
        return url.split("://")[1].split("@", maxsplit=1)[0].split(":")[1]

    return ServiceAccount(
        "debident_gateway", urls.database, password(urls.url), password(urls.owner_url)
    )


async def test_a_password_with_quotes_does_no_harm(postgres_server: DatabaseServer) -> None:
    nasty = """it's "quoted" \\ %L $1; DROP ROLE nobody"""
    account = ServiceAccount("nasty_service", "nasty_database", nasty, nasty)
    await provision(postgres_server.address.admin_url, [account])
    url = postgres_server.address.url("nasty_database", user="nasty_service", password=nasty)
    assert await value(url, "SELECT current_user") == "nasty_service"


async def test_the_compose_container_provisions_every_service_from_its_environment(
    postgres_server: DatabaseServer,
) -> None:
    environment = {"PROVISION_ADMIN_URL": postgres_server.address.admin_url}
    accounts = [new_account(service, service, home=postgres_server.home) for service in SERVICES]
    for account in accounts:
        prefix = f"PROVISION_{account.service.upper()}"
        environment[f"{prefix}_PASSWORD"] = account.password
        environment[f"{prefix}_OWNER_PASSWORD"] = account.owner_password
    assert await main(environment) == 0
    assert await main(environment) == 0
    for account in accounts:
        urls = service_urls(postgres_server.address, account)
        assert await value(urls.url, "SELECT current_database()") == account.service
        assert await value(urls.owner_url, "SELECT current_user") == account.owner


async def test_missing_passwords_are_all_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"PROVISION_ORDERS_PASSWORD.*PROVISION_ORDERS_OWNER"):
        accounts_from_environment({}, ["orders"])
    assert await main({}) == 2
