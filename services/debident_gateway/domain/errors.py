"""What the gateway refuses, in words for the practice."""

from __future__ import annotations

from shared.kernel.errors import ConflictError, DomainError, NotFoundError


class IllegalTransmissionMoveError(ConflictError):
    """A transmission was asked to make a step that its state forbids."""

    def __init__(self, *, state: str, step: str) -> None:
        super().__init__(
            f"The transmission is {state}; the step '{step}' is not possible now.",
            code="illegal-transmission-move",
            state=state,
            step=step,
        )


class UnknownTransmissionError(NotFoundError):
    """No order of this id was given to the gateway for this practice."""

    def __init__(self) -> None:
        super().__init__(
            "There is no transmission of this order.",
            code="transmission-not-found",
            field="order_id",
        )


class NoCredentialsError(NotFoundError):
    """The practice has not entered its portal credentials."""

    def __init__(self) -> None:
        super().__init__(
            "The practice has no portal credentials yet.", code="portal-credentials-missing"
        )


class CredentialsUnreadableError(ConflictError):
    """The stored credentials cannot be decrypted for this practice."""

    def __init__(self) -> None:
        super().__init__(
            "The stored portal credentials cannot be read; please enter them again.",
            code="portal-credentials-unreadable",
        )


class UnknownPracticeError(NotFoundError):
    """The gateway knows no contract of this practice."""

    def __init__(self) -> None:
        super().__init__(
            "The gateway knows no contract of this practice. It learns of a new contract within"
            " moments.",
            code="practice-unknown-to-gateway",
            field="practice_id",
        )


class UnusableKeyError(DomainError):
    """A key cannot be read, or not without a pass phrase."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, code="key-not-usable", field=field)
