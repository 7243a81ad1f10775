"""Home: keys are handled before all profiles have been read; what is listed is copied, archived and deleted."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guide_steps import no_demo
from screens import shown, until, until_shown
from textual.widgets import Input

from tui_connector.guide.drafts import Draft, Drafts
from tui_connector.guide.profiles.lists import ProfileLists
from tui_connector.machine import Machine
from tui_connector.profile import library
from tui_connector.profile.library import read_bytes
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.dialogs import EntryScreen
from tui_connector.tui.home.list import HomeList
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.context import DemoStore
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.questions import ConfirmScreen

PROFILE = """\
format = 1
name = "Title of NAME"
[clients.magento]
plugins = [{ kind = "base-uri", uri = "https://NAME.test/rest/all/V1" }]
"""


TOKEN = """\
[authentications.integration]
kind = "bearer"
token = { keyring = "acme/integration/access-token" }
"""


def save(machine: Machine, *names: str, more: str = "") -> list[Path]:
    """Profiles with these names; `more` of their text."""
    directory = machine.directories.profiles
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{name}.toml" for name in names]
    for path in paths:
        path.write_text(PROFILE.replace("NAME", path.stem) + more)
    return paths


class HeldBack:
    """Files whose reading does not return before `release`."""

    def __init__(self, *paths: Path) -> None:
        self.paths = set(paths)
        self.released = threading.Event()

    def read(self, path: Path) -> bytes:
        if path in self.paths:
            self.released.wait()
        return read_bytes(path)


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldBack]:
    held = HeldBack()
    monkeypatch.setattr(library, "read_bytes", held.read)
    yield held
    held.released.set()


def chosen(app: ConnectorApp) -> str:
    """The name of the selected row; empty while another screen is shown."""
    row = app.screen.selected if isinstance(app.screen, HomeScreen) else None
    return row.name if row is not None else ""


async def test_keys_work_before_any_profile_has_been_read(machine: Machine, held_back: HeldBack) -> None:
    held_back.paths = set(save(machine, *(f"store-{number:04}" for number in range(200))))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "store-0003")
        await pilot.press("j", "j", "k", "j")
        await until(pilot, lambda: chosen(app) == "store-0002")
        await pilot.press("end")
        await until_shown(pilot, "store-0199")
        assert ".test" not in shown(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await pilot.press("escape", "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and chosen(app) == "store-0199")
        assert not held_back.released.is_set()
        held_back.released.set()
        await until_shown(pilot, "store-0199.test")
        assert chosen(app) == "store-0199"
        await pilot.resize_terminal(60, 20)
        await until_shown(pilot, "store-0199.test")


async def test_blocking_profile_file_does_not_delay_others(machine: Machine, held_back: HeldBack) -> None:
    first, _, third, _ = save(machine, "a", "b", "c", "d")
    held_back.paths = {first, third}
    os.mkfifo(machine.directories.profiles / "pipe.toml")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await until_shown(pilot, "d.test")
        assert "is a pipe" in await until_shown(pilot, "is a pipe")
        assert "b.test" in screen
        assert "a.test" not in screen
        await until_shown(pilot, "read: 3 of 5")
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))


async def test_quit_does_not_wait_for_a_blocking_file(machine: Machine, held_back: HeldBack) -> None:
    held_back.paths = set(save(machine, "a", "b"))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "a  ")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert not held_back.released.is_set()


async def test_blocking_directory_does_not_delay_keys(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    save(machine, "a")
    released, paths = threading.Event(), library.Library.paths

    def held(self: library.Library) -> tuple[Path, ...]:
        released.wait()
        return paths(self)

    monkeypatch.setattr(library.Library, "paths", held)
    app = ConnectorApp(machine, no_demo)
    try:
        async with app.run_test(size=(100, 24)) as pilot:
            await until_shown(pilot, "  Reading")
            await pilot.press("n")
            await until(pilot, lambda: isinstance(app.screen, SetupScreen))
            await pilot.press("escape", "q")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            released.set()
            await until_shown(pilot, "a.test")
    finally:
        released.set()


async def test_the_cursor_stays_on_its_row_while_others_come_and_go(machine: Machine) -> None:
    paths = save(machine, "b", "c", "d")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "d.test")
        assert chosen(app) == "b"
        await pilot.press("j")
        save(machine, "a")
        assert isinstance(app.screen, HomeScreen)
        app.screen.show()
        await until_shown(pilot, "a.test")
        assert chosen(app) == "c"
        paths[1].unlink()
        app.screen.show()
        await until(pilot, lambda: "c.test" not in shown(app))
        assert chosen(app) == "d"
        Drafts(machine.directories.state).keep(Draft("0" * 16, "half", "Half done", 2, 0.0))
        app.screen.show()
        await until_shown(pilot, "○ half")
        for name, neighbour in (("d", "b"), ("b", "a"), ("a", "half")):  # the draft once no profile is left
            assert chosen(app) == name
            await pilot.press("d")
            await until_shown(pilot, f"Delete the profile {name}?")
            await pilot.press("y")
            await until(pilot, lambda: chosen(app) == neighbour)  # noqa: B023
        Drafts(machine.directories.state).drop("0" * 16)
        for path in machine.directories.profiles.iterdir():
            path.unlink()
        app.screen.show()
        await until_shown(pilot, "No profiles yet")
        assert chosen(app) == ""


async def test_cursor_skips_the_heading_of_drafts(machine: Machine) -> None:
    save(machine, "a")
    Drafts(machine.directories.state).keep(Draft("0" * 16, "half", "Half done", 2, 0.0))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "○ half")
        await until_shown(pilot, "a.test")
        assert chosen(app) == "a"
        await pilot.press("j")
        assert chosen(app) == "half"
        await pilot.press("j", "k")
        assert chosen(app) == "a"
        await pilot.press("k", "G")
        assert chosen(app) == "half"


async def test_a_resize_renders_only_what_is_visible(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    save(machine, *(f"store-{number:04}" for number in range(200)))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "store-0010.test")
        assert isinstance(app.screen, HomeScreen)
        rendered, render = [], HomeList.render_line

        def counted(self: HomeList, y: int) -> object:
            rendered.append(y)
            return render(self, y)

        monkeypatch.setattr(HomeList, "render_line", counted)
        await pilot.resize_terminal(100, 30)
        await until(pilot, lambda: app.screen.query_one(HomeList).size.width == 100)
        await until_shown(pilot, "store-0010.test")
        assert rendered
        assert max(rendered) < 30


async def test_cursor_starts_on_the_profile_that_was_used_last(machine: Machine) -> None:
    save(machine, "a", "b", "c")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "c.test")
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "c.test")
        assert chosen(app) == "b"
        await pilot.press("D", "enter")
        await until(pilot, lambda: chosen(app) == "b-2")


async def test_a_suggested_name_is_replaced_by_what_is_typed(machine: Machine) -> None:
    save(machine, "acme")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "acme.test")
        await pilot.press("D")
        await until_shown(pilot, "acme-2")
        await pilot.press(*"acme2", "enter")
        await until(pilot, lambda: {path.stem for path in machine.directories.profiles.iterdir()} == {"acme", "acme2"})


async def test_profile_is_deleted_with_its_own_keyring_entries(machine: Machine, memory_keyring: Any) -> None:
    [path] = save(machine, "acme", more=TOKEN)
    service = "tui-connector/acme/integration/access-token"
    memory_keyring.set_password(service, "tui-connector", "CANARY-token")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Title of acme" in shown(app))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("enter")  # the harmless answer
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert path.exists()
        await pilot.press("d", "y")
        await until(pilot, lambda: "acme/integration/access-token" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: not path.exists() and not memory_keyring.entries)
        await until(pilot, lambda: "No profiles yet" in shown(app))


async def test_keyring_entries_of_other_profiles_are_not_deleted(machine: Machine) -> None:
    save(machine, "acme", "beta", more=TOKEN)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "beta" in shown(app))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("tab", "left", "down", "enter")  # Enter keeps it, whatever came before
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and "acme" in shown(app))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and "acme" not in shown(app))
        assert "access-token" not in shown(app)


async def test_copy_keeps_comments_and_never_overwrites_a_profile(machine: Machine) -> None:
    [path] = save(machine, "acme", more="# ours\n")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Title of acme" in shown(app))
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, EntryScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "acme-2" in shown(app))
        copied = path.read_text().replace('"Title of acme"', '"Title of acme (acme-2)"')
        assert path.with_name("acme-2.toml").read_text() == copied
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, EntryScreen))
        await pilot.press(*["backspace"] * 10, *"acme-2", "enter")
        assert "acme-2 exists" in await until_shown(pilot, "✘")
        await pilot.press(*"-b", "enter")  # what was typed is still there
        await until(pilot, lambda: path.with_name("acme-2-b.toml").exists())


async def test_a_deleted_profile_can_be_restored_from_the_place_that_is_named(machine: Machine) -> None:
    save(machine, "acme")
    path = machine.directories.profiles / "acme.toml"
    text = path.read_text()
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 24), notifications=True) as pilot:
        await until_shown(pilot, "acme.test")
        await pilot.press("d")
        await until_shown(pilot, "Delete the profile")
        await pilot.press("y")
        await until_shown(pilot, "To restore it, copy")
    [copy] = (machine.directories.state / "deleted").iterdir()
    assert copy.read_text() == text
    assert not path.exists()


async def test_filter_narrows_the_table_while_it_is_typed(machine: Machine) -> None:
    save(machine, *(f"store-{number:03}" for number in range(500)))
    Drafts(machine.directories.state).keep(Draft("0" * 16, "nordic", "Nordic", 2, 0.0))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_shown(pilot, "store-002.test")
        await pilot.press("slash", *"42")
        screen = await until_shown(pilot, "/42: 15 matches")
        assert "store-042.test" in screen
        assert "store-002" not in screen
        assert chosen(app) == "store-042"
        await pilot.press(*"n")  # a letter that is a command outside the field
        assert "No match." in await until_shown(pilot, "/42n: 0 matches")
        await pilot.press("backspace", "down", "down")
        await until(pilot, lambda: chosen(app) == "store-142")
        await pilot.press("escape")
        await until_shown(pilot, "store-141.test")
        assert chosen(app) == "store-142"
        await pilot.press("slash", *"42", "enter")
        await until_shown(pilot, " Esc Show all  Enter Open")
        await pilot.press("slash", *"nordic", "enter")  # which replaces the last filter
        await until(pilot, lambda: chosen(app) == "nordic")


async def test_preview_shows_the_parts_and_the_file_of_the_selected_profile(machine: Machine) -> None:
    [path, _] = save(machine, "acme", "broken")
    path.write_text(
        PROFILE.replace("NAME", "acme")
        + 'authentications = ["api"]\n[authentications.api]\nkind = "bearer"\ntoken = { env = "ACME_TOKEN" }\n'
        + '[incoming.orders]\nrequest = { uri = "orders" }\n[outgoing.stock]\nrequest = { uri = "stock" }\n'
    )
    path.with_name("broken.toml").write_text("name = [")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_shown(pilot, "○ orders  never run")
        screen = shown(app)
        for text in (
            "Bearer token",
            "1 variable, 1 not set",
            "https://acme.test/rest/all/V1",
            "1 not set",
            "stock",
        ):
            assert text in screen
        await pilot.press("j")
        await until_shown(pilot, "Enter shows what to do about it.")


async def test_an_archived_profile_is_out_of_the_list_and_loses_nothing(machine: Machine) -> None:
    [path, _] = save(machine, "acme", "other")
    text, run = path.read_text(), machine.directories.state / "kept"
    run.parent.mkdir(parents=True, exist_ok=True)
    run.write_text("a run")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_shown(pilot, "other.test")
        await pilot.press("a")
        await until_shown(pilot, "Archive acme?")
        await pilot.press("y")
        await until(pilot, lambda: chosen(app) == "other")
        assert "acme.test" not in await until_shown(pilot, "1 archived (A)")
        await pilot.press("A")
        await until_shown(pilot, "acme.test")
        await pilot.press("j")
        await until(pilot, lambda: chosen(app) == "acme")
        await pilot.press("m")
        await until_shown(pilot, "New name of acme")
        await pilot.press("end", *"-x", "enter")
        await until(pilot, lambda: chosen(app) == "acme-x")
        assert "│  Archived" in shown(app)  # under its new name, too
        await pilot.press("a")
        await until(pilot, lambda: "Archived" not in shown(app))
        assert chosen(app) == "acme-x"
        await pilot.press("a")
        await until_shown(pilot, "Archive acme-x?")
        await pilot.press("y")
        await until_shown(pilot, "│  Archived")
        await pilot.press("A")
        await until(pilot, lambda: chosen(app) == "other")
        await pilot.press("a")
        await until_shown(pilot, "Archive other?")
        await pilot.press("y")
        await until_shown(pilot, "2 profiles are archived. A shows archived profiles.")
        await pilot.press("A")
        await until_shown(pilot, "acme-x")
    assert path.with_name("acme-x.toml").read_text() == text
    assert run.exists()


async def test_a_refused_name_stays_in_its_dialog_and_what_is_typed_next_corrects_it(machine: Machine) -> None:
    [path] = save(machine, "acme")
    with path.open("a") as file:
        file.write('[incoming.products]\nclient = "magento"\nsink = { kind = "jsonl", path = "/data/acme/p.jsonl" }\n')
        file.write('[authentications.a]\nkind = "bearer"\ntoken = { env = "TUI_CONNECTOR_ACME_A_ACCESS_TOKEN" }\n')
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "acme.test")
        await pilot.press("m", "backspace", "enter")  # the former name is selected
        assert "Nothing entered" in await until_shown(pilot, "✘")
        await pilot.press(*"acme shop", "enter", *"ad")  # typed ahead: on home, a archives and d deletes
        assert "cannot be named 'acme shop'" in await until_shown(pilot, "cannot be named")
        await until_shown(pilot, "acme shopad")
        await pilot.press("ctrl+u", *"shop", "enter")
        await until(pilot, lambda: path.with_name("shop.toml").exists() and isinstance(app.screen, HomeScreen))
        assert not path.exists()
        await until(pilot, lambda: any("acme is now shop." in each.message for each in app._notifications))
        [said] = [each.message for each in app._notifications if "acme is now shop." in each.message]
        assert "as your environment sets them: TUI_CONNECTOR_ACME_A_ACCESS_TOKEN." in said
        assert "as your data are in them: /data/acme/p.jsonl." in said


async def test_a_file_opened_by_path_is_listed_as_recent(machine: Machine, tmp_path: Path) -> None:
    save(machine, "acme")
    elsewhere = tmp_path / "shops" / "nordic.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(PROFILE.replace("NAME", "nordic"))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_shown(pilot, "acme.test")
        await pilot.press("o")
        await until_shown(pilot, "Path of a profile")
        await pilot.press(*str(elsewhere), "x", "enter")
        await until_shown(pilot, "file not found")
        elsewhere.with_name("nordic-2.toml").touch()
        elsewhere.with_name("nordic.csv").touch()  # not a profile
        await pilot.press("ctrl+u", *str(elsewhere.parent.parent / "sh"), "tab")
        await until(pilot, lambda: app.screen.query_one(Input).value == f"{elsewhere.parent}/")
        await pilot.press("n", "tab")
        await until_shown(pilot, "nordic-2.toml  nordic.toml")
        await pilot.press(".", "tab")
        await until(pilot, lambda: app.screen.query_one(Input).value == str(elsewhere))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and chosen(app) == "nordic")
        screen = await until_shown(pilot, f"{tmp_path.name[-13:]}/shops/nordic.toml · nordic.test")  # once it is read
        assert "Recent files" in screen
    elsewhere.unlink()
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_shown(pilot, "nordic.toml: file not found")
        await until(pilot, lambda: chosen(app) == "nordic")
        await pilot.press("d")
        await until(pilot, lambda: "Recent files" not in shown(app))


async def test_empty_setup_leaves_no_draft(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await until(pilot, lambda: app.screen.focused is not None)
        await pilot.press("alt+q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
    assert Drafts(machine.directories.state).list() == []


async def test_first_start_tells_what_the_program_is_and_offers_a_demo(machine: Machine) -> None:
    started = []

    async def demo() -> DemoStore:
        started.append(1)
        return DemoStore("http://127.0.0.1:9", "sandbox", "Sandbox store", "", {})

    app = ConnectorApp(machine, demo)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await until_shown(pilot, "No profiles yet")
        assert "connects a Magento 2 store" in screen
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await pilot.press("escape", "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
    assert started == [1]


async def test_quitting_asks_before_secrets_are_lost_that_only_this_session_has(machine: Machine) -> None:
    (path,) = save(machine, "acme")
    for name in ("ACME_KEY", "ACME_TOKEN"):
        machine.typed.keep(path, f"env:{name}", "https://acme.test", f"CANARY-{name}")
    machine.typed.keep(path, "ask:integration/password", "https://acme.test", "CANARY-password")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "acme")
        await pilot.press("q")
        await until_shown(pilot, "2 secrets of acme (ACME_KEY, ACME_TOKEN) will be lost")
        await pilot.press("f1")
        assert "Enter          Stay" in await until_shown(pilot, "n/Esc          Stay")
        await pilot.press("escape", "enter")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("q")
        await until_shown(pilot, "will be lost")
        await pilot.press("y")
        await until(pilot, lambda: app.return_code == 0)


async def test_quitting_does_not_ask_about_secrets_that_are_also_in_the_environment(machine: Machine) -> None:
    (path,) = save(machine, "acme")
    machine.typed.keep(path, "env:ACME_TOKEN", "https://acme.test", "CANARY-token")
    app = ConnectorApp(replace(machine, environ={"ACME_TOKEN": "CANARY-token"}), no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "acme")
        await pilot.press("q")
        await until(pilot, lambda: app.return_code == 0)


async def test_the_guide_is_announced_until_it_opens(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = asyncio.Event()

    async def open_setup(path: Path | None) -> None:
        await opening.wait()

    app = ConnectorApp(machine, no_demo, start_at="setup")
    monkeypatch.setattr(app, "open_setup", open_setup)
    async with app.run_test(size=(80, 24)) as pilot:
        assert "No profiles yet" not in await until_shown(pilot, "Opening the guide …")
        opening.set()
        await until_shown(pilot, "No profiles yet")


async def test_a_pipe_is_deleted_after_it_is_said_that_no_copy_is_kept(machine: Machine) -> None:
    [path, pipe] = save(machine, "acme", "pipe")
    pipe.unlink()
    os.mkfifo(pipe)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "is a pipe, not a file")
        await pilot.press("end")
        await until(pilot, lambda: chosen(app) == "pipe")
        await pilot.press("d")
        await until_shown(pilot, "No copy of it will be kept: is a pipe, not a file.")
        await pilot.press("y")
        await until(pilot, lambda: chosen(app) == "acme")
        await pilot.press("d")
        assert "No copy" not in await until_shown(pilot, "Delete the profile acme?")
    assert (path.exists(), pipe.exists()) == (True, False)


async def test_a_directory_that_cannot_be_listed_is_named_by_each_action(machine: Machine, tmp_path: Path) -> None:
    recent = tmp_path / "nordic.toml"
    recent.write_text(PROFILE.replace("NAME", "nordic"))
    ProfileLists(machine.directories.state).opened(recent)
    machine.directories.profiles.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(machine.directories.profiles)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until_shown(pilot, "Not a directory")
        await until(pilot, lambda: chosen(app) == "nordic")
        await pilot.press("D")
        await until(pilot, lambda: any("Not a directory" in each.message for each in app._notifications))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await pilot.press("escape", "5")
        await until_shown(pilot, "Not written yet: type its name")
        await pilot.press("escape")
        await until_shown(pilot, "Not written: correct the name first")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
