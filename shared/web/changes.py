"""What an operation changed, for the audit log: a few facts, as they were and as they are.

Facts are ids, states, versions, counts, amounts, days and reasons; never a secret, and of a move
never what is known of a patient. An edit tells the fields that it changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from shared.web.endpoints import Reply

Facts = Mapping[str, Any]
IDS_TOLD_MAX = 20
_FACTS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Change:
    """The facts that an operation changed, as JSON, as they were and as they are.

    Attributes:
        practice_id: whose facts these are, where the path of the request names no practice.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    practice_id: UUID | None = None

    @property
    def is_one(self) -> bool:
        """Whether anything differs."""
        return self.before != self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Reply):
    """The reply of an operation that changes something; every one but a read answers it.

    Attributes:
        changes: one line of the audit log each; none: the request repeats what was done before.
    """

    changes: tuple[Change, ...]


def changed(
    reply: Reply, before: BaseModel | Facts | None, after: BaseModel | Facts | None
) -> Changed:
    """Return the reply with the one thing that it changed."""
    return changed_all(reply, [between(before, after)])


def moved(reply: Reply, before: Facts, after: Facts, **why: object) -> Changed:
    """Return the reply with a move between two standings of a thing, and why it was made.

    Both are read under the lock of the thing. If they are the same, the move had been made before.
    """
    return unchanged(reply) if before == after else changed(reply, before, {**after, **why})


def changed_all(reply: Reply, changes: Collection[Change]) -> Changed:
    """Return the reply with everything that it changed, one change per practice."""
    told = tuple(change for change in changes if change.is_one)
    return Changed(reply.body, reply.status, reply.headers, changes=told)


def unchanged(reply: Reply) -> Changed:
    """Return the reply to a request that repeats what was done before."""
    return changed_all(reply, [])


def between(
    before: BaseModel | Facts | None,
    after: BaseModel | Facts | None,
    *,
    practice_id: UUID | None = None,
) -> Change:
    """Return what differs; of what is new (`before` is None) or gone, everything is told."""
    old, new = _plain(before), _plain(after)
    if before is None or after is None:
        return Change(old, new, practice_id)
    names = [name for name in (old | new) if old.get(name) != new.get(name)]
    return Change(
        {name: old.get(name) for name in names},
        {name: new.get(name) for name in names},
        practice_id,
    )


def some(ids: Collection[UUID]) -> list[UUID]:
    """Return ids in their order, at most `IDS_TOLD_MAX`; a count of all belongs beside them."""
    return list(ids)[:IDS_TOLD_MAX]


def _plain(facts: BaseModel | Facts | None) -> dict[str, Any]:
    if facts is None:
        return {}
    if isinstance(facts, BaseModel):
        return facts.model_dump(mode="json")
    plain: dict[str, Any] = _FACTS.dump_python(dict(facts), mode="json")
    return plain
