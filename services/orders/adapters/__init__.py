"""The ports of orders on PostgreSQL and on the object store."""
