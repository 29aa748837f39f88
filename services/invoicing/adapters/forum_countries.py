"""The country of an address in the Forum format: each version says it in a place of its own."""

from __future__ import annotations

from typing import Final

from lxml import etree

from services.invoicing.domain.countries import BY_THREE_LETTERS, COUNTRIES, HOME_COUNTRY

_CALLED: Final = {
    "CH": ("schweiz", "suisse", "svizzera", "switzerland"),
    "LI": ("liechtenstein", "fürstentum liechtenstein", "fl"),
    "DE": ("deutschland", "allemagne", "germania", "germany", "d"),
    "AT": ("österreich", "oesterreich", "autriche", "austria", "a"),
    "FR": ("frankreich", "france", "francia", "f"),
    "IT": ("italien", "italie", "italia", "italy", "i"),
}
_BY_NAME: Final = {name: code for code, names in _CALLED.items() for name in names}


def country_of(postal: etree._Element) -> str | None:
    """Return the country of an address (`<postal>`), ISO 3166, two letters.

    5.0 has an element with a code and a name, 4.5 an attribute of the postal code whose default is
    Switzerland. Beside the codes, the home country and its neighbours are known by their names and
    the letters of their cars.

    Returns:
        "CH" where no country is named; None if what is named is no country.
    """
    element, zip_code = postal.find("{*}country"), postal.find("{*}zip")
    told = (
        element.get("country_code") if element is not None else None,
        element.text if element is not None else None,
        zip_code.get("countrycode") if zip_code is not None else None,
    )
    given = [words for one in told if (words := " ".join((one or "").split()))]
    if not given:
        return HOME_COUNTRY
    return next((code for one in given if (code := _code(one)) is not None), None)


def named_abroad(country: str) -> str | None:
    """Return the country as a document says it: nothing at all of the home country."""
    return None if country == HOME_COUNTRY else country


def _code(words: str) -> str | None:
    letters = words.upper()
    if letters in COUNTRIES:
        return letters
    return BY_THREE_LETTERS.get(letters) or _BY_NAME.get(words.casefold())
