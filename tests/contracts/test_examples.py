"""Every example fits its schema and its model, and the examples fit each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from stdnum import ean
from stdnum.ch import esr

from shared.contracts.debident.v1 import ArrivalDocument
from shared.contracts.envelope import ContentRef, EventPayload
from shared.contracts.generate.examples import EXAMPLES, examples_of
from shared.contracts.generate.files import REPOSITORY
from shared.contracts.generate.schemas import WIRE_TYPES, WireType, schema_file_name, wire_name
from shared.contracts.orders.v1 import ConfirmationDocument, OrderLinesDocument
from shared.contracts.registry import EVENT_TYPES

Example = dict[str, Any]
CASES = [
    pytest.param(model, example, id=f"{wire_name(model)}/{name}")
    for model in WIRE_TYPES
    for name, example in examples_of(model).items()
]
EVENT_CASES = [
    pytest.param(event, example, id=f"{event.TYPE}/{name}")
    for event in EVENT_TYPES
    for name, example in examples_of(event).items()
]
DOCUMENT_ROOMS = {
    "order-lines": OrderLinesDocument,
    "order-arrival": ArrivalDocument,
    "order-confirmation": ConfirmationDocument,
}


@pytest.mark.parametrize("model", WIRE_TYPES, ids=wire_name)
def test_every_type_has_at_least_two_examples(model: WireType) -> None:
    assert len(examples_of(model)) >= 2


@pytest.mark.parametrize(("model", "example"), CASES)
def test_example_fits_the_committed_schema(model: WireType, example: Example) -> None:
    path = REPOSITORY / "shared/contracts/schemas" / schema_file_name(model)
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(example)


@pytest.mark.parametrize(("model", "example"), CASES)
def test_example_fits_its_model_and_says_nothing_that_the_model_does_not_know(
    model: WireType, example: Example
) -> None:
    value = model.model_validate_json(json.dumps(example), extra="forbid")
    assert model.model_validate_json(value.model_dump_json(), extra="forbid") == value


@pytest.mark.parametrize(("model", "example"), CASES)
def test_what_an_example_gives_comes_back_unchanged(model: WireType, example: Example) -> None:
    written = json.loads(model.model_validate_json(json.dumps(example)).model_dump_json())
    assert _given(written, example) == example


@pytest.mark.parametrize(("model", "example"), CASES)
def test_a_consumer_ignores_a_field_that_it_does_not_know(
    model: WireType, example: Example
) -> None:
    later = example | {"added_in_a_later_release": {"deep": [1, 2]}}
    assert model.model_validate(later) == model.model_validate(example)


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_an_event_without_one_of_its_required_fields_is_refused(event: type[EventPayload]) -> None:
    example = next(iter(examples_of(event).values()))
    required = [name for name, rule in event.model_fields.items() if rule.is_required()]
    assert required
    for name in required:
        lacking = {key: value for key, value in example.items() if key != name}
        with pytest.raises(ValueError, match=name):
            event.model_validate(lacking)


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_the_examples_show_each_optional_field_present_and_absent(
    event: type[EventPayload],
) -> None:
    examples = list(examples_of(event).values())
    for name, rule in event.model_fields.items():
        if rule.is_required():
            continue
        assert any(name in example for example in examples), f"{name} is never shown"
        assert any(name not in example for example in examples), f"{name} is never left out"


@pytest.mark.parametrize(("model", "example"), CASES)
def test_numbers_with_a_check_digit_are_right(model: WireType, example: Example) -> None:
    for name, value in _members(example):
        if name.endswith("gln"):
            assert len(value) == 13, value
            assert ean.is_valid(value), value
        if name == "qr_reference" and value is not None:
            assert esr.is_valid(value), value


@pytest.mark.parametrize(("model", "example"), EVENT_CASES)
def test_content_rests_in_the_room_of_its_practice_under_its_hash(
    model: WireType, example: Example
) -> None:
    for _, value in _members(example):
        if isinstance(value, dict) and "sha256" in value:
            practice, _, digest = value["key"].split("/")
            assert practice == example["practice_id"]
            assert digest == value["sha256"]


@pytest.mark.parametrize(("model", "example"), EVENT_CASES)
def test_a_referenced_document_is_one_of_the_example_documents(
    model: WireType, example: Example
) -> None:
    documents = example_documents()
    for _, value in _members(example):
        if isinstance(value, dict) and "sha256" in value:
            room = value["key"].split("/")[1]
            if room in DOCUMENT_ROOMS:
                ref = ContentRef.model_validate(value)
                assert len(documents[ref.sha256]) == ref.size_bytes


def test_amounts_of_the_examples_add_up() -> None:
    for name, example in examples_of(_event("invoice-issued")).items():
        total, deposit, balance = (_francs(example[key]) for key in ("total", "deposit", "balance"))
        assert total - deposit == balance, name
    for name, example in examples_of(_event("deb-file-booked")).items():
        parts = example["booked"] + example["repeats"] + example["parked"]
        assert parts == example["rows_read"], name
    for name, example in examples_of(_event("invoice-position-changed")).items():
        owes = example["debtor_owes"]
        parts = [_francs(owes[key]) for key in ("principal", "reminder_fees", "interest", "costs")]
        assert sum(parts) == _francs(owes["total"]), name


def test_a_confirmation_says_what_its_document_says() -> None:
    documents = example_documents()
    for name, example in examples_of(_event("order-confirmed")).items():
        document = ConfirmationDocument.model_validate_json(
            documents[example["confirmation"]["sha256"]]
        )
        accepted = [line for line in document.lines if line.accepted]
        assert str(document.order_id) == example["order_id"], name
        assert len(accepted) == example["accepted_count"], name
        assert len(document.lines) - len(accepted) == example["refused_count"], name
        assert sum(Decimal(line.amount.amount) for line in accepted) == _francs(
            example["accepted_total"]
        ), name


def test_the_same_id_means_the_same_thing_in_every_example() -> None:
    owners: dict[str, str] = {}
    for model in EVENT_TYPES:
        for name, example in examples_of(model).items():
            for key in ("contract_id", "invoice_id", "order_id", "deb_file_id"):
                if example.get(key):
                    owner = owners.setdefault(example[key], example["practice_id"])
                    assert owner == example["practice_id"], f"{model.TYPE}/{name}: {key}"


def test_example_files_are_utf8_and_end_in_a_newline() -> None:
    for path in EXAMPLES.rglob("*.json"):
        assert path.read_text(encoding="utf-8").endswith("}\n"), path.name


def example_documents() -> dict[str, bytes]:
    """Return the bytes of every example document by hash, as its producer would store them."""
    stored = {}
    for model in DOCUMENT_ROOMS.values():
        for example in examples_of(model).values():
            data = model.model_validate(example).model_dump_json().encode()
            stored[hashlib.sha256(data).hexdigest()] = data
    return stored


def _event(name: str) -> type[EventPayload]:
    return next(event for event in EVENT_TYPES if name == event.TYPE)


def _francs(money: dict[str, str]) -> Decimal:
    return Decimal(money["amount"])


def _members(node: object) -> Iterator[tuple[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _members(item)
    if isinstance(node, dict):
        for name, value in node.items():
            yield name, value
            yield from _members(value)


def _given(written: Any, example: Any) -> Any:
    """Keep of `written` what the example gives; the rest are defaults."""
    if isinstance(example, dict):
        return {name: _given(written[name], value) for name, value in example.items()}
    if isinstance(example, list):
        return [_given(w, e) for w, e in zip(written, example, strict=True)]
    return written
