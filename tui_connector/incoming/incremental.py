"""Incremental reads: the high-water mark, and the items that earlier runs have written.

Changes made while a run was reading must be read by the next one, so its mark is never later than its beginning by the
clock that gives the dates. That clock is known from the dates only: when an item was read, it showed its date at least,
and the time that had passed since the beginning is subtracted. The mark is the latest of these, but never later than
the store's clock at the first response, as a date may be in the future. An overlap before the mark is read again,
because a row gets its date before it becomes visible; items read twice are recognised by identifier and content, or by
their content alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

import msgspec
from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from ..client.pages import field_reader
from ..client.spans import Span, seconds
from ..kinds import Model, NotCompared
from ..runs.ledger import SeenItem
from ..templates import Json
from ..units import from_timestamp, timestamp
from .moments import NO_MOMENT, at_most, earlier, latest, sort_key, sortable

if TYPE_CHECKING:
    from ..runs.ledger import Ledger, RunRow

_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", re.ASCII)
_DIGEST_SIZE = 12
"""Bytes of a hash."""
_NO_DATES = ("0000-00-00", "0001-01-01")
"""Beginnings of the dates by which MySQL and .NET say that there is none."""
_UNDATED = "undated"
"""In place of the date of a remembered item that has none; it sorts after all dates."""
_CONTENT = "\1"
"""Begins what stands for the identifier of an item that has none."""
MARK_AHEAD = "mark-ahead"
"""Code of the end of a run whose mark was later than the store's clock."""
_SCHEMA = {"type": "string", "pattern": f"^{_DATE.pattern}$"}


def _check_date(date: str) -> str:
    try:
        datetime.fromisoformat(date)
        written = _DATE.fullmatch(date)
    except ValueError:
        written = None
    if written is None:
        raise ValueError('is not a date: write it as "2026-01-31" or "2026-01-31 08:30:00"')
    return date


class Incremental(Model):
    """What has changed since the last complete run."""

    field: str | None = Field(
        None,
        min_length=1,
        title="Field",
        description="The field with the date of the last change. Not every change updates it: a product's date "
        "does not change with its stock. With a parent, it is a field of the parent's items: all items of changed "
        "parents are read.",
        examples=["updated_at"],
    )
    from_: Annotated[str, AfterValidator(_check_date), WithJsonSchema(_SCHEMA)] | None = Field(
        None,
        alias="from",
        title="From",
        description="Start of the first run, in UTC. Magento treats an invalid date as no limit.",
        examples=["2026-01-01 00:00:00"],
    )
    overlap: Annotated[Span, NotCompared] = Field(
        "30s",
        title="Overlap",
        description="How far before the latest change a run begins, so that late changes are not missed; items that "
        "were read before are skipped. Numbers instead of dates count as seconds, or as milliseconds if they are that "
        "large.",
    )
    content: bool = Field(
        False,
        title="By content",
        description="For entities without a date of change: reads everything, compares it by a hash for each "
        "identifier, and keeps only new and changed items. The order of keys, and of objects or ids in a list, is "
        "ignored.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.content == (self.field is not None):
            raise ValueError("name the field of the date, or set content = true if there is none")
        return self


ItemNote: TypeAlias = SeenItem | tuple[str, bytes]
"""What the ledger remembers of an item: that it was seen near the mark, or its identifier and the digest of it."""


@dataclass(slots=True)
class KnownItems:
    """What the next step adds to the ledger."""

    seen: list[SeenItem] = field(default_factory=list)
    contents: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, notes: Iterable[ItemNote | None]) -> None:
        for each in notes:
            if isinstance(each, SeenItem):
                self.seen.append(each)
            elif each is not None:
                self.contents.append(each)


@dataclass(slots=True)
class NewItems:
    """The items of a page that are new or changed."""

    items: list[bytes] = field(default_factory=list)
    notes: list[ItemNote | None] = field(default_factory=list)
    """What to remember of each of these once it is written: one that fails must not be known to the next run."""
    known: list[ItemNote | None] = field(default_factory=list)
    """What to remember of each of the others, which earlier runs have written."""


class ChangeFilter:
    """Selects the items of a page that are new or changed. Used in the writing thread."""

    def __init__(
        self,
        incremental: Incremental,
        identifier: str | None,
        ledger: Ledger,
        run: RunRow,
        *,
        skip_known: bool,
        read_until: str | None = None,
        accepts_date: Callable[[str], bool] = lambda date: True,
    ) -> None:
        """`skip_known`: leaves out what is known; otherwise it is only noted. `read_until`: see `StartPoint`.

        `accepts_date`: whether the list can be requested from this date on.
        """
        self._accepts_date = accepts_date
        self._by_content, self.field = incremental.content, incremental.field
        self.by_date = incremental.field is not None
        """Whether there is a mark, which must not move past failed records."""
        self._overlap = timedelta(seconds=seconds(incremental.overlap))
        self._date = field_reader(incremental.field) if incremental.field else None
        self._identifier = field_reader(identifier) if identifier else None
        self._ledger, self._run, self._read_until = ledger, run, read_until
        self._skip_known = skip_known and (self._by_content or ledger.has_seen(run.id))
        self._remembers_all = skip_known and not self._by_content
        """Whether the run began at a mark: it starts there again if anything fails, so all its items are remembered."""
        self._read_again: dict[str, int] = {}
        """By their content: how many equal items without an identifier this run has read."""
        self.newest = run.newest
        """The newest date that was read, less the time until it was read."""
        self.store_began = run.store_began

    def select_new(self, items: Sequence[bytes], parent: bytes | None = None, *, elapsed: float) -> NewItems:
        """The items to write. `elapsed`: at least the seconds between the run's first request and this response.

        The date of items of a child list is that of their `parent`, which counts also where it has none.
        """
        if self._by_content:
            return self._select_by_content(items)
        dates = [self._date_of(item) for item in items] if parent is None else [self._date_of(parent)] * len(items)
        newest = latest(*dates) if parent is None else self._date_of(parent)
        if newest is not None:
            self.newest = latest(self.newest, earlier(newest, timedelta(seconds=ceil(elapsed))))
        threshold = sort_key(self.forget_before() or "")
        selected = NewItems()
        for item, date in zip(items, dates, strict=True):
            note = None
            if date is None or sort_key(date) >= threshold:  # the store may send what has no date in every run
                recognised = digest(item)
                note = SeenItem(sortable(date) if date else _UNDATED, self._name_of(item, recognised), recognised)
            if note is not None and self._skip_known and self._is_known(item, note):
                selected.known.append(note)
            else:
                selected.items.append(item)
                selected.notes.append(note)
        return selected

    def _name_of(self, item: bytes, recognised: bytes) -> str:
        """The item's identifier, or its content in place of one."""
        identifier = _text(self._identifier(item)) if self._identifier else None
        return _CONTENT + recognised[_DIGEST_SIZE:].hex() if identifier is None else identifier

    def _is_known(self, item: bytes, note: SeenItem) -> bool:
        """Whether the last run that read this item wrote it as it is now.

        Equal items without an identifier are as many as that run read: what is more is new.
        """
        seen = self._ledger.seen(self._run.id, note.identifier)
        if not note.identifier.startswith(_CONTENT):
            return any(is_same(item, each) for each in seen)
        again = self._read_again.get(note.identifier)
        if again is None:  # those that the interrupted part of this run has read
            again = len(self._ledger.seen_in(self._run.id, note.identifier)) if self._run.read else 0
        self._read_again[note.identifier] = again + 1
        return again < len(seen)

    def _date_of(self, item: bytes) -> str | None:
        """The item's date, or the number used instead; None for the zero dates of databases."""
        assert self._date is not None
        text = _text(self._date(item))
        return None if text is None or text.startswith(_NO_DATES) else text or None

    def first_unusable_date(self, items: Sequence[bytes]) -> tuple[int, str] | None:
        """Index and date of the first item whose date no later run could start at; None if there is none."""
        if self._by_content:
            return None
        for index, item in enumerate(items):
            date = self._date_of(item)
            if date is not None and sort_key(date) == NO_MOMENT:
                return index, date
        dates = [(self._date_of(item) or "", index) for index, item in enumerate(items)]
        newest, index = max(dates, key=lambda each: sort_key(each[0]), default=("", 0))
        if newest and not self._accepts_date(earlier(newest, self._overlap)):
            return index, newest
        return None

    def _select_by_content(self, items: Sequence[bytes]) -> NewItems:
        assert self._identifier is not None
        identifiers = [_text(self._identifier(item)) for item in items]
        earlier = self._ledger.content([identifier for identifier in identifiers if identifier is not None])
        selected = NewItems()
        for item, identifier in zip(items, identifiers, strict=True):
            note, same = None, False
            if identifier is not None:
                recorded = earlier.get(identifier)
                same = self._skip_known and recorded is not None and is_same(item, recorded)
                if not same or (recorded is not None and len(recorded) == _DIGEST_SIZE):
                    note = identifier, digest(item)
            if same:
                selected.known.append(note)
            else:
                selected.items.append(item)
                selected.notes.append(note)
        return selected

    def threshold(self) -> str | None:
        """The date from which on items must be remembered, as far as known now."""
        mark = self.mark()
        return earlier(mark, self._overlap) if mark else None

    def forget_before(self) -> str | None:
        """The date before which items need not be remembered while the run continues."""
        return None if self._remembers_all else self.threshold()

    def mark(self) -> str | None:
        """The mark, once this run is complete."""
        found = latest(self._read_until, self.newest)
        if found is None or self.store_began is None:
            return found
        return at_most(found, from_timestamp(self.store_began))


def magento_date(moment: datetime) -> str:
    return timestamp(moment.astimezone(UTC))


def _text(value: Json) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)


def digest(item: bytes) -> bytes:
    """Identifies an item's content: the hash of its text, followed by the hash of its canonical form.

    Older ledgers have the first hash only, which is recognised, and replaced when the item is read again.
    """
    return _hash(item) + _hash(_canonical(item))


def is_same(item: bytes, recorded: bytes) -> bool:
    """Whether an item has this digest. An item with the same text is not decoded."""
    if _hash(item) == recorded[:_DIGEST_SIZE]:
        return True
    return len(recorded) > _DIGEST_SIZE and _hash(_canonical(item)) == recorded[_DIGEST_SIZE:]


def _hash(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST_SIZE).digest()


def _canonical(item: bytes) -> bytes:
    """The item in one order: Magento sends the values of a configurable product in varying order, for one.

    Keys are sorted, and so are lists of objects and lists of ids (numbers, or text of digits); other lists keep their
    order. Numbers count by their value: 10 and 10.00 are the same.
    """
    try:
        return msgspec.json.encode(_normalized(msgspec.json.decode(item)), order="sorted")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return item  # what only the standard library can read is known by its text


def _normalized(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _normalized(each) for name, each in value.items()}
    if isinstance(value, list):
        found = [_normalized(each) for each in value]
        if len(found) > 1 and (all(isinstance(each, dict) for each in found) or all(map(_is_id, found))):
            found.sort(key=_ENCODER.encode)
        return found
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _is_id(value: Json) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isdecimal())


_ENCODER = msgspec.json.Encoder(order="sorted")
