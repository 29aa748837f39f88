"""Read-only SQL for the HTTP API."""
