"""Keys: how an action of a screen is bound, what it is called, and which other keys its user has given it."""

from __future__ import annotations

import asyncio
import pkgutil
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import ClassVar, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.events import Key
from textual.keys import Keys, key_to_character
from textual.screen import Screen
from textual.widget import Widget

from ..text import shown_line
from ._textual import bindings_now, bindings_of

IN_FIELD = "-in-field"
"""Ends the id of the binding that works in a field."""

_MODIFIERS = ("ctrl+", "alt+", "shift+", "super+")
_NAMED = {
    **{key.value: key.value.replace("page", "Page ").capitalize() for key in Keys if "+" not in key.value},
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}

_KEYPAD = {
    "decimal": ("full_stop", "."),
    "divide": ("slash", "/"),
    "multiply": ("asterisk", "*"),
    "subtract": ("minus", "-"),
    "add": ("plus", "+"),
    "equal": ("equals_sign", "="),
    "separator": ("comma", ","),
}
"""Keys of the numeric keypad that Textual reports without their character in terminals with the kitty protocol
(https://sw.kovidgoyal.net/kitty/keyboard-protocol/#functional-key-definitions)."""


def typed(event: Key) -> Key:
    """The key with the character that it types: those of the numeric keypad arrive by name only."""
    known = _KEYPAD.get(event.key)
    return event if known is None or event.character is not None else Key(*known)


def letter(key: str, action: str, description: str, name: str, *also: str, show: bool = False) -> list[BindingType]:
    """An action's keys: the letter outside a field, and others anywhere.

    In a field it is Esc, then the letter, which within a multiplexer's escape time arrives as alt and the letter. That
    one has priority, for a field would take it as text.
    """
    in_field = ",".join([f"alt+{key}", *also])
    return [
        Binding(key, action, description, show=show, id=name),
        Binding(
            in_field, action, description, show=show, key_display=f"Esc {key}", id=f"{name}{IN_FIELD}", priority=True
        ),
    ]


@dataclass(frozen=True, slots=True)
class KeyAction:
    """Something the user can do now: what it is called, its keys as they are printed, and how it is run."""

    id: str
    title: str
    keys: tuple[str, ...]
    node: DOMNode
    name: str
    shown: bool = True
    """Whether the footer shows it: moving about is left out there."""

    async def run(self, app: App[object]) -> None:
        """Does it, as if its key had been pressed where it belongs."""
        if isinstance(self.node, Widget) and self.node.focusable and not isinstance(self.node, Screen):
            self.node.focus()
        await app.run_action(self.name, default_namespace=self.node)


def actions_of(screen: Screen[object]) -> list[KeyAction]:
    """Every named action of this screen: of what has the focus first, then of the screen, its parts and the program.

    Those that the footer shows come before the others.
    """
    nodes: list[DOMNode] = list(screen.focused.ancestors_with_self) if screen.focused else []
    nodes += [screen, *(widget for widget in screen.walk_children(Widget) if _on_show(widget)), screen.app]
    found: dict[str, KeyAction] = {}
    for node in nodes:
        for action in _actions(node, screen.app):
            found.setdefault(action.id, action)
    return sorted(found.values(), key=lambda action: not action.shown)


def _on_show(widget: Widget) -> bool:
    return widget.can_focus and widget.display and all(isinstance(a, App) or a.display for a in widget.ancestors)


def _actions(node: DOMNode, app: App[object]) -> Iterator[KeyAction]:
    by_id: dict[str, list[Binding]] = {}
    for _, binding in bindings_now(node, app):
        if binding.id and binding.description:
            by_id.setdefault(binding.id.removesuffix(IN_FIELD), []).append(binding)
    for name, group in by_id.items():
        first = group[0]
        keys = dict.fromkeys(printed(each.key) for each in group if not each.key.startswith("alt+"))
        yield KeyAction(name, first.description, tuple(keys), node, first.action, first.show)


def printed(key: str) -> str:
    """A key as people write it: "^R", "F5", "?", "Shift+Tab"."""
    if key.startswith("ctrl+"):
        rest = key.removeprefix("ctrl+")
        return f"^{rest.upper()}" if len(rest) == 1 else f"Ctrl+{printed(rest)}"
    for modifier in _MODIFIERS:
        if key.startswith(modifier):
            return modifier.capitalize() + printed(key.removeprefix(modifier))
    if len(key) == 1:
        return key
    return _NAMED.get(key) or key_to_character(key) or key.capitalize()


def expanded(keys: Mapping[str, str]) -> dict[str, str]:
    """The user's keys as Textual takes them: a bare letter works in a field as Esc, then the letter."""
    keymap = {}
    for name, text in keys.items():
        wanted = [key.strip() for key in text.split(",") if key.strip()]
        keymap[name] = ",".join(wanted)
        keymap[f"{name}{IN_FIELD}"] = ",".join(f"alt+{key}" if len(key) == 1 else key for key in wanted)
    return keymap


@dataclass(frozen=True, slots=True)
class Bound:
    """One class of the program and its bindings that have an id."""

    owner: str
    bindings: tuple[Binding, ...]


def all_bindings() -> list[Bound]:
    """The bindings of every screen and widget of the program. It imports all of them: call it in a thread."""
    from . import __path__ as where

    for module in pkgutil.walk_packages(where, f"{__package__}."):
        import_module(module.name)
    return [
        Bound(kind.__name__, tuple(binding for binding in bindings_of(kind) if binding.id))
        for kind in _kinds(DOMNode)
        if kind.__module__.startswith(f"{__package__}.")
    ]


def _kinds(kind: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def checked(keys: Mapping[str, str], bound: Iterable[Bound]) -> tuple[dict[str, str], list[str]]:
    """The keys that can be used, and for each of the others why it was left out."""
    from difflib import get_close_matches

    bound = list(bound)
    by_id = {binding.id or "": binding for each in bound for binding in each.bindings}
    good: dict[str, str] = {}
    warnings = []
    for name, text in keys.items():
        why = ""
        wanted = [key.strip() for key in text.split(",") if key.strip()]
        if name not in by_id or name.endswith(IN_FIELD):
            near = get_close_matches(name, [each for each in by_id if not each.endswith(IN_FIELD)], 1)
            why = "unknown action" + (f"; did you mean {near[0]}?" if near else "")
        elif strange := [key for key in wanted if not _is_key(key)]:
            why = f"{strange[0]!r} is not a key"
        elif by_id[name].priority and len(by_id[name].key) > 1 and any(len(key) == 1 for key in wanted):
            why = "a single letter cannot be typed into fields any more; use a key with ctrl, or a function key"
        elif any(key.lower() in ("b", "f") for key in wanted) and f"{name}{IN_FIELD}" in by_id:
            why = "Esc, then b or f, moves by words in a field; use another letter"
        if why:
            warnings.append(f"{name} = {text!r}: {why}")
        else:
            good[name] = text
    return _without_clashes(good, bound, warnings), warnings


def _is_key(key: str) -> bool:
    if len(key) == 1:
        return key.isprintable()
    bare = key
    for modifier in _MODIFIERS:
        bare = bare.removeprefix(modifier)
    return key_to_character(bare) is not None or bare in {each.value for each in Keys}


def _without_clashes(keys: dict[str, str], bound: list[Bound], warnings: list[str]) -> dict[str, str]:
    good = dict(keys)
    for each in bound:
        taken: dict[str, str] = {}
        for binding in sorted(each.bindings, key=lambda binding: (binding.id or "") in good):
            name = binding.id or ""
            wanted = [key.strip() for key in good[name].split(",")] if name in good else [binding.key]
            for key in wanted:
                other = taken.setdefault(key, name)
                if other != name and name in good and other.removesuffix(IN_FIELD) != name:
                    warnings.append(f"{name} = {good.pop(name)!r}: already the key of {other.removesuffix(IN_FIELD)}")
                    break
    return good


# Behind what is on its way: widgets hand messages to one another, each through a queue and a task of its own.


def after_pending_messages(node: DOMNode | None, top: DOMNode, arrived: Callable[[], object]) -> None:
    """Calls `arrived` from the queue of `top`, once what this node has been handed and what it has said is there.

    Goes through every queue from the node up to `top` twice: a message may be passed on as a new one by each of them.
    Where a node on the way is taken away, so is what was on its way through it.
    """
    if node is None or node is top:
        top.call_later(top.call_later, arrived)
    elif not node.call_later(node.call_later, after_pending_messages, node.parent, top, arrived):
        top.call_later(arrived)


# Keys one after another: each acts on what the ones before it have led to, as soon as that is there.
#
# Textual hands a key from widget to widget until one knows it, each in a task of its own. On a busy machine a later
# key
# that the screen takes at once (Esc) would overtake it, and the first would then act on what has the focus by then.
# What a thread is still loading is waited for as well: a key typed ahead is never lost, and acts on no other row.


_LOOK, _LOOKS = 0.1, 10
"""Seconds between two looks whether a key has arrived, and how many of them are waited for one that does not.

Not a time alone: when the whole program stood still for long, the key has not had its turn for as long.
"""
_LOADED_LOOK = 0.02
"""Seconds between two looks whether what keys wait for is there."""
_UNTIL_TOLD = 1.0
"""Seconds after which the user is told that keys wait."""
_APP, _QUIT = "app.", "app.quit"


@runtime_checkable
class Loads(Protocol):
    """A screen whose keys act on what is loaded by a thread."""

    AT_ONCE: ClassVar[frozenset[str]]
    """The ids of the bindings that need nothing of it; those of the program need nothing either."""

    @property
    def being_loaded(self) -> str:
        """What is being loaded; empty once it is there and has the focus."""
        ...


class KeyOrder:
    """Holds a key or a paste back while the one before it is on its way, or while what it acts on is loaded.

    Esc drops what has waited for so long that the user was told; what is pressed then acts on what is there.
    """

    def __init__(self, app: App[None], handle: Callable[[events.Event], Awaitable[None]]) -> None:
        """`handle` is what the program does with a key whose turn it is."""
        self._app, self._handle = app, handle
        self._waiting: deque[events.Event] = deque()
        self._on_its_way: events.Event | None = None
        self._held: list[tuple[Screen[object], str]] = []
        self._lifted = ""
        """What is not waited for any longer."""
        self._since: float | None = None
        """Since when the first of the keys has waited for something to be loaded."""
        self._told = False

    def hold(self, words: str) -> Callable[[], None]:
        """Keys on the screen of now wait until what this returns is called; `words` say what for."""
        hold = self._app.screen, words
        self._held.append(hold)
        return partial(self._held.remove, hold)

    async def take(self, event: events.Event) -> None:
        """Handles it, now or in its turn."""
        if self._since is not None and isinstance(event, events.Key):
            if self._id_of(event) == _QUIT:
                await self._handle(event)
                return
            if event.key == "escape" and self._told:
                self._drop()
                return
        self._waiting.append(event)
        if self._on_its_way is None and self._since is None:
            await self._go_on()

    def _drop(self) -> None:
        self._waiting.clear()
        self._since, self._told = None, False
        self._lifted = self._loading()

    async def _go_on(self) -> None:
        while self._waiting and self._on_its_way is None:
            if not self._app.screen_stack:  # the program is ending, and nothing is left to act on
                self._waiting.clear()
                return
            if self._has_to_wait(self._waiting[0]):
                self._wait()
                return
            self._since, self._told = None, False
            event = self._waiting.popleft()
            await self._handle(event)
            if event.is_forwarded and self._app.screen_stack:
                self._on_its_way = event
                node = self._app.focused or self._app.screen
                # once up to the program, which acts on it, and once after what this has asked for on the way
                after_pending_messages(
                    node, self._app, partial(after_pending_messages, node, self._app, partial(self._done, event))
                )
                self._look(event, _LOOKS)

    def _loading(self) -> str:
        """What is being loaded for the screen that keys go to now."""
        screen = self._app.screen
        held = next((words for each, words in self._held if each is screen), "")
        return held or (screen.being_loaded if isinstance(screen, Loads) else "")

    def _id_of(self, event: events.Key) -> str:
        """The id of the binding that this key has now."""
        bound = self._app.screen.active_bindings.get(event.key) if self._app.screen_stack else None
        return (bound.binding.id or "") if bound is not None else ""

    def _has_to_wait(self, event: events.Event) -> bool:
        loading, screen = self._loading(), self._app.screen
        if not loading:
            self._lifted = ""
        if not loading or loading == self._lifted:
            return False
        known = self._id_of(event) if isinstance(event, events.Key) else ""
        if known == _QUIT:
            return False
        if any(each is screen for each, _ in self._held):
            return True
        return not known.startswith(_APP) and not (isinstance(screen, Loads) and known in screen.AT_ONCE)

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        if self._since is None:
            self._since = loop.time()
        elif not self._told and loop.time() - self._since >= _UNTIL_TOLD:
            self._told = True
            words = f"{self._loading()} … Keys pressed meanwhile are applied afterwards; Esc discards them."
            self._app.notify(shown_line(words, 200), markup=False)
        loop.call_later(_LOADED_LOOK, self._app.call_later, self._look_again, self._since)

    async def _look_again(self, since: float) -> None:
        if self._since == since:
            await self._go_on()

    def _look(self, event: events.Event, more: int) -> None:
        if event is not self._on_its_way:
            return
        if more:
            asyncio.get_running_loop().call_later(_LOOK, self._look, event, more - 1)
        else:  # a widget that is not done with a key holds up no other
            self._app.call_later(self._done, event)

    async def _done(self, event: events.Event) -> None:
        if event is self._on_its_way:
            self._on_its_way = None
            await self._go_on()
