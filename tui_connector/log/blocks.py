"""Consecutive exchanges that a filter searches together, so that it need not search most of them one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from ..client.exchange import Exchange
from ..client.printer import attempt_label
from ..units import milliseconds, size
from .shown_text import remark, row_text

BLOCK_SIZE = 64
"""Exchanges in a block."""
_CACHED_BODIES = 16_000
"""Bytes of a block's bodies up to which their joined copy is cached."""
_MAX_JOINED = 1_000_000
"""Bytes of a block's bodies up to which they are joined for a search; longer ones are searched one by one."""


@dataclass(frozen=True, slots=True)
class JoinedTexts:
    """The joined texts of a block."""

    rows: str
    """The words of rows besides the URI: method, status, attempt, purpose and why it failed, in lower case."""
    headers: str
    """Each `name: value` of its requests and responses once, in lower case."""
    bodies: bytes | None
    """All bodies; None if they are too long, or if memory has more of one than its exchange."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive exchanges that are searched together: a search of their joined texts rules out most blocks.

    The headers and bodies of 100,000 exchanges are millions of small objects, which take 0.5 s to search. Joined, with
    each header once, they are 20 MB, which take 20 ms.
    """

    exchanges: Sequence[Exchange]
    texts: Callable[[], JoinedTexts]

    def rows(self) -> str:
        return self.texts().rows

    def numbers(self) -> str:
        """The numbers in the columns of rows, besides those of the time."""
        return "\n".join(
            [f"{each.number} {milliseconds(each.timings.total)} {size(each.body.size)}" for each in self.exchanges]
        )

    def row_texts(self) -> str:
        return "\n".join(map(row_text, self.exchanges))

    def uris(self) -> str:
        return "\n".join([each.uri for each in self.exchanges])

    def headers(self) -> str:
        return self.texts().headers

    def bodies(self) -> bytes | None:
        """All bodies; None if they are too long to be joined, or not all in the exchanges."""
        kept = self.texts().bodies
        return kept if kept is not None else _joined(self.exchanges, _MAX_JOINED)


class BlockTexts:
    """Caches the texts of each block of a ring, but no exchanges, so that the ring alone bounds memory."""

    def __init__(self) -> None:
        self._texts: dict[int, JoinedTexts] = {}
        self._first = 0

    def of(self, block: int, exchanges: Sequence[Exchange]) -> JoinedTexts:
        """The texts of this block, from the cache or joined from its exchanges."""
        texts = self._texts.get(block)
        if texts is None:
            pairs = set(chain.from_iterable([each.headers for each in exchanges]))
            pairs.update(chain.from_iterable([each.request_headers for each in exchanges]))
            headers = "\n".join([f"{name}: {value}" for name, value in pairs]).casefold()
            joined = JoinedTexts(_row_words(exchanges), headers, _joined(exchanges, _CACHED_BODIES))
            texts = self._texts[block] = joined
        return texts

    def forget(self, first: int) -> None:
        """Drops the texts of the blocks before this one."""
        for block in range(self._first, first):
            self._texts.pop(block, None)
        self._first = max(first, self._first)


def _row_words(exchanges: Sequence[Exchange]) -> str:
    rows = {
        (
            *(each.method, each.status, attempt_label(each), each.purpose),
            *(each.reason, each.failure_text, remark(each), each.entity),
        )
        for each in exchanges
    }  # most of a block have the same
    return "\n".join([" ".join(map(str, row)) for row in rows]).casefold()


def _joined(exchanges: Sequence[Exchange], max_size: int) -> bytes | None:
    if any(each.body.whole is not None for each in exchanges):
        return None
    bodies = [each.body.data for each in exchanges]
    bodies += [each.request_body.data for each in exchanges if each.request_body.data]
    return b"\n".join(bodies) if sum(map(len, bodies)) <= max_size else None
