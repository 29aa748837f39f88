"""Documents, packages and DEB files are kept: no code of the product can delete them.

Ten years are the law's least (OR 958f); what is never deleted is kept for longer. Until when it
must be there is written with it (tests/integration/objectstore/test_retention.py); the lock of a
bucket is the office's to set.
"""

from __future__ import annotations

import re
from pathlib import Path

from shared.objectstore.store import ObjectStore

ROOT = Path(__file__).parents[2]
_DELETING = re.compile(r"\.delete(_async)?\(|\bobstore\b.*\bdelete\b")
_MEANT = re.compile(r"\bdelete\b|\bremove\b|\bpurge\b|\bexpire\b")


def sources() -> list[Path]:
    """Return the code that handles stored content."""
    folders = [ROOT / "shared" / "objectstore", *(ROOT / "services").glob("*/adapters")]
    return [file for folder in folders for file in sorted(folder.rglob("*.py"))]


def test_the_object_store_offers_no_way_to_delete() -> None:
    assert [name for name in dir(ObjectStore) if _MEANT.search(name.replace("_", " "))] == []


def test_no_adapter_deletes_what_is_stored() -> None:
    files = sources()
    assert len(files) > 20
    assert [str(file) for file in files if _DELETING.search(file.read_text())] == []


def test_a_call_that_deletes_would_be_seen() -> None:
    assert _DELETING.search("await self._store.delete_async(key)")
