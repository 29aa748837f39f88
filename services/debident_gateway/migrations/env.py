"""Alembic's entry point; the connection comes from shared.db.migrations."""

from shared.db.migrations import run_env

run_env()
