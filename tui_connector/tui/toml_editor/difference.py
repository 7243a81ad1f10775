"""Shows how what is edited and the file differ, and takes what is chosen of either, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
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
from .._textual import BaseScreen, remove_read_notifications
from ..unread import Unread
from ..widgets.bounded_list import BoundedList
from ..widgets.frame import TONES, KeyFooter, ScreenHeader
from ..widgets.highlight import difference

_MAX_LINES = 12
"""Lines of one side of a difference that are shown."""
_AROUND = 3
"""Lines that are shown before and after a difference."""
_NAMES: dict[Side, str] = {"mine": "mine", "theirs": "the file's", "both": "both"}


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

    def __init__(
        self,
        name: str,
        base: str,
        mine: str,
        theirs: str,
        *,
        is_merge: bool = True,
        to_save: bool = False,
        in_form: bool = False,
        besides: str = "",
    ) -> None:
        """`is_merge`: another program changed the file. `to_save`: the merged text is saved then.

        It opens by itself then, after a key that saves: keys count once the differences can have been read.
        `in_form`: `mine` was typed in a form, not in the editor. Then keeping both sides is not offered: it repeats
        keys, which only the editor could correct. `besides`: the lines that are saved with either side.
        """
        super().__init__()
        self._file_name, self._texts, self._is_merge, self._in_form = name, (base, mine, theirs), is_merge, in_form
        self._to_save, self._besides = to_save, besides
        # ^S, pressed twice, must not save what nobody has seen
        self.unread = Unread(self) if to_save else None
        self._hunks: Sequence[Hunk] = ()
        self._marked = 0
        self._chosen: list[Side | None] = []
        """Of each difference; None: a conflict that is not decided yet."""

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield BoundedList(id="differences", classes="panel")
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
        self._chosen = [None if hunk.is_conflict else hunk.usual for hunk in self._different]
        rows = self.query_one(OptionList)
        rows.border_title = f"mine: {self._place}, not saved · file: as it is on disk · ✔ kept"
        rows.focus()
        self._draw()
        if self.unread is not None:
            self.unread.begin()

    @property
    def key_titles(self) -> Mapping[str, str]:
        return {"difference.apply": "Merge and save"} if self._to_save else {}

    @property
    def _place(self) -> str:
        return "in the form" if self._in_form else "in the editor"

    @property
    def _keys(self) -> str:
        return "m or t" if self._in_form else "m, t or b"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "choose" and parameters == ("both",):
            return not self._in_form
        return super().check_action(action, parameters)

    @property
    def _different(self) -> list[Hunk]:
        return [hunk for hunk in self._hunks if hunk.differs]

    def _draw(self) -> None:
        different, rows = self._different, self.query_one(OptionList)
        conflicts = sum(side is None for side in self._chosen)
        what = "changed here and elsewhere" if self._is_merge else "unsaved changes"
        state = [(count(len(different), "difference"), "muted")]
        if conflicts:
            state.append((f", {count(conflicts, 'conflict')}: {self._keys}", "warning"))
        self.query_one(ScreenHeader).show(self._file_name, what, state)
        highlighted = rows.highlighted or 0
        rows.clear_options()
        highlighted = min(highlighted, max(0, len(different) - 1))
        rows.add_options([Option(self._row(index, index == highlighted)) for index in range(len(different))])
        if different:
            self._marked = rows.highlighted = highlighted
        else:
            rows.add_option(Option(Content("No difference."), disabled=True))
        if self._besides:
            title = ("\n  Your other changes, which are saved as well:\n", TONES["muted"])
            rows.add_option(Option(Content.assemble(title, difference(self._besides)), disabled=True))

    def _row(self, index: int, is_selected: bool) -> Content:
        """A difference between the lines around it."""
        at = [place for place, hunk in enumerate(self._hunks) if hunk.differs][index]
        before = self._hunks[at - 1].mine[-_AROUND:] if at and not self._hunks[at - 1].differs else ()
        after = self._hunks[at + 1].mine[:_AROUND] if at + 1 < len(self._hunks) else ()
        after = after if after and not self._hunks[at + 1].differs else ()
        return _hunk(self._hunks[at], self._chosen[index], self._keys, before, after, is_selected=is_selected)

    @on(OptionList.OptionHighlighted, "#differences")
    def _mark(self, event: OptionList.OptionHighlighted) -> None:
        """Moves the mark of the selected difference: a colour alone does not tell which it is."""
        before, self._marked = self._marked, event.option_index
        if before != self._marked:
            for index in {before, self._marked} & {*range(len(self._chosen))}:
                event.option_list.replace_option_prompt_at_index(index, self._row(index, index == self._marked))

    def action_choose(self, side: Side) -> None:
        index = self.query_one(OptionList).highlighted
        if index is not None and index < len(self._chosen):
            self._chosen[index] = side
            self._decided()

    def action_choose_all(self, side: Side) -> None:
        self._chosen = [side for _ in self._chosen]
        self._decided()

    def _decided(self) -> None:
        """What was said of undecided conflicts goes: the header counts those that are left."""
        remove_read_notifications(self.app)
        self._draw()

    def action_next(self, by: int) -> None:
        rows = self.query_one(OptionList)
        rows.action_cursor_down() if by > 0 else rows.action_cursor_up()

    def action_apply(self) -> None:
        decided = [side for side in self._chosen if side is not None]
        if len(decided) < len(self._chosen):  # nothing that somebody wrote is dropped unread
            self.query_one(OptionList).highlighted = self._chosen.index(None)
            more = "" if self._in_form else ", b keeps both"
            self.notify(f"Decide each conflict first: m keeps mine, t takes the file's{more}.", markup=False)
            return
        self.dismiss(merged(self._hunks, decided) if self._hunks else None)

    def help_text(self) -> str:
        more = "" if self._in_form else " and b keeps both"
        applies = (
            "Enter saves the choice, with your other changes."
            if self._in_form
            else "Enter applies the choice to the text in the editor and saves it."
            if self._to_save
            else "Enter applies the choice to the text in the editor, where ^Z undoes it; the file itself changes only "
            "when you save."
        )
        return (
            "The differences\n"
            f"Lines after “mine” are what you have {self._place}; lines after “file” are what the file has on disk. ✔ "
            f"marks what is kept. For each difference, m keeps mine, t takes the file's{more}; M and T choose for all "
            f"of them. {applies} Where only one side changed something, that is chosen already; a conflict is yours to "
            "decide."
        )


def _hunk(
    hunk: Hunk, chosen: Side | None, keys: str, before: Sequence[str], after: Sequence[str], *, is_selected: bool
) -> Content:
    conflict = "conflict: both changed this · " if hunk.is_conflict else ""
    kept = f"kept: {_NAMES[chosen]}" if chosen is not None else keys
    head = f"{'▸' if is_selected else ' '} line {hunk.line} · {conflict}{kept}\n"
    parts = [(head, TONES["warning"] if chosen is None else TONES["muted"])]
    parts += _lines("", before, TONES["muted"], is_kept=False)
    for side, lines, choices in (("mine", hunk.mine, ("mine", "both")), ("file", hunk.theirs, ("theirs", "both"))):
        is_kept = chosen in choices
        tone = TONES["success"] if is_kept else "" if chosen is None else TONES["muted"]
        parts += _lines(side, lines, tone, is_kept=is_kept)
    parts += _lines("", after, TONES["muted"], is_kept=False)
    return Content.assemble(*parts)


def _lines(side: str, lines: Sequence[str], style: str, *, is_kept: bool) -> list[tuple[str, str]]:
    """The lines of one side, or of both (""), after its name."""
    begin = f"{'✔' if is_kept else ' '} {side:<4}  "
    found = [(f"{begin}{shown_line(line.rstrip(chr(10)))}\n", style) for line in lines[:_MAX_LINES]]
    if len(lines) > _MAX_LINES:
        found.append((f"{begin}… {count(len(lines) - _MAX_LINES, 'more line')}\n", style))
    if side and not lines:
        found.append((f"{begin}(not there)\n", style))
    return found
