"""What is committed says what the models say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from shared.contracts.envelope import EventPayload
from shared.contracts.generate.__main__ import main
from shared.contracts.generate.examples import EXAMPLES
from shared.contracts.generate.files import REPOSITORY, differences, generated_files, write
from shared.contracts.generate.listeners import LISTENERS
from shared.contracts.generate.schemas import WIRE_TYPES, WireType, schema_of, wire_name
from shared.contracts.registry import EVENT_TYPES


def test_committed_files_are_what_the_models_generate() -> None:
    assert differences(REPOSITORY) == []


def test_generating_twice_gives_the_same_bytes() -> None:
    assert generated_files() == generated_files()


def test_check_names_each_stale_missing_and_orphaned_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    schemas = tmp_path / "shared/contracts/schemas"
    (schemas / "order-sent.v1.json").write_text("{}\n")
    (schemas / "order-confirmed.v1.json").unlink()
    (schemas / "order-forgotten.v1.json").write_text("{}\n")

    assert main(["--check"], root=tmp_path) == 1

    report = capsys.readouterr().out
    assert "order-sent.v1.json: stale" in report
    assert "order-confirmed.v1.json: missing" in report
    assert "order-forgotten.v1.json: no model has this schema" in report
    assert "3 stale" in report


def test_writing_mends_what_check_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    schemas = tmp_path / "shared/contracts/schemas"
    (schemas / "order-forgotten.v1.json").write_text("{}\n")
    (tmp_path / "docs/events.md").write_text("old\n")

    assert main([], root=tmp_path) == 0

    assert "written: docs/events.md" in capsys.readouterr().out
    assert not (schemas / "order-forgotten.v1.json").exists()
    assert main(["--check"], root=tmp_path) == 0


@pytest.mark.parametrize("model", WIRE_TYPES, ids=wire_name)
def test_every_schema_is_valid_json_schema(model: WireType) -> None:
    Draft202012Validator.check_schema(schema_of(model))


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads((REPOSITORY / "shared/contracts/asyncapi.json").read_text())
    references = list(_references(document))
    assert len(references) > len(EVENT_TYPES)
    for reference in references:
        if reference.startswith("./"):
            assert (REPOSITORY / "shared/contracts" / reference).is_file(), reference
            continue
        node = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in node, reference
            node = node[step]


def test_the_asyncapi_document_sends_every_event_exactly_once() -> None:
    document = json.loads((REPOSITORY / "shared/contracts/asyncapi.json").read_text())
    sent = sorted(
        message["$ref"].rsplit("/", 1)[-1]
        for operation in document["operations"].values()
        if operation["action"] == "send"
        for message in operation["messages"]
    )
    assert sent == sorted(event.TYPE for event in EVENT_TYPES)


def test_the_listener_table_names_every_event_and_only_events() -> None:
    assert sorted(LISTENERS) == sorted(event.TYPE for event in EVENT_TYPES)


def test_no_example_folder_is_left_without_a_type() -> None:
    folders = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("*/*")}
    assert folders == {f"{wire_name(model)}/v{model.VERSION}" for model in WIRE_TYPES}


@pytest.mark.parametrize("event", EVENT_TYPES, ids=wire_name)
def test_every_event_has_a_section_in_the_events_page(event: type[EventPayload]) -> None:
    page = (REPOSITORY / "docs/events.md").read_text(encoding="utf-8")
    assert f"#### `{event.TYPE}`, version {event.VERSION}" in page


def _references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in _references(item)]
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    return []
