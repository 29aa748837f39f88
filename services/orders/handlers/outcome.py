"""How a command ends when nothing was wrong: done now, or done before. Silence is not an answer."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What a handler of an event answers."""

    DONE = "done"
    ALREADY_DONE = "already-done"

    @classmethod
    def of(cls, *, changed: bool) -> Outcome:
        """Return DONE if something changed."""
        return cls.DONE if changed else cls.ALREADY_DONE
