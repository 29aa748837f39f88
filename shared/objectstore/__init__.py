"""The claim check: big or personal payloads rest here, events carry their key and hash."""

from shared.objectstore.store import Announced, ContentHashError, ObjectStore, open_object_store

__all__ = ["Announced", "ContentHashError", "ObjectStore", "open_object_store"]
