"""A search of the log: a text in rows, headers and bodies, or what it compares."""

from __future__ import annotations

import re

from ..client.exchange import Exchange
from .expressions import Expression, Filter, Or, Term, Words
from .filter import BadFilter, parse
from .operators import ANYTHING, OPERATORS, is_method_or_status
from .shown_text import row_text

_ORDERED = re.compile(r"\s*[\w.\[\]-]+\s*(?:[<>]=?|[≥≤])\s*[\w\"'-]")
"""A comparison by greater or less."""


def comparison_in(text: str) -> Expression | None:
    """What a text such as "status >= 400" or "entity_id > 500" compares; None where it is no comparison of an order."""
    if _ORDERED.match(text) is None:
        return None
    try:
        return parse(text).expression
    except BadFilter:  # a part of a page or of a program, such as "a > (b"
        return None


def search_for(text: str) -> Filter:
    """Finds a text in rows, headers and bodies, also what it compares, such as "status >= 400".

    Several words are also found in any places of an exchange. A text with an operator is a filter. Raises `BadFilter`.
    """
    if "~" in text:
        return parse(text)
    if not text:
        return Filter()
    if (compared := comparison_in(text)) is not None:  # its words would also find `entity_id ≤ 500`
        return Filter(Or((Term(ANYTHING, text), compared)))
    return Filter(Words(text) if len(text.split()) > 1 else Term(ANYTHING, text))


def text_found(text: str, exchange: Exchange) -> str:
    """What of an exchange a search for this text has found, as its details show it; "" where that is not a text.

    Of words in several places, the longest of those that its row does not show.
    """
    if "~" in text:
        return ""
    compared = comparison_in(text)
    if compared is not None and compared.compile()[1](exchange):
        return next(iter(Filter(compared).found_in(exchange)), "")
    words = Words(text)
    if len(words.words) < 2 or OPERATORS[ANYTHING].compile(text)(exchange) or not Filter(words).matches(exchange):
        return text
    shown = f"{row_text(exchange)}\n{exchange.uri}".casefold()
    found = [each for each in words.words if not is_method_or_status(each)]
    return max(found, key=lambda word: (word.casefold() not in shown, len(word)), default=text)
