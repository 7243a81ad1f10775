"""The keys of every screen: what is bound is listed in help, what is listed works, and the footer leads to both."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_screen import SMALL, Shot, shots
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from tui_connector.tui._textual import declared_bindings
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.key_settings import _subclasses, all_bindings
from tui_connector.tui.widgets.frame import Dialog


@pytest.fixture
async def screens(run_folder: Path) -> list[Shot]:
    return await shots(SMALL, run_folder)


async def test_footer_shows_help_and_commands_at_80_columns(screens: list[Shot]) -> None:
    without = [
        f"{shot.name}: {shot.text.splitlines()[-1]}"
        for shot in screens
        if not shot.modal and not all(word in shot.text.splitlines()[-1] for word in ("Help", "Commands"))
    ]
    assert without == []


async def test_footer_shows_how_to_leave_at_80_columns(screens: list[Shot]) -> None:
    ways = {
        shot.name: next((f"{key.key} {key.title}" for key in shot.footer if key.is_way_back), "") for shot in screens
    }
    without = [shot.name for shot in screens if ways[shot.name] not in shot.text.splitlines()[-1]]
    assert without == []
    assert ways["basics"] == "q Close"


async def test_what_the_footer_shows_works(screens: list[Shot]) -> None:
    dead = [
        f"{shot.name}: {key.key} {key.title}"
        for shot in screens
        for key in shot.footer
        if not key.key.startswith("Esc ")
        and not {*key.key.split("/")} <= {*shot.bound, "Enter", ""}  # which a button has
    ]
    assert dead == []


async def test_what_is_bound_is_listed_in_help(screens: list[Shot]) -> None:
    hidden = [
        f"{shot.name}: {key} {action}"
        for shot in screens
        if not shot.modal
        for key, action in shot.bound.items()
        if action not in shot.help
    ]
    assert hidden == []


async def test_what_help_lists_works(screens: list[Shot]) -> None:
    other = [
        f"{shot.name}: {key} is listed for {action}, and does {shot.bound.get(key, 'nothing')}"
        for shot in screens
        if not shot.modal
        for action, keys in shot.help.items()
        for key in keys
        if shot.bound.get(key) != action
    ]
    assert other == []


async def test_no_key_of_any_part_is_silent(screens: list[Shot]) -> None:
    silent = [f"{shot.name}: {each}" for shot in screens for each in shot.silent]
    assert silent == []


def test_help_opens_from_every_dialog() -> None:
    all_bindings()  # imports every module
    without = [kind.__name__ for kind in _subclasses(Dialog) if kind is not HelpScreen and not _opens_help(kind)]
    assert without == []


def _opens_help(kind: type[DOMNode]) -> bool:
    """Whether F1 and `?` open it, unless a field takes the letter."""
    bound = kind._merge_bindings().key_to_bindings
    return all(bound[key][0].action == "app.help" for key in ("f1", "question_mark"))


def test_every_binding_has_its_action() -> None:
    all_bindings()  # imports every module
    missing = [
        f"{kind.__name__}: {binding.key} {binding.action}"
        for kind in _subclasses(DOMNode)
        if kind.__module__.startswith("tui_connector.")
        for binding in declared_bindings(kind)
        if not _has(kind, binding.action)
    ]
    assert missing == []


def _has(kind: type[DOMNode], action: str) -> bool:
    """Whether the action of a binding exists; without a place, on the node itself or on the app."""
    place, _, name = action.partition("(")[0].rpartition(".")
    owners = {"app": [ConnectorApp], "screen": list(_subclasses(Screen)), "focused": [Widget]}.get(
        place, [kind, ConnectorApp, App]
    )
    return any(hasattr(owner, f"{prefix}action_{name}") for owner in owners for prefix in ("", "_"))
