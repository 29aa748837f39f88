"""Preparing an order, against building the same documents with lxml alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

from lxml import etree

from bench.events import receive
from bench.people import CONTRACT_ID, NOW, PRACTICE_ID, batches, contract, practice
from bench.place import Place, as_owner, in_child, peak_rss_mib
from bench.results import Result, result
from sandbox.postgres import ServiceUrls
from services.invoicing.domain.document import InvoiceDocument
from services.invoicing.domain.events import ContractHasChanged, PracticeWasRegistered
from services.invoicing.translate import to_wire
from services.orders.bootstrap import MIGRATIONS, build, build_workshop
from services.orders.handlers.prepare_order import PrepareOrder, prepare_order
from services.orders.settings import OrdersSettings
from shared.contracts.envelope import ContentRef
from shared.db.engine import Database
from shared.kernel.ids import ContractId, OrderId, PracticeId, new_id
from shared.testing import FrozenClock

_REPEATS = 3
_RSS_MIB_MAX = 300
_AT_ONCE = 100
_LISTED = """
    INSERT INTO invoice (practice_id, invoice_id, contract_id, invoice_number, debtor_number,
      issued_on, due_on, total_rappen, balance_rappen, document_key, document_sha256,
      document_size_bytes, document_media_type, unfit_codes)
    SELECT $1, listed.invoice_id, $2, listed.number, listed.debtor, $3, $4, listed.total,
      listed.total, listed.key, listed.sha256, listed.size, 'application/xml', '{}'
    FROM unnest($5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[],
                $11::bigint[]) AS listed (invoice_id, number, debtor, total, key, sha256, size)
"""
Shape = tuple[str, dict[str, str], str | None, tuple["Shape", ...]]


@dataclass(frozen=True, slots=True)
class Listed:
    """An invoice that may be ordered, its document stored."""

    content: InvoiceDocument
    document: ContentRef


def run(place: Place, *, count: int = 10_000, repeats: int = _REPEATS) -> list[Result]:
    """Prepare an order of so many invoices."""
    listed = asyncio.run(_stored(place, count))
    ours, floor, peaks = [], [], []
    for _ in range(repeats):
        floor.append(in_child(_floor, count))
        urls = place.database("orders", MIGRATIONS)
        asyncio.run(_list(place, urls, listed))
        seconds, peak = in_child(_prepare, place, urls, count)
        ours.append(seconds)
        peaks.append(peak)
    return [
        result(
            "prepare",
            f"preparing an order of {count:,} invoices: choosing, reading and checking the stored"
            " documents, packing and storing the package, lines and event in PostgreSQL; floor:"
            " lxml builds and serialises the same XML documents, without database and store",
            machine=place.machine(),
            seconds=ours,
            floor_seconds=floor,
            rss_mib=max(peaks),
            rss_mib_max=_RSS_MIB_MAX,
        )
    ]


async def _stored(place: Place, count: int) -> list[Listed]:
    store, listed = place.store(), []
    for some in batches(count, _AT_ONCE):
        puts = [
            store.put(
                practice_id=PRACTICE_ID,
                kind="invoice-document",
                data=data,
                media_type="application/xml",
            )
            for _, data in some
        ]
        refs = await asyncio.gather(*puts)
        listed += [Listed(content, ref) for (content, _), ref in zip(some, refs, strict=True)]
    return listed


async def _list(place: Place, urls: ServiceUrls, listed: list[Listed]) -> None:
    """Let the service know the practice and its invoices, as if their events had come."""
    database = Database(urls.url)
    try:
        definition = build(OrdersSettings(**place.settings(urls)), database=database)
        known = (PracticeWasRegistered(practice(), NOW), ContractHasChanged(contract()))
        await receive(definition, database, *(to_wire(event) for event in known))
    finally:
        await database.close()
    owner = await as_owner(urls)
    try:
        await owner.execute(
            _LISTED,
            PRACTICE_ID,
            CONTRACT_ID,
            listed[0].content.issued_on,
            listed[0].content.due_on,
            [one.content.invoice_id for one in listed],
            [one.content.number for one in listed],
            [one.content.debtor.debtor_number for one in listed],
            [one.content.total.rappen for one in listed],
            [one.document.key for one in listed],
            [one.document.sha256 for one in listed],
            [one.document.size_bytes for one in listed],
        )
        await owner.execute("ANALYZE invoice")
    finally:
        await owner.close()


def _prepare(place: Place, urls: ServiceUrls, count: int) -> tuple[float, int]:
    return asyncio.run(_timed_prepare(place, urls, count))


async def _timed_prepare(place: Place, urls: ServiceUrls, count: int) -> tuple[float, int]:
    database = Database(urls.url)
    clock = FrozenClock(NOW)
    settings = OrdersSettings(**place.settings(urls))
    workshop = build_workshop(settings, database=database, clock=clock)
    command = PrepareOrder(
        order_id=OrderId(new_id()),
        practice_id=PracticeId(PRACTICE_ID),
        contract_id=ContractId(CONTRACT_ID),
        invoice_ids=None,
    )
    try:
        started = perf_counter()
        async with workshop.units.begin(PRACTICE_ID) as uow:
            prepared = await prepare_order(command, uow, workshop.archive, clock)
        seconds = perf_counter() - started
    finally:
        await database.close()
    if prepared.order.invoice_count != count:
        raise RuntimeError(f"only {prepared.order.invoice_count} invoices were ordered")
    return seconds, peak_rss_mib()


def _floor(count: int) -> float:
    seconds = 0.0
    for some in batches(count, _AT_ONCE):
        shapes = [_shape(etree.fromstring(data)) for _, data in some]
        started = perf_counter()
        built = [_written(shape) for shape in shapes]
        seconds += perf_counter() - started
        if built != [data for _, data in some]:
            raise RuntimeError("the floor does not build the same documents")
    return seconds


def _shape(element: etree._Element) -> Shape:
    """What an element consists of, in plain Python."""
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    return str(element.tag), attributes, element.text, tuple(_shapes(element))


def _shapes(element: etree._Element) -> Iterator[Shape]:
    return (_shape(child) for child in element)


def _written(shape: Shape) -> bytes:
    tag, attributes, _, children = shape
    namespace = etree.QName(tag).namespace or ""
    root = etree.Element(tag, attributes, nsmap={"invoice": namespace})
    _add(root, children)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _add(parent: etree._Element, children: tuple[Shape, ...]) -> None:
    for tag, attributes, text, below in children:
        element = etree.SubElement(parent, tag, attributes)
        element.text = text
        _add(element, below)
