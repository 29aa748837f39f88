"""An error's class says what must happen next."""

from __future__ import annotations

import pytest

from shared.kernel import errors


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.NotFoundError, errors.DomainError),
        (errors.ConflictError, errors.DomainError),
        (errors.TooEarlyError, errors.TransientError),
        (errors.DomainError, errors.QuittanceError),
        (errors.TransientError, errors.QuittanceError),
        (errors.PermanentError, errors.QuittanceError),
        (errors.ContractError, errors.QuittanceError),
    ],
)
def test_the_tree_is_as_drawn(error: type[Exception], kind: type[Exception]) -> None:
    assert issubclass(error, kind)


@pytest.mark.parametrize("other", [errors.PermanentError, errors.ContractError])
def test_what_cannot_succeed_is_never_taken_for_passing(other: type[Exception]) -> None:
    assert not issubclass(other, errors.TransientError)
    assert not issubclass(other, errors.DomainError)


def test_a_broken_rule_keeps_its_code_field_and_facts() -> None:
    error = errors.ConflictError(
        "An order is on its way.", code="order-in-flight", field="contract_id", order_number="7"
    )
    assert str(error) == "An order is on its way."
    assert (error.code, error.field, error.facts) == (
        "order-in-flight",
        "contract_id",
        {"order_number": "7"},
    )


def test_too_early_names_what_it_waits_for() -> None:
    assert errors.TooEarlyError("The invoice is not here yet.", waits_for="id").waits_for == "id"
