"""Moments, durations, ages and sizes as text."""

from __future__ import annotations

from datetime import UTC, datetime

_TIMESTAMP = "%Y-%m-%d %H:%M:%S"
_AGES = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def timestamp(moment: datetime) -> str:
    """A moment as Magento, ledgers and plans write it, which is in UTC: "2026-01-31 08:30:00"."""
    return moment.strftime(_TIMESTAMP)


def from_timestamp(text: str) -> datetime:
    """The moment that `timestamp` has written. Raises ValueError for any other text."""
    return datetime.strptime(text, _TIMESTAMP).replace(tzinfo=UTC)


def duration(seconds: float) -> str:
    """A duration such as "8 s", "1:05 min", "2:10 h" or "40 days"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h" if whole < 100 * 3_600 else f"{round(whole / 86_400):,} days"


def elapsed(seconds: float) -> str:
    """A measured duration, precise where it is short: "480 ms", "2.4 s", "12 s", "1:05 min"."""
    if not seconds:
        return "0 s"
    if seconds < 0.9995:
        return milliseconds(seconds)
    return f"{seconds:.1f} s" if seconds < 9.95 else duration(seconds)


def milliseconds(seconds: float) -> str:
    """A short duration such as "38 ms", or "12.5 s" from ten seconds on."""
    return f"{seconds * 1_000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def ago(seconds: float) -> str:
    """An age: "just now", "5 min ago", "3 h ago", "12 d ago"."""
    age = short_age(seconds)
    return "just now" if age == "now" else f"{age} ago"


def short_age(seconds: float) -> str:
    """An age under a title that says what it is: "now", "5 min", "3 h", "12 d"."""
    for size_of_unit, unit in _AGES:
        if seconds >= size_of_unit:
            return f"{int(seconds / size_of_unit)} {unit}"
    return "now"


def size(count: int) -> str:
    """Bytes in three or four characters and a unit: "216 B", "5.0 KB", "64 MB"."""
    if count < 1_000:
        return f"{count} B"
    value, unit = (count / 1_000, "KB") if count < 999_500 else (count / 1_000_000, "MB")
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"
