"""A profile with problems, for a request or a test that does not use the parts with the problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from .environment_names import TABLE
from .found import Found
from .model import FAMILIES, ModelPath, Profile
from .positions import value_at
from .problems import find_problems, referenced_family
from .used_parts import Part

_ALWAYS_USED = ("format", "name")


def usable_profile(
    data: Mapping[str, Any], parts: Iterable[Part], environment: str = ""
) -> tuple[Profile | None, list[tuple[ModelPath, str]]]:
    """The profile without the invalid parts that these parts do not use, with the values of an environment.

    Of an outgoing, an invalid source is left out: its test and its samples do not read it. Where one that they use is
    invalid: None, and the path and message of each of its problems. Raises `UserError` if a valid profile has no such
    environment.
    """
    usable = _UsableParts(data, parts, environment)
    profile, problems = usable.checked()
    return profile, [(each.path, each.message) for each in problems]


class _UsableParts:
    def __init__(self, data: Mapping[str, Any], parts: Iterable[Part], environment: str) -> None:
        self._data, self._environment = data, environment
        self._rest: dict[str, Any] = deepcopy(dict(data))
        self._used = {("incoming" if family == "incoming-read" else family, name) for family, name in parts}
        self._causes: dict[ModelPath, list[Found]] = {}
        """Why each part was left out."""

    def checked(self) -> tuple[Profile | None, list[Found]]:
        while True:
            profile, found = find_problems(self._rest, self._environment)
            if profile is not None:
                lost = list(self._without_client(profile))
                return (None, lost) if lost else (profile, [])
            places = [(each, self._place(each.path)) for each in found]
            if used := [each for each, place in places if place is None]:
                return None, list(dict.fromkeys(cause for each in used for cause in self._causes_of(each)))
            causes: dict[ModelPath, list[Found]] = {}
            for each, place in places:
                assert place is not None
                causes.setdefault(place, []).extend(self._causes_of(each))
            self._causes |= causes
            for place in causes:
                self._leave_out(place)

    def _place(self, path: ModelPath) -> ModelPath | None:
        """What is left out because of a problem at this path; None if it is used."""
        is_override, own = path[:1] == (TABLE,), _own(path)
        is_part = len(own) > 1 and own[0] in FAMILIES
        if is_override and path[1:2] != (self._environment,):
            return path[:4] if is_part else path[:2]
        if is_part and own[:2] not in self._used:
            return own[:2]
        if own[:1] == ("outgoing",) and own[2:3] == ("source",):
            return own[:3]
        if is_part:
            return None
        is_used = not own or own[0] in _ALWAYS_USED or any(family == own[0] for family, _ in self._used)
        return None if is_used else own[:1]

    def _causes_of(self, found: Found) -> list[Found]:
        """The problems of the part that a reference names and that was left out; else the problem itself."""
        family = referenced_family(_own(found.path))
        name = value_at(self._rest, found.path)
        return self._causes.get((family, str(name)), self._causes.get((family,), [found])) if family else [found]

    def _leave_out(self, place: ModelPath) -> None:
        tables: list[tuple[Any, ModelPath]] = [(self._rest, place)]
        environments = self._rest.get(TABLE)
        if place[0] != TABLE and isinstance(environments, dict):
            tables += [(each, place) for each in environments.values()]
        for table, path in tables:
            parent = value_at(table, path[:-1]) if path[:-1] else table
            if isinstance(parent, dict):
                parent.pop(path[-1], None)

    def _without_client(self, profile: Profile) -> Iterator[Found]:
        """Why the clients were left out with which an authentication is used, if all of them were."""
        for family, name in self._used:
            if family != "authentications" or any(name in each.authentications for each in profile.clients.values()):
                continue
            for place, causes in self._causes.items():
                named = value_at(self._data, (*place, "authentications")) if place[0] == "clients" else None
                if isinstance(named, list) and name in named:
                    yield from causes


def _own(path: ModelPath) -> ModelPath:
    """The path without the environment whose value it is of."""
    return path[2:] if path[:1] == (TABLE,) else path
