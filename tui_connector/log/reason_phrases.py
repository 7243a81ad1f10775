"""The reason phrases of HTTP, as people type them behind a status or without it: `404 not found`, `not found`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

_OTHERS: dict[int, tuple[str, ...]] = {
    302: ("Moved Temporarily",),
    408: ("Request Time-out",),
    413: ("Content Too Large", "Payload Too Large", "Request Entity Too Large"),
    414: ("URI Too Long", "Request-URI Too Long", "Request-URI Too Large"),
    416: ("Range Not Satisfiable", "Requested Range Not Satisfiable"),
    422: ("Unprocessable Content", "Unprocessable Entity"),
    503: ("Service Temporarily Unavailable",),
    504: ("Gateway Time-out",),
}
"""Those that RFC 9110, its predecessors and web servers have besides those of the standard library."""
_PHRASES = {each.value: (each.phrase, *_OTHERS.get(each.value, ())) for each in HTTPStatus}
_WORD_END = r"(?![^\s&|()])"


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    each = (r"\s+".join(map(re.escape, phrase.split())) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"\s*({'|'.join(each)}){_WORD_END}", re.IGNORECASE)


_OF_STATUS = {status: _pattern(phrases) for status, phrases in _PHRASES.items()}
WITH_NOT = _pattern(phrase for each in _PHRASES.values() for phrase in each if " not " in f" {phrase} ".lower())
"""A reason phrase that has the word "not"; its group is the phrase."""


def end_of_phrase(status: int, text: str, start: int) -> int:
    """Where the phrase of this status ends that a text has from `start` on; `start` where it has none."""
    found = _OF_STATUS[status].match(text, start) if status in _OF_STATUS else None
    return found.end() if found is not None else start
