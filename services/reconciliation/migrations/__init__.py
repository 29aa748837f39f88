"""The service's Alembic migrations."""
