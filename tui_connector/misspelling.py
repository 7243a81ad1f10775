"""Finds the name that was probably meant by a misspelt one: for every "did you mean" of the program."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

SIMILAR: Final = 0.6
"""The similarity above which a name may be meant."""
MISSPELT: Final = 0.8
"""The similarity above which a name is surely meant."""
_LIKE: Final = 0.7
"""The similarity above which a word of a description may be meant."""
_MAX_LENGTH: Final = 100
"""Of names that are compared: the time grows with the square of it."""
_MIN_ABBREVIATION: Final = 2
_MIN_WITHIN: Final = 4
"""Characters of a name that may be meant by a longer one that contains it: shorter ones are in many words by chance."""
_ONE_LETTER: Final = 0.61
"""The similarity of names that differ by one letter, however short they are."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The text ": did you mean 'sku'?" if one of these names is similar, otherwise an empty string."""
    near = most_similar(name, names)
    return f": did you mean {near!r}?" if near else ""


def most_similar(name: str, names: Iterable[str], above: float = SIMILAR) -> str:
    """The most similar of these names; empty if none is more similar than `above`."""
    return next(iter(similar_names(name, names, 1, above)), "")


def similar_names(name: str, names: Iterable[str], count: int, above: float = SIMILAR) -> list[str]:
    """At most `count` of these names that are more similar than `above` (0 to 1), the most similar first."""
    wanted = _plain(name)
    if not wanted or len(wanted) > _MAX_LENGTH:
        return []
    scored = ((_similarity(wanted, _plain(each), above), each) for each in dict.fromkeys(names))
    # of several that are as similar, the first one
    best = heapq.nlargest(count, (each for each in scored if each[0] > above), key=lambda each: each[0])
    return [each for _, each in best]


def longest_within(name: str, names: Iterable[str]) -> str:
    """The longest of these names that `name` contains, such as "batch" in "batchsize"; empty if it contains none."""
    wanted = _plain(name)
    within = ((plain, each) for each in names if len(plain := _plain(each)) >= _MIN_WITHIN and plain in wanted)
    return max(within, key=lambda found: len(found[0]), default=("", ""))[1]


def matching_options(typed: str, titles: Mapping[str, str], details: Mapping[str, str]) -> list[str]:
    """The ids of the options with all words of a filter, those with them in the title or the id first.

    Of these, the ones whose title or id begins with what is typed come before others.
    Words that no title and no id has find those with similar words, too. `details`: what else is searched, by id.
    """
    found: dict[str, int] = {}
    for option, title in titles.items():
        named, detail = f"{option} {title}".lower(), details.get(option, "").lower()
        scores = [_score(word, named, detail) for word in typed.lower().split()]
        found[option] = max(scores, default=_IN_NAME)
    best = min(found.values(), default=_NOWHERE)
    shown = {_IN_NAME: {_IN_NAME, _IN_DETAIL}, _LIKE_DETAIL: {_LIKE_DETAIL}, _NOWHERE: set[int]()}
    kept = shown.get(best, {_LIKE_NAME, _IN_DETAIL})
    begun = typed.strip().lower()

    def rank(option: str) -> tuple[int, bool]:
        return found[option], not any(name.lower().startswith(begun) for name in (titles[option], option))

    return sorted((each for each in found if found[each] in kept), key=rank)


_IN_NAME, _LIKE_NAME, _IN_DETAIL, _LIKE_DETAIL, _NOWHERE = range(5)


def _score(word: str, named: str, detail: str) -> int:
    """Where an option has this word, or one like it."""
    names, singular = named.split(), re.sub(r"s$", "", re.sub(r"ies$", "y", word))
    if word in named or singular in named:
        return _IN_NAME
    if most_similar(word, [*names, *map("".join, pairwise(names))]):
        return _LIKE_NAME
    if word in detail:
        return _IN_DETAIL
    return _LIKE_DETAIL if most_similar(word, re.findall(r"[a-z]{4,}", detail), _LIKE) else _NOWHERE


def _plain(name: str) -> str:
    """The name without what is confused most often: its case, and what joins its words."""
    return re.sub(r"[_\s]", "-", name.strip().lower())


def _similarity(wanted: str, name: str, above: float) -> float:
    """From 0 to 1, which means equal; what is at most `above` need not be exact."""
    if wanted == name:
        return 1.0
    if not name or len(name) > _MAX_LENGTH:
        return 0.0
    abbreviated = _abbreviation(wanted, name)
    longest = max(len(wanted), len(name))
    common = (Counter(wanted) & Counter(name)).total()
    least = _ONE_LETTER if longest - common <= 1 and common else 0.0
    if max(common / longest, least) <= max(above, abbreviated):
        return abbreviated
    distance = _distance(wanted, name)
    return max(abbreviated, 1 - distance / longest, least if distance == 1 else 0.0)


def _abbreviation(wanted: str, name: str) -> float:
    """How well a text abbreviates a name: its beginning, one of its words, or some of its letters in their order.

    Or how well a name abbreviates the text.
    """
    if name in wanted and len(name) > _MIN_ABBREVIATION and 2 * len(name) >= len(wanted):
        return 0.61 + 0.2 * len(name) / len(wanted)
    if len(wanted) < _MIN_ABBREVIATION or len(wanted) > len(name):
        return 0.0
    share = len(wanted) / len(name)
    if name.startswith(wanted):
        return 0.62 + 0.3 * share
    if wanted in re.split(r"[-.]", name):
        return 0.61 + 0.3 * share
    rest = iter(name)
    if len(wanted) > _MIN_ABBREVIATION and name[0] == wanted[0] and all(letter in rest for letter in wanted):
        return 0.61 + 0.25 * share
    return 0.0


def _distance(one: str, other: str) -> int:
    """How many letters are omitted, added, wrong or swapped with the next one (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, its in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != its))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == its:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]
