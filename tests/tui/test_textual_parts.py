"""The private parts of Textual that the screens use: an update that removes one fails here, by its name."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.widget import Widget

from tui_connector import tui
from tui_connector.tui import _textual

PARTS: list[tuple[type[Any], str, list[str]]] = [
    (App, "_handle_exception", ["self", "error"]),
    (App, "_fatal_error", ["self"]),
    (MessagePump, "_close_messages_no_wait", ["self"]),
    (Widget, "_forward_event", ["self", "event"]),
    (ScrollView, "_size_updated", ["self", "size", "virtual_size", "container_size", "layout"]),
    (events.Event, "_set_forwarded", ["self"]),
    (DOMNode, "_merge_bindings", []),
]
STATE = ["_bindings", "_keymap", "_size"]


@pytest.mark.parametrize(("owner", "name", "parameters"), PARTS, ids=[name for _, name, _ in PARTS])
def test_textual_has_this_method(owner: type[Any], name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


@pytest.mark.parametrize("name", STATE)
def test_textual_has_this_attribute(name: str) -> None:
    assert hasattr(App() if name != "_size" else Widget(), name)


def test_textual_calls_what_is_overridden() -> None:
    assert "_fatal_error()" in inspect.getsource(App._handle_exception)
    assert "._forward_event(" in inspect.getsource(App.on_event)


def test_no_part_is_missing_above() -> None:
    assert _private_parts(_textual) == {name for _, name, _ in PARTS} | set(STATE)


def test_no_other_module_uses_one() -> None:
    used = {}
    for found in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."):
        module = import_module(found.name)
        if module is not _textual and (parts := _private_parts(module)):
            used[found.name] = parts
    assert used == {}


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
    return issubclass(kind, MessagePump | Message)


@cache
def _of_textual() -> frozenset[str]:
    """The private names of apps, screens, widgets and messages: of their classes, and of what these assign."""
    kinds = {each for kind in (App, Screen, Widget, events.Event) for each in kind.__mro__ if each is not object}
    names = {name for kind in kinds for name in dir(kind)}
    for kind in kinds:
        if kind.__module__.startswith("textual"):
            names |= set(re.findall(r"self\.(\w+)\b[^=\n]*=", inspect.getsource(kind)))
    return frozenset(name for name in names if name.startswith("_") and not name.startswith("__"))
