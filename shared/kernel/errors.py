"""The error tree: an error's class says what must happen next.

QuittanceError
├── DomainError         a rule of the trade was broken; the message is for a person (HTTP 422)
│   ├── NotFoundError   the thing named does not exist for this practice (HTTP 404)
│   └── ConflictError   the thing exists in a state that forbids the request (HTTP 409)
│       └── StaleError  it changed since the caller read it (HTTP 412)
├── TransientError      the same call may succeed later: wait with backoff and try again
│   └── TooEarlyError   an event came before what it needs: it waits until that arrives
├── PermanentError      the same call can never succeed: dead letter, the rest goes on
└── ContractError       bytes from the wire do not fit their contract: dead letter
"""

from __future__ import annotations


class QuittanceError(Exception):
    """Root of every error that Quittance raises on purpose."""


class DomainError(QuittanceError):
    """A rule of the trade was broken.

    Attributes:
        code: stable kebab-case reason, part of the API ("order-in-flight").
        field: the request field that caused it, dotted path, or None.
        facts: extra members for the problem document (JSON-compatible values).
    """

    def __init__(
        self, message: str, *, code: str, field: str | None = None, **facts: object
    ) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.facts = facts


class NotFoundError(DomainError):
    """The thing named does not exist, or belongs to another practice."""


class ConflictError(DomainError):
    """The request is well-formed, but the present state forbids it."""


class StaleError(ConflictError):
    """The thing changed since the caller read it; read it again, then change it."""


class TransientError(QuittanceError):
    """The same call may succeed later (network, lock, a server that is starting)."""


class TooEarlyError(TransientError):
    """An event arrived before what it needs.

    Attributes:
        waits_for: subject ("aggregate id") whose next event may make it workable.
    """

    def __init__(self, message: str, *, waits_for: str) -> None:
        super().__init__(message)
        self.waits_for = waits_for


class PermanentError(QuittanceError):
    """The same call can never succeed, whoever tries again."""


class ContractError(QuittanceError):
    """Bytes from the wire do not fit the contract they claim."""
