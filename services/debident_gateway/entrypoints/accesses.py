"""What the audit log is told of the entering of an access: everything but its secret."""

from __future__ import annotations

from pydantic import BaseModel

from shared.web.changes import Changed, changed
from shared.web.endpoints import Reply


def access_entered(reply: Reply, before: BaseModel | None) -> Changed:
    """Return the answer to the entering of an access; of its secret only that it was entered."""
    assert isinstance(reply.body, BaseModel)  # noqa: S101 - the access was stored just now
    after = reply.body.model_dump(mode="json") | {"secret": "entered"}
    return changed(reply, None if before is None else before.model_dump(mode="json"), after)
