"""Which profile a screen is about, and how it calls what belongs to another profile or environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from textual.app import App
from textual.screen import ModalScreen, Screen

from ..profile.environment_names import DEFAULT_ENVIRONMENT


class ViewedProfile(NamedTuple):
    """A profile and its environment, "" for the base values; None where a screen shows no environment."""

    path: Path
    environment: str | None = ""


@runtime_checkable
class AboutProfile(Protocol):
    """A screen that may be about a profile."""

    viewed: ViewedProfile | None


def named_from(viewed: ViewedProfile | None, name: str, of: ViewedProfile, label: str) -> str:
    """The name of something `of` a profile, as a screen about `viewed` shows it: with what differs.

    Such as "products (staging)", from another profile "products (acme, staging)". `label` is that of the environment,
    "" in a profile without environments. From a screen about no profile, the profile is always named.
    """
    is_same = viewed is not None and viewed.path == of.path
    if viewed is not None and is_same and viewed.environment == of.environment:
        return name
    if viewed is not None and is_same and viewed.environment is not None:
        label = of.environment or DEFAULT_ENVIRONMENT
    parts = [part for part in ("" if is_same else of.path.stem, label) if part]
    return f"{name} ({', '.join(parts)})" if parts else name


def screen_looked_at(app: App[Any]) -> Screen[Any]:
    """The screen that the user looks at, behind its dialogs."""
    return next(each for each in reversed(app.screen_stack) if not isinstance(each, ModalScreen))


def viewed_on(screen: Screen[Any]) -> ViewedProfile | None:
    """The profile that a screen is about."""
    return screen.viewed if isinstance(screen, AboutProfile) else None
