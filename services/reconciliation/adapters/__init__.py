"""The books in PostgreSQL, the content in the object store."""
