"""A text to find, however it is written: a condition with or without spaces, `>=` or `≥`, the parts of a row."""

from __future__ import annotations

import re
from functools import lru_cache

_SIGNS = {">=": "≥", "<=": "≤", "!=": "≠", "<>": "≠"}
_TOKEN = re.compile(r"(?P<gap>[\s·]+)|(?P<sign>>=|<=|!=|<>|[<>=≥≤≠:])|(?P<word>[^\s·<>=≥≤≠:!]+|!)")
_OPTIONAL_GAP, _GAP = r"[^\S\n]*", r"(?:[^\S\n]|·)+"
_MARKS = re.compile(r"[#↑↓]")
"""Characters that rows put before a value."""


class Needle:
    """A text to find. Case, the spaces around signs, and what separates two words do not matter."""

    def __init__(self, text: str) -> None:
        self.text = text
        tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text)]
        self.words = tuple(part.casefold() for kind, part in tokens if kind == "word")
        """The words between signs and separators."""
        self.is_word = len(self.words) == len(tokens) and not _MARKS.search(text)
        """Whether it is one word, which a row shows as the request has it."""
        self._pattern = re.compile(_pattern(tokens) or re.escape(text), re.IGNORECASE)

    def spans(self, text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
        """Where it is found in this part of a text."""
        found = self._pattern.finditer(text, start, len(text) if end is None else end)
        return [match.span() for match in found if match[0]]

    def is_in(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    def find(self, text: str) -> int:
        """Where it is found first; -1 where it is not."""
        match = self._pattern.search(text)
        return -1 if match is None else match.start()


@lru_cache(maxsize=32)
def needle_for(text: str) -> Needle:
    """The needle for this text."""
    return Needle(text)


def _pattern(tokens: list[tuple[str, str]]) -> str:
    parts: list[str] = []
    after_sign, gap = True, False
    for kind, text in tokens:
        if kind == "gap":
            gap = True
            continue
        is_sign = kind == "sign"
        if parts and (is_sign or after_sign):
            parts.append(_OPTIONAL_GAP)
        elif parts and gap:
            parts.append(_GAP)
        parts.append(_sign(text) if is_sign else re.escape(text))
        after_sign, gap = is_sign, False
    return "".join(parts)


def _sign(text: str) -> str:
    shown = _SIGNS.get(text, text)
    forms = [shown, *(written for written, sign in _SIGNS.items() if sign == shown)]
    return "(?:" + "|".join(map(re.escape, forms)) + ")"
