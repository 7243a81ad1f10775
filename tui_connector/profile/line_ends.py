"""Line ends of a text: an editor shows and changes it with `\\n`, while each line of the file keeps its own."""

from __future__ import annotations

from .text_history import difference


def plain(text: str) -> str:
    """The text with `\\n` as line end."""
    return text.replace("\r\n", "\n") if "\r\n" in text else text


def changed(text: str, new: str) -> str:
    """`text` with the change that makes `plain(text)` to `new`; new lines end as most of them do."""
    pairs, ends = text.count("\r\n"), text.count("\n")
    if not pairs:
        return new
    if pairs == ends:
        return new.replace("\n", "\r\n")
    old = plain(text)
    start, end, new_end = difference(old, new)
    usual = "\r\n" if pairs * 2 > ends else "\n"
    inserted = new[start:new_end].replace("\n", usual)
    return text[: _offset(text, old, start)] + inserted + text[_offset(text, old, end) :]


def _offset(text: str, plain_text: str, offset: int) -> int:
    """The offset in `text` of an offset in the same text with `\\n` as line end."""
    lines = text.split("\n")[: plain_text.count("\n", 0, offset)]
    return offset + sum(line.endswith("\r") for line in lines)


def file_offset(text: str, offset: int) -> int:
    """The offset in `text` of an offset in `plain(text)`."""
    return _offset(text, plain(text), offset)


def plain_offset(text: str, offset: int) -> int:
    """The offset in `plain(text)` of an offset in `text`."""
    return offset - text.count("\r\n", 0, offset)
