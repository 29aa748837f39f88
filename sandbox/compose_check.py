"""Checks docker-compose.yml without a Docker engine: the mistakes that show only at `up`.

Beyond the Compose specification's own rules it checks ours: each long-running container has a
health check, no image floats, ports stay on loopback, secrets come from the environment and are
named in `.env.example`, and each service gets exactly variables that its settings class knows.
Where the `docker compose` client is installed, its parser has the last word.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic_settings import BaseSettings

Section = Mapping[str, Any]
SettingsByModule = Mapping[str, type[BaseSettings]]

# The Compose specification's keys of a service that we have a use for; others are likely typos.
_KEYS = """
annotations build cap_add cap_drop command configs container_name cpus depends_on deploy entrypoint
environment expose extra_hosts healthcheck hostname image init labels logging mem_limit networks
platform ports profiles pull_policy read_only restart secrets security_opt shm_size
stop_grace_period stop_signal sysctls tmpfs ulimits user volumes working_dir
"""
_SERVICE_KEYS = frozenset(_KEYS.split())
_TOP_KEYS = frozenset({"name", "services", "networks", "volumes", "secrets", "configs", "include"})
_CONDITIONS = frozenset({"service_started", "service_healthy", "service_completed_successfully"})
_VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<rest>[^}]*)\}")
_SECRET = re.compile(r"PASSWORD|SECRET|KEY")
_HEALTH_URL = "QUITTANCE_HEALTH_URL"


def problems_of(
    document: Section, *, example_names: frozenset[str], settings: SettingsByModule
) -> list[str]:
    """Return what is wrong with a compose file, one sentence each; empty when nothing is.

    Args:
        document: the parsed YAML.
        example_names: the variables that `.env.example` names.
        settings: for each module that a container runs and that has settings, their class.
    """
    services: Section = document.get("services") or {}
    found = [
        f"unknown top-level key {key}"
        for key in document
        if key not in _TOP_KEYS and not key.startswith("x-")
    ]
    for name, service in services.items():
        rules = (
            _shape(service),
            _image(service),
            _health(service),
            _dependencies(service, services),
            _declared(service, document),
            _ports(service),
            _environment(service, settings),
        )
        found += [f"{name}: {problem}" for rule in rules for problem in rule]
    return found + list(_unused(document, services)) + list(_variables(document, example_names))


def _shape(service: Section) -> Iterator[str]:
    for key in service:
        if key not in _SERVICE_KEYS and not key.startswith("x-"):
            yield f"unknown key {key}"
    if "image" not in service and "build" not in service:
        yield "has neither image nor build"
    if "restart" not in service:
        yield "says nothing about restart"


def _image(service: Section) -> Iterator[str]:
    image = str(service.get("image", "x:1"))
    tag = image.rpartition("/")[2].partition(":")[2].partition("@")[0]
    if tag in {"", "latest"} and "@" not in image:
        yield f"the image {image} floats: name a version"


def _health(service: Section) -> Iterator[str]:
    if not _runs_once(service) and not _has_health_check(service):
        yield f"has no health check (healthcheck, or {_HEALTH_URL} for our own image)"


def _dependencies(service: Section, services: Section) -> Iterator[str]:
    wanted = service.get("depends_on") or {}
    if not isinstance(wanted, dict):
        yield "depends_on states no conditions"
        return
    for target, terms in wanted.items():
        condition = (terms or {}).get("condition")
        if target not in services:
            yield f"depends on {target}, which is not there"
        elif condition not in _CONDITIONS:
            yield f"waits for {target} on an unknown condition {condition}"
        elif condition == "service_healthy" and not _has_health_check(services[target]):
            yield f"waits for {target} to be healthy, which has no health check"
        elif condition == "service_completed_successfully" and not _runs_once(services[target]):
            yield f'waits for {target} to finish, which has not restart: "no"'


def _declared(service: Section, document: Section) -> Iterator[str]:
    for kind, names in _used(service).items():
        for name in sorted(names - set(document.get(kind) or {}) - {"default"}):
            yield f"uses {kind} {name}, which the file does not declare"


def _ports(service: Section) -> Iterator[str]:
    for port in service.get("ports") or []:
        if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", str(port)):
            yield f"publishes {port} beyond loopback"


def _environment(service: Section, settings: SettingsByModule) -> Iterator[str]:
    environment = service.get("environment") or {}
    if not isinstance(environment, dict):
        yield "its environment is not a mapping"
        return
    for name, value in environment.items():
        if not isinstance(value, str) and value is not None:
            yield f"{name} needs quotes: YAML makes {value!r} of it"
    known = settings.get(_module(service) or "")
    if known is not None:
        yield from _against_settings(set(environment) - {_HEALTH_URL}, known)


def _against_settings(given: set[str], known: type[BaseSettings]) -> Iterator[str]:
    prefix = known.model_config.get("env_prefix", "")
    fields = {f"{prefix}{name}".upper(): field for name, field in known.model_fields.items()}
    for name in sorted(given - set(fields)):
        yield f"{name} is not a setting of {known.__name__}"
    for name, field in sorted(fields.items()):
        if field.is_required() and name not in given:
            yield f"{name} is missing, and {known.__name__} requires it"


def _unused(document: Section, services: Section) -> Iterator[str]:
    for kind in ("volumes", "networks", "secrets"):
        used = {name for service in services.values() for name in _used(service)[kind]}
        for name in sorted(set(document.get(kind) or {}) - used - {"default"}):
            yield f"{kind} {name} is declared but not used"


def _variables(document: Section, example_names: frozenset[str]) -> Iterator[str]:
    found = {
        (match["name"], match["rest"])
        for text in _texts(document)
        for match in _VARIABLE.finditer(text)
    }
    for name, rest in sorted(found):
        if name not in example_names:
            yield f".env.example does not name {name}"
        if _SECRET.search(name) and not rest.startswith(":?"):
            yield f"{name} is a secret and must be required: ${{{name}:?message}}"
    for name in sorted(example_names - {name for name, _ in found}):
        yield f".env.example names {name}, which the compose file does not use"


def _used(service: Section) -> dict[str, set[str]]:
    """Return the named volumes, networks and secrets that a service mentions."""
    volumes = {str(volume).partition(":")[0] for volume in service.get("volumes") or []}
    return {
        "volumes": {name for name in volumes if not name.startswith((".", "/", "~"))},
        "networks": {str(name) for name in service.get("networks") or []},
        "secrets": {str(name) for name in service.get("secrets") or []},
    }


def _runs_once(service: Section) -> bool:
    return service.get("restart") == "no"


def _has_health_check(service: Section) -> bool:
    check = service.get("healthcheck") or {}
    own = bool(check.get("test")) and not check.get("disable")
    return own or _HEALTH_URL in (service.get("environment") or {})


def _module(service: Section) -> str | None:
    """Return the Python module that the container runs, or None."""
    command = service.get("command")
    if isinstance(command, list) and command[:2] == ["python", "-m"]:
        return str(command[2])
    return None


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def settings_of(document: Section) -> tuple[dict[str, type[BaseSettings]], list[str]]:
    """Find the settings class of each of our services in the file; return (classes, problems)."""
    classes: dict[str, type[BaseSettings]] = {}
    problems = []
    for name, service in (document.get("services") or {}).items():
        module = _module(service)
        home = _settings_home(module or "")
        if module is None or home is None:
            continue
        try:
            loaded = importlib.import_module(home)
        except ImportError as error:
            problems.append(f"{name}: runs {module}, whose settings cannot be loaded: {error}")
            continue
        own = [
            value
            for value in vars(loaded).values()
            if isinstance(value, type)
            and issubclass(value, BaseSettings)
            and value.__module__ == loaded.__name__
        ]
        if len(own) == 1:
            classes[module] = own[0]
        else:
            problems.append(f"{name}: {home} has {len(own)} settings classes, not one")
    return classes, problems


def _settings_home(module: str) -> str | None:
    """Return the module that holds the settings of what a container runs, or None."""
    if module.startswith("services."):
        return f"{module}.settings"
    return module if module == "sandbox.issuer" else None


def names_in(example: str) -> frozenset[str]:
    """Return the variables that a `.env` file names."""
    return frozenset(re.findall(r"^(\w+)=", example, re.MULTILINE))


def compose_client_problem(compose: Path, example: Path) -> str | None:
    """Ask `docker compose config`, which needs no engine; None if content or not installed."""
    try:
        present = subprocess.run(
            ["docker", "compose", "version"], capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if present.returncode != 0:
        return None
    filled = dict.fromkeys(names_in(example.read_text()), "x")
    asked = subprocess.run(
        ["docker", "compose", "--file", str(compose), "config", "--quiet"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **filled},
    )
    return None if asked.returncode == 0 else f"docker compose config: {asked.stderr.strip()}"


def main(arguments: Sequence[str]) -> int:
    """Check a compose file and its `.env.example`, print what is wrong, return the exit code."""
    compose, example = (Path(argument) for argument in arguments)
    document = cast("Section", yaml.safe_load(compose.read_text()))
    settings, problems = settings_of(document)
    problems += problems_of(
        document, example_names=names_in(example.read_text()), settings=settings
    )
    client_problem = compose_client_problem(compose, example)
    if client_problem:
        problems.append(client_problem)
    for problem in problems:
        print(f"{compose}: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
