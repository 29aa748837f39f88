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


class UnknownContractError(NotFoundError):
    """The practice has no such contract, as far as the gateway knows."""

    def __init__(self) -> None:
        super().__init__(
            "There is no such contract.", code="contract-not-found", field="contract_id"
        )


class ContractNotManualError(ConflictError):
    """A person's step was asked for where the gateway itself speaks with the portal."""

    def __init__(self, adapter: str) -> None:
        super().__init__(
            f"This contract's orders go to the portal by {adapter}, not by hand.",
            code="contract-not-manual",
            adapter=adapter,
        )


class OtherOrderInFlightError(ConflictError):
    """Another order of the contract is at the portal without an answer."""

    def __init__(self) -> None:
        super().__init__(
            "Another order of this contract is on its way. Confirm its arrival first.",
            code="other-order-in-flight",
        )


class OtherPackageUploadedError(ConflictError):
    """The file that a person uploaded is not the order's package."""

    def __init__(self) -> None:
        super().__init__(
            "The uploaded file is not this order's package. Call the factor, and do not upload"
            " another one before the factor has answered.",
            code="other-package-uploaded",
            field="package_sha256",
        )


class PackageDamagedError(ConflictError):
    """The stored package is not what was prepared."""

    def __init__(self) -> None:
        super().__init__(
            "The order's package is not what was prepared. Call the support.",
            code="package-damaged",
        )


class ImpossibleTimeError(DomainError):
    """A report says it was done before the order was prepared, or in the future."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "It can only have been done between the order's preparation and now.",
            code="observation-time-impossible",
            field=field,
        )


class EmptyDebFileError(DomainError):
    """A file without content was brought."""

    def __init__(self) -> None:
        super().__init__("The file is empty.", code="deb-file-empty")


class DebNumberNotMissingError(ConflictError):
    """A DEB file was brought for a publication number that is not missing."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Of this contract's DEB files the number {number} is not missing. Bring the file"
            " without a number.",
            code="deb-number-not-missing",
            field="number",
        )


class DebFileHasOtherNumberError(ConflictError):
    """A DEB file was brought for a missing number, but is here under another one."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"This very file is here already: it is the contract's DEB file number {number}.",
            code="deb-file-has-other-number",
            field="number",
            number=number,
        )


class DebFileOfOtherContractError(ConflictError):
    """A DEB file was brought for a contract that it is not about."""

    def __init__(self, account_number: str) -> None:
        super().__init__(
            f"This file belongs to the account {account_number}. Choose the contract of that"
            " account.",
            code="deb-file-of-other-contract",
            field="contract_id",
        )
