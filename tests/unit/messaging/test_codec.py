"""CloudEvents in Kafka's binary mode: there and back, and what is refused without quoting it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.debident.v1 import OrderSent
from shared.contracts.envelope import EventPayload
from shared.contracts.registry import EVENT_TYPES, dataschema
from shared.kernel.errors import ContractError
from shared.messaging import codec
from shared.messaging.events import OutgoingEvent, RawRecord
from shared.messaging.inbox import headers_from_json, headers_to_json
from shared.messaging.outbox import subject_of
from tests.integration.messaging.helpers import NOW, a_record, an_order_sent, an_outgoing

_EXAMPLES = Path(codec.__file__).parent.parent / "contracts" / "examples"
_CANARY = "Muster-Patient-7f3a"


def _examples() -> list[tuple[type[EventPayload], Path]]:
    return [
        (contract, path)
        for contract in EVENT_TYPES
        for path in sorted((_EXAMPLES / contract.TYPE / f"v{contract.VERSION}").glob("*.json"))
    ]


def _record_of(contract: type[EventPayload], body: bytes) -> RawRecord:
    payload = contract.model_validate_json(body)
    outgoing = OutgoingEvent(
        position=1,
        event_id=uuid4(),
        practice_id=payload.practice_id,
        topic=contract.TOPIC,
        subject=subject_of(payload),
        sequence=7,
        type=contract.TYPE,
        version=contract.VERSION,
        body=body,
        correlation_id="correlation",
        causation_id="cause",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        occurred_at=NOW,
    )
    encoded = codec.encode(outgoing)
    return RawRecord(contract.TOPIC, 0, 0, encoded.key, encoded.value, dict(encoded.headers))


def test_every_contract_has_an_example_for_these_tests() -> None:
    assert {contract for contract, _ in _examples()} == set(EVENT_TYPES)


@pytest.mark.parametrize(
    ("contract", "path"), _examples(), ids=lambda value: getattr(value, "stem", value)
)
def test_every_example_comes_back_as_it_went_out(contract: type[EventPayload], path: Path) -> None:
    stored = json.loads(path.read_bytes())
    body = json.dumps(stored.get("data", stored)).encode()
    record = _record_of(contract, body)
    event = codec.decode(record)
    assert record.value == body
    assert event.payload == contract.model_validate_json(body)
    assert (event.source, event.sequence) == (contract.PRODUCER, 7)
    assert event.occurred_at == NOW
    assert (event.correlation_id, event.causation_id) == ("correlation", "cause")
    assert event.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_headers_are_those_of_the_binding() -> None:
    payload = an_order_sent()
    encoded = codec.encode(an_outgoing(payload, 3))
    headers = dict(encoded.headers)
    assert encoded.key == str(payload.order_id).encode()
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"order-sent"
    assert headers["ce_source"] == b"debident-gateway"
    assert headers["ce_subject"] == str(payload.order_id).encode()
    assert headers["ce_dataschema"] == b"/schemas/order-sent/v1"
    assert headers["ce_time"] == b"2026-03-02T08:00:00Z"
    assert headers["ce_practiceid"] == str(payload.practice_id).encode()
    assert headers["ce_sequence"] == b"3"
    assert headers["ce_correlationid"] == b"correlation-1"
    assert headers["content-type"] == b"application/json"
    assert "ce_causationid" not in headers
    assert "ce_traceparent" not in headers


def test_an_unknown_type_cannot_leave() -> None:
    outgoing = an_outgoing(an_order_sent())
    unknown = OutgoingEvent(
        **{name: getattr(outgoing, name) for name in OutgoingEvent.__slots__} | {"version": 9}
    )
    with pytest.raises(ContractError, match=r"^type: "):
        codec.encode(unknown)


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        ({"ce_id": None}, "id: missing"),
        ({"ce_id": b"7"}, "id: not a UUID"),
        ({"ce_source": None}, "source: missing"),
        ({"ce_source": b"orders"}, "source: is not the producer"),
        ({"ce_type": None}, "type: missing"),
        ({"ce_type": b"order-refused"}, "dataschema: names another type"),
        ({"ce_dataschema": None}, "dataschema: missing"),
        ({"ce_dataschema": b"/schemas/order-sent/v9"}, "type: no contract"),
        ({"ce_dataschema": b"/schemas/order-sent/v01"}, "dataschema: missing or not"),
        ({"ce_time": None}, "time: missing"),
        ({"ce_time": b"yesterday"}, "time: not a timestamp"),
        ({"ce_time": b"2026-03-02T08:00:00"}, "time: "),
        ({"ce_specversion": b"0.3"}, "specversion: "),
        ({"ce_specversion": None}, "specversion: missing"),
        ({"ce_subject": None}, "subject: missing"),
        ({"ce_subject": b"\xff"}, "headers: not UTF-8"),
        ({"ce_subject": str(uuid4()).encode()}, "subject: header and body disagree"),
        ({"ce_practiceid": str(uuid4()).encode()}, "practiceid: header and body disagree"),
        ({"ce_sequence": b"0"}, "sequence: "),
        ({"ce_sequence": b"9223372036854775808"}, "sequence: "),
        ({"ce_correlationid": None}, "correlationid: missing"),
        ({"content-type": b"application/xml"}, "datacontenttype: "),
    ],
)
def test_a_wrong_header_is_named(headers: dict[str, bytes | None], names: str) -> None:
    with pytest.raises(ContractError) as refusal:
        codec.decode(a_record(headers=headers))
    assert str(refusal.value).startswith(names)


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        ({"ce_id": b"7"}, "id: "),
        ({"ce_source": b"orders"}, "source: is not the producer"),
        ({"ce_type": b"of-no-interest"}, "dataschema: names another type"),
        ({"ce_dataschema": b"/schemas/order-sent/v01"}, "dataschema: missing or not"),
        ({"ce_time": b"yesterday"}, "time: "),
        ({"ce_subject": b"7"}, "subject: not a UUID"),
        ({"ce_practiceid": b"7"}, "practiceid: "),
        ({"ce_sequence": b"0"}, "sequence: "),
        ({"ce_correlationid": None}, "correlationid: missing"),
    ],
)
def test_an_event_that_is_passed_over_still_needs_a_sound_envelope(
    headers: dict[str, bytes | None], names: str
) -> None:
    with pytest.raises(ContractError) as refusal:
        codec.check_envelope(a_record(headers=headers))
    assert str(refusal.value).startswith(names)


def test_a_body_that_is_not_looked_at_and_a_type_of_tomorrow_are_passed_over() -> None:
    codec.check_envelope(a_record(value=b"{}"))
    for version in (b"of-tomorrow/v1", b"order-sent/v2"):
        name = version.partition(b"/")[0]
        codec.check_envelope(
            a_record(headers={"ce_type": name, "ce_dataschema": b"/schemas/" + version})
        )


@pytest.mark.parametrize("read", [codec.decode, codec.check_envelope])
def test_a_type_on_a_topic_that_is_not_its_own_is_refused(
    read: Callable[[RawRecord], object],
) -> None:
    with pytest.raises(ContractError, match=r"^type: belongs to another topic"):
        read(a_record(topic="invoice-events"))
    read(a_record(topic="a-topic-of-a-test"))


def test_a_key_that_is_not_the_subject_is_refused() -> None:
    good = a_record()
    other = RawRecord(good.topic, 0, 0, b"other", good.value, good.headers)
    with pytest.raises(ContractError, match=r"^key: "):
        codec.decode(other)


def test_a_tombstone_is_refused() -> None:
    good = a_record()
    with pytest.raises(ContractError, match=r"^body: missing"):
        codec.decode(RawRecord(good.topic, 0, 0, good.key, None, good.headers))


def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(ContractError, match=r"^body: larger"):
        codec.decode(a_record(value=b" " * (codec.BODY_BYTES_MAX + 1)))


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": _CANARY},
        {"portal_reference": [_CANARY]},
        {"sent_at": _CANARY},
        {"practice_id": _CANARY},
    ],
)
def test_a_refusal_names_the_field_and_never_the_value(change: dict[str, Any]) -> None:
    body = json.loads(an_order_sent().model_dump_json()) | change
    with pytest.raises(ContractError) as refusal:
        codec.decode(a_record(value=json.dumps(body).encode()))
    assert str(refusal.value).startswith(next(iter(change)))
    assert _CANARY not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_body_that_is_not_json_is_refused_without_quoting_it() -> None:
    with pytest.raises(ContractError) as refusal:
        codec.decode(a_record(value=f"<x>{_CANARY}".encode()))
    assert "json" in str(refusal.value)
    assert _CANARY not in str(refusal.value)


_HEADER_NAMES = st.one_of(
    st.sampled_from(
        [
            "ce_id",
            "ce_source",
            "ce_subject",
            "ce_sequence",
            "ce_type",
            "ce_practiceid",
            "ce_time",
            "ce_specversion",
            "ce_dataschema",
            "ce_correlationid",
            "content-type",
            "ce_",
            "ce_data",
        ]
    ),
    st.text(max_size=20),
)
_HEADER_VALUES = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b"1", b"order-sent", b"1.0", b"/schemas/order-sent/v1", b"\x00", b"99999"]),
    st.uuids().map(lambda value: str(value).encode()),
)


@given(st.dictionaries(_HEADER_NAMES, _HEADER_VALUES, max_size=12))
def test_reading_an_envelope_never_raises(headers: dict[str, bytes]) -> None:
    envelope = codec.read_envelope(headers)
    for text in (envelope.source, envelope.subject, envelope.type):
        assert "\x00" not in text
        assert len(text) <= 200
    if "id" not in envelope.unreadable:
        assert envelope.event_id is not None
    assert envelope.sequence is None or 1 <= envelope.sequence < 2**63


@given(
    st.dictionaries(_HEADER_NAMES, _HEADER_VALUES, max_size=12),
    st.one_of(st.none(), st.binary(max_size=500)),
    st.one_of(st.none(), st.binary(max_size=50)),
)
def test_decoding_garbage_raises_only_a_contract_error(
    headers: dict[str, bytes], value: bytes | None, key: bytes | None
) -> None:
    with pytest.raises(ContractError):
        codec.decode(RawRecord("order-events", 0, 0, key, value, headers))


@given(
    st.dictionaries(
        st.sampled_from([*dict(codec.encode(an_outgoing(an_order_sent())).headers)]),
        _HEADER_VALUES,
        min_size=1,
        max_size=3,
    )
)
def test_decoding_with_some_headers_spoilt_raises_at_most_a_contract_error(
    spoilt: dict[str, bytes],
) -> None:
    try:
        event = codec.decode(a_record(headers=dict(spoilt)))
    except ContractError:
        return
    assert isinstance(event.payload, OrderSent)


@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=50), max_size=8))
def test_stored_headers_keep_their_bytes(headers: dict[str, bytes]) -> None:
    text = headers_to_json(headers)
    assert "\\u0000" not in text
    kept = headers_from_json(json.loads(text))
    storable = {name: value for name, value in headers.items() if "\x00" not in name}
    assert {name: kept[name] for name in storable} == storable


def test_a_schema_is_named_like_its_type() -> None:
    for contract in EVENT_TYPES:
        assert dataschema(contract) == f"/schemas/{contract.TYPE}/v{contract.VERSION}"
