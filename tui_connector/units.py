"""How long something takes, in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Such as "8 s", "1:05 min", "2:10 h" or "40 days"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h" if whole < 100 * 3_600 else f"{round(whole / 86_400):,} days"


# How long ago something was, as people say it.


_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def ago(seconds: float) -> str:
    """In words: `just now`, `5 min ago`, `3 h ago`, `12 d ago`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds / size)} {unit} ago"
    return "just now"
