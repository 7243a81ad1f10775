"""Finds a part of a profile by its name, or by something else of its row."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App

from ...guide.part_families import FAMILIES
from ...guide.steps.summaries import ProfilePart
from ..commands import CommandsScreen, PaletteCommand


async def find_part(app: App[object], parts: Sequence[ProfilePart]) -> ProfilePart | None:
    """The part that the user chooses from the list; None where there are none, or it is left. Waits for it."""
    chosen = list[ProfilePart]()

    def command(part: ProfilePart) -> PaletteCommand:
        async def choose() -> None:
            chosen.append(part)

        return PaletteCommand(part.name, FAMILIES[part.family].partition(" (")[0], "", choose, part.summary)

    if not parts:
        return None
    screen = CommandsScreen([command(part) for part in parts], title="Find a part", verb="go to it")
    if (found := await app.push_screen_wait(screen)) is not None:
        await found.run()
    return next(iter(chosen), None)
