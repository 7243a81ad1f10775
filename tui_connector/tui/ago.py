"""How long ago something was, as people say it."""

from __future__ import annotations

_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def ago(seconds: float) -> str:
    """In words: `just now`, `5 min ago`, `3 h ago`, `12 d ago`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds / size)} {unit} ago"
    return "just now"
