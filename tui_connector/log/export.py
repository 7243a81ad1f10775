"""Exports exchanges as a HAR or a recording, each with the whole body of its response where that is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..client.exchange import Exchange
from ..text import count
from . import har
from .records import line


class Export:
    """Exchanges as the content of a file. Of a log in memory, one exchange at a time has its whole body."""

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self._exchanges = exchanges
        self._incomplete = 0

    def pieces(self, *, as_har: bool) -> Iterable[bytes]:
        """The pieces of a HAR, or of a recording."""
        self._incomplete = 0
        return har.export(self._whole()) if as_har else map(line, self._whole())

    def _whole(self) -> Iterator[Exchange]:
        for each in self._exchanges:
            exchange = each.with_whole_body()
            self._incomplete += exchange.is_partial
            yield exchange

    @property
    def note(self) -> str:
        """How many of those that were written have a body that is missing or not complete; "" if none has."""
        if not self._incomplete:
            return ""
        return f"{count(self._incomplete, 'request has', 'requests have')} a body that was not kept, or only in part."
