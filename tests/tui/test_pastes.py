"""What is pasted into a field is drawn as text: a web page may have put a terminal's commands into it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from guide_steps import none_missing
from screens import accepts_keys, until
from textual import events
from textual.screen import Screen
from textual.widgets import Input, TextArea

import tui_connector.tui
from tui_connector.client.message import Request
from tui_connector.machine import Machine
from tui_connector.secrets.mask import Mask
from tui_connector.text import shown
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.dialogs import EntryScreen, SecretEntryScreen
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.log.request_form import RequestForm
from tui_connector.tui.toml_editor.area import TomlArea
from tui_connector.tui.toml_editor.line_area import LineTextArea
from tui_connector.tui.widgets.safe_input import SafeInput
from tui_connector.tui.widgets.text_areas import SafeTextArea

PASTE = "\x1b]0;t\x07 \x9b31m \x1b[31m \u202e\x7f\x08\x00 end"
"""A title, colours, an order of letters, and keys."""


async def entered(text: str) -> str:
    return text


SCREENS: dict[str, Callable[[Machine], Screen[Any]]] = {
    "a secret": lambda machine: SecretEntryScreen("What?"),
    "a file": lambda machine: EntryScreen("Save", "out.har", apply=entered),
    "a request": lambda machine: RequestForm(
        Request("POST", "https://acme.example/x", body=b"{}"),
        machine,
        "Edit #1",
        "https://acme.example",
        secrets=none_missing,
    ),
}


SECRET = "CANARY.0.0.1:8424"


async def no_demo() -> Any:
    raise AssertionError("no demo here")


def _holds_secret(field: Input | TextArea) -> bool:
    return SECRET in (field.value if isinstance(field, Input) else field.text)


@pytest.mark.parametrize("name", ["a file", "a request"])
async def test_a_value_that_contains_a_secret_stays_as_it_was_typed_and_is_drawn_as_dots(
    machine: Machine, name: str
) -> None:
    mask = Mask()
    mask.learn(SECRET, "the consumer key")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await app.push_screen(SCREENS[name](machine))
        await until(pilot, lambda: accepts_keys(app))
        for field in app.screen.query("Input, TextArea").results(Input | TextArea):
            field.focus()
            app.post_message(events.Paste(f"12{SECRET}/rest"))
            await until(pilot, partial(_holds_secret, field))
            await until(pilot, lambda: "12•••••••••••••••••/rest" in _drawn(app))
            assert SECRET not in _drawn(app)
            field.clear()
            await until(pilot, lambda: "12•" not in _drawn(app))


@pytest.mark.parametrize("name", SCREENS)
async def test_control_characters_of_a_paste_never_reach_the_terminal(machine: Machine, name: str) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        screen = SCREENS[name](machine)
        await app.push_screen(screen)
        fields = list(screen.query("Input, TextArea").results(Input | TextArea))
        assert fields
        mark = "•••" if name == "a secret" else " end"
        for field in fields:
            field.focus()
            field.post_message(events.Paste(PASTE))
            await until(pilot, lambda: mark in _drawn(app))
            assert shown(_drawn(app)) == _drawn(app)
            if isinstance(field, Input):
                assert field.cursor_at_end  # what is typed next goes behind the paste


def _drawn(app: ConnectorApp) -> str:
    """What goes to the terminal, without its styles."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


def test_every_field_of_the_program_is_one_of_these() -> None:
    """`Input` and `TextArea` draw what they are given, so nothing else is made of them."""
    found = {}
    for path in Path(tui_connector.tui.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            names = [each.id for each in (called, *bases) if isinstance(each, ast.Name)]
            if {"Input", "TextArea", "MaskedInput"} & set(names):
                found[path.name] = getattr(node, "lineno", 0)
    assert set(found) == {"safe_input.py", "text_areas.py", "line_area.py"}
    assert issubclass(SafeInput, Input)
    assert issubclass(SafeTextArea, TextArea)
    assert LineTextArea.__subclasses__() == [TomlArea]
    assert {"edit", "get_line"} <= vars(TomlArea).keys()  # it draws its lines, and what is typed or pasted, itself
