"""How a word that somebody types is looked for, by an index, whatever its case and accents."""

from __future__ import annotations

SEARCH_WORDS_MAX = 5
STARTS = "{column} >= search_form(:{word}) AND {column} < search_form(:{word}) || chr(1114111)"
"""The condition that a column in search form begins with the word of a parameter."""
