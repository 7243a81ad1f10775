"""Recognizes a curl command in a text, with the standard library alone: the first screen loads it."""

from __future__ import annotations

import re

_SEARCHED = 20_000
"""Characters; comments and assignments may precede the command."""
_CURL = re.compile(r"(?im)(?:^|(?<=[;&|(\s/\\]))curl(?:\.exe)?(?:[\s^`\\]|\Z)")
POWERSHELL = re.compile(r"(?im)(?:^|[=;|(])[^\S\n]*(?:invoke-webrequest|invoke-restmethod|iwr|irm)\b")
"""A command of PowerShell that sends a request."""


def looks_like_command(text: str) -> bool:
    """Whether the text contains a command that can be imported."""
    start = text[:_SEARCHED]
    return _CURL.search(start) is not None or POWERSHELL.search(start) is not None
