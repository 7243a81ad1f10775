"""Which brackets and quotes are open after a line of TOML, and so on which line a statement starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')


def statement_line(lines: Sequence[str], number: int) -> int:
    """The line (from 0) on which the statement starts that a line is part of."""
    first, depth, quote = number, 0, ""
    for each in range(number + 1):
        if depth == 0 and not quote:
            first = each
        depth, quote = state_after(lines[each], depth, quote)
    return first


@lru_cache(20_000)
def state_after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets, and which quotes of several lines, are open after a line."""
    at = 0
    while True:
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return depth, quote
            at, quote = end + 3, ""
        match = _TOKEN.search(line, at)
        if match is None:
            return depth, quote
        token, at = match.group(), match.end()
        if token in ('"""', "'''"):
            quote = token
        elif token in "[{":
            depth += 1
        elif token in "]}":
            depth = max(0, depth - 1)
