"""Typed access to JSON from a file that anybody may have written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..placeholder import Json

_LARGEST = 1e15
_NUMBER = re.compile(r"\s*-?\d{1,15}(\.\d{1,15})?\s*")


class LogFailed(Exception):
    """A file of the log that cannot be read or written; the message says which, why and what to do."""


class BadRecord(ValueError):
    """JSON that is not the record it should be; the message says what is wrong, and where in it."""


def reject(fault: str) -> None:
    """The strict way to meet a wrong type: our own files have none. Raises `BadRecord`."""
    raise BadRecord(fault)


@dataclass(frozen=True, slots=True)
class Fields:
    """An object's fields. What is missing gives the default.

    What has the wrong type goes to `on_fault`, as "response.status is not a number", and then gives the default too.
    """

    data: Mapping[str, Json]
    place: str = ""
    on_fault: Callable[[str], None] = reject

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self.data.get(key)
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.fault(key, "is not text")
        return default

    def any_text(self, key: str) -> str:
        """Text, or any other JSON as text: what a tool says in its own form."""
        value = self.data.get(key)
        return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)

    def integer(self, key: str, default: int = 0) -> int:
        value = self.number(key)
        return default if value is None else int(value)

    def number(self, key: str) -> float | None:
        """A number, also one written as text; None where there is none."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value) or abs(value) > _LARGEST:
            self.fault(key, "is not a number")
            return None
        return value

    def flag(self, key: str) -> bool:
        return self.data.get(key) is True

    def inner(self, key: str) -> Fields:
        """The object under this key; an empty one where there is none."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, dict):
            self.fault(key, "is not an object")
        return Fields(value if isinstance(value, dict) else {}, f"{self.place}{key}.", self.on_fault)

    def items(self, key: str) -> list[Json]:
        value = self.data.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self.fault(key, "is not a list")
        return []

    def moment(self, key: str) -> datetime:
        """A point in time, in UTC; the beginning of 1970 where there is none."""
        text = self.text(key)
        try:
            moment = datetime.fromisoformat(text.strip() or "1970-01-01")
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fault(key, "is not a date and time")
            return datetime.fromtimestamp(0, UTC)

    def fault(self, key: str, what: str) -> None:
        self.on_fault(f"{self.place}{key} {what}")


def parse(text: str | bytes) -> Json:
    """JSON, or `BadRecord`: its own errors, and those of 100,000 brackets or a number of 5,000 digits."""
    try:
        value: Json = json.loads(text)
    except RecursionError as error:
        raise BadRecord("it is nested too deeply") from error
    except ValueError as error:
        raise BadRecord(str(error)) from error
    return value
