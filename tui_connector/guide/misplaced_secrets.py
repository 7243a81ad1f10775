"""Secrets that were typed where a profile keeps plain text: they are neither saved nor kept in a draft, but moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UserError
from ..magento.token_shape import looks_like_token
from ..profile.blocks import parse
from ..profile.correction import TextEdit, apply
from ..profile.environments import TABLE, base_path
from ..profile.model import ModelPath
from ..profile.positions import value_at
from ..profile.problems import Problem, check, literal_secrets
from ..profile.text_checker import Checker, inline, value_edit
from ..secrets.backends import entry_of
from ..secrets.cleaning import SecretKind
from ..secrets.plain_text import known_secrets_in
from ..secrets.source import SecretSource
from ..templates import Json
from ..templates.validation import leaves
from .drafts import Draft
from .secret_sources import SecretPlace, secret_name, source

_SCHEME = re.compile(r"https?://")
_SEPARATOR = re.compile(r"[.:/]")


def misplaced_secrets(data: Mapping[str, Json]) -> dict[ModelPath, str]:
    """Why the value at each of these paths must not be written to a file, in words.

    They are literal values where a secret belongs, and secrets that this process knows.
    """
    found = literal_secrets(data)
    for path, label in _known(data):
        found.setdefault(path, f"contains the secret {label}: enter it in its own field only")
    return found


def is_store_address(value: str, kind: SecretKind, base_uri: str) -> bool:
    """Whether what was typed as a secret is the address of the store, or, for a token, any address or a part of that.

    As a secret, it would be masked wherever the store is named. A password may be a part of the address.
    """
    text, store = value.strip().lower(), base_uri.lower()
    if kind is SecretKind.TEXT:
        return _SCHEME.match(text) is not None and text.rstrip("/") in store
    return _SCHEME.match(text) is not None or (_SEPARATOR.search(text) is not None and text in store)


def without_secrets(draft: Draft) -> Draft:
    """The draft without what must not be written to a file: it is typed again when the setup is resumed."""
    data = deepcopy(draft.data)
    for path in [*misplaced_secrets(data), *_token_names(data)]:
        _remove(data, path)

    def cleaned(text: str) -> str:
        return "" if known_secrets_in(text) else text

    def cleaned_data(value: Json) -> Json:
        if isinstance(value, dict):
            return {key: cleaned_data(each) for key, each in value.items()}
        if isinstance(value, list):
            return [*map(cleaned_data, value)]
        return cleaned(value) if isinstance(value, str) else value

    about = {name: cleaned_data(value) for name, value in draft.about.items()}
    return replace(draft, data=data, about=about, name=cleaned(draft.name) or "store", title=cleaned(draft.title))


def _token_names(data: Mapping[str, Json]) -> list[ModelPath]:
    """The user names that look like a token, typed into the wrong field."""
    logins = data.get("authentications")
    paths: list[ModelPath] = [
        ("authentications", name, "parameters", "username") for name in (logins if isinstance(logins, dict) else ())
    ]
    return [path for path in paths if isinstance(name := value_at(data, path), str) and looks_like_token(name)]


def _known(data: Mapping[str, Json]) -> Iterable[tuple[ModelPath, str]]:
    for place, value in leaves(dict(data)):
        texts = [(place[: length + 1], str(step)) for length, step in enumerate(place)]
        for path, text in [*texts, (place, value)]:
            label = next(iter(known_secrets_in(text).values()), None) if isinstance(text, str) else None
            if label is not None:
                yield path, label
                break


def _remove(data: Json, path: ModelPath) -> None:
    for step in path[:-1]:
        if isinstance(data, dict) and step in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:  # what is around it has been removed already
            return
    if isinstance(data, dict):
        data.pop(str(path[-1]), None)
    elif isinstance(data, list) and isinstance(path[-1], int):
        data[path[-1]] = ""  # the places of the others stay


@dataclass(frozen=True, slots=True)
class SecretMove:
    """A secret, its name, the source that the profile will have for it, and the edit of the text."""

    entry: str
    """The name of its keyring entry."""
    source: SecretSource
    origins: tuple[str, ...]
    edit: TextEdit
    secret: str = field(repr=False)


def plan_move(text: str, problem: Problem, path: Path, target: SecretPlace = SecretPlace.KEYRING) -> SecretMove:
    """How to move the literal secret of this problem in the text of the file `path`. Raises `UserError`.

    `target`: the keyring or an environment variable.
    """
    place, parsed = problem.keys, parse(text)
    literal = [each.keys for each in Checker().check(text).literal_secrets if len(each.keys) > 2]
    names = {keys: _entry(path.stem, keys, parsed.data) for keys in literal}
    made = {keys: source(target, name) for keys, name in names.items()}
    edits = {keys: value_edit(parsed, keys, inline(table)) for keys, table in made.items()}
    edit = edits.get(place)
    written = value_at(parsed.data, place)
    secret = SecretSource.literal_in(written) if isinstance(written, dict) else written
    if edit is None or not isinstance(secret, str) or not secret:
        raise UserError("not-movable", f"{problem.path}: the secret cannot be located", "Move it by hand.")
    moved_text = apply(text, [each for each in edits.values() if each is not None])
    checked = Checker().check(moved_text)
    here = [each for each in checked.problems if each.keys[: len(place)] == place]
    if here or checked.profile is None:
        reason = here[0] if here else next(iter(checked.problems))
        hint = "Use an HTTP authentication for it." if here else "Fix the other problems first."
        raise UserError("not-movable", f"{problem.path}: the secret cannot be moved: {reason.message}", hint)
    moved, profile = SecretSource.model_validate(made[place]), checked.profile
    if place[0] == TABLE:
        profile = check(moved_text, str(place[1]))[0] or profile
    origins = {each for found in profile.secrets() if found.source.key == moved.key for each in found.origins}
    return SecretMove(names[place], moved, tuple(sorted(origins)), edit, secret)


def _entry(profile: str, keys: ModelPath, data: Mapping[str, Json]) -> str:
    """The keyring entry for the secret at this path, also in an environment; `profile` is its name."""
    name = secret_name(profile, base_path(data, keys))
    return entry_of(name, str(keys[1])) if keys[0] == TABLE else name
