"""A plan of misbehaviours, drawn from a seed: the same events in the same order meet the same ones.

Each event (an upload, a question, an order, an arrival, a file) has a number of its own kind; what
happens at it is a function of seed, kind and number, and of nothing else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

UPLOAD = "upload"
ASK = "ask"
SIGN_IN = "sign-in"
READING = "reading"
RENAME = "rename"
ORDER = "order"
ARRIVAL = "arrival"
FILE = "file"
FILE_FLAWS = (
    "duplicate_deb",
    "overlapping_deb",
    "truncated_deb",
    "wrong_totals_deb",
    "hostile_rows_deb",
    "hostile_file_deb",
    "withheld_deb",
)
PLANNED: Mapping[str, tuple[str, ...]] = {
    UPLOAD: (
        "unavailable",
        "hang",
        "drop_request",
        "lost_answer",
        "malformed_answer",
        "already_have_it",
        "slow",
        "down",
    ),
    ASK: ("unavailable", "hang", "malformed_answer", "slow", "down"),
    SIGN_IN: ("unavailable", "hang", "slow", "down"),
    READING: ("malformed_answer",),
    RENAME: (
        "unavailable",
        "hang",
        "drop_request",
        "lost_answer",
        "malformed_answer",
        "already_have_it",
        "slow",
    ),
    ORDER: ("late", "refuse_order"),
    ARRIVAL: ("refuse_line", "refuse_arrival"),
    FILE: FILE_FLAWS,
}
"""What the plan may choose at each kind of event.

Uploads and questions come over HTTP; sign-ins, readings of an acknowledgement and renames (each an
upload) over SFTP. Each can do only what is named there.
"""
DOWN_WAYS = ("unavailable", "hang", "cut-off")
_DOWN_SECONDS = (2, 6)
INTENSITY_MAX = 90
_FORM = re.compile(r"([^:\s]{1,60}):([0-9]{1,2})")


@dataclass(frozen=True, slots=True)
class Plan:
    """Which misbehaviour each event meets.

    Attributes:
        intensity: percentage of the events that meet one; at most 90, so that all ends well.
    """

    seed: str
    intensity: int

    def name_for(self, event: str, number: int) -> str | None:
        """Return what happens at the numbered event of a kind (1, 2, ...), or None: nothing."""
        chance = random.Random(f"{self.seed}/{event}/{number}")  # noqa: S311 - no secret
        if chance.randrange(100) >= self.intensity:
            return None
        return chance.choice(PLANNED[event])

    def outage_for(self, event: str, number: int) -> tuple[str, int]:
        """Return how an outage that begins at an event shows, and its length in real seconds."""
        chance = random.Random(f"{self.seed}/down/{event}/{number}")  # noqa: S311 - no secret
        return chance.choice(DOWN_WAYS), chance.randint(*_DOWN_SECONDS)

    def preview(self, *, first: Mapping[str, int], count: int) -> dict[str, list[str]]:
        """Return, by kind of event, what the next `count` events meet: "7 lost-answer"."""
        return {
            event: [
                f"{number} {name.replace('_', '-')}"
                for number in range(first.get(event, 0) + 1, first.get(event, 0) + count + 1)
                if (name := self.name_for(event, number)) is not None
            ]
            for event in PLANNED
        }

    def to_text(self) -> str:
        """Return the form of DEBIDENT_MISBEHAVE."""
        return f"{self.seed}:{self.intensity}"


def plan_from(text: str) -> Plan | None:
    """Read `<seed>:<intensity>`; an empty text is no plan.

    Raises:
        ValueError: it has another form, or the intensity is above 90.
    """
    if not text:
        return None
    match = _FORM.fullmatch(text)
    if match is None or int(match[2]) > INTENSITY_MAX:
        raise ValueError(f"DEBIDENT_MISBEHAVE is <seed>:<0 to {INTENSITY_MAX}>, not {text!r}")
    return Plan(match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class Draw:
    """What one event meets.

    Attributes:
        number: which event of its kind it is.
    """

    number: int
    names: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether this misbehaviour is met."""
        return name in self.names
