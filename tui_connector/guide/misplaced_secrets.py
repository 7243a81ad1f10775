"""Secrets that were typed where a profile keeps plain text: they are neither saved nor kept in a draft, but moved."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UserError
from ..profile.blocks import parse
from ..profile.correction import TextEdit
from ..profile.environment_names import TABLE
from ..profile.environments import base_path
from ..profile.model import ModelPath
from ..profile.positions import value_at
from ..profile.problem_fixes import inline, value_edit
from ..profile.problems import Problem, check_data, literal_secrets, with_sources
from ..secrets.backends import override_name
from ..secrets.cleaning import SecretKind
from ..secrets.plain_text import known_secrets_in
from ..secrets.source import SecretSource
from ..secrets.token_shape import looks_like_token
from ..templates import Json
from ..templates.validation import leaves
from .drafts import Draft
from .environment_values import own_source
from .secret_sources import SecretPlace, secret_name, source

_SCHEME = re.compile(r"https?://")
_SEPARATOR = re.compile(r"[.:/]")
_PARTS = re.compile(r"[/?&=]")
_LONG_WORD = re.compile(r"[A-Za-z0-9]{30,}")
"""No route of Magento is one word as long as a token, which has 32 characters."""
_SHORTEST_PASSWORD = 7
"""Characters (Magento\\User\\Model\\UserValidationRules)."""


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
    if kind is not SecretKind.TOKEN:
        return _SCHEME.match(text) is not None and text.rstrip("/") in store
    return _SCHEME.match(text) is not None or (_SEPARATOR.search(text) is not None and text in store)


def is_secret_as_path(path: str) -> bool:
    """Whether this is hardly the path of a request, but a token or password, or has one in it.

    A token has a part of the path for itself. A password may have any characters, and so may one word without `/`.
    """
    parts = [each for each in _PARTS.split(path) if each]
    if known_secrets_in(path) or any(map(looks_like_token, parts)):
        return True
    return len(parts) == 1 and (_LONG_WORD.fullmatch(path) is not None or _has_kinds_of_a_password(path))


def _has_kinds_of_a_password(text: str) -> bool:
    kinds = (str.islower, str.isupper, str.isdigit, lambda each: not each.isalnum())
    return len(text) >= _SHORTEST_PASSWORD and all(any(map(kind, text)) for kind in kinds)


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
    """A secret, the source that the profile will have for it, and the edit of the text."""

    source: SecretSource
    origins: tuple[str, ...]
    """Where the profile sends it, as far as that is known."""
    edit: TextEdit
    secret: str = field(repr=False)


def plan_move(
    text: str,
    problem: Problem,
    path: Path,
    target: SecretPlace = SecretPlace.KEYRING,
    variables: Collection[str] = (),
) -> SecretMove:
    """How to move the literal secret of this problem in the text of the file `path`. Raises `UserError`.

    `target`: the keyring or an environment variable. `variables` are those that are set: each has another value.
    """
    place, parsed = problem.keys, parse(text)
    made = _unused_source(parsed.data, path.stem, place, target, variables)
    edit, secret = value_edit(parsed, place, inline(made)), _secret_in(value_at(parsed.data, place))
    if edit is None or not secret:
        raise UserError("not-movable", f"{problem.path}: the secret cannot be located", "Move it by hand.")
    moved = SecretSource.model_validate(made)
    others = {at: {"keyring": "another"} for at in literal_secrets(parsed.data)}  # invalid as they are
    data = with_sources(parsed.data, {**others, place: made})
    profile, _ = check_data(data, str(place[1]) if place[0] == TABLE else "")
    used = () if profile is None else [each for each in profile.secrets() if each.source.key == moved.key]
    return SecretMove(moved, tuple(sorted({each for found in used for each in found.origins})), edit, secret)


def _secret_in(written: object) -> str:
    """The secret that is written where the name of its source belongs; empty if there is none."""
    if isinstance(written, dict):
        found = SecretSource.literal_in(written) or next((written[each] for each in _NAMES if each in written), "")
        return found if isinstance(found, str) else ""
    return written if isinstance(written, str) else ""


_NAMES = ("env", "keyring")


def _unused_source(
    data: Mapping[str, Json], profile: str, place: ModelPath, target: SecretPlace, variables: Collection[str]
) -> dict[str, Json]:
    """A source for the secret at this place that no other secret has, and no variable that is set."""
    at = base_path(data, place)
    at = at if len(at) > 2 else (at[0], *at)  # a ledger has no name
    if place[0] == TABLE:
        made = own_source(data, profile, at, str(place[1]), "env" if target is SecretPlace.ENVIRONMENT else "keyring")
    else:
        made = source(target, secret_name(profile, at))
    [(kind, first)] = made.items()
    others = {
        value for each, table in _tables(dict(data), ()) if each != place and isinstance(value := table.get(kind), str)
    }
    name, number = str(first), 2
    while name in others or (name if kind == "env" else override_name(name)) in variables:
        name, number = f"{first}{'_' if kind == 'env' else '-'}{number}", number + 1
    return {kind: name}


def _tables(data: Json, path: ModelPath) -> Iterator[tuple[ModelPath, Mapping[str, Json]]]:
    """Each table in the data, and its path."""
    if isinstance(data, dict):
        yield path, data
        for key, value in data.items():
            yield from _tables(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _tables(value, (*path, index))
