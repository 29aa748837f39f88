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
    unified = text.replace("\r\n", "\n")
    if len(unified) > COMMUNICATION_CHARACTERS_MAX:
        raise DomainError(
            f"The message to the factor is too long: at most {COMMUNICATION_CHARACTERS_MAX}"
            " characters.",
            code="communication-too-long",
            field="communication",
        )
    for place, character in enumerate(unified, start=1):
        if character in _ALLOWED_CONTROLS:
            continue
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise DomainError(
                f"The message to the factor holds an invisible character (U+{ord(character):04X})"
                f" at position {place}. Remove it and try again.",
                code="communication-unusable",
                field="communication",
                position=place,
            )
    return unified
