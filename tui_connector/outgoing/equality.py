"""Whether a sent value and a stored value mean the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import Enum
from typing import Final

from ..templates import Json


class Absent(Enum):
    """The store has no such field, or no value in it."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class EqualityRule:
    """How the values of a field are compared; the defaults fit most fields of most stores."""

    places: int | None = None
    """Decimal places that the store keeps; a number that is sent is rounded to them first, half up."""
    number: bool = False
    """Texts are compared as numbers, even if they do not look like database decimals: "5" equals "5.0"."""
    ignore_case: bool = False
    """Upper and lower case, and leading and trailing spaces, are ignored."""
    slug: bool = False
    """The store turns the text into a URL key: "Joust Duffle Bag" becomes "joust-duffle-bag"."""
    blank: bool = False
    """An empty text means the same as no value."""
    ordered: bool = False
    """The order of a list matters."""
    adds: bool = False
    """Sent elements are added to the list, and none are removed."""
    clears: bool = False
    """An empty list removes all elements, also where others only add."""
    least: float | None = None
    """The lowest usual number: a plan warns of a lower one, which is sent."""


PLAIN: Final = EqualityRule()

_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
"""A number as text; one with leading zeros, such as "0012", is a text."""
_STORED_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.(?:\d{4}|\d{6})")
"""A decimal column as text: MySQL returns all its places, of which Magento's columns have four or six."""
_ANY_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\s*")
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.\d{1,9})?)?)?\s?(?:Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_LONGEST_NUMBER = 40
"""Characters of a text that may be a number; a longer one is an identifier."""


def equal(sent: Json, stored: Json | Absent, rule: EqualityRule = PLAIN) -> bool:
    """Whether sending `sent` would leave `stored` unchanged. Members of objects that are not sent are ignored."""
    if sent == stored:
        return True
    if stored is ABSENT or stored is None:
        return sent is None or sent in ([], {}) or (rule.blank and isinstance(sent, str) and not sent.strip())
    if sent is None:
        return stored == [] or (rule.blank and isinstance(stored, str) and not stored.strip())
    if isinstance(sent, dict):
        return isinstance(stored, dict) and all(equal(each, member(stored, name), rule) for name, each in sent.items())
    if isinstance(sent, list):
        parts = stored if isinstance(stored, list) else _parts(sent, stored)
        return parts is not None and _equal_lists(sent, parts, rule)
    if isinstance(stored, dict | list):
        return False
    if isinstance(sent, bool) or isinstance(stored, bool):
        first, second = _truth(sent), _truth(stored)
        return first is not None and first == second
    if isinstance(sent, str) and isinstance(stored, str):
        return _equal_texts(sent, stored, rule)
    return _equal_numbers(sent, stored, rule, _ANY_NUMBER if rule.number or rule.places is not None else _DECIMAL)


def member(item: Mapping[str, Json], name: str) -> Json | Absent:
    """A member of a stored object. Magento accepts camel case in names, and always responds in snake case."""
    if name in item:
        return item[name]
    return ABSENT if name.islower() else item.get(_CAPITAL.sub(r"_\1", name).lower(), ABSENT)


def _parts(sent: Sequence[Json], stored: Json) -> Sequence[Json] | None:
    """The elements of a stored text for those that are sent; None if it is not made of them.

    Magento stores the values of a multiselect attribute as "4,5" (Magento\\Eav\\Model\\Entity\\Attribute\\Backend\\
    ArrayBackend).
    """
    if not isinstance(stored, str) or any(isinstance(each, dict | list | None) for each in sent):
        return None
    return stored.split(",") if stored.strip() else []


def _equal_lists(sent: Sequence[Json], stored: Sequence[Json], rule: EqualityRule) -> bool:
    if len(sent) != len(stored) and (not rule.adds or (rule.clears and not sent)):
        return False
    if rule.ordered:
        return len(sent) == len(stored) and all(equal(one, two, rule) for one, two in zip(sent, stored, strict=True))
    options = [[place for place, other in enumerate(stored) if equal(each, other, rule)] for each in sent]
    taken: dict[int, int] = {}
    return all(_assign(index, options, taken, set()) for index in range(len(sent)))


def _assign(index: int, options: Sequence[Sequence[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Gives element `index` a place of its own, moving others if that is necessary (Kuhn's matching)."""
    free = next((place for place in options[index] if place not in taken), None)
    if free is not None:
        taken[free] = index
        return True
    for place in options[index]:
        if place not in tried:
            tried.add(place)
            if _assign(taken[place], options, taken, tried):
                taken[place] = index
                return True
    return False


def is_number(text: str) -> bool:
    """Whether the store reads the text as a number."""
    return _decimal(text, _ANY_NUMBER) is not None


def is_below(value: Json, least: float) -> bool:
    """Whether the store reads the value as a number below this one."""
    number = _decimal(value, _ANY_NUMBER)
    return number is not None and number < Decimal(repr(least))


def _truth(value: Json) -> bool | None:
    """Whether Magento reads the value as true; None if it is not a boolean in any of its forms."""
    if isinstance(value, str):
        return {"1": True, "0": False, "true": True, "false": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def _equal_texts(sent: str, stored: str, rule: EqualityRule) -> bool:
    if sent == stored:
        return True
    if rule.blank and not sent.strip():
        return not stored.strip()
    if rule.slug:
        return slug(sent) == slug(stored)
    if rule.ignore_case and sent.strip().casefold() == stored.strip().casefold():
        return True
    if rule.number or rule.places is not None:
        return _equal_numbers(sent, stored, rule, _ANY_NUMBER)
    if _STORED_DECIMAL.fullmatch(stored):
        return _equal_numbers(sent, stored, rule, _DECIMAL)
    first = _moment(sent)
    return first is not None and first == _moment(stored)


def _equal_numbers(sent: Json, stored: Json, rule: EqualityRule, shape: re.Pattern[str]) -> bool:
    first, second = _decimal(sent, shape), _decimal(stored, shape)
    if first is None or second is None:
        return False
    places = rule.places
    if places is None and isinstance(stored, str) and _STORED_DECIMAL.fullmatch(stored):
        places = len(stored.partition(".")[2])
    return first == second if places is None else rounded(first, places) == rounded(second, places)


def rounded(number: Decimal, places: int) -> Decimal:
    """The number as a decimal column with this many places stores it: half up."""
    try:
        return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation:  # more than 28 digits
        return number


def _decimal(value: Json, shape: re.Pattern[str]) -> Decimal | None:
    if isinstance(value, str):
        return Decimal(value.strip()) if len(value) <= _LONGEST_NUMBER and shape.fullmatch(value) else None
    return Decimal(repr(value)) if isinstance(value, int | float) else None


def _moment(text: str) -> datetime | None:
    """A date and time as Magento stores it: it drops the zone, and a missing time is midnight."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    day, minutes, second = found.groups()
    try:
        return datetime.fromisoformat(f"{day} {minutes or '00:00'}:{second or '00'}")
    except ValueError:
        return None


def slug(text: str) -> str:
    """The text as Magento's URL key: lower case, letters without accents, everything else a single hyphen."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
