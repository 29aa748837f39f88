"""The gateway's ways out: PostgreSQL, the object store, the portal over HTTP."""
