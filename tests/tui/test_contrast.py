"""Colours: all text is readable; success, warning and error have colours of their own, and a sign besides them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from every_screen import SMALL, WIDE, Piece, Shot, contrast, shots
from textual.color import Color
from textual.theme import Theme
from walk import text_of, walking

from tui_connector.tui.themes import THEMES

READABLE = 4.5
_DRAWN = re.compile(r"[\s─-▟▲▼◢◣▸]*")
"""Borders, scroll bars, charts."""
_BAD = re.compile(r"✘|^\s*[45]\d\d\s*$|\b[45]\d\d (?![KMG]?B\b)[A-Z]")
_SIGN = re.compile(r"[✔✘!●○▲]|\b[1-5]\d\d\b|saved|failed|running|complete|warning")
"""What shows a state where colours do not; anywhere in the row."""
_CHANGE = re.compile(r"[ ▌]*[-+→]( |$)")
"""The same for what is added, removed or changed: the coloured text itself begins with it."""

by_theme = pytest.mark.parametrize("theme", THEMES, ids=lambda theme: str(theme.name))


@pytest.fixture
async def screens(run_folder: Path) -> list[Shot]:
    return await shots(WIDE, run_folder)


def _is(piece: Piece, colour: str | None) -> bool:
    return Color.parse(colour or "").rgb in (piece.foreground, piece.background)


@by_theme
async def test_all_text_is_readable(screens: list[Shot], theme: Theme) -> None:
    pale = {
        f"{shot.name}: {piece.text.strip()!r}, {Color(*piece.foreground).hex} on {Color(*piece.background).hex}"
        for shot in screens
        for piece in shot.pieces[theme.name]
        if not _DRAWN.fullmatch(piece.text) and contrast(piece.foreground, piece.background) < READABLE
    }
    assert sorted(pale) == []


@by_theme
async def test_a_failure_never_has_the_colour_of_success(screens: list[Shot], theme: Theme) -> None:
    wrong = {
        f"{shot.name}: {piece.text.strip()!r}"
        for shot in screens
        for piece in shot.pieces[theme.name]
        if (_BAD.search(piece.text) and _is(piece, theme.success))
        or ("✔" in piece.text and (_is(piece, theme.error) or _is(piece, theme.warning)))
    }
    assert sorted(wrong) == []


@by_theme
async def test_no_state_is_shown_by_colour_alone(screens: list[Shot], theme: Theme) -> None:
    unsigned = {
        f"{shot.name}: {piece.text.strip()!r}"
        for shot in screens
        for piece in shot.pieces[theme.name]
        if not _DRAWN.fullmatch(piece.text)
        and any(_is(piece, colour) for colour in (theme.success, theme.warning, theme.error))
        and not _has_sign(shot, theme.name or "", piece)
    }
    assert sorted(unsigned) == []


def _has_sign(shot: Shot, theme: str, piece: Piece) -> bool:
    """Whether the row has a sign, or the row above, which this one continues."""
    if _CHANGE.match(piece.text) or _SIGN.search(shot.text.splitlines()[piece.row]):
        return True
    above = [each for each in shot.pieces[theme] if each.row == piece.row - 1 and each.foreground == piece.foreground]
    return bool(above) and _has_sign(shot, theme, above[0])


@pytest.mark.parametrize("terminal", ["ansi-dark", "NO_COLOR"])
async def test_states_are_shown_in_sixteen_colours_and_without_any(
    terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if terminal == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    wanted = {"basics": ("✔",), "authentication-refused": ("✘",), "log-refused": ("401",)}
    async with walking(SMALL, theme="" if terminal == "NO_COLOR" else terminal) as walk:
        assert walk.app.no_color == (terminal == "NO_COLOR")
        async for name in walk.screens():
            if signs := wanted.pop(name, None):
                text = text_of(walk.app)
                assert [sign for sign in signs if sign not in text] == [], text
            if not wanted:
                break
