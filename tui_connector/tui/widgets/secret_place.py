"""The place of a secret, chosen from a list: keyring, environment variable, command, or prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from ...text import PublicText
from .choice import Choice

PLACES = {
    "keyring": PublicText("keyring"),
    "env": PublicText("variable"),
    "command": PublicText("command"),
    "ask": PublicText("asked"),
}
"""The keys of a source, with short titles."""

_TITLES = {
    "keyring": PublicText("Typed here, kept in this computer's keyring"),
    "env": PublicText("From an environment variable"),
    "command": PublicText("Printed by a command, such as pass or op"),
    "ask": PublicText("Prompted for each time, never stored"),
}

ALL = "all "
"""How the options begin that are the place of all secrets of a form."""
_TITLES_FOR_ALL = {
    f"{ALL}keyring": PublicText("All secrets here: typed, kept in the keyring"),
    f"{ALL}env": PublicText("All secrets here: from environment variables"),
    f"{ALL}ask": PublicText("All secrets here: prompted for"),
}


@runtime_checkable
class KnowsKeyring(Protocol):
    """A widget that knows whether the keyring can be used by the secrets in it."""

    @property
    def keyring_problem(self) -> str:
        """Why it cannot, and what to do; "" if it can, or if that is not known."""
        ...


class PlaceChoice(Choice):
    """The place of secrets. Its list says where the keyring cannot be used, and what to do."""

    @property
    def _keyring_problem(self) -> str:
        return next((each.keyring_problem for each in self.ancestors if isinstance(each, KnowsKeyring)), "")

    def listed(self) -> tuple[Mapping[str, str], str]:
        problem = self._keyring_problem
        if not problem:
            return super().listed()
        marked = {
            place: self._without_keyring(title) if place.endswith("keyring") else title
            for place, title in self.options.items()
        }
        return marked, f"{problem.removesuffix('.')}."

    def _without_keyring(self, title: str) -> str:
        """The title of the keyring's option where the keyring cannot be used."""
        return PublicText(f"{title} (not available)")


class _PlaceBesideSecret(PlaceChoice):
    """The place of one secret that is typed beside it: without a keyring, it is kept for this session."""

    @property
    def label(self) -> str:
        return "session" if self.chosen == "keyring" and self._keyring_problem else super().label

    def _without_keyring(self, title: str) -> str:
        return PublicText(f"{title.partition(', kept')[0]}, kept for this session (no keyring)")


def place_choice(place: str, *, among_others: bool) -> PlaceChoice:
    """The list beside a secret; `among_others`: its place can be chosen for all secrets of the form at once."""
    options = {**_TITLES, **(_TITLES_FOR_ALL if among_others else {})}
    return _PlaceBesideSecret(options, place, short=PLACES, beside=True)
