"""Validates a profile's text: all problems at once, each with its line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from .. import __version__
from ..errors import UserError
from ..misspelling import most_similar
from ..runs.inconsistency import Inconsistency, Setting
from ..templates import Json
from ..text import count
from . import toml
from .correction import Correction
from .document import Document
from .environment_names import DEFAULT_ENVIRONMENT, TABLE, names_of
from .environments import Misplaced, Overridden, own_secrets, unmarked_production, with_environment
from .found import Found, elements_of
from .model import DEFAULT_CLIENT, FAMILIES, FORMAT, ModelPath, Profile, inconsistencies
from .on_failure import NAME as ON_FAILURE
from .positions import Layout, TextPosition, layout, position_finder, problem_offset, value_at
from .table_models import table_of
from .unknown_keys import set_once
from .validation_errors import found_of, is_of_secret, meant_among


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem; line and column count from 1: of the wrong character of a text, if it is known, or of the key."""

    line: int
    column: int
    path: str
    message: str
    code: str = "invalid-value"
    hint: str = ""
    """What to do about it; empty where the message says it."""
    fix: Correction | None = field(default=None, compare=False)
    """The likely correction, of the text that was checked."""
    keys: ModelPath = field(default=(), compare=False)
    """`path` as keys and indices."""
    value: TextPosition | None = field(default=None, compare=False)
    """Where the wrong value starts or, of a text, its wrong character is, if that is known."""
    elements: str = field(default="", compare=False)
    """Which elements of lists `path` leads through, where indices count from 0, as `elements_of` says it."""
    can_move: bool = field(default=False, compare=False)
    """Whether it is a literal secret that can be located, and the profile may name its source in its place."""

    @property
    def place(self) -> TextPosition:
        """What is to be edited: the value, or else the key."""
        return self.value or TextPosition(self.line, self.column)

    @property
    def fix_title(self) -> str:
        """What one key does about it, in the imperative; empty where it can do nothing."""
        if self.can_move:
            return "Move it out of the file"
        return self.fix.title if self.fix is not None else ""

    @property
    def text(self) -> str:
        """The message and the hint."""
        return UserError(self.code, self.message, self.hint).text

    @property
    def brief(self) -> str:
        """The text, where `fix_title` is beside it."""
        return "is a literal secret" if self.can_move else self.text

    @property
    def placed_text(self) -> str:
        """The text after its path, such as "clients.magento.plugins.1.attempts (item 2 of 3): must be …"."""
        return self._placed(self.text)

    @property
    def placed_brief(self) -> str:
        """`brief` after its path."""
        return self._placed(self.brief)

    def _placed(self, text: str) -> str:
        elements = f" ({self.elements})" if self.elements else ""
        return f"{self.path}{elements}: {text}" if self.path else text

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.placed_text}"


class InvalidProfile(UserError):
    """A profile with problems; the message has one on each line, with its position."""

    def __init__(self, path: File, problems: Sequence[Problem]) -> None:
        self.lines = [f"{path}:{problem}" for problem in problems]
        super().__init__("profile-invalid", "\n".join(self.lines))


def read_profile(path: File, environment: str = "") -> tuple[Document, Profile]:
    """The profile in a file, with the values of an environment. Raises `ProfileError` and `InvalidProfile`."""
    document = Document.read(path)
    profile, problems = check(document.text_as_read, environment)
    if profile is None:
        raise InvalidProfile(path, problems)
    return document, profile


def check(text: str, environment: str = "") -> tuple[Profile | None, list[Problem]]:
    """The profile in a valid TOML text, with the values of an environment, or all of its problems.

    Raises `UserError` if a valid profile has no such environment.
    """
    data = toml.loads(text)
    profile, found = find_problems(data, environment)
    if not found:
        return profile, []
    known, position = layout(text), position_finder(text)
    return None, sorted(_problem(each, known, position, data) for each in found)


def check_data(data: Mapping[str, Any], environment: str = "") -> tuple[Profile | None, list[tuple[ModelPath, str]]]:
    """The profile in plain data, with the values of an environment, or the path and message of each problem.

    Raises `UserError` if a valid profile has no such environment.
    """
    profile, found = find_problems(data, environment)
    return profile, [(each.path, each.message) for each in found]


MAX_PROBLEMS = 100
"""Problems of one profile that are worked out; the others are counted."""
Prepare = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def environment_data(data: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """The data of a profile, which may be invalid, with the values of an environment and without the others.

    Raises `UserError` if there is none of this name.
    """
    if environment in ("", DEFAULT_ENVIRONMENT):
        return {key: value for key, value in data.items() if key != TABLE}
    _require(data, environment)
    base, found = _checked_alone(data)
    return _in_environment(data, environment, base, {(each.path, each.message) for each in found})[2]


def _require(data: Mapping[str, Any], environment: str) -> None:
    known = names_of(data)
    if environment not in known:
        hint = f"It has: {', '.join(known)}." if known else f"Add a table [{TABLE}.{environment}] to the profile."
        message = f"The profile has no environment {environment!r}"
        raise UserError("unknown-environment", message, hint)


def find_problems(
    data: Mapping[str, Any], environment: str = "", prepare: Prepare = dict
) -> tuple[Profile | None, list[Found]]:
    """The profile with the values of an environment, or all problems, also those of the other environments.

    `prepare` returns the data with models in place of its valid parts. Raises `UserError` if a valid profile has no
    such environment.
    """
    if newer := _newer_format(data.get("format")):
        return None, [Found(("format",), newer, "newer-format")]  # what this version does not know is not an error
    base, found = _checked_alone(data, prepare)
    profiles: dict[str, Profile] = {}
    known = {(each.path, each.message) for each in found}
    for name in names_of(data):
        if len(found) > MAX_PROBLEMS:
            break
        profile, more, _ = _in_environment(data, name, base, known, prepare)
        found += [each for each in more if each not in found]
        if profile is not None:
            profile.set_environment(name)
            profiles[name] = profile
    if base is not None:
        for name, client, message in unmarked_production(base, profiles):
            path: ModelPath = (TABLE, name) if name else ("clients", client)
            marked = (*path, "production") if not name or "production" in data[TABLE][name] else None
            setting = Setting(marked or (*path, "clients", client, "production"), True)
            message = f"{client}: {message}" if name else message
            found.append(Found(path, message, "unmarked-production", setting=setting))
    if found or base is None:
        return None, [set_once(each, data) for each in found]
    if environment in ("", DEFAULT_ENVIRONMENT):
        return base, []
    _require(data, environment)
    return profiles[environment], []


def _newer_format(written: object) -> str:
    """Why a profile of a later version of this program cannot be read; "" for any other."""
    if not isinstance(written, int) or isinstance(written, bool) or written <= FORMAT:
        return ""
    return (
        f"format {written} is newer than this program, tui-connector {__version__}, which reads format {FORMAT}: "
        "update the program to a version that reads it, or use a profile of that format"
    )


def _in_environment(
    data: Mapping[str, Any],
    name: str,
    base: Profile | None,
    known: Set[tuple[ModelPath, str]],
    prepare: Prepare = dict,
) -> tuple[Profile | None, list[Found], dict[str, Any]]:
    """The profile with the values of one environment, or its problems at the overrides; and its data.

    `base`: the profile without environments, None if it is invalid; its problems, `known`, are left out.
    """
    applied = with_environment(data, name)
    profile, wrong = _checked_alone(applied.data, prepare)
    if profile is not None and base is not None and own_secrets(applied, base, profile):
        profile, wrong = _checked_alone(applied.data, prepare)
    found = _worked_out([partial(_of_override, each) for each in applied.problems])
    found += [
        _of_environment(each, applied, name)
        for each in wrong
        if (each.path, each.message) not in known or applied.overrides(each.path)
    ]
    return (None if found else profile), found, applied.data


def _of_environment(found: Found, applied: Overridden, name: str) -> Found:
    """A problem of the data with the values of an environment, where that or the base has what is wrong."""
    path, setting = applied.place(found.path), _setting_of(applied, found)
    if path[:1] != (TABLE,):
        return found._replace(path=path, setting=setting)
    owner = found.owner
    if owner is not None:  # elements of lists have other names in an environment
        owner = (TABLE, name, *owner) if all(isinstance(each, str) for each in owner) else None
    return found._replace(path=path, setting=setting, owner=owner, is_set=False)


def _of_override(found: Misplaced) -> Found:
    setting = None if found.value is None else Setting(found.path, found.value)
    return Found(*found[:4], is_of_key=True, setting=setting)


def _setting_of(applied: Overridden, found: Found) -> Setting | None:
    """The correction of a problem of an environment, if that has the key itself: other environments use the base."""
    if found.setting is None:
        return None
    place = applied.place(found.setting.place)
    return found.setting._replace(place=place) if place[2:] == found.setting.place else None


def _checked_alone(data: Mapping[str, Any], prepare: Prepare = dict) -> tuple[Profile | None, list[Found]]:
    """The profile with its base values, or their problems."""
    prepared = prepare(data)
    try:
        profile = Profile.model_validate(prepared, by_alias=True, by_name=False, strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        errors.sort(key=lambda each: not is_of_secret(each))  # none of these is left out
        secrets = sum(is_of_secret(each) for each in errors)
        wrong = {each["loc"][:2] for each in errors}
        unclear: list[Callable[[], Found]] = [
            *(partial(found_of, data, each) for each in errors),
            *_inconsistencies_of_valid_parts(data, prepared, wrong),
            *_undefined_in_invalid_parts(data, wrong),
        ]
        return None, _worked_out(unclear, max(MAX_PROBLEMS, secrets))
    found = _worked_out([partial(_inconsistent, each, each.known) for each in inconsistencies(profile)])
    return (None, found) if found else (profile, [])


def _worked_out(unclear: Sequence[Callable[[], Found]], most: int = MAX_PROBLEMS) -> list[Found]:
    """The first problems, and how many others there are, where the first of these is."""
    found = [each() for each in unclear[:most]]
    if left := unclear[most:]:
        found.append(Found(left[0]().path, f"and {count(len(left), 'more problem')}", "more-problems"))
    return found


def _inconsistent(found: Inconsistency, known: Sequence[str]) -> Found:
    if not found.wanted:
        return Found(found.place, found.message, "inconsistent", setting=found.setting)
    message = f"{found.message}{meant_among(found.wanted, known)}"
    return Found(found.place, message, "unknown-name", most_similar(found.wanted, known))


def literal_secrets(data: Mapping[str, Any]) -> dict[ModelPath, str]:
    """The path and the message of each secret that the data contains as a literal value."""
    try:
        Profile.model_validate(data, by_alias=True, by_name=False, strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        found = [found_of(data, each) for each in errors if is_of_secret(each)]
        return {each.path: each.message for each in found}
    return {}


def with_sources(data: Mapping[str, Any], sources: Mapping[ModelPath, Mapping[str, Json]]) -> dict[str, Any]:
    """A copy of the data with these sources of secrets in place of what is at their paths."""
    copied = deepcopy(dict(data))
    for path, source in sources.items():
        table = value_at(copied, path[:-1])
        if isinstance(table, dict | list):
            table[path[-1]] = dict(source)  # type: ignore[index]
    return copied


def _inconsistencies_of_valid_parts(
    data: Mapping[str, Any], prepared: Mapping[str, Any], wrong: set[tuple[int | str, ...]]
) -> Iterator[Callable[[], Found]]:
    """Inconsistencies of the parts that are valid by themselves. References to an invalid part are not reported."""
    rest: dict[str, Any] = {"format": 1, "name": "the rest"}
    for family in FAMILIES:
        named = prepared.get(family)
        if isinstance(named, Mapping) and (family,) not in wrong:
            rest[family] = {name: part for name, part in named.items() if (family, name) not in wrong}
    if ON_FAILURE in prepared and not any(path[:1] == (ON_FAILURE,) for path in wrong):
        rest[ON_FAILURE] = prepared[ON_FAILURE]
    left_out: dict[str | int, dict[str, None]] = {}
    for part, *inside in wrong:
        left_out.setdefault(part, {}).update(dict.fromkeys(map(str, inside)))
    for each in inconsistencies(Profile.model_validate(rest, by_alias=True, by_name=False, strict=True)):
        path = each.place
        family = referenced_family(path)
        others = left_out.get(family, {})
        if (family,) not in wrong and value_at(data, path) not in others:
            yield partial(_inconsistent_among, each, others)


def _inconsistent_among(found: Inconsistency, others: Iterable[str]) -> Found:
    return _inconsistent(found, [*found.known, *others])


def _undefined_in_invalid_parts(
    data: Mapping[str, Any], wrong: set[tuple[int | str, ...]]
) -> Iterator[Callable[[], Found]]:
    """References to undefined names, in parts that are invalid for other reasons."""
    known = {family: dict.fromkeys(table_of(data.get(family))) for family in ("authentications", "clients")}
    known["clients"].setdefault(DEFAULT_CLIENT)
    for family, name in (place for place in wrong if len(place) == 2):
        part = table_of(value_at(data, (family, name)))
        kind, key = ("authentications", "authentications") if family == "clients" else ("clients", "client")
        value = part.get(key)
        if isinstance(value, list) != (key == "authentications"):
            continue  # of the wrong type, which is a problem itself
        named = (
            [((key, index), each) for index, each in enumerate(value)] if isinstance(value, list) else [((key,), value)]
        )
        for inside, wanted in named:
            if isinstance(wanted, str) and wanted not in known[kind] and (kind,) not in wrong:
                yield partial(_undefined, (family, name, *inside), kind[:-1], wanted, known[kind])


def _undefined(path: ModelPath, what: str, wanted: str, known: Iterable[str]) -> Found:
    names = list(known)
    message = f"unknown {what} {wanted!r}{meant_among(wanted, names)}"
    return Found(path, message, "unknown-name", most_similar(wanted, names))


def referenced_family(path: ModelPath) -> str:
    """The family of the part that the value at this path names; empty if it names none."""
    if path[2:3] == ("authentications",):
        return "authentications"
    if path[2:] in (("parent", "incoming"), ("source", "name")):
        return "incoming"
    return "clients" if path[2:] == ("client",) or path == (ON_FAILURE, "client") else ""


def _problem(found: Found, known: Layout, position: Callable[[int], TextPosition], data: Mapping[str, Any]) -> Problem:
    at = found.path
    while at not in known.offsets:
        at = at[:-1]
    offset = known.offsets[at]
    if found.at is not None and (span := known.value_span(found.path)) is not None:
        offset = problem_offset(known.text, span, found.at)
    line, column = position(offset)
    path = ".".join(map(str, found.path))
    elements = elements_of(data, found.path)
    return Problem(line, column, path, found.message, found.code, keys=found.path, elements=elements)
