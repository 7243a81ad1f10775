"""Moves a secret that was typed into the text of a profile into the keyring."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from ..profile.blocks import parse
from ..profile.checker import Checker, value_edit
from ..profile.correction import TextEdit, apply
from ..profile.environments import TABLE
from ..profile.positions import value_at
from ..profile.problems import Problem
from ..secrets.source import SecretSource
from .secret_sources import secret_name


@dataclass(frozen=True, slots=True)
class SecretMove:
    """A secret, the keyring entry that it will have, and the edit of the text."""

    entry: str
    origins: tuple[str, ...]
    edit: TextEdit
    secret: str = field(repr=False)


def plan_move(text: str, problem: Problem, path: Path) -> SecretMove:
    """How to move the literal secret of this problem in the text of the file `path`. Raises `UserError`."""
    place = problem.keys
    if place[0] == TABLE:
        hint = f"Run tui-connector secrets set {path.stem} --env {place[1]}."
        raise UserError("not-movable", f"{problem.path}: secrets of environments are not moved here", hint)
    parsed = parse(text)
    literal = [each.keys for each in Checker().check(text).literal_secrets if len(each.keys) > 2]
    edits = {keys: value_edit(parsed, keys, f'{{ keyring = "{secret_name(path.stem, keys)}" }}') for keys in literal}
    edit = edits.get(place)
    written = value_at(parsed.data, place)
    secret = SecretSource.literal_in(written) if isinstance(written, dict) else written
    if edit is None or not isinstance(secret, str) or not secret:
        raise UserError("not-movable", f"{problem.path}: the secret cannot be located", "Move it by hand.")
    checked = Checker().check(apply(text, [each for each in edits.values() if each is not None]))
    here = [each for each in checked.problems if each.keys[: len(place)] == place]
    if here or checked.profile is None:
        reason = here[0] if here else next(iter(checked.problems))
        hint = "Use an HTTP authentication for it." if here else "Fix the other problems first."
        raise UserError("not-movable", f"{problem.path}: the secret cannot be moved: {reason.message}", hint)
    entry = secret_name(path.stem, place)
    origins = {each for found in checked.profile.secrets() if found.source.keyring == entry for each in found.origins}
    return SecretMove(entry, tuple(sorted(origins)), edit, secret)
