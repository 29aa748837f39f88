"""Runs the migrations on the connection that shared.db.migrations hands over."""

from shared.db.migrations import run_env

run_env()
