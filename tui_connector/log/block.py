"""Neighbours in the log, asked all at once: one look at their joined texts rules out nearly all of them.

The headers and bodies of 100,000 exchanges are millions of small objects all over the memory: to look at each header
takes half a second. Joined, and each header once, they are 20 MB, in which a word is found in 20 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from ..client.exchange import Exchange

SIZE = 64
"""Exchanges in a block."""
_KEPT_BODIES = 16_000
"""Bytes of a block's bodies that are kept a second time, joined; longer ones lie together in the memory anyway."""
_JOINED_BODIES = 1_000_000
"""Bytes that are joined for one look; longer bodies are searched one by one, with looks at the clock between."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What is kept of a block."""

    headers: str
    """Every `name: value` that one of its exchanges sent or got, without regard to case."""
    bodies: bytes | None
    """All bodies; None where they are long."""


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbours in the log, and how to get what is kept of them."""

    exchanges: Sequence[Exchange]
    texts: Callable[[], Texts]

    def uris(self) -> str:
        return "\n".join([each.uri for each in self.exchanges])

    def headers(self) -> str:
        return self.texts().headers

    def bodies(self) -> bytes | None:
        """None where they are too long to be searched in one go."""
        kept = self.texts().bodies
        return kept if kept is not None else _joined(self.exchanges, _JOINED_BODIES)


class BlockTexts:
    """The texts of each block, made once. It keeps no exchange: the ring's bounds stay the only ones."""

    def __init__(self) -> None:
        self._texts: dict[int, Texts] = {}
        self._first = 0

    def of(self, block: int, exchanges: Sequence[Exchange]) -> Texts:
        """The texts of this block, made from these exchanges where they are asked for the first time."""
        texts = self._texts.get(block)
        if texts is None:
            pairs = set(chain.from_iterable([each.headers for each in exchanges]))
            pairs.update(chain.from_iterable([each.request_headers for each in exchanges]))
            headers = "\n".join([f"{name}: {value}" for name, value in pairs]).casefold()
            texts = self._texts[block] = Texts(headers, _joined(exchanges, _KEPT_BODIES))
        return texts

    def forget(self, first: int) -> None:
        """The blocks before this one are gone."""
        for block in range(self._first, first):
            self._texts.pop(block, None)
        self._first = max(first, self._first)


def _joined(exchanges: Sequence[Exchange], most: int) -> bytes | None:
    bodies = [each.body.data for each in exchanges]
    bodies += [each.request_body.data for each in exchanges if each.request_body.data]
    return b"\n".join(bodies) if sum(map(len, bodies)) <= most else None
