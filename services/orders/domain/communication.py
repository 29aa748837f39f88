"""The message to the factor: free text that must survive every system on its way."""

from __future__ import annotations

import unicodedata

from shared.kernel.errors import DomainError

COMMUNICATION_CHARACTERS_MAX = 2000
_ALLOWED_CONTROLS = frozenset("\n\t")
# Controls, lone surrogates: they break files, logs and PostgreSQL's text.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs"})


def checked_communication(text: str) -> str:
    """Return the text with line ends as "\\n", fit to be frozen into a package.

    Raises:
        DomainError: it is longer than 2000 characters, or holds NUL or another control character.
    """
    return checked_text(
        text,
        what="The message to the factor",
        characters_max=COMMUNICATION_CHARACTERS_MAX,
        code="communication",
        field="communication",
    )


def checked_text(text: str, *, what: str, characters_max: int, code: str, field: str) -> str:
    """Return any text that leaves the house, with line ends as "\\n".

    Args:
        what: the text's name at the beginning of a sentence.
        code: the beginning of the codes that it may be refused with.

    Raises:
        DomainError: it is too long, or holds NUL or another control character.
    """
    unified = text.replace("\r\n", "\n")
    if len(unified) > characters_max:
        raise DomainError(
            f"{what} is too long: at most {characters_max} characters.",
            code=f"{code}-too-long",
            field=field,
        )
    for place, character in enumerate(unified, start=1):
        if character in _ALLOWED_CONTROLS:
            continue
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise DomainError(
                f"{what} holds an invisible character (U+{ord(character):04X})"
                f" at position {place}. Remove it and try again.",
                code=f"{code}-unusable",
                field=field,
                position=place,
            )
    return unified
