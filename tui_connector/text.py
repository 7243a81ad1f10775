"""Makes text safe to display: no control sequences, no invisible or reordering characters, no secrets."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
import weakref
from collections.abc import Iterable, Mapping, Sequence
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

_EMOJI_STYLE = re.compile("(?<=[\u203c-\u3299\U0001f000-\U0001faff])\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)")
"""The selector that asks for a coloured emoji: it is left out, as terminals differ in the width that it gives."""

HTTP_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A method, the name of a header or of a cookie (RFC 9110 §5.6.2, RFC 6265 §4.1.1)."""
_AHEAD = 10_000
"""Characters after a cut that are searched too: a secret may lie across it."""
_PLAIN = bytes((0x09, 0x0A, *range(0x20, 0x7F)))
"""Safe bytes. Most responses contain nothing else, and checking that takes a tenth of the time."""
_MARKS_KEPT = 4
"""Combining marks on one letter; no language stacks more, and terminals render thousands of them wrongly."""


class PublicText(str):
    """Text that `shown` and `shown_line` do not mask: an address that requests are sent to, or the program's own words.

    A password may be one of these words. What comes from a store, a file or a user is never part of it, and whatever
    is derived from it, such as a part of it, is ordinary text again.
    """


def public(*parts: str) -> PublicText:
    """The parts, one after the other; those that are ordinary text are masked."""
    return PublicText("".join(map(_masked, parts)))


class KnowsSecrets(Protocol):
    """Knows values that must not be displayed."""

    def mask_known(self, text: str) -> str: ...

    def values(self) -> Mapping[str, str]: ...


_registered: tuple[weakref.ref[KnowsSecrets], ...] = ()
"""Replaced as a whole, never changed: other threads may be iterating over it."""


def hide_everywhere(knows: KnowsSecrets) -> None:
    """From now on, until `knows` is garbage-collected, the secrets it knows are hidden in all displayed text."""
    global _registered
    if not any(each() is knows for each in _registered):
        _registered = (*(each for each in _registered if each() is not None), weakref.ref(knows))


def known_secrets() -> dict[str, str]:
    """The secrets that this process has read or received, each with its label."""
    found: dict[str, str] = {}
    for each in _registered:
        if (knows := each()) is not None:
            found |= knows.values()
    return found


def without_secrets(text: str) -> str:
    """`text` without the secrets that this process has read or received.

    `shown`, `shown_line` and `json_text` call it, so nothing printed or drawn can contain one. Call it before text is
    truncated or written to a file.
    """
    for each in _registered:
        if (knows := each()) is not None:
            text = knows.mask_known(text)
    return text


def beginning(text: str, width: int) -> str:
    """The first `width` characters of a text from the store, without half a secret at the end."""
    return text if len(text) <= width else without_secrets(text[: width + _AHEAD])[:width]


_AT = r"(?:@|\uff20|\ufe6b|%40)"
"""What ends a user and password, also where it was written so that nothing parses it as that."""
_USER_INFO = re.compile(rf"[^/\\]*{_AT}", re.IGNORECASE)
_ADDRESS = re.compile(r"((?:[a-z][a-z0-9+.-]*:)?[/\\]+)?([^/\\]*)(.*)", re.IGNORECASE | re.DOTALL)
_HOST_AND_PORT = re.compile(r"(\[[^]]*\]|[^:]*)(?::\d*)?")


def shown_address(text: str) -> str:
    """An address, or an invalid one, for a message: without user, password, query and fragment; each becomes "…".

    In an invalid address these are where its writer meant them to be: before a full-width @ or %40, or after a colon
    that no port follows.
    """
    address, mark = re.match(r"([^?#]*)(.?)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    scheme, place, path = _ADDRESS.match(address).groups("")  # type: ignore[union-attr]
    host = _USER_INFO.sub("…@", place)
    if not _HOST_AND_PORT.fullmatch(host.removeprefix("…@")):  # user:password, and the @ is further on, or missing
        return f"{scheme}{host.partition(':')[0]}:…"
    return f"{scheme}{host}{_USER_INFO.sub('…@', path)}{mark}{'…' if mark else ''}"


_TITLE = re.compile(r"<title[^>]{0,300}>([^<]{0,1000})", re.IGNORECASE)


_MARKUP = re.compile(rb"<(!doctype\s+html|html|head|body|title|h1|center)\b", re.IGNORECASE)


def has_markup(body: bytes) -> bool:
    """Whether a body that is declared as HTML has any: PHP declares all that it prints so, also text and JSON."""
    start = body[:2_000].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"<") or (not start.startswith((b"{", b"[", b'"')) and has_html(start))


def has_html(body: bytes) -> bool:
    """Whether the beginning has a tag of an HTML page."""
    return _MARKUP.search(body[:2_000]) is not None


def page_title(page: str) -> str | None:
    """The title of an HTML page, at most 120 characters; None if it has none."""
    from html import unescape  # the names of its characters take as long to load as this module

    title = _TITLE.search(without_secrets(page))
    return beginning(" ".join(unescape(title[1]).split()), 120) if title else None


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
    """`text` with every control, invisible or bidirectional character escaped, except newlines and tabs.

    A lone carriage return could overwrite its line, so only the pair `\\r\\n` counts as a newline. Of a pile of
    combining marks, all but the first few are escaped. Secrets are hidden.
    """
    return Shown(printable(_masked(text)))


def printable(text: str) -> str:
    """`text` with characters escaped as in `shown`, and with its secrets: for a value that a user edits."""
    if text.isascii() and not text.encode().translate(None, _PLAIN):
        return text
    safe = _UNSAFE.sub(_escape_match, _EMOJI_STYLE.sub("", text.replace("\r\n", "\n")))
    return safe if safe.isascii() else _piled_marks().sub(_escape_pile, safe)


def printable_line(text: str) -> str:
    """`text` on one line, as `printable`."""
    return _on_one_line(printable(text))


def dotted(text: str) -> str:
    """`text` with a dot for each character between the first and the last one of its secrets: a field draws this."""
    masked = without_secrets(text)
    if masked == text:
        return text
    start = equal_beginning(text, masked)
    end = equal_beginning(text[start:][::-1], masked[start:][::-1])
    return f"{text[:start]}{'•' * (len(text) - start - end)}{text[len(text) - end :]}"


def _masked(text: str) -> str:
    return text if isinstance(text, PublicText) else without_secrets(text)


def equal_beginning(one: str, other: str) -> int:
    """The number of equal characters that both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _on_one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", " ")


def shown_line(text: str, width: int | None = None) -> Shown:
    """`text` on one line, truncated to `width` columns with an ellipsis if `width` is given."""
    if width is not None:
        start = text if isinstance(text, PublicText) else without_secrets(text[: width + _AHEAD])
        text = PublicText(start[: width + 1])  # masked before the cut, or half a secret would remain
    line = _on_one_line(shown(text))
    if width is not None and (len(line) > width or not line.isascii()):
        line = _cut(line, width)
    return Shown(line)


def shown_middle(text: str, width: int) -> Shown:
    """`text` on one line of `width` columns; where it is too long, its middle is left out: its end tells more.

    Of a text whose parts are separated by dots, the whole first part is kept if it leaves room for the end.
    """
    line = shown_line(text)
    if _cut(line, width) == line:
        return line
    first, separator, _ = line.partition(" · ")
    kept = sum(map(_columns, first + separator))
    room = width - kept - 1 if separator and kept <= width * 2 // 3 else width // 2
    end, left = len(line), room
    while end and (taken := _columns(line[end - 1])) <= left:
        end, left = end - 1, left - taken
    return Shown(_cut(line, width - room + left) + line[end:])


def shown_apart(texts: Iterable[str], width: int) -> dict[str, Shown]:
    """Each text on one line of `width` columns, as `shown_middle` unless two would look alike.

    Of these, the part that differs is kept. Very narrow columns may still show two texts alike.
    """
    found = {text: shown_middle(text, width) for text in texts}
    alike: dict[str, list[str]] = {}
    for text, line in found.items():
        alike.setdefault(line, []).append(text)
    for group in alike.values():
        group.sort()
        for index, text in enumerate(group if len(group) > 1 else ()):
            neighbours = group[max(0, index - 1) : index] + group[index + 1 : index + 2]
            found[text] = _around(text, max(equal_beginning(text, each) for each in neighbours), width)
    return found


def _around(text: str, at: int, width: int) -> Shown:
    """The beginning of a text, and what is around one of its characters."""
    line = shown_line(text)
    head = width // 4
    room = width - head - 2
    start = max(head, min(at - room // 2, len(line) - room))
    end = "…" if start + room < len(line) else ""
    return shown_line(f"{line[:head]}…{line[start : start + room]}{end}", width)


_NAME_THAT_TELLS = 12
"""Columns of a file name without its middle that tell which it is."""


def shown_path(text: str, width: int) -> Shown:
    """A path, perhaps after other words, on one line of `width` columns: the folders before its last ones are left out.

    The name of the file stays whole where there is room for it.
    """
    line = shown_line(text)
    if _cut(line, width) == line or "/" not in line:
        return shown_middle(line, width)
    start = line.rfind(" ", 0, line.index("/")) + 1
    head, parts = line[:start], line[start:].split("/")
    room = width - sum(map(_columns, head))
    for first in range(1, len(parts)):
        tail = "/".join(("…", *parts[first:]))
        if sum(map(_columns, tail)) <= room:
            return Shown(head + tail)
    return Shown(head + shown_middle(parts[-1], room)) if room >= _NAME_THAT_TELLS else shown_middle(line, width)


def _columns(character: str) -> int:
    """East Asian characters and emoji take two (UAX #11)."""
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(line: str, width: int) -> str:
    """The beginning of a line in `width` columns."""
    column, fits = 0, 0
    for index, character in enumerate(line):
        column += _columns(character)
        if column > width:
            return line[:fits] + "…" if width else ""
        if column < width:
            fits = index + 1
    return line


@cache
def _piled_marks() -> re.Pattern[str]:
    """Matches too many combining marks in a row. Basic plane only: all planes cost 100 times as much."""
    blocks = (*range(0x300, 0x3100), *range(0xA66F, 0xABEE), *range(0xFB1E, 0xFE30))
    marks = "".join(chr(code) for code in blocks if unicodedata.category(chr(code)) in ("Mn", "Me"))
    return re.compile(f"[{marks}]{{{_MARKS_KEPT + 1},}}")


def _escape_pile(match: re.Match[str]) -> str:
    pile = match.group()
    return pile[:_MARKS_KEPT] + "".join(_escape(mark) for mark in pile[_MARKS_KEPT:])


def _escape_match(match: re.Match[str]) -> str:
    return _escape(match.group())


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def count(number: int, one: str, more: str = "") -> str:
    """A number and its noun, such as "1 item" or "1,321 items"; `more` is the plural if it is not `one` plus s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def env_option(environment: str) -> str:
    """How commands name an environment of a profile, such as " --env staging"; "" for its base values."""
    return f" --env {shlex.quote(environment)}" if environment else ""


def direction_option(direction: str, name: str, tables: Iterable[object]) -> str:
    """How commands name one of an incoming and an outgoing with the same name, such as " --direction incoming".

    `tables`: those of the incomings and outgoings of the profile; "" where only one has this name.
    """
    is_in_both = all(isinstance(table, Mapping) and name in table for table in tables)
    return f" --direction {direction}" if is_in_both else ""


def first_repeated(names: Iterable[str]) -> str | None:
    """The first name that occurs a second time; None if each is unique."""
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def listed(names: Sequence[str], most: int = 20) -> str:
    """The first `most` names, separated by commas, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
