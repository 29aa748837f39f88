"""The official schemas of the two versions of the Forum Datenaustausch format in use."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from lxml import etree

NAMESPACE: Final = "http://www.forum-datenaustausch.ch/invoice"
_FILES: Final = {
    "4.5": "generalInvoiceRequest_450.xsd",
    "5.0": "generalInvoiceRequest_500.xsd",
}
_SCHEMAS = Path(__file__).parent / "schemas"
# A schema keeps the faults of its last document, so two threads must not share one.
_LOADED = threading.local()


def invoice_schema(version: str = "5.0") -> etree.XMLSchema:
    """Return the official schema of a version, without network and entities.

    It is loaded once per thread, and must not be handed to another one.
    """
    loaded: dict[str, etree.XMLSchema] = _LOADED.__dict__
    if version not in loaded:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        loaded[version] = etree.XMLSchema(etree.parse(_SCHEMAS / _FILES[version], parser))
    return loaded[version]
