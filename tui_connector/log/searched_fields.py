"""The names that conditions of a filter can compare: what the requests of a log search by, and their parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote_plus

from ..client.exchange import Ring

_FIELD = re.compile(r"(?:\[|%5B)field(?:\]|%5D)=([^&#\s]+)", re.IGNORECASE)
_PARAMETER = re.compile(r"[?&](?:[^=&#\s]*(?:\[|%5B))?([^=&#%\[\]\s]+)(?:\]|%5D)?=", re.IGNORECASE)
"""A parameter, or its last key: `page` and `fields`, `searchCriteria[currentPage]`."""
_SLICE = 1_000
"""Requests whose addresses are read at a time."""


def names_in(uris: Iterable[str]) -> set[str]:
    """The fields of search criteria and the parameters in these addresses."""
    joined = "\n".join(uris)
    names = {unquote_plus(each) for each in _FIELD.findall(joined)} | {*_PARAMETER.findall(joined)}
    return names | {"page"} if "currentPage" in names else names


class SearchedFields:
    """The names in the requests of a ring; each request is read once."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._names: set[str] = set()
        self._next = 0
        """The position of the first exchange that was not read."""

    def names(self) -> Collection[str]:
        """Those of all requests so far, also of those that the ring has dropped since."""
        start = max(self._next, self._ring.first)
        for position in range(start, self._ring.end, _SLICE):
            self._names |= names_in(each.uri for each in self._ring.between(position, position + _SLICE))
        self._next = self._ring.end
        return self._names
