"""Validates a profile's text: all problems at once, each with its line and column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path as File
from typing import Any, NamedTuple

from pydantic import ValidationError

from .. import __version__
from ..errors import InvalidValue, UserError
from ..kinds import broken_packages
from ..misspelling import MISSPELT, most_similar
from ..runs.inconsistency import Inconsistency, Setting
from ..secrets.errors import LiteralSecret
from ..secrets.source import VARIABLE_PATTERN
from ..templates import Json
from ..text import count
from . import toml
from .correction import Correction
from .document import Document
from .environment_names import DEFAULT_ENVIRONMENT, TABLE, names_of
from .environments import Misplaced, Overridden, own_secrets, unmarked_production, with_environment
from .model import DEFAULT_CLIENT, FORMAT, ModelPath, Profile, inconsistencies
from .on_failure import NAME as ON_FAILURE
from .positions import Layout, TextPosition, layout, position_finder, problem_offset, value_at
from .table_models import as_type_of, keys_of, may_have, model_of, span_meant


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


class Found(NamedTuple):
    """A problem at a path of the data."""

    path: ModelPath
    message: str
    code: str
    suggestion: str = ""
    """The key or the value that was probably meant."""
    is_of_key: bool = False
    """Whether the key is wrong, rather than its value."""
    value: Json = None
    """What the key that was meant has as its value, if not what is written."""
    owner: ModelPath | None = None
    """The table that has a key which is in another one."""
    expected: str = ""
    """pydantic's name of the error, such as "string_type"; empty for others."""
    at: int | None = None
    """The character of the value at which it is wrong, from 0; None for the value as a whole."""
    correction: tuple[str, str] | None = None
    """A part of the value that is wrong, and what was probably meant."""
    setting: Setting | None = None
    """A key that is to be set, and its value."""


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
        return None, [_set_once(each, data) for each in found]
    if environment in ("", DEFAULT_ENVIRONMENT):
        return base, []
    _require(data, environment)
    return profiles[environment], []


def _set_once(found: Found, data: Mapping[str, Any]) -> Found:
    """An unknown key whose correction would set another key of its table twice has none."""
    meant = found.suggestion
    if found.code != "unknown-key" or not meant or meant not in _table(value_at(data, found.path[:-1])):
        return found
    message = f"unknown key; {meant!r}, which it resembles, is set already"
    return found._replace(message=message, suggestion="", value=None)


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
        each._replace(path=applied.place(each.path), setting=_setting_of(applied, each))
        for each in wrong
        if (each.path, each.message) not in known or applied.overrides(each.path)
    ]
    return (None if found else profile), found, applied.data


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
        errors.sort(key=lambda each: not isinstance(_cause(each), LiteralSecret))  # none of these is left out
        secrets = sum(isinstance(_cause(each), LiteralSecret) for each in errors)
        wrong = {each["loc"][:2] for each in errors}
        unclear: list[Callable[[], Found]] = [
            *(partial(_found, data, each) for each in errors),
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
    message = f"{found.message}{_hint(found.wanted, known)}"
    return Found(found.place, message, "unknown-name", most_similar(found.wanted, known))


_CODES = {
    "extra_forbidden": "unknown-key",
    "missing": "missing",
    "union_tag_invalid": "unknown-kind",
    "union_tag_not_found": "missing-kind",
}
"""The codes of problems by pydantic's type of error; those with "_type" are "wrong-type", others "invalid-value"."""


def _code(error: Any) -> str:
    if isinstance(_cause(error), LiteralSecret):
        return "literal-secret"
    kind = str(error["type"])
    return _CODES.get(kind, "wrong-type" if kind.endswith("_type") else "invalid-value")


def literal_secrets(data: Mapping[str, Any]) -> dict[ModelPath, str]:
    """The path and the message of each secret that the data contains as a literal value."""
    try:
        Profile.model_validate(data, by_alias=True, by_name=False, strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        found = [_found(data, each) for each in errors if isinstance(_cause(each), LiteralSecret)]
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


def _cause(error: Any) -> object:
    return error.get("ctx", {}).get("error")


FAMILIES = ("authentications", "clients", "incoming", "outgoing")


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
    known = {family: dict.fromkeys(_table(data.get(family))) for family in ("authentications", "clients")}
    known["clients"].setdefault(DEFAULT_CLIENT)
    for family, name in (place for place in wrong if len(place) == 2):
        part = _table(value_at(data, (family, name)))
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
    message = f"unknown {what} {wanted!r}{_hint(wanted, names)}"
    return Found(path, message, "unknown-name", most_similar(wanted, names))


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def referenced_family(path: ModelPath) -> str:
    """The family of the part that the value at this path names; empty if it names none."""
    if path[2:3] == ("authentications",):
        return "authentications"
    if path[2:] in (("parent", "incoming"), ("source", "name")):
        return "incoming"
    return "clients" if path[2:] == ("client",) or path == (ON_FAILURE, "client") else ""


def elements_of(data: object, path: ModelPath) -> str:
    """Which elements of lists a path leads through, counted from 1: "item 2 of 3".

    Empty if there is no choice: no list, or one element.
    """
    found = []
    for step in path:
        if isinstance(data, list) and isinstance(step, int) and step < len(data):
            found += [f"item {step + 1} of {len(data)}"] if len(data) > 1 else []
            data = data[step]
        else:
            data = data.get(step) if isinstance(data, Mapping) else None
    return ", ".join(found)


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


def _found(data: Mapping[str, Any], error: Any) -> Found:
    path = _data_path(data, error["loc"])
    kind, context, code = error["type"], error.get("ctx", {}), _code(error)
    if kind == "extra_forbidden":
        return _unknown_key(data, error["loc"], path)
    if kind == "missing":
        return Found(path, "is missing", code)
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        broken = "".join(f"; the package {one.name} could not be loaded: {one.reason}" for one in broken_packages())
        message = f"unknown kind {context['tag']!r}{_hint(context['tag'], known)}{broken}"
        return Found((*path, "kind"), message, code, most_similar(context["tag"], known))
    if kind == "union_tag_not_found":
        return Found(path, 'has no kind: add kind = "…"', code)
    if kind == "value_error":
        cause = context["error"]
        if isinstance(cause, InvalidValue):
            at = (*path, cause.key) if cause.key else path
            return Found(at, str(cause), code, at=cause.at, correction=cause.correction)
        return Found(path, str(cause), code, is_of_key=error["loc"][-1:] == ("[key]",))
    if kind == "literal_error":
        value, known = value_at(data, path), re.findall(r"'([^']*)'", context["expected"])
        near = most_similar(value, known) if isinstance(value, str) else ""
        return Found(path, f"must be {context['expected']}", code, near)
    if kind == "string_pattern_mismatch":
        if value_at(data, path) == "":
            return Found(path, _MESSAGES["string_too_short"], code, expected=kind)
        if (described := _PATTERNS.get(context["pattern"])) is not None:
            return Found(path, described, code, expected=kind)
    message = _MESSAGES.get(kind, error["msg"][:1].lower() + error["msg"][1:]).format(**context)
    return _wrong_type(data, error["loc"], Found(path, message, code, expected=kind))


def _wrong_type(data: Any, loc: tuple[int | str, ...], found: Found) -> Found:
    """A value of a wrong type: perhaps that of another key, or a command as it is typed in a shell."""
    key, model, written = str(found.path[-1]) if found.path else "", model_of(data, loc), value_at(data, found.path)
    if meant := span_meant(model, key, written):
        return found._replace(suggestion=meant)
    if found.code != "wrong-type" or model is None or not isinstance(written, str):
        return found
    if (meant := model.other_words.get(key, "")) in keys_of(model):
        return found._replace(message=f"{found.message}; did you mean {meant!r}?", suggestion=meant, is_of_key=True)
    return found._replace(value=as_type_of(model, key, written)) if key == "command" else found


def _unknown_key(data: Any, loc: tuple[int | str, ...], path: ModelPath) -> Found:
    """An unknown key: misspelt, or in another table than its own, above or directly below it."""
    key, model = str(path[-1]), model_of(data, loc)
    known = keys_of(model)
    if model is not None and (meant := model.other_words.get(key, "")) in known:
        value = as_type_of(model, meant, value_at(data, path))
        return Found(path, f"unknown key; did you mean {meant!r}?", "unknown-key", meant, is_of_key=True, value=value)
    near = most_similar(key, known, MISSPELT)
    if not near:
        for length in range(len(loc) - 2, -1, -1):
            if may_have(model_of(data, (*loc[:length], key)), key, value_at(data, path)):
                return _of_other_table(path, _data_path(data, loc[:length]))
        if len(below := _meant_below(data, loc, path)) == 1:
            return _of_other_table(path, *below[0])
    written = _table(value_at(data, path[:-1]))
    near = near or most_similar(key, [each for each in known if each not in written]) or most_similar(key, known)
    hint = f"; did you mean {near!r}?" if near else ""
    if not near and 0 < len(known) <= _FEW:
        hint = f"; there are {', '.join(known)}"
    return Found(path, f"unknown key{hint}", "unknown-key", near, is_of_key=True)


def _of_other_table(path: ModelPath, table: ModelPath, meant: str = "") -> Found:
    """A key at `path` that belongs to `table`, where it may be called `meant`; () is the top of the file."""
    here, owner = (".".join(step for step in each if isinstance(step, str)) for each in (path[:-1], table))
    where = f"[{owner}]" if owner else "the top of the file, above the first table"
    if meant:  # below; the table may be written as { … }, which no header extends
        where = owner
    key = meant or str(path[-1])
    belongs = f"{key!r} belongs to {where}: move it there" if key == path[-1] else f"did you mean {key!r} in {where}?"
    place = f"in {here}" if here else "at the top level"
    return Found(path, f"unknown key {place}; {belongs}", "unknown-key", owner=table)


def _meant_below(data: Any, loc: tuple[int | str, ...], path: ModelPath) -> list[tuple[ModelPath, str]]:
    """What an unknown key at `path` may mean in the tables directly below its own: each table, and the key.

    Those directly below the top level are the parts as well.
    """
    key, value, found = str(path[-1]), value_at(data, path), []
    for below in _tables_below(data, path[:-1]):
        table = value_at(data, (*path[:-1], *below))
        model = model_of(data, (*loc[:-1], *below, key)) if isinstance(table, dict) else None
        if model is not None:
            meant = model.other_words.get(key) or most_similar(key, keys_of(model), MISSPELT)
            if meant not in table and may_have(model, meant, value):
                found.append(((*path[:-1], *below), meant))
    return found


def _tables_below(data: Any, path: ModelPath) -> Iterator[tuple[str, ...]]:
    for name, value in _table(value_at(data, path)).items():
        if not path and name in FAMILIES:
            yield from ((name, part) for part in _table(value))
        else:
            yield (name,)


def of_table_above(found: Found, data: Mapping[str, Any], above: ModelPath) -> Found:
    """An unknown key that the table above its own in the text may have: a header was written between them.

    `above` is the path of that table. Any other problem is returned as it is.
    """
    if found.code != "unknown-key" or found.owner is not None or found.suggestion or not above:
        return found
    key = str(found.path[-1])
    there = _table(value_at(data, above))
    is_free = bool(there or value_at(data, above) == {}) and key not in there
    if is_free and may_have(model_of(data, (*above, key)), key, value_at(data, found.path)):
        return _of_other_table(found.path, above)
    return found


_FEW = 6
"""Keys of a table that a problem lists."""

_MESSAGES = {
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list: [ … ]",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "invalid-json-value": "must be a JSON value: put dates in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_pattern_mismatch": "does not match {pattern}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must not be empty",
    "too_long": "must not have more than {max_length}",
}


_PATTERNS = {VARIABLE_PATTERN: "must be the name of an environment variable: letters, digits and _, such as ACME_TOKEN"}
"""What a text must be instead of one that does not match."""


def _data_path(data: Any, loc: tuple[str | int, ...]) -> ModelPath:
    """pydantic's `loc` as a path of the data: without the tags of unions, with a missing key at its end."""
    path: list[str | int] = []
    for position, step in enumerate(loc):
        if isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        elif isinstance(data, dict) and step in data:
            data = data[str(step)]
        elif position != len(loc) - 1 or not isinstance(data, dict) or step == "[key]":
            continue  # the tag of a union, not a key
        path.append(step)
    return tuple(path)


def _hint(wanted: str, names: Sequence[str]) -> str:
    if near := most_similar(wanted, names):
        return f"; did you mean {near!r}?"
    return f"; known: {', '.join(map(repr, names))}" if names else ""
