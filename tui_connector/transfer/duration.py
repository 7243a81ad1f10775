"""How long something takes, in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Such as "8 s", "1:05 min" or "2:10 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"
