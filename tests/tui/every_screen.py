"""Every main screen of the program as one walk shows it: text, colours in both themes, and keys."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from textual.screen import Screen
from textual.widgets import Input, TextArea
from walk import Walk, walking

from tui_connector.tui._textual import current_bindings
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.keys import IN_FIELD, actions_of, is_available, key_label
from tui_connector.tui.themes import THEMES
from tui_connector.tui.unused_keys import NAMELESS, parts_beside_focus, why_unused
from tui_connector.tui.widgets.frame import FooterKey, footer_keys

WIDE, SMALL = (120, 36), (80, 24)
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A text of one style on one row."""

    row: int
    text: str
    foreground: Colour
    background: Colour


@dataclass(frozen=True, slots=True)
class Shot:
    """One screen."""

    name: str
    text: str
    pieces: dict[str, list[Piece]]
    """By theme. Over a screen, only those of what is on top."""
    modal: bool
    footer: list[FooterKey]
    bound: dict[str, str]
    """The id of the action of each key that works now; Textual's own have none."""
    help: dict[str, tuple[str, ...]]
    """The keys of each action that help lists and that works where the focus is."""
    silent: list[str]
    """Keys of any part of it that neither act nor say whose they are, and what has the focus then; not at `WIDE`."""


_walked: dict[tuple[int, int], list[Shot]] = {}


async def shots(size: tuple[int, int], run_folder: Path) -> list[Shot]:
    """Each screen of the walk, in order; the processes of a test run share it. Colours only at `WIDE`."""
    if size not in _walked:
        path = run_folder / f"screens-{size[0]}x{size[1]}"
        with _locked(path.with_suffix(".lock")):
            found = _read(path)
            if not found:
                async with walking(size) as walk:
                    found = [await _shot(walk, name, colours=size == WIDE) async for name in walk.screens()]
                path.write_bytes(pickle.dumps(found))
        _walked[size] = found
    return _walked[size]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> list[Shot]:
    """What another process has found; empty where none has."""
    return pickle.loads(path.read_bytes()) if path.exists() else []


async def _shot(walk: Walk, name: str, *, colours: bool) -> Shot:
    app, pieces = walk.app, {}
    text = await walk.settled()
    if colours:  # the theme now and the other one, which stays for the next screen
        for theme in sorted((theme.name for theme in THEMES), key=lambda each: each != app.theme):
            app.theme = theme
            await walk.pilot.pause()
            pieces[theme] = _pieces(app)
    keys = _keys(app.screen)
    silent = [] if colours else await _silent(walk)  # a request that has had the focus is shown in full
    return Shot(name, text, pieces, app.screen.is_modal, footer_keys(app.screen), *keys, silent)


async def _silent(walk: Walk) -> list[str]:
    """Moves the focus through the parts of a screen: a key that acts in one acts or speaks in the others."""
    screen = walk.app.screen
    focused, found = screen.focused, dict[str, None]()
    places = [each for each in (focused, *screen.focus_chain) if not isinstance(each, (Input, TextArea))]
    if screen.is_modal or focused not in places:
        return []
    keys = set[str]()
    for each in places:
        screen.set_focus(each)
        await walk.pilot.pause()
        parts = {*parts_beside_focus(screen), *(action.node for action in actions_of(screen))}
        bound = [(part, *each) for part in parts for each in current_bindings(part, walk.app)]
        keys |= {
            key
            for part, key, binding in bound
            if binding.id and binding.description and not key.startswith("alt+")
            if is_available(part, binding.action, screen)
        }
    for each in (*places, focused):  # and leaves it where it was
        screen.set_focus(each)
        await walk.pilot.pause()
        unused = {key: why_unused(screen, key) for key in keys - screen.active_bindings.keys()}
        silent = [key for key, said in unused.items() if not said or NAMELESS in said]
        found |= {f"{key_label(key)} at {each}": None for key in silent}
    return list(found)


def _keys(screen: Screen[object]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    focused, typing = screen.focused, isinstance(screen.focused, (Input, TextArea))
    reached = [*(focused.ancestors_with_self if focused else ()), screen, screen.app]
    bound = {
        key_label(key): active.binding.id.removesuffix(IN_FIELD)
        for key, active in screen.active_bindings.items()
        if active.enabled and active.binding.id and active.binding.description
    }
    listed = {
        action.id: tuple(key for key in action.keys if len(key) > 1 or not typing)
        for action in actions_of(screen)
        if action.node in reached
    }
    return bound, listed


def _pieces(app: ConnectorApp) -> list[Piece]:
    found = []
    for row, strip in enumerate(app.screen._compositor.render_strips()):
        column = 0
        for text, style, _ in strip:
            if text.strip() and style is not None and _is_on_top(app.screen, column, row):
                found.append(Piece(row, text, *_colours(style)))
            column += len(text)
    return found


def _is_on_top(screen: Screen[object], column: int, row: int) -> bool:
    return not screen.is_modal or any(child.region.contains(column, row) for child in screen.children)


def _colours(style: Style) -> tuple[Colour, Colour]:
    front, back = (
        colour.get_truecolor(DEFAULT_TERMINAL_THEME, foreground=at == 0) if colour else (0, 0, 0)
        for at, colour in enumerate((style.color, style.bgcolor))
    )
    front, back = tuple(front), tuple(back)
    return (back, front) if style.reverse else (front, back)


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2: from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
