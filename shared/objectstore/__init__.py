"""The claim check: big or personal payloads rest here, events carry their key and hash."""

from shared.objectstore.store import ContentHashError, ObjectStore, open_object_store

__all__ = ["ContentHashError", "ObjectStore", "open_object_store"]
