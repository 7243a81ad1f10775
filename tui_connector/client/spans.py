"""Spans of time in a profile, such as "30s"."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic.fields import FieldInfo

from ..errors import InvalidValue

_SPAN = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""From the longest unit to the shortest."""

_PART = r"(\d{1,9})(?:[.,](\d{1,2}))?\s*([a-z]*)\.?"
_WRITTEN = re.compile(rf"{_PART}(?:(?:\s|,|\band\b)*{_PART})*")
_UNITS = {
    "ms": "ms msec msecs milli millis millisecond milliseconds",
    "s": "s sec secs second seconds",
    "m": "m min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}


def seconds(span: str) -> float:
    """The seconds of a span such as "30s" or "500ms". Raises `InvalidValue`, with the span that was probably meant."""
    match = _SPAN.fullmatch(span)
    if match is not None and int(match[1]):
        return int(match[1]) * _MILLISECONDS[match[2]] / 1_000
    meant = probable_span(span)
    example = f': "{meant}"' if meant else ', such as "30s", "500ms", "2m", "1h" or "1d"'
    wrong = InvalidValue("span", f"write a number and a unit{example}")
    wrong.correction = (span, meant) if meant else None
    raise wrong


def probable_span(text: str) -> str:
    """The span that was probably meant, such as "10m" for "10 min"; a number alone is one of seconds. "" if unclear."""
    written = text.strip().lower()
    if _WRITTEN.fullmatch(written) is None:
        return ""
    parts = re.findall(_PART, written)
    total, units = 0.0, list[str]()
    for whole, fraction, word in parts:
        unit = _UNIT_OF.get(word, "") if word or len(parts) > 1 else "s"
        if not unit:
            return ""
        units.append(unit)
        total += float(f"{whole}.{fraction or 0}") * _MILLISECONDS[unit]
    milliseconds = round(total)
    shortest = list(_MILLISECONDS).index(units[-1])
    for unit in (units[-1], *list(_MILLISECONDS)[shortest:]):
        number, rest = divmod(milliseconds, _MILLISECONDS[unit])
        if number and not rest:
            return f"{number}{unit}" if len(str(number)) <= 9 else ""
    return ""


def _valid_span(span: str) -> str:
    seconds(span)
    return span


_CHECK = AfterValidator(_valid_span)
Span = Annotated[str, _CHECK, WithJsonSchema({"type": "string", "format": "span"})]


def is_span(field: FieldInfo) -> bool:
    """Whether the field of a model is a `Span`."""
    return _CHECK in field.metadata
