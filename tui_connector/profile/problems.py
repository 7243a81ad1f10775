"""Every problem of a profile's text, each with its line and column, all at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from .model import Path, Profile, broken_packages, dangling
from .positions import Place, positions


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; line and column count from 1."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.line}:{self.column}: {where}{self.message}"


class BadProfile(Exception):
    """A profile that cannot be used, with all that is wrong in it."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{file}:{problem}" for problem in problems))
        self.file = file
        self.problems = problems


def check(text: str) -> tuple[Profile | None, list[Problem]]:
    """The profile in a text that tomllib accepts, or what is wrong with it."""
    broken_packages()
    data = tomllib.loads(text)
    profile, found = check_data(data)
    if not found:
        return profile, []
    places = positions(text)
    return None, sorted(_placed(path, message, places) for path, message in found)


def check_data(data: Mapping[str, Any]) -> tuple[Profile | None, list[tuple[Path, str]]]:
    """The profile in plain data, as a draft holds it, or the path and the message of each problem."""
    broken_packages()
    try:
        profile = Profile.model_validate(data, by_alias=True, by_name=False, strict=True)
    except ValidationError as error:
        return None, [_described(data, e) for e in error.errors(include_url=False, include_input=False)]
    wrong = [(path, f"{message}{_hint(message, names)}") for path, message, names in dangling(profile)]
    return (None, wrong) if wrong else (profile, [])


def _placed(path: Path, message: str, places: Mapping[Path, Place]) -> Problem:
    at = path
    while at and at not in places:
        at = at[:-1]
    place = places.get(at)
    return Problem(place.line if place else 1, place.column if place else 1, ".".join(map(str, path)), message)


def _described(data: Mapping[str, Any], error: Any) -> tuple[Path, str]:
    path = _path(data, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        near = get_close_matches(str(path[-1]), _siblings(error["loc"], data), 1)
        return path, "there is no such key" + (f"; did you mean {near[0]!r}?" if near else "")
    if kind == "missing":
        return path, "is missing"
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        return (*path, "kind"), f"there is no kind {context['tag']!r}{_hint(context['tag'], known, quoted=True)}"
    if kind == "union_tag_not_found":
        return path, 'says no kind: add kind = "…"'
    if kind == "value_error":
        return path, str(context["error"])
    if kind == "literal_error":
        return path, f"must be {context['expected']}"
    return path, _WORDS.get(kind, error["msg"][:1].lower() + error["msg"][1:]).format(**context)


_WORDS = {
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list: [ … ]",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_pattern_mismatch": "is not of the form {pattern}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must not be empty",
}


def _path(data: Any, loc: tuple[str | int, ...]) -> Path:
    """pydantic's `loc` without the tags of unions: what is really in the data, and a missing key at the end."""
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


def _siblings(loc: tuple[str | int, ...], data: Any) -> list[str]:
    """The names that would be right where an unknown one stands."""
    model: Any = Profile
    for step in loc[:-1]:
        model = _inside(model, step)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _inside(model: Any, step: str | int) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel):
        kinds = getattr(model, "family_kinds", None)
        if kinds and step in kinds and "kind" in model.model_fields and model.model_fields["kind"].is_required():
            return kinds[step]
        field = next((f for name, f in model.model_fields.items() if step in (name, f.alias)), None)
        return _item_type(field.annotation) if field is not None else model
    return model


def _item_type(annotation: Any) -> Any:
    """The model inside `dict[Name, Model]`, `list[Model]` or `Model | None`."""
    arguments = getattr(annotation, "__args__", ())
    models = [a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)]
    return models[-1] if models else annotation


def _hint(wanted: str, names: list[str], *, quoted: bool = False) -> str:
    word = wanted if quoted else wanted.partition("'")[2].rpartition("'")[0]
    near = get_close_matches(word, names, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(map(repr, names))}" if names else ""
