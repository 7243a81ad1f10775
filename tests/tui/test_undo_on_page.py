"""What was saved, here or by another program, is undone on the page of the profile."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from guide_steps import no_demo
from profile_page import messages, on_page, trusting, write
from screens import shown, until, until_shown

from tui_connector.guide.steps.setup import Setup
from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.toml_editor.screen import EditorScreen


async def test_what_the_guide_and_the_users_editor_saved_is_undone(machine: Machine, tmp_path: Path) -> None:
    editor = tmp_path / "vi"
    editor.write_text('#!/bin/sh\necho "# $1" >> "$2"\n')
    editor.chmod(0o700)
    path = write(machine)
    app = ConnectorApp(replace(machine, environ={**machine.environ, "EDITOR": str(editor)}), no_demo)
    app.without_terminal = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # there is no terminal here
    async with on_page(app, size=(100, 30)) as pilot:
        texts = [path.read_text()]
        await pilot.press("down", "down", "g")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and "● 3" in shown(app).replace("●3", "● 3"))
        setup: Setup = app.screen.work.setup  # type: ignore[attr-defined]
        setup.edit(("name",), "Acme, changed")
        await pilot.press("s")
        await until_shown(pilot, '+name = "Acme, changed"')
        await pilot.press("s")
        await until_shown(pilot, "✔ Saved")
        texts.append(path.read_text())
        await pilot.press("q", "o")
        await until(pilot, lambda: path.read_text() == f"{texts[1]}# +16\n")  # the line of the part
        for text, said in zip(
            reversed(texts),
            (
                "edit in $EDITOR · u again: save in the guide",
                "save in the guide · nothing more to undo",
            ),
            strict=True,
        ):
            await pilot.press("u", "y")
            await until(pilot, lambda: path.read_text() == text and any(said in each for each in messages(app)))  # noqa: B023


async def test_undo_on_the_page_undoes_what_was_saved_in_the_editor(machine: Machine, tmp_path: Path) -> None:
    editor = tmp_path / "vi"
    editor.write_text('#!/bin/sh\necho "# own" >> "$2"\n')
    editor.chmod(0o700)
    path = write(machine)
    app = trusting(replace(machine, environ={**machine.environ, "EDITOR": str(editor)}))
    app.without_terminal = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # there is no terminal here
    async with on_page(app) as pilot:
        assert "u Undo edit" not in shown(app)
        await pilot.press("down", "down", "d")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "u Undo edit" in shown(app))
        deleted = path.read_text()
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))

        async def save_with(comment: str) -> None:
            await pilot.press("ctrl+end", "enter", *comment, "ctrl+s")
            await until(pilot, lambda: comment in path.read_text())

        await save_with("# one")
        await save_with("# two")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: any("Reloaded from your editor." in each for each in messages(app)))
        assert path.read_text().endswith("# own\n")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "u Undo edit" in shown(app))
        for undone in (f"{deleted}\n# one\n# two", f"{deleted}\n# one", deleted):
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
            await pilot.press("u", "y")
            await until(pilot, lambda: path.read_text() == undone)  # noqa: B023


async def test_what_another_program_saves_is_undone_by_itself_or_the_conflict_is_named(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("down", "down", "d")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "u Undo edit" in shown(app))
        path.write_text(path.read_text().replace("Acme store", "Acme shop"))
        await until(pilot, lambda: "Acme shop" in shown(app) and not app.screen.loading_message)
        await pilot.press("u")
        await until_shown(pilot, "Undo “edit by another program”?")
        await pilot.press("y")
        await until(pilot, lambda: "Acme store" in path.read_text())
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("u")
        await until(pilot, lambda: "+[incoming.products]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: path.read_text() == before)
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("U")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "products" not in path.read_text())
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == before)
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        path.write_text(path.read_text().replace("[incoming.products]", "[incoming.theirs]"))
        await until(pilot, lambda: "theirs" in shown(app) and not app.screen.loading_message)
        await pilot.press("U")
        await until(pilot, lambda: "have both changed line" in str([each.message for each in app._notifications]))
