"""What a kind of item in the queue of exceptions is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Action:
    """An operation of a service's API that deals with an item.

    Attributes:
        service: None: the one that the item names.
    """

    service: str | None
    operation_id: str


@dataclass(frozen=True, slots=True)
class ExceptionKind:
    """One kind of item.

    Attributes:
        name: in ids, queries and metrics; kebab-case.
        means, ends: for docs/exceptions.md, in plain words.
        sentence: what an item says to a person; `{column}` is filled in.
        actions: what a person can do about it, at which service.
        not_for: by operation, the reasons for which it is not offered.
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
    closable: bool = False
    shared: bool = False
    history: str | None = None
    desk: str | None = None

    @property
    def kept_as(self) -> str:
        """The kind under which persons' additions are kept."""
        return self.desk or self.name
