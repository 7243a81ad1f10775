"""The method and the path of a request that is edited, both completed as they are typed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList, SuggestionReady
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from ...client.message import METHODS
from ...guide.rest_api import KnownPaths
from ..importing.command_input import CommandInput
from ..widgets.safe_input import SafeInput
from .query_editor import QueryTarget
from .store_paths import PARAMETER, StorePaths
from .suggestions import PathCompletion, SuggestionList

FindPaths = Callable[[], AsyncIterator[KnownPaths]]
"""Finds the paths of a store: first those that were kept, then those of its schema."""
_METHOD_AND_PATH = re.compile(rf"\s*({'|'.join(METHODS)})\s+(.*)", re.IGNORECASE)


class MethodField(SafeInput):
    """The method of a request: Tab, → or Enter completes what was begun, such as "po".

    What is typed replaces a whole one.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(suggester=SuggestFromList(METHODS, case_sensitive=False), **options)

    def complete(self) -> bool:
        """Completes the method that was begun; False where none was."""
        typed = self.value.strip().upper()
        begun = next((each for each in METHODS if each.startswith(typed)), "") if typed else ""
        if not begun or self.value == begun:
            return False
        self.replace(begun, 0, len(self.value))
        return True

    def watch_value(self, value: str) -> None:
        super().watch_value(value)
        self.is_suggestion = value.strip().upper() in METHODS

    async def action_submit(self) -> None:
        self.complete()
        await super().action_submit()

    def on_key(self, event: events.Key) -> None:
        if event.key == "tab" and self.complete():
            event.stop()
            event.prevent_default()


class PathEditor(Vertical):
    """The fields for both, and below them the paths of the store that fit."""

    @dataclass
    class PathsFound(Message):
        """The paths of the store's REST API, as far as they are known so far."""

        known: KnownPaths
        is_last: bool
        """Whether no others will be found."""

    @dataclass
    class Changed(Message):
        """Method, path or suggestions have changed, and what depends on them may have."""

        knows_more: bool = False
        """Whether that is because more is known of the store."""

    def __init__(self, base: str, find: FindPaths | None, fill_from_command: Callable[[str], None]) -> None:
        """`base`: the address of the store. `fill_from_command` takes a pasted curl command."""
        super().__init__(id="resend-path-editor")
        self._find, self._fill_from_command = find, fill_from_command
        self.paths = StorePaths(base)
        self._filled_path = ""
        """The path as it was filled in."""

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static(Content("Method"), classes="label")
            yield MethodField(compact=True, id="resend-method")
        with Horizontal(classes="field"):
            yield Static(Content("Path"), classes="label")
            yield CommandInput(self._fill_from_command, id="resend-uri")
        yield SuggestionList(id="resend-paths")

    def on_mount(self) -> None:
        if self._find is not None:
            self.field.suggester = PathCompletion(self.begun)
            self.run_worker(self._load(self._find))

    async def _load(self, find: FindPaths) -> None:
        known = KnownPaths()
        async for known in find():
            self.post_message(self.PathsFound(known, is_last=False))
        self.post_message(self.PathsFound(known, is_last=True))

    def on_path_editor_paths_found(self, message: PathsFound) -> None:
        self.paths.learn(message.known, is_last=message.is_last)
        self.suggest()
        if completed := self.begun(self.field.value):  # for what was typed before
            self.field.post_message(SuggestionReady(self.field.value, completed))
        self.post_message(self.Changed(knows_more=True))

    @property
    def method_field(self) -> Input:
        return self.query_one("#resend-method", Input)

    @property
    def field(self) -> Input:
        """That of the path."""
        return self.query_one("#resend-uri", Input)

    @property
    def _list(self) -> SuggestionList:
        return self.query_one("#resend-paths", SuggestionList)

    @property
    def method(self) -> str:
        """In upper case."""
        return self.method_field.value.strip().upper()

    @property
    def path(self) -> str:
        return self.field.value.strip()

    @property
    def target(self) -> QueryTarget:
        """The path that is requested, as far as it is known."""
        return self.paths.target(self.path, self.method)

    def fill(self, method: str, path: str) -> None:
        """Shows both in their fields."""
        self._filled_path = path
        self.method_field.value, self.field.value = method, path

    @property
    def is_suggesting(self) -> bool:
        return self.field.has_focus and self._list.has_content

    def close_list(self) -> bool:
        """Closes the suggestions; False where there are none."""
        return self._list.close()

    def drop_words(self) -> None:
        """Shows the suggestions alone, as another sentence says the same."""
        self._list.drop_words()

    def show_list(self, rows: int) -> None:
        """Lists suggestions while the path has the focus, in so many rows."""
        self._list.show(is_wanted=self.field.has_focus, rows=rows)

    @on(Input.Changed, "#resend-uri")
    def _path_changed(self, event: Input.Changed) -> None:
        """Lists paths; a method before the path, as in a log or a manual, goes into its own field."""
        if (found := _METHOD_AND_PATH.fullmatch(event.value)) and event.value == event.input.value:
            self.method_field.value = found[1].upper()
            event.input.value = found[2]
            return
        self.suggest()

    @on(Input.Changed, "#resend-method")
    def suggest(self) -> None:
        """Lists the paths of the store's schema that fit what was typed; those with the method first."""
        typed, method = self.field.value, self.method
        is_whole = self.paths.is_known(typed)
        is_done = typed == self._filled_path and is_whole
        suggestions = self.paths.suggestions(typed, method) if not is_done else []
        words = ""
        if self._find is not None and not is_done:
            words = self.paths.note(typed, method, is_found=bool(suggestions))
        self._list.offer(typed, suggestions, words, is_whole=is_whole)
        self.post_message(self.Changed())

    def begun(self, typed: str) -> str | None:
        """The first path that fits, where what was typed begins it."""
        return self.paths.begun(typed, self.method)

    def on_key(self, event: events.Key) -> None:
        """↓ and ↑ choose a path, at whose ends they go to another field; Tab takes one, or leaves."""
        if not self._list.display or not self.field.has_focus:
            return
        step = {"down": 1, "up": -1}.get(event.key, 0)
        if self._list.choose(step) if step else event.key == "tab" and self.complete(from_empty=False):
            event.stop()
            event.prevent_default()

    def complete(self, *, from_empty: bool) -> bool:
        """Takes the chosen path, or the first one; False where that is what was typed.

        `from_empty`: also where nothing was typed or chosen.
        """
        if self._list.typed != self.field.value:  # which was typed just before
            self.suggest()
        best = self._list.best
        if best is None or not (self.field.value or self._list.chosen or from_empty):
            return False
        self._list.take(best)
        self.field.value = best.value
        if value := PARAMETER.search(best.value):  # what is typed next replaces it
            self.field.selection = Selection(*value.span())
        return True

    def enter(self) -> bool:
        """Enter in the path: completes it, or takes a method that was typed there; False where it leaves the field."""
        typed = self.path
        is_path = (self.begun(typed) or "").startswith(typed)  # in this case
        if typed.upper() in METHODS and not is_path:
            self.field.value = f"{typed} "
            return True
        return self.complete(from_empty=True)
