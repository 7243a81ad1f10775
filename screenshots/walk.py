"""A walk through every screen of the program on the sandbox store: for pictures, and for tests of all screens.

Everything in it is the same each time: clock, durations, nonces, the store's data and the file names.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from textual import events
from textual._context import visible_screen_stack
from textual.pilot import Pilot

from tui_connector.cli.screen import DESCRIPTION, NAME, TITLE, full_integration
from tui_connector.guide.checks.first_call import FirstCall
from tui_connector.machine import Directories, Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.commands import CommandsScreen
from tui_connector.tui.environments import EnvironmentScreen
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.keys import key_label
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.send.screen import SendScreen
from tui_connector.tui.setup import save
from tui_connector.tui.setup.context import DemoStore
from tui_connector.tui.setup.form_screen import FormScreen
from tui_connector.tui.toml_editor.area import TomlArea
from tui_connector.tui.toml_editor.screen import EditorScreen
from tui_connector.tui.widgets.criteria import CriteriaField, CriteriaScreen

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
HOME = "/home/me"
"""What the home directory is called in pictures and snapshots."""
_DEADLINE = 20.0


_REQUEST = 'uri = "products"'
_REQUEST_WITH_CRITERIA = (
    'uri = "products", where = ["sku like SYNC-% or name like %Bag%", "type_id eq simple", "updated_at gt 2026-01-01"]'
)
_ENVIRONMENT = """
[environments.staging]
clients.{client}.plugins.base-uri.uri = "https://staging.acme.example/rest/all/V1"
incoming.products.sink.path = "staging.jsonl"
"""
_PROFILE = """format = 1
name = "{title}"

[authentications.api]
{authentication}

[clients.magento]
authentications = ["api"]

[[clients.magento.plugins]]
kind = "base-uri"
uri = "{address}"

[incoming.orders]
client = "magento"
request = {{ uri = "orders" }}
items = "items"
identifier = "increment_id"
pagination = {{ kind = "keyset", filter = "entity_id", field = "entity_id", page-size = 100 }}
"""
_STOCK = (
    ("SYNC-0001", 23, "default"),
    ("SYNC-0002", 12, "default"),
    ("SYNC-0003", 250, "default"),
    ("SYNC-0002", 5, "warehouse"),
)
"""An unchanged entity, two that change, and one whose source the store does not have.

It is sent after the other one of the same identifier has been, and so in the same order each time.
"""
_OTHERS = {
    "acme-eu": ("Acme Europe", "https://eu.acme.example/rest/all/V1", 'kind = "bearer"\ntoken = { env = "ACME_EU" }'),
    "acme-us": ("Acme US", "https://us.acme.example/rest/all/V1", 'kind = "bearer"\ntoken = { env = "ACME_US" }'),
    "outlet": ("Outlet", "https://outlet.example/rest/V1", 'kind = "bearer"\ntoken = { ask = true }'),
}


_COMMAND = """curl 'https://acme.example/rest/all/V1/orders?searchCriteria%5BpageSize%5D=50' \\
  -H "Authorization: Bearer $TOKEN" -H 'User-Agent: Mozilla/5.0' -b 'PHPSESSID=1' -L | jq .
curl -X POST https://acme.example/rest/all/V1/inventory/source-items -H "Authorization: Bearer $TOKEN" \\
  -d '{"sourceItems": [{"sku": "24-MB01", "source_code": "default", "quantity": 5, "status": 1}]}'
"""
"""Pasted on the first screen."""


class MemoryKeyring:
    """A keyring in memory: pictures contain no real secret."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries.get(service)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._entries[service] = password

    def delete_password(self, service: str, username: str) -> None:
        del self._entries[service]


class Durations:
    """A clock that each task moves on by reading it, so that a request takes equally long each time."""

    _STEPS = (0.0004, 0.0011, 0.0003, 0.0002, 0.0192, 0.0007, 0.0018)

    def __init__(self) -> None:
        self._reads: WeakKeyDictionary[asyncio.Task[Any], float] = WeakKeyDictionary()
        self._count = itertools.count()

    def __call__(self) -> float:
        try:
            task = asyncio.current_task()
        except RuntimeError:  # in a thread
            task = None
        if task is None:
            return 1_000.0
        at = self._reads.get(task, 1_000.0)
        self._reads[task] = at + self._STEPS[round(at * 10_000) % len(self._STEPS)]
        return at


def picture_machine(home: Path) -> Machine:
    """A machine whose home directory is `home`, where nothing depends on time or chance."""
    keyring, numbers = MemoryKeyring(), itertools.count(1)
    config = home / ".config" / "tui-connector"
    state, cache, data = (home / name / "tui-connector" for name in (".local/state", ".cache", ".local/share"))
    return Machine(
        Directories(config, state, cache, config / "profiles", data),
        {"HOME": str(home)},
        keyring=lambda: keyring,
        now=lambda: NOW,
        monotonic=Durations(),
        nonce=lambda: f"{next(numbers):032x}",
    )


def text_of(app: ConnectorApp) -> str:
    """The screen as text."""
    visible_screen_stack.set(app._background_screens)
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


class Walk:
    """The program on a sandbox store, walked by keyboard. `screens` stops at each screen."""

    def __init__(self, app: ConnectorApp, pilot: Pilot[None], store: Sandbox, home: Path) -> None:
        self.app, self.pilot = app, pilot
        self._store, self._home = store, home
        self._tokens = full_integration(store)
        self._pressed: list[str] = []

    async def until(self, condition: Callable[[], bool], what: object = "the condition") -> None:
        """Waits until the condition holds and no button is shown as pressed."""
        began = time.monotonic()
        while not condition() or self.app.screen.query("Button.-active"):
            if time.monotonic() - began > _DEADLINE:
                raise AssertionError(f"{what} not met on {self.app.screen}:\n{text_of(self.app)}")
            await asyncio.sleep(0.01)

    async def shows(self, *texts: str) -> None:
        """Waits until the screen shows all of these texts."""
        await self.until(lambda: all(text in text_of(self.app) for text in texts), texts)

    async def settled(self) -> str:
        """The screen as text, once it stays the same: after a first layout, scroll bars appear and lines break anew."""
        texts = [""]
        while len(texts) < 6 or len(set(texts[-5:])) > 1:
            await self.pilot.pause(0.05)
            texts.append(self.replaced(text_of(self.app)))
            assert len(texts) < 400, f"{self.app.screen} does not come to rest:\n{texts[-1]}"
        return texts[-1]

    async def press(self, *keys: str) -> None:
        self._pressed += [key_label(key.removeprefix("alt+")) for key in keys]
        await self.pilot.press(*keys)

    def pressed(self) -> str:
        """The keys since the last call, as people write them."""
        text = "  ".join(self._pressed)
        self._pressed.clear()
        return text

    async def paste(self, text: str) -> None:
        self._pressed.append("paste 4 tokens")
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()

    def replaced(self, text: str) -> str:
        """The text with what differs from run to run replaced by as many other characters: port and home."""
        port, home = self._store.url.rpartition(":")[2], str(self._home)
        text = text.replace(f"127.0.0.1:{port}", "127.0.0.1:18852").replace(home, HOME)
        for cut in range(1, len(home)):  # a path without its beginning or end
            text = text.replace(f"…{home[cut:]}/", f"…{HOME[cut:]}/")
            text = text.replace(f"{home[:cut]}…", f"{HOME[:cut]}…")
        return text

    async def screens(self) -> AsyncIterator[str]:
        """The names of the screens, each when it is shown and nothing moves."""
        await self.shows("No profiles yet")
        yield "home-empty"
        self.app.post_message(events.Paste(_COMMAND))
        await self.shows("+ incoming orders")
        yield "import"
        await self.press("escape")
        await self.shows("No profiles yet")
        self.app.run_worker(self.app._open_demo())
        await self.shows("Store address")
        await self.press("enter")
        await self.shows("Magento 2.4 Community")
        yield "basics"
        await self.press("enter")
        await self.shows("Consumer secret")
        yield "authentication-fields"
        wrong = list(self._tokens.values())
        wrong[-1] = f"{'x' * 28}{wrong[-1][-4:]}"
        await self.paste("\n".join(wrong))
        await self.shows("mx15")
        await self.press("ctrl+r")
        await self.shows("✘ Magento knows the key", "Requests 8 ")
        yield "authentication-refused"
        await self.press("escape", "l")
        await self.shows("401 Unauthorized")
        yield "log-refused"
        await self.press("l")
        await self.press("alt+u")
        await self.press("enter")
        await self.shows("✔ The store accepts it")
        yield "authentication"
        await self.press("enter")
        await self.shows("Categories")
        yield "incoming-list"
        await self.press("enter")
        await self.shows("items read")
        yield "incoming"
        await self.press("l")
        await self.until(self._zoomed)
        await self.shows("#18 GET products")
        yield "log"
        await self.press("l")
        await self.press("n")
        await self.shows("PUT products")
        await self.press("enter")
        await self.shows("not sent")
        yield "outgoing"
        await self.press("enter")
        await self.shows("Not written yet")
        yield "save"
        await self.press("enter")
        await self.shows("Now you can")
        for written in self.app.machine.directories.profiles.iterdir():
            os.utime(written, (NOW.timestamp(), NOW.timestamp()))
        yield "saved"
        await self.press("q")
        await self.until(lambda: isinstance(self.app.screen, HomeScreen))
        await self.shows("sandbox")
        await self.press("enter")
        await self.until(lambda: isinstance(self.app.screen, ProfilePage))
        await self.shows("GET products")
        yield "profile"
        await self.press("down", "down", "t")
        await self.shows("✔ products")
        await self.press("r")
        await self.shows("complete")
        await self.press("h")  # the charts, which give their rows to the log once the run has ended
        yield "run"
        self._fill_source()
        await self.press("q")
        await self.until(lambda: isinstance(self.app.screen, ProfilePage))
        await self.shows("POST inventory/source")
        await self.press("end", "r")
        await self.shows("not sent yet")
        yield "plan"
        await self.press("a")
        await self.shows("Send 3 entities to")
        yield "plan-confirmation"
        await self.press("y")
        await self.shows("✘ ended")
        yield "sending"
        await self.press("T")
        await self.shows("The store responded")
        yield "tasks"
        await self.press("enter", "enter")
        await self.shows("Result")
        yield "task"
        await self.press("q")
        await self.shows("The store responded")
        await self.press("q", "q")
        await self.until(lambda: isinstance(self.app.screen, SendScreen))
        await self.press("q")
        await self.until(lambda: isinstance(self.app.screen, ProfilePage))
        await self.press("question_mark")
        await self.until(lambda: isinstance(self.app.screen, HelpScreen))
        yield "help"
        await self.press("escape", "colon")
        await self.until(lambda: isinstance(self.app.screen, CommandsScreen))
        yield "commands"
        await self.press("escape", "e")
        await self.until(lambda: isinstance(self.app.screen, EditorScreen))
        await self.shows("✔ valid")
        path = self.app.machine.directories.profiles / "sandbox.toml"
        text = path.read_text()
        area = self.app.screen.query_one(TomlArea)
        typed = text.replace('identifier = "sku"', "identifer = sku", 1)
        area.show(typed.replace("page-size = 100", 'page-size = "100"', 1))
        await self.press("f8")
        await self.shows("✘ 3 problems", "F7 Fix")
        yield "editor"
        path.write_text(text.replace('formatter = "long"', 'formatter = "full"'))
        await self.shows("Another program changed the file")
        await self.press("f6")
        await self.shows("differences", "▸ line")
        yield "difference"
        await self.press("escape")
        await self.until(lambda: isinstance(self.app.screen, EditorScreen))
        path.write_text(text)
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        await self.press("escape")
        await self.shows("Discard the changes")
        await self.press("ctrl+d")
        await self.until(lambda: isinstance(self.app.screen, ProfilePage))
        self._add_environment()
        await self.until(lambda: "default" in text_of(self.app).split("\n")[0])  # the header
        await self.press("E")
        await self.until(lambda: isinstance(self.app.screen, EnvironmentScreen))
        await self.press("down")
        await self.shows("values of default")
        yield "environments"
        await self.press("escape", "up", "enter")
        await self.until(lambda: bool(self.app.screen.query(CriteriaField)))
        self.app.screen.set_focus(self.app.screen.query_one(CriteriaField))
        await self.press("enter")
        await self.shows("3 items match")
        criteria = self.app.screen
        assert isinstance(criteria, CriteriaScreen)
        await self.until(lambda: bool(criteria.fields))
        yield "criteria"
        await self.press("escape")
        await self.until(lambda: isinstance(self.app.screen, FormScreen))
        await self.press("escape")
        await self.until(lambda: isinstance(self.app.screen, ProfilePage))
        await self.shows("default")
        self._add_profiles()
        await self.press("q")
        await self.until(lambda: isinstance(self.app.screen, HomeScreen))
        await self.shows("✘ stock", "outlet")
        yield "home"
        await self.press("d")
        await self.until(lambda: self.app.screen.is_modal)
        await self.shows("Delete the profile")
        yield "question"

    def _fill_source(self) -> None:
        """The entities that the outgoing of the guide sends."""
        data = self.app.machine.directories.data
        assert data is not None
        path = data / "sandbox" / "outgoing" / "stock.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = ({"sku": sku, "source_code": code, "quantity": number, "status": 1} for sku, number, code in _STOCK)
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    def _add_environment(self) -> None:
        """A second store for the profile of the guide, and search criteria for its incoming."""
        path = self.app.machine.directories.profiles / "sandbox.toml"
        text = path.read_text()
        client = text.partition("[clients.")[2].partition("]")[0]
        assert _REQUEST in text
        text = text.replace(_REQUEST, _REQUEST_WITH_CRITERIA)
        path.write_text(f"{text}{_ENVIRONMENT.format(client=client)}")
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))

    def _add_profiles(self) -> None:
        """Profiles of other stores, so that home has something to list."""
        for name, (title, address, authentication) in _OTHERS.items():
            path = self.app.machine.directories.profiles / f"{name}.toml"
            path.write_text(_PROFILE.format(title=title, address=address, authentication=authentication))
            os.utime(path, (NOW.timestamp() - 86_400, NOW.timestamp() - 86_400))

    def _zoomed(self) -> bool:
        return self.app.screen.has_class("zoomed")


@asynccontextmanager
async def walking(size: tuple[int, int], *, theme: str = "") -> AsyncIterator[Walk]:
    """The program at home, without profiles."""
    with _home() as home:
        machine = picture_machine(home)
        async with Sandbox(SandboxOptions(products=50), machine.now) as store:

            async def demo() -> DemoStore:
                return DemoStore(store.url, NAME, TITLE, DESCRIPTION, full_integration(store))

            app = ConnectorApp(machine, demo)
            app.animation_level = "none"
            # a new process would not have the keyring of this one
            with patch.object(save, "first_call", _first_call):
                async with app.run_test(size=size) as pilot:
                    if theme:
                        app.theme = theme
                    yield Walk(app, pilot, store, home)


async def _first_call(profile: str, *_: object, **__: object) -> FirstCall:
    return FirstCall(f"tui-connector request {profile} GET modules", True, "[]", "")


@contextmanager
def _home() -> Iterator[Path]:
    """A home directory whose path is as long as `HOME`, so that lines break where they do in every run."""
    for number in itertools.count(os.getpid()):
        with suppress(FileExistsError):
            home = Path("/tmp") / f"{number % 1_000:03}"
            home.mkdir(mode=0o700)
            break
    try:
        yield home
    finally:
        shutil.rmtree(home)
