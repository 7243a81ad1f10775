"""Shows how the edited text and the file differ, and takes what is chosen of either, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...profile.merge import Hunk, Side, hunks, merged
from ...text import count, shown_line
from .._textual import BaseScreen
from ..widgets.frame import TONES, KeyFooter, ScreenHeader

_MAX_LINES = 12
"""Lines of one side of a difference that are shown."""
_NAMES: dict[Side, str] = {"mine": "yours", "theirs": "the file's", "both": "both"}


class DifferenceScreen(BaseScreen[str | None]):
    """The differences, one below the other; dismissed with the merged text, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "choose('mine')", "Keep mine", id="difference.mine"),
        Binding("t", "choose('theirs')", "Take the file's", id="difference.theirs"),
        Binding("b", "choose('both')", "Both", id="difference.both"),
        Binding("M", "choose_all('mine')", "Keep all mine", show=False, id="difference.all-mine"),
        Binding("T", "choose_all('theirs')", "Take all of the file", show=False, id="difference.all-theirs"),
        Binding("enter,ctrl+s", "apply", "Apply", id="difference.apply", priority=True),
        Binding("j", "next(1)", "Next", show=False, id="difference.next"),
        Binding("k", "next(-1)", "Previous", show=False, id="difference.previous"),
        Binding("escape,q", "dismiss(None)", "Cancel", id="difference.cancel"),
    ]

    @dataclass
    class Compared(Message):
        """The texts were compared."""

        hunks: Sequence[Hunk]

    def __init__(self, name: str, base: str, mine: str, theirs: str, *, is_merge: bool) -> None:
        """`is_merge`: another program changed the file."""
        super().__init__()
        self._file_name, self._texts, self._is_merge = name, (base, mine, theirs), is_merge
        self._hunks: Sequence[Hunk] = ()
        self._chosen: list[Side] = []

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield OptionList(id="differences", classes="panel")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one(OptionList).border_title = "Comparing …"
        self._compare()

    @work
    async def _compare(self) -> None:
        self.post_message(self.Compared(await asyncio.to_thread(hunks, *self._texts)))

    @on(Compared)
    def _show(self, message: Compared) -> None:
        self._hunks = message.hunks
        self._chosen = [hunk.usual for hunk in self._different]
        rows = self.query_one(OptionList)
        rows.border_title = "+ yours   - the file"
        rows.focus()
        self._draw()

    @property
    def _different(self) -> list[Hunk]:
        return [hunk for hunk in self._hunks if hunk.differs]

    def _draw(self) -> None:
        different, rows = self._different, self.query_one(OptionList)
        conflicts = sum(hunk.is_conflict for hunk in different)
        what = "changed here and by another program" if self._is_merge else "unsaved changes"
        state = [(count(len(different), "difference"), "muted")]
        if conflicts:
            state.append((f"  {count(conflicts, 'conflict')}", "warning"))
        self.query_one(ScreenHeader).show(self._file_name, what, state)
        highlighted = rows.highlighted or 0
        rows.clear_options()
        rows.add_options([Option(_hunk(*pair)) for pair in zip(different, self._chosen, strict=True)])
        if different:
            rows.highlighted = min(highlighted, len(different) - 1)
        else:
            rows.add_option(Option(Content("No difference."), disabled=True))

    def action_choose(self, side: Side) -> None:
        index = self.query_one(OptionList).highlighted
        if index is not None and index < len(self._chosen):
            self._chosen[index] = side
            self._draw()

    def action_choose_all(self, side: Side) -> None:
        self._chosen = [side] * len(self._chosen)
        self._draw()

    def action_next(self, by: int) -> None:
        rows = self.query_one(OptionList)
        rows.action_cursor_down() if by > 0 else rows.action_cursor_up()

    def action_apply(self) -> None:
        self.dismiss(merged(self._hunks, self._chosen) if self._hunks else None)

    def help_text(self) -> str:
        return (
            "The differences\n"
            "What you changed is marked with +, what the file has instead with -. For each difference, m keeps yours, "
            "t takes that of the file and b takes both; M and T choose for all of them. Enter applies the choice to "
            "the text in the editor, where ^Z undoes it; the file itself changes only when you save. Where only one "
            "side changed something, that is chosen already."
        )


def _hunk(hunk: Hunk, chosen: Side) -> Content:
    conflict = "conflict: both changed this · " if hunk.is_conflict else ""
    head = f"line {hunk.line} · {conflict}taken: {_NAMES[chosen]}\n"
    parts = [(head, TONES["warning"] if hunk.is_conflict else TONES["muted"])]
    parts += _lines("- ", hunk.theirs, "$text-error", is_taken=chosen in ("theirs", "both"))
    parts += _lines("+ ", hunk.mine, "$text-success", is_taken=chosen in ("mine", "both"))
    return Content.assemble(*parts)


def _lines(mark: str, lines: Sequence[str], style: str, *, is_taken: bool) -> list[tuple[str, str]]:
    taken = "▌" if is_taken else " "
    found = [(f"{taken}{mark}{shown_line(line.rstrip(chr(10)))}\n", style) for line in lines[:_MAX_LINES]]
    if len(lines) > _MAX_LINES:
        found.append((f"{taken}{mark}… {count(len(lines) - _MAX_LINES, 'more line')}\n", style))
    return found
