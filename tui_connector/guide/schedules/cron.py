"""Cron expressions, as crontab(5) of Vixie cron reads them, and the same times in the notations of other schedulers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ...errors import InvalidValue

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MACROS: Mapping[str, str] = MappingProxyType(
    {
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
        "@monthly": "0 0 1 * *",
        "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@hourly": "0 * * * *",
    }
)
_OTHER_CRONS: Mapping[str, str] = MappingProxyType(
    {
        "?": "it belongs to Quartz; write *",
        "L": "the last day of a month has no equivalent in crontab(5)",
        "W": "the nearest working day has no equivalent in crontab(5)",
        "#": "the n-th weekday of a month has no equivalent in crontab(5)",
        "H": "it belongs to Jenkins; write a number",
        "~": "a random time would differ between schedulers; write a number",
    }
)
_PART = re.compile(r"(?P<star>\*)|(?P<first>[A-Za-z]+|[0-9]{1,2})(?:-(?P<last>[A-Za-z]+|[0-9]{1,2}))?")


def _invalid(text: str, why: str) -> InvalidValue:
    hint = 'Write minute, hour, day of month, month and day of week, such as "*/15 * * * *".'
    return InvalidValue("invalid-cron", f"The cron expression {text[:80]!r} cannot be used: {why}", hint)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    """Names of the values from `first` on."""


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression: the allowed values of each field, sorted. Sunday is 0."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either_day: bool
    """Whether one of the two kinds of day is enough: neither field starts with `*`. Otherwise both must match."""

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Raises `InvalidValue`."""
        written = " ".join(text.split())
        if written.startswith("@"):
            if written.lower() not in _MACROS:
                why = "it has no times" if written.lower() == "@reboot" else f"known are {', '.join(_MACROS)}"
                raise _invalid(written, f"{written} is not supported: {why}")
            return cls.parse(_MACROS[written.lower()])
        fields = written.split(" ") if written else []
        if len(fields) != len(_FIELDS):
            extra = "; seconds and years do not exist in crontab(5)" if len(fields) in (6, 7) else ""
            raise _invalid(written, f"it has {len(fields)} fields instead of 5{extra}")
        minutes, hours, days, months, weekdays = (
            _values(field, part, written) for field, part in zip(_FIELDS, fields, strict=True)
        )
        weekdays = tuple(sorted({each % 7 for each in weekdays}))
        either = not fields[2].startswith("*") and not fields[4].startswith("*")
        possible = any(min(days) <= _LONGEST_MONTH[month - 1] for month in months)
        if not possible and not either:
            raise _invalid(written, "these months have no such day, so it would never run")
        return cls(written, minutes, hours, days, months, weekdays, either)

    @property
    def all_days(self) -> bool:
        return len(self.days) == 31

    @property
    def all_weekdays(self) -> bool:
        return len(self.weekdays) == 7

    def on_calendar(self) -> list[str]:
        """The same times as values of OnCalendar in systemd.time(7). Several mean any of them."""
        if self.either_day and not self.all_days and not self.all_weekdays:
            return [self._calendar(days=self.days), self._calendar(weekdays=self.weekdays)]
        if self.either_day:  # one of them has every day
            return [self._calendar()]
        return [self._calendar(self.days, self.weekdays)]

    def _calendar(self, days: tuple[int, ...] = (), weekdays: tuple[int, ...] = ()) -> str:
        """Empty days or weekdays: all of them."""
        day = "*" if not days or self.all_days else _listed(days)
        month = "*" if len(self.months) == 12 else _listed(self.months)
        hour = "*" if len(self.hours) == 24 else _listed(self.hours)
        minute = "*" if len(self.minutes) == 60 else _listed(self.minutes)
        # systemd's week starts with Monday, and a range must not pass its end
        from_monday = sorted((each + 6) % 7 for each in weekdays)
        names = [_WEEKDAYS[(each + 1) % 7].capitalize() for each in range(7)]
        week = "" if not weekdays or self.all_weekdays else f"{_ranges(from_monday, names)} "
        return f"{week}*-{month}-{day} {hour}:{minute}:00"

    def celery(self) -> dict[str, str]:
        """The same times as arguments of `celery.schedules.crontab`. Raises `InvalidValue` if that is not possible."""
        if self.either_day and not self.all_days and not self.all_weekdays:
            raise _invalid(
                self.text,
                "cron runs on the days of the month and on the days of the week, but Celery only on days that are "
                "both. Make two schedules",
            )
        days, weekdays = ((), ()) if self.either_day else (self.days, self.weekdays)
        return {
            "minute": "*" if len(self.minutes) == 60 else _numbers(self.minutes),
            "hour": "*" if len(self.hours) == 24 else _numbers(self.hours),
            "day_of_month": "*" if not days or self.all_days else _numbers(days),
            "month_of_year": "*" if len(self.months) == 12 else _numbers(self.months),
            "day_of_week": "*" if not weekdays or self.all_weekdays else _numbers(weekdays),
        }


def _values(field: _Field, text: str, whole: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        found.update(_part(field, part, whole))
    return tuple(sorted(found))


def _part(field: _Field, text: str, whole: str) -> Iterable[int]:
    """The values of one element of a list: a number, a name, a range or `*`, also with a step."""
    where = f"the {field.name} {text!r}"
    span, slash, step_text = text.partition("/")
    match = _PART.fullmatch(span)
    if match is None:
        other = next((why for sign, why in _OTHER_CRONS.items() if sign in span), "")
        raise _invalid(whole, f"{where} is not valid{': ' + other if other else ''}")
    if slash and not re.fullmatch(r"[0-9]{1,2}", step_text):
        raise _invalid(whole, f"{where} has the step {step_text!r}, which is not a number")
    step = int(step_text) if slash else 1
    if step == 0:
        raise _invalid(whole, f"{where} has the step 0")
    if match["star"]:
        first, last = field.first, 6 if field.names == _WEEKDAYS else field.last
    else:
        first = _number(field, match["first"], where, whole)
        if slash and match["last"] is None:
            raise _invalid(whole, f"{where} has a step without a range; write {span}-{field.last}/{step_text}")
        last = first if match["last"] is None else _number(field, match["last"], where, whole)
    if first > last:
        raise _invalid(whole, f"{where} ends before it starts; write two ranges")
    return range(first, last + 1, step)


def _number(field: _Field, text: str, where: str, whole: str) -> int:
    if text.isdecimal():
        number = int(text)
        if not field.first <= number <= field.last:
            raise _invalid(whole, f"{where} is not between {field.first} and {field.last}")
        return number
    if text.lower() in field.names:
        return field.first + field.names.index(text.lower())
    other = _OTHER_CRONS.get(text, "") if len(text) == 1 else ""
    raise _invalid(whole, f"{where} is not valid{': ' + other if other else ''}")


def _numbers(values: tuple[int, ...]) -> str:
    return ",".join(map(str, values))


def _listed(values: tuple[int, ...]) -> str:
    return _ranges(list(values), [f"{each:02}" for each in range(60)])


def _ranges(values: list[int], names: list[str]) -> str:
    """The values as a list; three or more in a row as a range, such as Mon..Fri."""
    runs: list[list[int]] = []
    for each in values:
        if runs and each == runs[-1][-1] + 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    parts = [
        f"{names[run[0]]}..{names[run[-1]]}" if len(run) > 2 else ",".join(names[each] for each in run) for run in runs
    ]
    return ",".join(parts)
