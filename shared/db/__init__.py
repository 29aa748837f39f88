"""PostgreSQL access: one database per service, rows scoped by practice, migrations at start."""

from shared.db.engine import Database
from shared.db.scope import Scope

__all__ = ["Database", "Scope"]
