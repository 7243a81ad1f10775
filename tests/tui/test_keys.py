"""Keys: every action has a name and a key that can be changed; a slip in the settings never locks anybody out."""

from __future__ import annotations

from pathlib import Path

import pytest
from guide_steps import no_demo
from screens import shown, until
from textual.binding import Binding
from textual.color import Color
from textual.dom import DOMNode

from tui_connector.machine import Machine
from tui_connector.tui import settings
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.commands import CommandsScreen
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.key_settings import _subclasses, all_bindings, check_keys
from tui_connector.tui.keys import IN_FIELD, key_label, to_keymap
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.themes import DARK
from tui_connector.tui.widgets.frame import KeyFooter


def program(machine: Machine, text: str = "") -> ConnectorApp:
    """The program with these settings."""
    machine.directories.config.mkdir(parents=True, exist_ok=True)
    (machine.directories.config / settings.FILE).write_text(text)
    return ConnectorApp(machine, no_demo)


def test_every_titled_binding_can_be_remapped() -> None:
    all_bindings()  # imports every module
    nameless = [
        (kind.__name__, binding)
        for kind in _subclasses(DOMNode)
        if kind.__module__.startswith("tui_connector.")
        for binding in kind.__dict__.get("BINDINGS", ())
        if not isinstance(binding, Binding) or (binding.show and binding.description and not binding.id)
    ]
    assert nameless == []


def test_field_bindings_use_no_key_that_a_field_needs() -> None:
    in_field = [b.key for bound in all_bindings() for b in bound.bindings if (b.id or "").endswith(IN_FIELD)]
    letters = [key.removeprefix("alt+") for key in in_field if key.startswith("alt+")]
    assert letters
    assert not [key for key in letters if not key.isalpha() or key in "bf"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"setup.tset": "x"}, "did you mean setup.test?"),
        ({"setup.test": "hello"}, "'hello' is not a key"),
        ({"setup.test": "n"}, "already the key of setup.next"),
        ({"app.quit": "x"}, "cannot be typed into fields"),
        ({"setup.test": "f"}, "moves by words in a field"),
    ],
)
def test_invalid_key_is_ignored_with_a_warning(keys: dict[str, str], words: str) -> None:
    good, [warning] = check_keys(keys, all_bindings())
    assert good == {}
    assert words in warning


def test_two_actions_can_swap_keys() -> None:
    keys = {"setup.test": "n", "setup.next": "t"}
    assert check_keys(keys, all_bindings()) == (keys, [])


async def test_home_shows_only_actions_available_for_the_row(machine: Machine) -> None:
    app = program(machine)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "New store" in shown(app))
        for words in ("Open", "Edit", "Duplicate"):
            assert words not in shown(app)
    machine.directories.profiles.mkdir(parents=True)
    (machine.directories.profiles / "shop.toml").write_text('format = 1\nname = "Shop"\n')
    app = program(machine)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "Duplicate" in shown(app))
        assert "e Edit" in shown(app)


def test_a_letter_works_in_a_field_after_escape() -> None:
    assert to_keymap({"setup.test": "x, ctrl+g"}) == {
        "setup.test": "x,ctrl+g",
        "setup.test-in-field": "alt+x,ctrl+g",
    }


def test_key_labels() -> None:
    keys = ["ctrl+r", "f5", "question_mark", "colon", "escape", "G", "shift+tab", "pagedown"]
    assert [key_label(key) for key in keys] == ["^R", "F5", "?", ":", "Esc", "G", "Shift+Tab", "PgDn"]


async def test_remapped_key_works_in_and_outside_fields(machine: Machine) -> None:
    app = program(machine, '[keys]\n"home.new" = "w"\n"setup.back" = "x"\n')
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await until(pilot, lambda: app.screen.focused is not None)
        await pilot.press("q", "alt+x")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_invalid_settings_are_reported_and_ignored(machine: Machine) -> None:
    app = program(machine, 'theme = "no-such"\nthme = 1\n[keys]\n"home.nwe" = "x"\n"home.new" = 5\n')
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app._notifications) == 4)
        said = " ".join(each.message for each in app._notifications)
        for words in (
            "no theme 'no-such'",
            "unknown setting 'thme'",
            "did you mean home.new?",
            "must be a key in quotes",
        ):
            assert words in said
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))


def test_invalid_toml_in_settings_is_reported(tmp_path: Path) -> None:
    (tmp_path / settings.FILE).write_text("theme = ")
    found = settings.read(tmp_path / settings.FILE)
    assert found.theme == ""
    assert "It is ignored" in found.warnings[0]


async def test_every_action_can_be_run_from_the_command_list(machine: Machine) -> None:
    app = program(machine)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, CommandsScreen))
        await pilot.press(*"new store", "enter")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandsScreen))
        text = shown(app)
        assert "setup.test" not in text
        assert "t/F5/^R" in text
        await pilot.press(*"verify")  # a synonym
        await until(pilot, lambda: "▸ Test" in shown(app) and "id: setup.test · Enter: run" in shown(app))


async def test_a_program_without_settings_has_the_colours_of_its_own_theme(machine: Machine) -> None:
    app = program(machine)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        panel = DARK.to_color_system().generate()["panel"]
        assert app.screen.query_one(KeyFooter).styles.background == Color.parse(panel)


async def test_chosen_theme_is_saved_beside_other_settings(machine: Machine) -> None:
    app = program(machine, '# mine\n[keys]\n"home.new" = "w"\n')
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("colon", *"nord", "enter")
        await until(pilot, lambda: app.theme == "nord")
        path = machine.directories.config / settings.FILE
        await until(pilot, lambda: settings.read(path).theme == "nord")
        assert "# mine" in path.read_text()
        assert settings.read(path).keys == {"home.new": "w"}
    again = ConnectorApp(machine, no_demo)
    async with again.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: again.theme == "nord")


async def test_help_shows_the_remapped_keys(machine: Machine) -> None:
    app = program(machine, '[keys]\n"home.new" = "w"\n')
    async with app.run_test(size=(80, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = shown(app)
        assert "w              Set up a new store" in text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_commands_open_a_profile_by_name_from_any_screen(machine: Machine) -> None:
    machine.directories.profiles.mkdir(parents=True)
    for name in ("acme", "nordic"):
        (machine.directories.profiles / f"{name}.toml").write_text(f'format = 1\nname = "{name}"\n')
    app = program(machine)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "nordic" in shown(app))
        await pilot.press("colon", *"zzz")
        await until(pilot, lambda: "No match" in shown(app))
        await pilot.press("enter", *["backspace"] * 3, *"open nord", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and app.screen.path.stem == "nordic")
