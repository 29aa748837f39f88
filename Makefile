# One door for every habit of this repository: `make` lists them. Needs Python 3.11 to 3.13.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
# T=path narrows pytest, as in `make unit T=tests/unit/orders`; ARGS adds options. Make hands what is
# set on its command line (BROKER=, ONCE=, DATA=) to every programme it starts.
T ?=
ARGS ?=
PYTEST = $(BIN)/python -m pytest $(ARGS)
UV ?= uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## create .venv from requirements.lock (again only when the lock has changed)
	@echo "$(VENV) is ready"

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	f"Quittance needs Python 3.11 to 3.13, not {v[0]}.{v[1]}: say make PYTHON=/path/to/python")'
	@if ! cmp -s requirements.lock $(STAMP) || ! $(BIN)/python -c '' 2>/dev/null; then \
		if [ -L $(VENV) ]; then \
			echo "$(VENV) is a link and out of date: set up anew where it leads, not from here" >&2; \
			exit 1; \
		fi; \
		echo "installing into $(VENV), once; it takes a few minutes ..."; \
		$(PYTHON) -m venv --clear $(VENV); \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r requirements.lock; \
	fi
	@cp requirements.lock $(STAMP)

.PHONY: demo
demo: $(STAMP) ## run everything on this machine: BROKER=auto|embedded|apache|docker|host:port, ONCE=1, DATA=folder
	@exec $(BIN)/python -m sandbox.demo

.PHONY: test
test: $(STAMP) ## run all tests
	$(PYTEST) $(or $(T),tests)

.PHONY: unit
unit: $(STAMP) ## run the unit tests (no network)
	$(PYTEST) $(or $(T),tests/unit)

.PHONY: contracts
contracts: $(STAMP) ## run the tests of the event contracts
	$(PYTEST) $(or $(T),tests/contracts)

.PHONY: architecture
architecture: $(STAMP) ## run the tests of who may import whom, of sizes and of names
	$(PYTEST) $(or $(T),tests/architecture)

.PHONY: integration
integration: $(STAMP) ## run the tests with a real PostgreSQL and a real broker (BROKER=...)
	$(PYTEST) $(or $(T),tests/integration)

.PHONY: e2e
e2e: $(STAMP) ## run the tests over real processes (BROKER=...)
	$(PYTEST) $(or $(T),tests/e2e)

.PHONY: check
check: $(STAMP) ## run every check that needs no server: format, lint, types, architecture, unit, contracts, files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile
	$(BIN)/python -m sandbox.compose_check docker-compose.yml .env.example
	$(BIN)/python -m shared.contracts.generate --check
	$(PYTEST) tests/architecture tests/unit tests/contracts

.PHONY: bench
bench: $(STAMP) ## measure against floors on a PostgreSQL of its own: BENCH=import|prepare|listing|acquit|book, default all
	$(BIN)/python -m bench $(BENCH)

.PHONY: fuzz
fuzz: $(STAMP) ## try the reader of DEB files with many damaged files (some minutes)
	DEB_FUZZ_EXAMPLES=20000 $(PYTEST) --timeout 3600 tests/unit/reconciliation/test_deb_fuzz.py

.PHONY: large-deb
large-deb: $(STAMP) ## read DEB files of five million rows and look at the memory (some minutes)
	DEB_ROWS=5000000 $(PYTEST) tests/unit/reconciliation/test_deb_memory.py

.PHONY: format
format: $(STAMP) ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: schemas
schemas: $(STAMP) ## write the JSON Schemas and the AsyncAPI document anew from the contracts
	$(BIN)/python -m shared.contracts.generate

.PHONY: lock
lock: ## resolve pyproject.toml anew into the two lock files (needs uv: UV=/path/to/uv)
	$(COMPILE) --all-extras --output-file requirements.lock
	$(COMPILE) --constraints requirements.lock --output-file requirements-runtime.lock

.PHONY: up
up: ## build and start the containers (settings: .env, see .env.example)
	docker compose up --build --detach --wait

.PHONY: down
down: ## stop the containers; their volumes stay
	docker compose down

.PHONY: clean
clean: ## remove .venv, caches and the local data
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache .hypothesis
