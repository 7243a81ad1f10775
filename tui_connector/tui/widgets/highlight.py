"""Highlights TOML, JSON and differences. Texts are made safe here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textual.content import Content, Span

from ...text import shown

_KEY, _TEXT, _NUMBER, _MUTED = "$text-accent", "$text-secondary", "$text-secondary", "$text-muted"
_ADDED, _REMOVED, _HEADER = "$text-success", "$text-error", "bold $text-accent"

_TOML = re.compile(
    r"""(?P<comment>\#.*)
    | (?P<header>^\s*\[.*\]\s*$)
    | (?P<key>^\s*[\w"'.-]+(?=\s*=) | [\w-]+(?=\s*=\s))
    | (?P<text>"(?:[^"\\\n]|\\.)*" | '[^'\n]*')
    | (?P<number>\b(?:true|false|[+-]?\d[\d_.:eTZ+-]*)\b)""",
    re.MULTILINE | re.VERBOSE,
)
_JSON = re.compile(
    r"""(?P<key>"(?:[^"\\\n]|\\.)*"(?=\s*:))
    | (?P<text>"(?:[^"\\\n]|\\.)*")
    | (?P<number>\b(?:true|false|null)\b | (?<![^\s:,\[])-?\d[\d.eE+]*(?![^\s,\]}]))""",
    re.VERBOSE,
)
_STYLES = {"comment": _MUTED, "header": _HEADER, "key": _KEY, "text": _TEXT, "number": _NUMBER}


def toml(text: str) -> Content:
    """TOML with coloured keys, values and comments."""
    return _highlighted(shown(text), _TOML)


_PAINTED = {"comment": "muted", "header": "title", "key": "key", "text": "string", "number": "number"}


def toml_spans(line: str) -> Iterator[tuple[int, int, str]]:
    """The parts of a line of TOML: start, end and what they are painted as."""
    for found in _TOML.finditer(line):
        yield found.start(), found.end(), _PAINTED[found.lastgroup or ""]


def json_(text: str) -> Content:
    """JSON, valid or not, with coloured keys and values."""
    return _highlighted(shown(text), _JSON)


def difference(text: str) -> Content:
    """A unified diff with coloured lines."""
    safe = shown(text)
    return Content(safe, list(_diff_spans(safe)))


def json_spans(line: str) -> Iterator[tuple[int, int, str]]:
    """The parts of a line of JSON: start, end and kind (`key`, `string` or `number`)."""
    for found in _JSON.finditer(line):
        yield found.start(), found.end(), "string" if found["text"] else found.lastgroup or ""


def _highlighted(text: str, pattern: re.Pattern[str]) -> Content:
    spans = [Span(*found.span(), _STYLES[found.lastgroup or ""]) for found in pattern.finditer(text)]
    return Content(text, spans)


def _diff_spans(text: str) -> Iterator[Span]:
    start = 0
    for line in text.split("\n"):
        style = {"+": _ADDED, "-": _REMOVED, "@": _MUTED}.get(line[:1])
        if style:
            yield Span(start, start + len(line), style)
        start += len(line) + 1
