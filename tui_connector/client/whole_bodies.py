"""The whole bodies of responses that the log keeps in part only, compressed in memory, for its search and its detail.

A page of 100 KB is masked in 10 ms and compressed in 0.5 ms, the latter while other threads work. So these bodies are
not masked before somebody reads them, and never written anywhere.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable

from ..secrets.mask import Mask

LONGEST = 2_000_000
"""Bytes of a body that is kept."""
_LEVEL = 1
"""Of zlib: JSON of a store becomes a tenth of its size; level 6 saves a fifth of that for three times the time."""


class WholeBody:
    """One body. It may be read in any thread."""

    def __init__(self, data: bytes, media_type: str, mask: Mask) -> None:
        self._content: tuple[bytes, bool] | None = (data, False)
        """The bytes, and whether they are compressed; None once it was dropped."""
        self._media_type, self._mask = media_type, mask

    @property
    def is_kept(self) -> bool:
        """Whether it was not dropped for newer ones."""
        return self._content is not None

    def contains(self, found: Callable[[bytes], bool]) -> bool:
        """Whether a search finds something in it, secrets excepted."""
        data = self._read()
        return data is not None and found(data) and found(self._mask.body(data, self._media_type))

    def masked(self) -> bytes | None:
        """The body without secrets; None if it was dropped."""
        data = self._read()
        return None if data is None else self._mask.body(data, self._media_type)

    def _read(self) -> bytes | None:
        if self._content is None:
            return None
        data, is_compressed = self._content
        return zlib.decompress(data) if is_compressed else data


class WholeBodies:
    """The latest whole bodies, in `size` bytes of memory."""

    def __init__(self, size: int = 32_000_000) -> None:
        self._room = size
        self._kept: deque[WholeBody] = deque()
        self._lock = threading.Lock()

    def add(self, body: WholeBody) -> None:
        with self._lock:
            self._kept.append(body)
            self._room -= _size(body)
            while self._room < 0 and self._kept:
                self._drop_oldest()

    def compress(self, body: WholeBody) -> None:
        """Makes it smaller, which takes a moment: for a thread."""
        content = body._content
        if content is None:
            return
        compressed = zlib.compress(content[0], _LEVEL)
        with self._lock:
            if body._content is not None:
                self._room += _size(body) - len(compressed)
                body._content = (compressed, True)

    def clear(self) -> None:
        with self._lock:
            while self._kept:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        body = self._kept.popleft()
        self._room += _size(body)
        body._content = None


def _size(body: WholeBody) -> int:
    return 0 if body._content is None else len(body._content[0])
