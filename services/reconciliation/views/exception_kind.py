"""What a kind of item in the queue of exceptions is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "reason_code": "text",
        "since": "timestamptz",
        "amount_rappen": "bigint",
        "contract_id": "uuid",
        "order_id": "uuid",
        "order_number": "text",
        "invoice_id": "uuid",
        "invoice_number": "text",
        "deb_file_id": "uuid",
        "deb_file_name": "text",
        "deb_line": "integer",
        "row_id": "uuid",
        "bank_account_id": "uuid",
        "bank_entry_id": "uuid",
        "payout_id": "uuid",
        "payout_reference": "text",
        "service": "text",
        "event_id": "uuid",
        "detail": "text",
    }
)


ANYBODY = frozenset({"assistant", "billing_office", "controller", "admin"})
WORKERS = frozenset({"assistant", "billing_office", "admin"})
DECIDERS = frozenset({"billing_office", "controller"})
OFFICE = frozenset({"billing_office", "admin"})
"""Roles, by their names in a token; a test compares them with those of the operations."""


@dataclass(frozen=True, slots=True)
class Action:
    """An operation of a service's API that deals with an item.

    Attributes:
        service: None: the one that the item names.
        roles: who may call it.
        choices: what its body lets a person choose between; empty: nothing.
    """

    service: str | None
    operation_id: str
    roles: frozenset[str]
    choices: tuple[str, ...] = ()


REPORTED: Mapping[str, str] = MappingProxyType(
    {
        column: f"e.{column}"
        for column in (
            "since",
            "reason_code",
            "amount_rappen",
            "contract_id",
            "order_id",
            "order_number",
            "detail",
        )
    }
)
"""What an item of a reported kind says."""
OPEN_REPORT = "e.round > e.ended_round"


def reported(kind: str) -> str:
    """Return the source of a kind that other services report."""
    return f"reported_exception e WHERE e.kind = '{kind}' AND e.round > 0"


@dataclass(frozen=True, slots=True)
class ExceptionKind:
    """One kind of item.

    Attributes:
        name: in ids, queries and metrics; kebab-case.
        means, ends: for docs/exceptions.md, in plain words.
        sentence: what an item says to a person; `{column}` is filled in.
        actions: what a person can do about it, at which service.
        not_for: by operation, or by operation:choice, the reasons for which it is not offered.
        only_for: by operation, the only reasons for which it is offered.
        never: as SQL, the names as in `not_for` that the state of the item rules out; None: none.
        closable: whether a person may close it; only where nothing else can end it.
        source: the tables that own the facts, and their conditions; every item that is or was.
        key: which of them; a UUID, the same as long as the item is the same.
        practice: whose it is; `shared`: an array of practices, each of which must be in scope.
        is_open: whether it is in the queue.
        columns: what it says, by COLUMNS. `since` and `reason_code` are needed.
        history: its own facts as (at, event, by_person, why), if they are more than `since`.
        desk: the kind under which persons' additions are kept, where the same thing may be of two
            kinds in turn; None: its own.
    """

    name: str
    means: str
    ends: str
    sentence: str
    source: str
    key: str
    practice: str
    is_open: str
    columns: Mapping[str, str]
    actions: tuple[Action, ...] = ()
    not_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    only_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    never: str | None = None
    closable: bool = False
    shared: bool = False
    history: str | None = None
    desk: str | None = None

    def offered(self, reason_code: str | None, never: Collection[str] | None) -> Iterator[Action]:
        """Return the actions that are possible for this reason and state, with their choices."""

        def is_possible(name: str) -> bool:
            if name in (never or ()) or reason_code in self.not_for.get(name, ()):
                return False
            return name not in self.only_for or reason_code in self.only_for[name]

        for action in self.actions:
            name = action.operation_id
            left = tuple(one for one in action.choices if is_possible(f"{name}:{one}"))
            if is_possible(name) and (left or not action.choices):
                yield replace(action, choices=left)

    @property
    def kept_as(self) -> str:
        """The kind under which persons' additions are kept."""
        return self.desk or self.name
