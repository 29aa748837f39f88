"""Opens a generalInvoiceRequest from outside without trusting it.

Entities, document types, network and odd encodings are refused before the parser sees them; size
and depth are bounded. What is well-formed is held against the official schema of its version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from shared.forum.schema import NAMESPACE, invoice_schema
from shared.kernel.limits import DOCUMENT_BYTES_MAX

FILE_BYTES_MAX: Final = DOCUMENT_BYTES_MAX
FAULTS_MAX: Final = 20
_ENCODINGS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
_DECLARED = re.compile(
    rb"(?:\xef\xbb\xbf)?<\?xml[^>]{1,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})"
)
_ACTIVE = re.compile(rb"<!(?:DOCTYPE|ENTITY)")


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a file cannot be opened.

    Attributes:
        code: stable kebab-case reason.
        reason: in plain words.
        field: where in the document the schema stumbled.
        line, column: in the file, counted from 1, as far as they are known.
    """

    code: str
    reason: str
    field: str | None = None
    line: int | None = None
    column: int | None = None


class NotOpenedError(Exception):
    """A file cannot be opened; the faults say why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0].reason)
        self.faults = faults


def open_request(data: bytes) -> tuple[str, etree._Element]:
    """Return the version and the root of a file that fits the official schema.

    Raises:
        NotOpenedError: it is too large, no XML, hostile, or does not fit; says line and column.
    """
    if len(data) > FILE_BYTES_MAX:
        raise too_large()
    _check_encoding(data)
    if _ACTIVE.search(data):
        raise NotOpenedError(
            Fault("document-type", "The file declares a document type or entities.")
        )
    root = _parsed(data)
    if root.tag != f"{{{NAMESPACE}}}request":
        raise NotOpenedError(
            Fault("not-a-request", "The file is no generalInvoiceRequest.", line=line_of(root))
        )
    version = _version(root)
    schema = invoice_schema(version)
    if not schema.validate(root):
        raise NotOpenedError(*_schema_faults(schema, version))
    return version, root


def line_of(element: etree._Element) -> int | None:
    """Return the line of the file on which an element begins."""
    line: object = element.sourceline
    return line if isinstance(line, int) else None


def too_large() -> NotOpenedError:
    """Return the refusal of a file beyond the limit."""
    megabytes = FILE_BYTES_MAX // 1024 // 1024
    return NotOpenedError(Fault("file-too-large", f"The file is larger than {megabytes} MB."))


def _check_encoding(data: bytes) -> None:
    declared = _DECLARED.match(data)
    encoding = declared[1].decode().lower() if declared else "utf-8"
    if encoding not in _ENCODINGS or b"\x00" in data[:64] or data[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        raise NotOpenedError(
            Fault("encoding", "Only UTF-8, ISO 8859-1, ISO 8859-15 and Windows-1252 are read.")
        )
    if encoding != "utf-8":
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise NotOpenedError(
            Fault("encoding", "The file is not UTF-8, though it says so.", None, line, column)
        ) from None


def _parsed(data: bytes) -> etree._Element:
    # Blanks, comments and instructions go, so that two layouts of one content are the same.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        code = "too-deep" if "depth" in error.msg.lower() else "not-well-formed"
        raise NotOpenedError(
            Fault(code, error.msg, None, error.lineno or None, max(error.offset or 0, 0) or None)
        ) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype:
        raise NotOpenedError(Fault("document-type", "The file declares a document type."))
    return root


def _version(root: etree._Element) -> str:
    payload = root.find(f"{{{NAMESPACE}}}payload")
    newer = root.get("guid") or (payload is not None and payload.get("request_type"))
    return "5.0" if newer else "4.5"


def _schema_faults(schema: etree.XMLSchema, version: str) -> list[Fault]:
    found: Any = schema.error_log
    return [
        Fault(
            "schema",
            f"Not a generalInvoiceRequest {version}: "
            + fault.message.replace(f"{{{NAMESPACE}}}", ""),
            (fault.path or "").replace("invoice:", "") or None,
            fault.line or None,
            fault.column or None,
        )
        for fault in list(found)[:FAULTS_MAX]
    ]
