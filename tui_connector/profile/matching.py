"""Compares old and new data of a TOML document: what is equal, and which element of a list became which."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable
from datetime import date, time

from .positions import KeyPath

_MAX_COMPARISONS = 10_000


def same(one: object, other: object) -> bool:
    """Whether both mean the same TOML: 1, 1.0 and true differ, NaN equals NaN, the order of keys is irrelevant."""
    return _hashable(one) == _hashable(other)


def _hashable(value: object) -> Hashable:
    if isinstance(value, dict):
        return "{}", frozenset((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return "[]", tuple(_hashable(item) for item in value)
    if isinstance(value, (date, time)):  # a datetime is a date
        return type(value).__name__, value.isoformat()
    return type(value).__name__, value if isinstance(value, (int, str)) else repr(value)


def match_elements(old: list[object], new: list[object]) -> list[int | None]:
    """For each element of `new` the index of the element of `old` that it was, or None if it was added."""
    before, after = [_hashable(item) for item in old], [_hashable(item) for item in new]
    out: list[int | None] = [None] * len(new)
    head = 0
    while head < min(len(old), len(new)) and before[head] == after[head]:
        out[head] = head
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
        out[-tail] = len(old) - tail
    unmatched: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for index in range(head, len(old) - tail):
        unmatched[before[index]].append(index)
    for index in range(head, len(new) - tail):
        if unmatched[after[index]]:
            out[index] = unmatched[after[index]].popleft()
    _match_changed(old, new, sorted(index for indices in unmatched.values() for index in indices), out)
    return out


def _match_changed(old: list[object], new: list[object], unmatched: list[int], out: list[int | None]) -> None:
    """Match elements that changed: tables with the most similar one, other values if none was added or removed."""
    open_indices = [index for index, was in enumerate(out) if was is None]
    if len(unmatched) * len(open_indices) > _MAX_COMPARISONS or not all(isinstance(old[i], dict) for i in unmatched):
        if len(unmatched) == len(open_indices):
            for index, was in zip(open_indices, unmatched, strict=True):
                out[index] = was
        return
    candidates = sorted(
        (-_similarity(old[was], new[index]), abs(was - index), index, was)
        for index in open_indices
        for was in unmatched
    )
    used: set[int] = set()
    for negated, _, index, was in candidates:
        if negated < 0 and out[index] is None and was not in used:
            out[index] = was
            used.add(was)


def _similarity(old: object, new: object) -> int:
    """How many values two tables have in common, and two more for the same `kind`; 0 means two different tables."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return int(same(old, new))
    common = sum(_similarity(value, new[key]) for key, value in old.items() if key in new)
    return common + 2 * ("kind" in old and old["kind"] == new.get("kind"))


class PathMapping:
    """Maps paths of the old data to paths of the new data."""

    def __init__(self, old: object, new: object) -> None:
        self._pairs: dict[KeyPath, tuple[object, object]] = {(): (old, new)}
        self._matches: dict[KeyPath, dict[int, int]] = {}

    def __call__(self, path: KeyPath) -> KeyPath | None:
        """The path in the new data; None if that value was removed."""
        out: KeyPath = ()
        for depth, step in enumerate(path):
            old, new = self._pairs[path[:depth]]
            if isinstance(old, dict) and isinstance(new, dict) and step in new:
                out = (*out, step)
                self._pairs[path[: depth + 1]] = old[step], new[step]
            elif isinstance(old, list) and isinstance(new, list) and isinstance(step, int):
                index = self._new_indices(path[:depth], old, new).get(step)
                if index is None:
                    return None
                out = (*out, index)
                self._pairs[path[: depth + 1]] = old[step], new[index]
            else:
                return None
        return out

    def _new_indices(self, path: KeyPath, old: list[object], new: list[object]) -> dict[int, int]:
        if path not in self._matches:
            matches = enumerate(match_elements(old, new))
            self._matches[path] = {was: index for index, was in matches if was is not None}
        return self._matches[path]

    def is_list_in_both(self, path: KeyPath) -> bool:
        return self(path) is not None and all(isinstance(value, list) for value in self._pairs[path])
