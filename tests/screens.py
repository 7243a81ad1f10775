"""Reads the screen of an app under test as text, and waits for conditions with a deadline."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Hashable
from types import FunctionType, MethodType
from typing import Any

from textual import _callback, events
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.pilot import Pilot, WaitForScreenTimeout
from textual.widget import Widget
from textual.widgets import Button, Static

from tui_connector.tui import typed_words

TYPING_GAP, typed_words.GAP = typed_words.GAP, 0.0
"""Seconds between the letters of a word. Tests press keys as fast, and mean each of them."""

_DEADLINE = 30.0
_PAUSE = 0.01
_LOOKS = 1_000
"""Ten seconds, and longer where the machine is busy: then each look takes longer."""


class _Paints:
    """Counts what the app would paint. Nothing is: it has no terminal, and is drawn when a test reads it."""

    count = 0
    waiting = False
    """Whether a test waits, so that what was read last is still right until the next paint."""
    read: tuple[object, ...] = ()
    text = ""


def _paint(compositor: Any, full: bool = False, screen_stack: Any = None, simplify: bool = False) -> Any:
    if full:  # a picture is taken
        return _render_update(compositor, full, screen_stack, simplify)
    visible_screen_stack.set(screen_stack or [])
    compositor._dirty_regions.clear()
    _Paints.count += 1
    return None


_render_update = Compositor.render_update
Compositor.render_update = _paint  # type: ignore[method-assign]


_rules: dict[Hashable, list[RuleSet]] = {}
"""The parsed style sheets: the apps of a process have the same, and each would parse its own."""


def _parse_rules(self: Stylesheet, *source: Hashable, **more: Hashable) -> list[RuleSet]:
    key = (tuple(self._variables.items()), source, frozenset(more.items()))
    if key not in _rules:
        _rules[key] = _parse(self, *source, **more)
    return _rules[key]


_parse: Callable[..., list[RuleSet]] = Stylesheet._parse_rules
Stylesheet._parse_rules = _parse_rules  # type: ignore[method-assign]
RuleSet.__hash__ = object.__hash__  # type: ignore[method-assign]  # its own returns the same, and takes much longer


_sheets: dict[Hashable, tuple[list[RuleSet], dict[str, list[RuleSet]]]] = {}
"""The rules of a whole style sheet, in order and by name; each new class of widgets makes one of more rules."""


def _parse_sheet(self: Stylesheet) -> None:
    key = (tuple(self._variables.items()), tuple(self.source.items()))
    if key not in _sheets:
        _parse_whole(self)
        _sheets[key] = (self.rules, self.rules_map)
    self._rules, self._rules_map = _sheets[key]
    self._require_parse = False


_parse_whole: Callable[[Stylesheet], None] = Stylesheet.parse
Stylesheet.parse = _parse_sheet  # type: ignore[method-assign]


def _count_parameters(function: Any) -> int:
    """The number of parameters; Textual reads the signature of each closure that it calls."""
    if isinstance(function, MethodType):
        return _count_parameters(function.__func__) - 1
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return _count(function)
    code = function.__code__
    several = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_argcount + code.co_kwonlyargcount + several


_count: Callable[[Any], int] = _callback._count_parameters
_callback._count_parameters = _count_parameters


def _has_messages(pump: MessagePump) -> bool:
    """Whether it has messages, or handles one."""
    ready: Any = pump._message_queue.ready_event
    return not pump._message_queue.empty() or not ready._waiters


async def _wait_for_screen(self: Pilot[Any]) -> bool:
    """Waits until all widgets have handled their messages.

    Textual's own sends a message to every widget for that; on the guide, this takes longer than a key.
    """
    app = self.app
    if not app.screen_stack:
        return False
    left, done = 0, asyncio.Event()

    def handled() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    await asyncio.sleep(0)
    busy = [pump for pump in (app, *app.screen.walk_children(with_self=True)) if _has_messages(pump)]
    left = sum(pump.post_message(events.Callback(callback=handled)) for pump in busy)
    if left:
        waits = [asyncio.create_task(event.wait()) for event in (done, app._exception_event)]
        ended, _ = await asyncio.wait(waits, timeout=_DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if not ended:
            raise WaitForScreenTimeout("widgets have messages that they do not handle")
    return left == 0


Pilot._wait_for_screen = _wait_for_screen  # type: ignore[method-assign]


def shown(app: Any) -> str:
    """The screen as lines of text, as the compositor would draw it now."""
    state = (_Paints.count, app.screen, app.size)
    if not _Paints.waiting or state != _Paints.read:
        visible_screen_stack.set(app._background_screens)
        filters, app._filters = app._filters, []  # they change colours only
        try:
            strips = app.screen._compositor.render_strips()
        finally:
            app._filters = filters
        _Paints.read, _Paints.text = state, "\n".join(strip.text.rstrip() for strip in strips)
    return _Paints.text


def said_by(row: Widget, part: str) -> str:
    """The text of this part of a row; a row has a mark or a problem once there was one."""
    return "".join(str(each.content) for each in row.query(part).results(Static))


def accepts_keys(app: Any) -> bool:
    """Whether keys have an effect on the screen, which is not a dialog that opened by itself a moment ago."""
    unread = getattr(app.screen, "unread", None) if app.screen_stack else None
    return unread is None or unread.is_over


def _has_pressed_button(screen: Widget) -> bool:
    return any(isinstance(each, Button) and each.has_class("-active") for each in screen.walk_children())


async def until(pilot: Any, condition: Callable[[], bool], *, unread: bool = False) -> None:
    """Waits until the condition holds and keys work.

    No button is still shown as pressed, so that Enter works on it again, and a dialog that opened by itself accepts
    keys, unless it may still be `unread`.
    """
    for look in range(_LOOKS):
        _Paints.waiting = look % 50 > 0
        try:
            holds = condition()
        finally:
            _Paints.waiting = False
        if holds and not _has_pressed_button(pilot.app.screen) and (unread or accepts_keys(pilot.app)):
            return
        await asyncio.sleep(_PAUSE)
    raise AssertionError(f"condition not met; focus is on {pilot.app.screen.focused!r}:\n{shown(pilot.app)}")


async def until_shown(pilot: Any, text: str) -> str:
    """Waits until the screen shows this text; returns the screen."""
    screen = ""

    def holds() -> bool:
        nonlocal screen
        screen = shown(pilot.app)
        return text in screen

    await until(pilot, holds)
    return screen


async def press_and_see(pilot: Any, key: str, text: str) -> str:
    """Leaves the field, presses a key, and waits for a text; returns the screen."""
    await pilot.press("escape", key)
    return await until_shown(pilot, text)
