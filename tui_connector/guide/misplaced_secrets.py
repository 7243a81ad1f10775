"""Secrets that were typed where a profile keeps plain text: such text is neither saved nor kept in a draft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace

from ..profile.model import ModelPath
from ..profile.problems import literal_secrets
from ..secrets.mask import Mask
from ..templates import Json
from ..templates.validation import leaves
from .drafts import Draft

_LONG_ENOUGH = 16
"""Characters. A shorter secret may be a word that is part of other texts: such as the password "magento"."""


def misplaced_secrets(data: Mapping[str, Json], mask: Mask) -> dict[ModelPath, str]:
    """Why the value at each of these paths must not be written to a file, in words.

    They are literal values where a secret belongs, and secrets that were typed elsewhere in this session.
    """
    found = literal_secrets(data)
    for path, label in _known(data, mask):
        found.setdefault(path, f"contains the secret {label}: enter it in its own field only")
    return found


def without_secrets(draft: Draft, mask: Mask) -> Draft:
    """The draft without what must not be written to a file: it is typed again when the setup is resumed."""
    data, known = deepcopy(draft.data), _long(mask)
    for path in misplaced_secrets(data, mask):
        _remove(data, path)

    def cleaned(text: str) -> str:
        return "" if any(secret in text for secret, _ in known) else text

    about = {name: cleaned(value) if isinstance(value, str) else value for name, value in draft.about.items()}
    return replace(draft, data=data, about=about, name=cleaned(draft.name) or "store", title=cleaned(draft.title))


def _long(mask: Mask) -> list[tuple[str, str]]:
    return [(secret, label) for secret, label in mask.values().items() if len(secret) >= _LONG_ENOUGH]


def _known(data: Mapping[str, Json], mask: Mask) -> Iterable[tuple[ModelPath, str]]:
    known = _long(mask)
    if not known:
        return
    for place, value in leaves(dict(data)):
        texts = [(place[: length + 1], str(step)) for length, step in enumerate(place)]
        for path, text in [*texts, (place, value)]:
            label = next((label for secret, label in known if isinstance(text, str) and secret in text), None)
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
