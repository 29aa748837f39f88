"""Seen from outside: logs as JSON lines, metrics for Prometheus, health."""
