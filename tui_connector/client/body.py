"""A body as it comes in: inflated within bounds, whatever it would inflate to."""

from __future__ import annotations

import zlib

_GZIP = 31
_STEP = 1_000_000


class TooLarge(Exception):
    """The body is larger than it may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is larger than {limit / 1e6:.0f} MB")


class Unreadable(Exception):
    """The body's encoding cannot be undone."""


class Inflater:
    """Collects a body; `body` never holds more than `limit` bytes.

    httpx 0.28's own decoder takes 633 MB for an answer of 658 bytes, so it gets the raw bytes here.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self.body = bytearray()
        self.wire_size = 0
        self._limit = limit
        names = [name.strip().lower() for name in encoding.split(",")]
        self._encodings = [name for name in names if name not in ("", "identity")]
        self._gzip = zlib.decompressobj(_GZIP) if self._encodings in (["gzip"], ["x-gzip"]) else None

    def feed(self, chunk: bytes) -> None:
        """Raises `TooLarge` and `Unreadable`."""
        self.wire_size += len(chunk)
        if self._gzip is None:
            if self._encodings:
                raise Unreadable(f"the answer is encoded as {', '.join(self._encodings)}, and only gzip was asked for")
            self._add(chunk)
            return
        data = chunk
        while data:
            try:
                self._add(self._gzip.decompress(data, _STEP))
            except zlib.error as error:
                raise Unreadable(f"the answer says it is gzip, and is not: {error}") from error
            data = self._gzip.unconsumed_tail
            if self._gzip.eof:
                break  # what follows the end of a gzip stream is not ours to read

    def end(self) -> None:
        """Raises `Unreadable` where the compressed body stops in the middle."""
        if self._gzip is not None and self.wire_size and not self._gzip.eof:
            raise Unreadable("the answer is gzip that stops in the middle")

    def _add(self, data: bytes) -> None:
        room = self._limit - len(self.body)
        self.body += data[:room]
        if len(data) > room:
            raise TooLarge(self._limit)
