"""Typed access to JSON from a file that anybody may have written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never

from ..placeholder import Json


class LogFailed(Exception):
    """A file of the log that cannot be read or written; the message says which, why and what to do."""


class BadRecord(ValueError):
    """JSON that is not the record it should be; the message says what is wrong, and where in it."""


@dataclass(frozen=True, slots=True)
class Fields:
    """An object's fields. What is missing gives the default; what has the wrong type raises `BadRecord`."""

    data: Mapping[str, Json]
    place: str = ""

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self.data.get(key)
        return default if value is None else value if isinstance(value, str) else self._bad(key, "no text")

    def integer(self, key: str, default: int = 0) -> int:
        value = self.number(key)
        return default if value is None else int(value)

    def number(self, key: str) -> float | None:
        """A number, or None where there is none."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e15 or math.isnan(value):
            self._bad(key, "no number")
        return value

    def flag(self, key: str) -> bool:
        return self.data.get(key) is True

    def inner(self, key: str) -> Fields:
        """The object under this key; an empty one where there is none."""
        value = self.data.get(key)
        if value is None:
            return Fields({}, f"{self.place}{key}.")
        return Fields(value, f"{self.place}{key}.") if isinstance(value, dict) else self._bad(key, "no object")

    def items(self, key: str) -> list[Json]:
        value = self.data.get(key)
        return [] if value is None else value if isinstance(value, list) else self._bad(key, "no list")

    def moment(self, key: str) -> datetime:
        """A point in time, in UTC; the beginning of 1970 where there is none."""
        text = self.text(key)
        if not text:
            return datetime.fromtimestamp(0, UTC)
        try:
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self._bad(key, "no date and time")

    def _bad(self, key: str, what: str) -> Never:
        raise BadRecord(f"{self.place}{key} is {what}")


def parse(text: str | bytes) -> Json:
    """JSON, or `BadRecord`: its own errors, and those of 100,000 brackets or a number of 5,000 digits."""
    try:
        value: Json = json.loads(text)
    except RecursionError as error:
        raise BadRecord("it is nested too deeply") from error
    except ValueError as error:
        raise BadRecord(str(error)) from error
    return value
