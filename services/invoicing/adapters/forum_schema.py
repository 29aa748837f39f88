"""The official schemas of the two versions of the Forum Datenaustausch format in use."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from lxml import etree

_FILES: Final = {
    "4.5": "generalInvoiceRequest_450.xsd",
    "5.0": "generalInvoiceRequest_500.xsd",
}
_SCHEMAS = Path(__file__).parent / "forum_schemas"


@lru_cache(maxsize=len(_FILES))
def invoice_schema(version: str = "5.0") -> etree.XMLSchema:
    """Return the official schema of a version, loaded once, without network and entities."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.XMLSchema(etree.parse(_SCHEMAS / _FILES[version], parser))
