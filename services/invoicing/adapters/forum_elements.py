"""Elements of the Forum Datenaustausch namespace: qualified names, unqualified attributes."""

from __future__ import annotations

from decimal import Decimal

from lxml import etree

from shared.forum.schema import NAMESPACE

__all__ = ["NAMESPACE", "add", "add_text", "decimal_text"]


def add(parent: etree._Element, name: str, /, **attributes: str | None) -> etree._Element:
    """Append an element and return it; an attribute that is None is left out."""
    given = {key: value for key, value in attributes.items() if value is not None}
    return etree.SubElement(parent, etree.QName(NAMESPACE, name), given)


def add_text(
    parent: etree._Element, name: str, text: str | None, /, **attributes: str | None
) -> None:
    """Append an element with this text; nothing at all if there is no text."""
    if text is not None:
        add(parent, name, **attributes).text = text


def decimal_text(value: Decimal) -> str:
    """Write a number plainly: no exponent, no superfluous zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
