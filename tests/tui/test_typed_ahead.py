"""Keys pressed before what they act on is loaded: none is lost, they keep their order, and act on the right row."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from guide_steps import no_demo
from screens import shown, until, until_shown

from tui_connector.client.exchange import Exchange
from tui_connector.guide.drafts import Draft, Drafts
from tui_connector.log.recording import Notice
from tui_connector.machine import Machine
from tui_connector.profile import library
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.dialogs import EntryScreen
from tui_connector.tui.home import actions
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.log.screens import Recorded
from tui_connector.tui.profile import profile_screen as profile
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.questions import ConfirmScreen

PROFILE = """format = 1
name = "Title of NAME"
[authentications.token]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.magento]
authentications = ["token"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "http://127.0.0.1:9/rest/V1"
"""


class Gates:
    """Functions that do not return before they are released."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch, self._gates = patch, list[threading.Event]()

    def before(self, owner: Any, name: str) -> threading.Event:
        """Setting what this returns lets the calls go on."""
        gate, real = threading.Event(), getattr(owner, name)
        self._gates.append(gate)

        def held(*args: object, **named: object) -> object:
            gate.wait()
            return real(*args, **named)

        self._patch.setattr(owner, name, held)
        return gate

    def open(self) -> None:
        for gate in self._gates:
            gate.set()


@pytest.fixture
async def gates(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gates]:
    """Asynchronous, so that they open before the event loop is closed, which waits for its threads."""
    made = Gates(monkeypatch)
    yield made
    made.open()


def save(machine: Machine, *names: str) -> None:
    machine.directories.profiles.mkdir(parents=True, exist_ok=True)
    for name in names:
        (machine.directories.profiles / f"{name}.toml").write_text(PROFILE.replace("NAME", name))


def keep_draft(machine: Machine, name: str) -> None:
    Drafts(machine.directories.state).keep(Draft("0" * 16, name, f"Draft {name}", 1, 0.0))


@pytest.mark.parametrize("last", ["paths", "list"])
@pytest.mark.parametrize(
    ("keys", "reached"),
    [
        (["enter"], lambda app: isinstance(app.screen, ProfilePage) and app.screen.path.stem == "a"),
        (["end", "up", "enter"], lambda app: isinstance(app.screen, ProfilePage) and app.screen.path.stem == "c"),
        (["j", "k", "j", "enter"], lambda app: isinstance(app.screen, ProfilePage) and app.screen.path.stem == "b"),
        (["end", "enter"], lambda app: isinstance(app.screen, SetupScreen)),
        (["pagedown", "d"], lambda app: "Discard draft Draft half" in shown(app)),
        (["j", "d"], lambda app: "Delete the profile b" in shown(app)),
        (["j", "D"], lambda app: "Copy b to" in shown(app)),
        (["d", "y", "d"], lambda app: "Delete the profile b" in shown(app)),
        (
            ["enter", "q", "j", "enter"],
            lambda app: isinstance(app.screen, ProfilePage) and app.screen.path.stem == "b",
        ),
    ],
)
async def test_keys_typed_before_the_rows_act_on_them(
    machine: Machine, gates: Gates, last: str, keys: list[str], reached: Callable[[ConnectorApp], bool]
) -> None:
    save(machine, "a", "b", "c")
    keep_draft(machine, "half")
    profiles, drafts = gates.before(library.Library, "paths"), gates.before(Drafts, "list")
    first, second = (drafts, profiles) if last == "paths" else (profiles, drafts)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press(*keys)
        first.set()
        await until_shown(pilot, "Unfinished" if last == "paths" else " a  ")
        assert isinstance(app.screen, HomeScreen)
        second.set()
        await until(pilot, lambda: reached(app))


async def test_keys_that_need_no_rows_act_immediately(machine: Machine, gates: Gates) -> None:
    save(machine, "a")
    gates.before(library.Library, "paths")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))


async def test_esc_discards_keys_that_waited_too_long(machine: Machine, gates: Gates) -> None:
    save(machine, "a")
    gates.before(library.Library, "paths")
    keep_draft(machine, "half")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("end", "d", "n")
        await until(pilot, lambda: any("Esc discards them" in each.message for each in app._notifications))
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("escape", "enter")  # on what is there
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))


async def test_quit_overtakes_waiting_keys(machine: Machine, gates: Gates) -> None:
    gates.before(library.Library, "paths")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("enter", "ctrl+q")
        await until(pilot, lambda: not app.is_running)


async def test_keys_after_enter_wait_for_the_page_to_load(machine: Machine, gates: Gates) -> None:
    save(machine, "a", "b")
    opened, read = threading.Event(), gates.before(profile, "open_profile")

    def is_demo_profile(path: Path) -> bool:
        opened.wait()
        return False

    app = ConnectorApp(machine, no_demo, is_demo_profile=is_demo_profile)
    try:
        async with app.run_test(size=(100, 24)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            await pilot.press("enter", "x", "j", "enter")  # x is nothing on the page
            assert isinstance(app.screen, HomeScreen)
            opened.set()
            await until(pilot, lambda: isinstance(app.screen, ProfilePage))
            read.set()
            await until(pilot, lambda: isinstance(app.screen, SetupScreen))
            assert app.screen._step == 2  # type: ignore[attr-defined]
    finally:
        opened.set()


async def test_text_typed_after_e_goes_to_the_first_field(machine: Machine) -> None:
    save(machine, "a")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press("enter", "g", "e", "end", *"/t")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and "127.0.0.1:9/rest/V1/t" in shown(app))


async def test_quit_while_a_page_opens(machine: Machine) -> None:
    save(machine, "a")
    for _ in range(3):
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=(100, 24)) as pilot:
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage))  # noqa: B023 - used in this round
        assert app.crash is None


async def test_leaving_a_page_that_is_loading(machine: Machine, gates: Gates) -> None:
    save(machine, "a")
    gates.before(profile, "open_profile")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        gates.open()


@pytest.mark.parametrize(
    ("key", "slow", "screen"), [("d", "own_entries", ConfirmScreen), ("D", "keyring_entries", EntryScreen)]
)
async def test_keys_after_delete_or_duplicate_answer_the_dialog(
    machine: Machine, gates: Gates, key: str, slow: str, screen: type[Any]
) -> None:
    save(machine, "a", "b")
    gate = gates.before(actions, slow)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press(key, *(["y"] if key == "d" else ["2", "enter"]), "end")
        if key == "d":
            assert isinstance(app.screen, HomeScreen)
        gate.set()
        there = {"b"} if key == "d" else {"2", "a", "b"}
        await until(pilot, lambda: {path.stem for path in machine.directories.profiles.iterdir()} == there)
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.selected is not None)
        await until(pilot, lambda: getattr(app.screen, "selected").name == "b")  # noqa: B009 - of home


async def test_keys_on_a_recorded_log_wait_for_the_first_requests(machine: Machine) -> None:
    gate = threading.Event()

    def read() -> Iterator[Exchange | Notice]:
        gate.wait()
        yield from ()

    app = ConnectorApp(machine, no_demo, recorded=Recorded("a.har", read))
    try:
        async with app.run_test(size=(100, 24)) as pilot:
            await pilot.press("e")
            screen = await until_shown(pilot, "Reading the requests …")
            assert not any(each in screen for each in ("No failures", "No requests", "Requests 0"))
            gate.set()
            await until_shown(pilot, "No failures")
            await until_shown(pilot, "Requests 0")
            await pilot.press("e")
            await until_shown(pilot, "No requests.")
    finally:
        gate.set()
