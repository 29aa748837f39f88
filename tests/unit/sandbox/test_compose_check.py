"""The compose check finds each mistake that would show only when containers start."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.compose_check import names_in, problems_of


class OrdersSettings(BaseSettings):
    """Stands for a service's settings."""

    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    database_url: str
    log_level: str = "INFO"


GOOD = yaml.safe_load("""
services:
  db:
    image: postgres:18
    restart: unless-stopped
    networks: [backend]
    volumes: ["rows:/var/lib/postgresql"]
    environment: {POSTGRES_PASSWORD: "${DB_PASSWORD:?see}"}
    healthcheck: {test: [CMD, pg_isready]}
  provision:
    build: .
    restart: "no"
    networks: [backend]
    depends_on: {db: {condition: service_healthy}}
  orders:
    build: .
    restart: unless-stopped
    command: [python, -m, services.orders]
    networks: [backend]
    ports: ["127.0.0.1:8082:8082"]
    depends_on: {provision: {condition: service_completed_successfully}}
    environment:
      ORDERS_DATABASE_URL: "postgresql://orders:${DB_PASSWORD:?see}@db/orders"
      QUITTANCE_HEALTH_URL: http://127.0.0.1:8082/health/live
networks: {backend: }
volumes: {rows: }
""")


def problems(document: dict[str, Any], *, names: str = "DB_PASSWORD=") -> list[str]:
    """Return what the check says about a document."""
    return problems_of(
        document, example_names=names_in(names), settings={"services.orders": OrdersSettings}
    )


def test_a_sound_file_has_no_problems() -> None:
    assert problems(GOOD) == []


def _set(service: str, key: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["services"][service][key] = value

    return change


def _drop(service: str, key: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        del document["services"][service][key]

    return change


def _environment(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["services"]["orders"]["environment"][name] = value

    return change


def _lose_database_url(document: dict[str, Any]) -> None:
    del document["services"]["orders"]["environment"]["ORDERS_DATABASE_URL"]


def _declare_another_volume(document: dict[str, Any]) -> None:
    document["volumes"]["spare"] = None


def _misspell_a_top_level_key(document: dict[str, Any]) -> None:
    document["volume"] = {}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_set("db", "image", "postgres:latest"), "db: the image postgres:latest floats"),
        (_set("db", "image", "registry:5000/postgres"), "db: the image registry:5000/postgres fl"),
        (_set("db", "enviroment", {}), "db: unknown key enviroment"),
        (_drop("db", "image"), "db: has neither image nor build"),
        (_drop("db", "restart"), "db: says nothing about restart"),
        (_drop("db", "healthcheck"), "db: has no health check"),
        (_drop("db", "healthcheck"), "provision: waits for db to be healthy"),
        (_set("db", "volumes", ["row:/data"]), "db: uses volumes row, which the file does not"),
        (_set("db", "networks", ["front"]), "db: uses networks front, which the file does not"),
        (_set("db", "secrets", ["pw"]), "db: uses secrets pw, which the file does not"),
        (_set("db", "ports", ["5432:5432"]), "db: publishes 5432:5432 beyond loopback"),
        (_set("provision", "restart", "always"), "orders: waits for provision to finish"),
        (_set("orders", "depends_on", ["db"]), "orders: depends_on states no conditions"),
        (
            _set("orders", "depends_on", {"kafka": {"condition": "service_started"}}),
            "orders: depends on kafka, which is not there",
        ),
        (
            _set("orders", "depends_on", {"db": {"condition": "healthy"}}),
            "orders: waits for db on an unknown condition healthy",
        ),
        (_environment("ORDERS_LOGLEVEL", "INFO"), "ORDERS_LOGLEVEL is not a setting of Orders"),
        (_environment("ORDERS_LOG_LEVEL", 1), "ORDERS_LOG_LEVEL needs quotes"),
        (_environment("ORDERS_LOG_LEVEL", "${LEVEL}"), ".env.example does not name LEVEL"),
        (_environment("ORDERS_LOG_LEVEL", "${A_SECRET:-x}"), "A_SECRET is a secret and must be"),
        (_lose_database_url, "ORDERS_DATABASE_URL is missing, and OrdersSettings requires it"),
        (_declare_another_volume, "volumes spare is declared but not used"),
        (_misspell_a_top_level_key, "unknown top-level key volume"),
    ],
)
def test_each_mistake_is_named(change: Callable[[dict[str, Any]], None], problem: str) -> None:
    document = copy.deepcopy(GOOD)
    change(document)
    assert any(problem in found for found in problems(document)), problems(document)


def test_a_variable_that_nothing_uses_is_named() -> None:
    found = problems(GOOD, names="DB_PASSWORD=\nOLD=\n# COMMENT=\n")
    assert found == [".env.example names OLD, which the compose file does not use"]
