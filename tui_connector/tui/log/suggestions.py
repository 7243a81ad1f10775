"""Suggestions for a field that keeps the focus: a list of them below it, where ↓ and ↑ choose one, and its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Static

from ...text import shown_line
from ..widgets.frame import TONES
from ..widgets.text_areas import SeveralLines

_MAX_LABEL = 500
"""Characters of a line; a wider one is cut by the screen."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a field has once the suggestion is taken, and how it is listed."""

    value: str
    label: str
    is_secondary: bool = False
    """Whether it fits less than the others: it is drawn muted."""


class SuggestionList(Static):
    """Suggestions, best first, or a sentence in their place; hidden where there is neither."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__("", id=id, classes="suggestions")
        self.display = False
        self.offered: Sequence[Suggestion] = ()
        self.typed = self._words = ""
        self._drawn = Content()
        self._closed_for: str | None = None
        """What was typed when the list was closed by hand; None once something else is."""
        self._taken: str | None = None
        """What the field has since a suggestion was taken; None once something else is typed."""
        self._chosen = -1
        self._rows = 1
        self._is_wanted = self._is_passed = self._is_whole = False

    @property
    def chosen(self) -> Suggestion | None:
        """The one that was chosen; None while the field is."""
        return self.offered[self._chosen] if self._chosen >= 0 else None

    @property
    def best(self) -> Suggestion | None:
        """The chosen one, or else the first one, if it differs from what was typed; None where that is complete."""
        first = self.offered[0] if self.offered and self._taken is None and not self._is_whole else None
        return self.chosen or (first if first is not None and first.value != self.typed else None)

    @property
    def has_content(self) -> bool:
        return bool(self.offered or self._words)

    def offer(
        self,
        typed: str,
        suggestions: Sequence[Suggestion],
        words: str = "",
        *,
        is_passed: bool = False,
        is_whole: bool = False,
    ) -> None:
        """Lists suggestions for what was typed, and `words` with them.

        `is_whole`: what was typed is complete, so that only a chosen one is taken. `is_passed`: ↓ leaves the field
        instead of choosing one, as the field may stay empty. For a suggestion that was taken, only those that follow it
        are listed: where it ends with a blank.
        """
        if typed != self._taken:
            self._taken = None
        if typed != self._closed_for:
            self._closed_for = None
        if typed == self._closed_for or (typed == self._taken and not typed.endswith(" ")):
            suggestions, words = (), ""
        self.typed, self.offered, self._words, self._chosen = typed, suggestions, words, -1
        self._is_passed, self._is_whole = is_passed, is_whole
        self._draw()

    def take(self, suggestion: Suggestion) -> None:
        """Closes the list, since the field has this suggestion from now on."""
        self._taken = suggestion.value
        self.offer(suggestion.value, ())

    def close(self) -> bool:
        """Closes the list until something else is typed; False where no suggestion is shown."""
        if not (self.display and self.offered):
            return False
        self._closed_for = self.typed
        self.offer(self.typed, ())
        return True

    def drop_words(self) -> None:
        """Shows the suggestions alone until something else is typed, as another sentence says the same."""
        self._words = ""
        self._draw()

    def choose(self, step: int) -> bool:
        """Chooses the next one, or the previous one where `step` is -1; False where there is none."""
        chosen = self._chosen + step
        if not (self._can_choose and -1 <= chosen < len(self.offered) and self._chosen >= min(0, -step)):
            return False
        self._chosen = chosen
        self._draw()
        return True

    @property
    def _can_choose(self) -> bool:
        return not self._is_passed and any(each.value != self.typed for each in self.offered)

    def show(self, *, is_wanted: bool, rows: int) -> None:
        """Sets whether its field has the focus, and in how many rows it may list suggestions."""
        if not is_wanted:
            self._chosen = -1
        self._is_wanted, self._rows = is_wanted, max(1, rows)
        self._draw()

    def _draw(self) -> None:
        text = self._text()
        self.display = bool(text) and self._is_wanted
        if not text.is_same(self._drawn):
            # another layout of the screen takes longer than all else that a key does
            self.update(text, layout=text.plain.count("\n") != self._drawn.plain.count("\n"))
            self._drawn = text

    def _text(self) -> Content:
        first = max(0, self._chosen - self._rows + 1)
        listed = self.offered[first : first + self._rows]
        lines = [
            Content.styled(
                shown_line(f"{'▸' if at == self._chosen else ' '} {each.label}", _MAX_LABEL),
                TONES["muted"] if each.is_secondary else "$foreground",
            )
            for at, each in enumerate(listed, first)
        ]
        left = len(self.offered) - first - len(lines)
        hints = [f"+ {left} more" if left else "", self._words]
        if self.chosen is not None:
            hints.append("Tab or Enter: take it")
        elif self.best is not None:
            begun = bool(self.typed) and self.best.value.casefold().startswith(self.typed.casefold())
            hints.append("Tab: complete" if begun else "Tab: take the first" if self.typed else "")
        if self._can_choose:
            hints.append("↓: choose")
        hint = " · ".join(filter(None, hints))
        if hint:
            lines.append(Content(shown_line(f"  {hint}" if lines else hint, _MAX_LABEL)))
        return Content("\n").join(lines)


class QueryField(SeveralLines):
    """The query; Enter takes a chosen suggestion before it begins a line."""

    def __init__(self, uses_key: Callable[[str], bool], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._uses_key = uses_key

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter" and self._uses_key("enter"):
            event.stop()
            event.prevent_default()


class PathCompletion(Suggester):
    """Shows what completes the text behind it."""

    def __init__(self, completed: Callable[[str], str | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)  # the case of what is typed is kept
        self._completed = completed

    async def get_suggestion(self, value: str) -> str | None:
        completed = self._completed(value)
        return None if completed is None else value + completed[len(value) :]
