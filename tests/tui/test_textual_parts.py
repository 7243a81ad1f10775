"""The private parts of Textual that the screens use: an update that removes one fails here, by its name."""

from __future__ import annotations

import ast
import asyncio
import inspect
import pkgutil
import re
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from screens import until, until_shown
from textual import events, on
from textual._compositor import Compositor
from textual.app import App, ComposeResult
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from tui_connector import tui
from tui_connector.tui import _textual
from tui_connector.tui.key_settings import all_bindings

PARTS: list[tuple[type[Any], str, list[str]]] = [
    (App, "_handle_exception", ["self", "error"]),
    (App, "_fatal_error", ["self"]),
    (MessagePump, "_close_messages_no_wait", ["self"]),
    (Widget, "_forward_event", ["self", "event"]),
    (events.Event, "_set_forwarded", ["self"]),
    (DOMNode, "_merge_bindings", []),
    (App, "_unnotify", ["self", "notification", "refresh"]),
    (App, "_prune", ["self", "nodes", "parent"]),
    (Screen, "_extend_compose", ["self", "widgets"]),
    (Screen, "_screen_resized", ["self", "size"]),
    (Widget, "_size_updated", ["self", "size", "virtual_size", "container_size", "layout"]),
]
STATE = [
    "_bindings",
    "_css_type_names",
    "_driver",
    "_exit",
    "_keymap",
    "_message_queue",
    "_notifications",
    "_pending_message",
    "_pruning",
]
LAYOUT = ["_full_map", "_compositor", "textual._compositor", "textual._context"]


@pytest.mark.parametrize(("owner", "name", "parameters"), PARTS, ids=[name for _, name, _ in PARTS])
def test_textual_has_this_method(owner: type[Any], name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


@pytest.mark.parametrize("name", STATE)
def test_textual_has_this_attribute(name: str) -> None:
    assert hasattr(App(), name)


def test_textual_has_the_parts_of_a_layout() -> None:
    layout = Screen[None]()._compositor
    assert layout._full_map == {}
    assert layout._full_map_invalidated
    assert list(inspect.signature(layout.reflow).parameters) == ["parent", "size"]


def test_textual_calls_what_is_overridden() -> None:
    assert "_fatal_error()" in inspect.getsource(App._handle_exception)
    assert "._forward_event(" in inspect.getsource(App.on_event)
    assert "._prune(" in inspect.getsource(Widget.remove)
    assert "._screen_resized(" in inspect.getsource(Screen._on_resize)
    assert "._size_updated(region.size, virtual_size, container_size)" in inspect.getsource(Screen._refresh_layout)
    assert ".get_child_by_type(ToastRack)" in inspect.getsource(App._refresh_notifications)


def test_no_part_is_missing_above() -> None:
    assert _private_parts(_textual) == {name for _, name, _ in PARTS} | {*STATE, *LAYOUT}


def test_no_other_module_uses_one() -> None:
    used = {}
    for found in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."):
        module = import_module(found.name)
        if module is not _textual and (parts := _private_parts(module)):
            used[found.name] = parts
    assert used == {}


class Sized(Static):
    """Keeps the sizes that it is told."""

    def __init__(self) -> None:
        super().__init__("text")
        self.told: list[tuple[int, int]] = []

    def on_resize(self, event: events.Resize) -> None:
        self.told.append(event.size)


class SizedScreen(_textual.BaseScreen[None]):
    def compose(self) -> ComposeResult:
        yield Sized()


async def test_a_widget_is_told_a_new_size_whose_place_was_asked_for_before_the_layout() -> None:
    app = App[None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(SizedScreen())
        sized = app.screen.query_one(Sized)
        await until(pilot, lambda: sized.size.width == 80 and bool(sized.told))
        await pilot.pause()
        sized.styles.width = 40
        app.screen._clear_arrangement_cache()  # as when the widget has handled this
        app.screen._compositor._full_map_invalidated = True  # as after scrolling
        assert app.screen.find_widget(sized).region.width == 40
        await until(pilot, lambda: sized.size.width == 40)
        await until(pilot, lambda: sized.told[-1][0] == 40)


class Dialog(ModalScreen[None], _textual.BaseScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("A dialog")


async def test_a_screen_is_laid_out_once_for_a_change_and_not_for_a_dialog_over_it() -> None:
    app = App[None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(below := SizedScreen())
        sized = below.query_one(Sized)
        await until(pilot, lambda: bool(sized.told))
        await pilot.pause()
        layouts: list[Screen[Any]] = []
        below.screen_layout_refresh_signal.subscribe(sized, layouts.append, immediate=True)
        await app.push_screen(Dialog())
        await until_shown(pilot, "A dialog")
        await pilot.pause()
        assert layouts == []
        await pilot.resize_terminal(60, 24)
        await until(pilot, lambda: sized.size.width == 60)  # behind it, too
        app.pop_screen()
        await until_shown(pilot, "text")
        await pilot.pause()
        layouts.clear()
        sized.update("two\nlines")
        await until(pilot, lambda: sized.size.height == 2)
        await pilot.pause()
        assert layouts == [below]


class Slow(Static):
    """Handles a message only when its user lets it: until then its screen cannot be removed completely."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.may_end = asyncio.Event()

    class Looked(Message):
        """Looks for another widget of the screen."""

    class WorkStarted(Message):
        """Starts a worker that does."""

    @on(Looked)
    async def _look(self) -> None:
        await self.may_end.wait()
        self.screen.query_one("#other")

    @on(WorkStarted)
    async def _start_work(self) -> None:
        await self.may_end.wait()
        await self.run_worker(self.look_again()).wait()

    async def look_again(self) -> None:
        self.screen.query_one("#other")


class SlowScreen(_textual.BaseScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static(id="other")
        yield Slow()

    async def look_later(self) -> None:
        await self.query_one(Slow).may_end.wait()
        self.query_one("#other")


@pytest.mark.parametrize("by", [Slow.Looked, Slow.WorkStarted])
async def test_what_a_removed_screen_still_does_may_miss_widgets_that_went_first(by: type[Message]) -> None:
    app = _textual.QuietApp()
    async with app.run_test() as pilot:
        screen = SlowScreen()
        await app.push_screen(screen)
        slow = screen.query_one(Slow)
        worker = screen.run_worker(screen.look_later())
        slow.post_message(by())
        screen.dismiss()
        await until(pilot, lambda: not screen.query("#other"))
        slow.may_end.set()
        await until(pilot, lambda: not screen.is_attached)
        assert worker.is_cancelled
        assert app.is_running
    assert app.crash is None


class QueryingScreen(_textual.BaseScreen[None]):
    """The app exits while it opens, as by a signal, which may arrive at any moment."""

    async def on_mount(self) -> None:
        self.app.exit(return_code=143)
        self.query_one("#missing")


class MountingScreen(_textual.BaseScreen[None]):
    async def on_mount(self) -> None:
        self.app.exit(return_code=143)
        await Static().mount(Static())  # in a widget that is mounted nowhere


@pytest.mark.parametrize("kind", [QueryingScreen, MountingScreen])
async def test_an_app_that_exits_while_a_screen_opens_has_not_failed(kind: type[_textual.BaseScreen[None]]) -> None:
    app = _textual.QuietApp()
    async with app.run_test() as pilot:
        app.push_screen(kind())
        await until(pilot, lambda: not app.is_running)
    assert app.crash is None
    assert app.return_code == 143


async def test_a_widget_that_is_missing_in_a_screen_that_stays_ends_the_app() -> None:
    with pytest.raises(NoMatches):
        await _miss_a_widget(_textual.QuietApp())


async def _miss_a_widget(app: App[None]) -> None:
    async with app.run_test() as pilot:
        screen = SlowScreen()
        await app.push_screen(screen)
        await screen.query("#other").remove()
        slow = screen.query_one(Slow)
        slow.may_end.set()
        slow.post_message(Slow.Looked())
        await until(pilot, lambda: not app.is_running)


def test_every_screen_has_this_layout() -> None:
    all_bindings()  # imports every module
    screens = [kind for kind in _subclasses(Screen) if kind.__module__.startswith(f"{tui.__name__}.")]
    assert [kind.__name__ for kind in screens if not issubclass(kind, _textual.BaseScreen)] == []


def _subclasses(kind: type[Any]) -> set[type[Any]]:
    return {found for each in kind.__subclasses__() for found in {each, *_subclasses(each)}}


def _private_parts(module: ModuleType) -> set[str]:
    """Private names of Textual that a module reads, assigns or overrides, and the private modules that it imports."""
    tree = ast.parse(inspect.getsource(module))
    own = {
        part
        for kind in ast.walk(tree)
        if isinstance(kind, ast.ClassDef) and not _is_of_textual(getattr(module, kind.name, object))
        for part in ast.walk(kind)
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self"
    }
    used = {
        part.attr
        for part in ast.walk(tree)
        if isinstance(part, ast.Attribute) and part not in own and ast.unparse(part) != "os._exit"
    }
    overridden = {
        part.name
        for kind in ast.walk(tree)
        if isinstance(kind, ast.ClassDef) and _is_of_textual(getattr(module, kind.name, object))
        for part in kind.body
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    imported = {
        part.module
        for part in ast.walk(tree)
        if isinstance(part, ast.ImportFrom) and part.module is not None and part.module.startswith("textual._")
    }
    return ((used | overridden) & _of_textual()) | imported


def _is_of_textual(kind: type[Any]) -> bool:
    return issubclass(kind, MessagePump | Message | Compositor)


@cache
def _of_textual() -> frozenset[str]:
    """The private names of apps, screens, widgets, messages and layouts: of their classes, and of what these assign."""
    owners = (App, Screen, Widget, events.Event, Compositor)
    kinds = {each for kind in owners for each in kind.__mro__ if each is not object}
    names = {name for kind in kinds for name in dir(kind)}
    for kind in kinds:
        if kind.__module__.startswith("textual"):
            names |= set(re.findall(r"self\.(\w+)\b[^=\n]*=", inspect.getsource(kind)))
    return frozenset(name for name in names if name.startswith("_") and not name.startswith("__"))
