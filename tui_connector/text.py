"""Makes text safe to show: nothing in it can move the cursor, talk to the terminal, reorder a line or be a secret."""

from __future__ import annotations

import html
import json
import re
import unicodedata
import weakref
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from typing import NewType, Protocol

Shown = NewType("Shown", str)
"""Text that passed through `shown` or `shown_line`."""

# C0 but newline and tab, DEL, C1, soft hyphen, invisible and bidirectional controls (UAX #9), line and paragraph
# separators, variation selectors, fillers, interlinear annotations, surrogates, tags.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


HTTP_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A method, the name of a header or of a cookie (RFC 9110 §5.6.2, RFC 6265 §4.1.1)."""
_AHEAD = 10_000
"""Characters behind a cut that may belong to a secret before it."""
_PLAIN = bytes((0x09, 0x0A, *range(0x20, 0x7F)))
"""What needs no second look; most of what a store answers is nothing else, and is known to be so ten times faster."""
_MARKS_KEPT = 4
"""Combining marks on one letter; no language stacks more, and terminals stop drawing right with thousands."""


class KnowsSecrets(Protocol):
    """Knows values that must not be shown."""

    def without_known(self, text: str) -> str: ...


_in_use: tuple[weakref.ref[KnowsSecrets], ...] = ()
"""Replaced as a whole, never changed: other threads may go through it."""


def hide_everywhere(knows: KnowsSecrets) -> None:
    """From now on, and as long as it is in use, what it knows is hidden in every text that is shown or written."""
    global _in_use
    if not any(each() is knows for each in _in_use):
        _in_use = (*(each for each in _in_use if each() is not None), weakref.ref(knows))


def without_secrets(text: str) -> str:
    """`text` without the secrets that this process has read or received.

    `shown`, `shown_line` and `json_text` do this, so nothing that is printed or drawn can hold one. Call it before a
    text is cut, and before one is written to a file.
    """
    for each in _in_use:
        if (knows := each()) is not None:
            text = knows.without_known(text)
    return text


def beginning(text: str, width: int) -> str:
    """At most `width` characters of what a store said, without half of a secret at the cut."""
    return text if len(text) <= width else without_secrets(text[: width + _AHEAD])[:width]


_TITLE = re.compile(r"<title[^>]{0,300}>([^<]{0,1000})", re.IGNORECASE)


def page_title(page: str) -> str | None:
    """What an HTML page calls itself, in at most 120 characters; None where it has no title."""
    title = _TITLE.search(without_secrets(page))  # before tags are looked for in it
    return beginning(" ".join(html.unescape(title[1]).split()), 120) if title else None


def json_text(data: object, indent: int | None = None) -> str:
    """`data` as JSON that is safe to print: ASCII only, and without secrets."""
    return json.dumps(_without_secrets(data), indent=indent).replace("\x7f", "\\u007f")


def _without_secrets(data: object) -> object:
    if isinstance(data, str):
        return without_secrets(data)
    if isinstance(data, dict):
        return {_without_secrets(key): _without_secrets(value) for key, value in data.items()}
    return [_without_secrets(each) for each in data] if isinstance(data, list | tuple) else data


def shown(text: str) -> Shown:
    """`text` with newlines and tabs kept and every other control, invisible or bidirectional character written out.

    A stray carriage return could overwrite the line it is in, so only the pair `\\r\\n` counts as a newline. Of a
    pile of combining marks only the first few are kept as they are. Secrets are hidden.
    """
    text = without_secrets(text)
    if text.isascii() and not text.encode().translate(None, _PLAIN):
        return Shown(text)
    safe = _UNSAFE.sub(_written_out, text.replace("\r\n", "\n"))
    return Shown(safe if safe.isascii() else _piled_marks().sub(_rest_written_out, safe))


def shown_line(text: str, width: int | None = None) -> Shown:
    """`text` on one line, cut to `width` characters (with an ellipsis) where that is given."""
    if width is not None:
        text = without_secrets(text[: width + _AHEAD])[: width + 1]  # hidden before the cut: half of one would stay
    line = shown(text).replace("\n", "\\n").replace("\t", " ")
    if width is not None and len(line) > width:
        line = line[: max(0, width - 1)] + "…"
    return Shown(line)


@cache
def _piled_marks() -> re.Pattern[str]:
    """Finds more combining marks in a row than are kept; of the basic plane only: more costs 100 times as much."""
    blocks = (*range(0x300, 0x3100), *range(0xA66F, 0xABEE), *range(0xFB1E, 0xFE30))
    marks = "".join(chr(code) for code in blocks if unicodedata.category(chr(code)) in ("Mn", "Me"))
    return re.compile(f"[{marks}]{{{_MARKS_KEPT + 1},}}")


def _rest_written_out(match: re.Match[str]) -> str:
    pile = match.group()
    return pile[:_MARKS_KEPT] + "".join(_code(mark) for mark in pile[_MARKS_KEPT:])


def _written_out(match: re.Match[str]) -> str:
    return _code(match.group())


def _code(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def count(number: int, one: str, more: str = "") -> str:
    """A number and its noun, such as "1 item" or "1,321 items"; `more` is the plural where it is not `one` and an s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ ": did you mean 'sku'?", where one of these names is near to it, and else nothing."""
    near = get_close_matches(name, list(names), 1, 0.5)
    return f": did you mean {near[0]!r}?" if near else ""


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names with commas, the first ones where there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
