"""Collects a response's body and decompresses it up to a limit."""

from __future__ import annotations

from collections.abc import Iterator

from zlib_ng import zlib_ng

_GZIP = 31
_MAGIC = b"\x1f\x8b"
_STEP = 1_000_000
_NO_CODING = ("", "identity", "none", "utf-8")
"""Content codings without compression; the last two are not registered, but sent by servers."""
_BEFORE_JSON = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"
"""White space, byte order marks and the zeros of UTF-16 and UTF-32, which the standard library decodes, too."""


class BodyTooLarge(Exception):
    """The body is larger than a limit."""


class BodyUnreadable(Exception):
    """The body cannot be decompressed."""


class Inflater:
    """Collects a body of at most `limit` bytes and `max_values` JSON values, fed with the raw bytes of httpx.

    httpx 0.28's own decoder takes 633 MB for a response of 658 bytes. Values are limited, too, as each takes about 100
    bytes once it is decoded: 60 KB of gzip may be 20 million objects without fields.
    """

    def __init__(self, encoding: str, limit: int, max_values: int) -> None:
        self.wire_size = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._after_member = b""
        self._limit, self._max_values = limit, max_values
        self._values, self._counted_parts = 0, 0
        self._is_json: bool | None = None
        """None before the first character."""
        self._encoding = encoding
        """As sent by the store; secrets in it are masked where it is shown."""
        names = [name.strip().lower() for name in encoding.split(",")]
        self._encodings = [name for name in names if name not in _NO_CODING]
        self._gzip = zlib_ng.decompressobj(_GZIP) if self._encodings in (["gzip"], ["x-gzip"]) else None

    @property
    def body(self) -> bytes:
        """The bytes collected so far."""
        self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def feed(self, chunk: bytes) -> Iterator[None]:
        """Adds a chunk in steps of a megabyte: 65 KB may decompress to 64 MB, which takes half a second.

        Raises `BodyTooLarge` and `BodyUnreadable`.
        """
        self.wire_size += len(chunk)
        if self._gzip is None:
            if self._encodings:
                raise BodyUnreadable(f"the response is encoded as {self._encoding}, but only gzip was requested")
            self._add(chunk)
            yield
            return
        data = chunk
        while data:
            if self._gzip.eof:
                data = self._next_member(data)
                if not data:
                    return
                self._gzip = zlib_ng.decompressobj(_GZIP)
            try:
                self._add(self._gzip.decompress(data, _STEP))
            except zlib_ng.error as error:  # type: ignore[misc]  # the stubs declare it as an instance
                raise BodyUnreadable(f"the response is declared as gzip but is not: {error}") from error
            yield
            data = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail

    def _next_member(self, data: bytes) -> bytes:
        """The data after the end of a member if it is another member; empty for padding and anything else.

        A gzip stream is one or more members, one directly after the other (RFC 1952, section 2.2).
        """
        data = (self._after_member + data).lstrip(b"\0")
        self._after_member = data[: len(_MAGIC)]  # kept: a chunk may end between the two bytes
        if len(data) < len(_MAGIC) or not data.startswith(_MAGIC):
            return b""
        self._after_member = b""
        return data

    def end(self) -> None:
        """Raises `BodyUnreadable` if the compressed body is truncated."""
        if self._gzip is not None and self.wire_size and not self._gzip.eof:
            raise BodyUnreadable("the gzip data of the response is truncated")

    def _add(self, data: bytes) -> None:
        room = self._limit - self._size
        self._parts.append(data[:room])
        self._size += len(self._parts[-1])
        if len(data) > room:
            raise BodyTooLarge(f"the response is larger than {self._limit / 1e6:.0f} MB")
        if self._size > self._max_values:  # a smaller body cannot have as many
            self._count_values()

    def _count_values(self) -> None:
        """Raises `BodyTooLarge` for JSON with too many values.

        Each value follows a comma or an opening bracket. Those in strings are counted, too: the limit is far above
        what ordinary data of the largest size has.
        """
        for part in self._parts[self._counted_parts :]:
            if self._is_json is None and (begun := part.lstrip(_BEFORE_JSON)):
                self._is_json = begun.startswith((b"{", b"["))
            if self._is_json:
                self._values += sum(map(part.count, (b",", b"[", b"{")))
        self._counted_parts = len(self._parts)
        if self._values > self._max_values:
            raise BodyTooLarge(f"the response has more than {self._max_values:,} JSON values")
