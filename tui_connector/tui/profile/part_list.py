"""The lists of a profile's page: its parts, and its problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from ...guide.part_families import FAMILIES, Family
from ...guide.profiles.saved_changes import ChangedPart
from ...guide.profiles.saved_profile import OpenedProfile
from ...guide.steps.summaries import ProfilePart, fitted
from ...text import count, shown_line
from ..toml_editor.panels import fix_note
from ..widgets.bounded_list import BoundedList
from ..widgets.frame import TONES
from .part_status import RowStatus

_NAMES = 10
"""The fewest columns for names."""
_WIDTH_FOR_RUNS = 50
"""Columns of a list whose rows show the last runs."""


class PartList(BoundedList):
    """The parts of a profile, below the titles of their families."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Edit", id="page.edit", tooltip="Edit the part in a form"),
        Binding("j", "cursor_down", "Next", show=False, id="page.next", tooltip="Next part"),
        Binding("k", "cursor_up", "Previous", show=False, id="page.previous", tooltip="Previous part"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self.border_title = "Parts"
        self._is_outdated = False
        """Whether the text cannot be read now."""
        self._has_text = True
        """Whether the file has a text, in which a part can be edited."""
        self._rows: list[ProfilePart | Family | None] = []
        """Below the title of a family without parts, the family: a row that adds the first one."""
        self._wanted: tuple[str, str] | None = None
        self._gone: dict[tuple[str, str], int] = {}
        """The rows in which parts were that are no longer listed."""
        self._states: dict[tuple[Family, str], RowStatus] = {}

    @property
    def key_titles(self) -> dict[str, str]:
        """Enter on a part with problems leads to the line of the first, and on a row without a part adds one."""
        part = self.selected
        if part is None and self.family is not None:
            return {"page.edit": "Add"}
        status = self._states.get((part.family, part.name)) if part is not None else None
        if status is not None and status.problems:
            return {"page.edit": "Edit this line"}
        if not self._is_outdated:
            return {}
        return {"page.edit": "As text" if self._has_text else ""}  # a form needs valid TOML

    def want(self, family: Family, name: str) -> None:
        """Moves the cursor to this part, now or as soon as it is listed."""
        self._wanted = None if self.select(family, name) else (family, name)

    def follow(self, part: ChangedPart) -> None:
        """Moves the cursor to a part that was changed; of one that was deleted, to the row in its place."""
        if not part.is_deleted:
            self.want(part.family, part.name)
            return
        self._wanted = None
        if not self.select(part.family, part.name) and (place := self._gone.get((part.family, part.name))) is not None:
            self._move_near(place)

    class Resized(Message):
        """The rows have another width."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def fill(
        self,
        parts: Iterable[ProfilePart],
        status: Callable[[ProfilePart], RowStatus],
        *,
        is_outdated: bool = False,
        has_text: bool = True,
    ) -> None:
        """Shows these parts, muted if they are outdated; the cursor stays where it was."""
        parts, highlighted, selected, before = list(parts), self.highlighted, self.selected, self._choosable
        self.clear_options()
        self._rows, self._is_outdated, self._has_text = [], is_outdated, has_text
        self._states = states = {(each.family, each.name): status(each) for each in parts}
        names = max([_NAMES, *map(len, map(_name, parts))])
        width = self._width_of(parts)
        runs = max((len(each.run[0]) for each in states.values()), default=0) if width >= _WIDTH_FOR_RUNS else 0
        for family, title in FAMILIES.items():
            self._add(Content.assemble((title, "bold")))
            for part in (each for each in parts if each.family == family):
                self._rows.append(part)
                line = part_line(part, states[part.family, part.name], names, runs, width)
                self.add_option(Option(Content.styled(line.plain, TONES["muted"]) if is_outdated else line))
            if self._rows[-1] is None and not is_outdated:
                self._rows.append(family)
                self.add_option(Option(Content.assemble(("    none  Enter adds one", TONES["muted"]))))
        choosable = self._choosable
        self._gone = {key: row for key, row in (self._gone | before).items() if key not in choosable}
        if selected is not None:
            highlighted = choosable.get((selected.family, selected.name), highlighted)
        if self._wanted in choosable:
            highlighted, self._wanted = choosable[self._wanted], None
        self._move_near(highlighted or 0)

    @property
    def _choosable(self) -> dict[tuple[str, str], int]:
        """The rows that the cursor can be on."""
        return {
            (row.family, row.name) if isinstance(row, ProfilePart) else (row, ""): index
            for index, row in enumerate(self._rows)
            if row is not None
        }

    def _move_near(self, place: int) -> None:
        """Moves the cursor to this row, or to the one next to it that it can be on."""
        self.highlighted = min(self._choosable.values(), key=lambda row: abs(row - place), default=None)

    def _width_of(self, parts: Sequence[ProfilePart]) -> int:
        """The columns of a row, beside the scroll bar where these parts need one."""
        width, height = self.content_size
        empty = len(FAMILIES) - len({each.family for each in parts})
        scrolls = 0 < height < len(FAMILIES) + len(parts) + empty
        width = width or self.screen.size.width - 2
        return max(30, width - self.styles.scrollbar_size_vertical if scrolls else width)

    def _add(self, title: Content) -> None:
        self._rows.append(None)
        self.add_option(Option(title, disabled=True))

    def select(self, family: str, name: str) -> bool:
        """Moves the cursor to this part; False where it is not listed."""
        for index, row in enumerate(self._rows):
            if isinstance(row, ProfilePart) and (row.family, row.name) == (family, name):
                self.highlighted = index
                return True
        return False

    def action_cursor_up(self) -> None:
        """From the first row, goes to the problems above it, where there are some."""
        is_first = self.at_end(-1)
        super().action_cursor_up()
        if is_first and (problems := self.screen.query_one(ProblemList)) in self.screen.focus_chain:
            problems.action_last()
            self.screen.set_focus(problems)

    @property
    def selected(self) -> ProfilePart | None:
        """The part under the cursor."""
        return row if isinstance(row := self._row, ProfilePart) else None

    @property
    def family(self) -> Family | None:
        """The family of the row under the cursor."""
        return row.family if isinstance(row := self._row, ProfilePart) else row

    @property
    def _row(self) -> ProfilePart | Family | None:
        index = self.highlighted
        return self._rows[index] if index is not None and index < len(self._rows) else None


def _name(part: ProfilePart) -> str:
    """The name of the part in its row."""
    return shown_line(part.name + (" (disabled)" if part.disabled else ""), 30)


def part_line(part: ProfilePart, status: RowStatus, names: int, runs: int, width: int) -> Content:
    """The row of a part in this width, of which `names` columns are for names, and `runs` for last runs."""
    name, problems = _name(part), f"{status.problems} · " if status.problems else ""
    room = max(10, width - names - 5 - (runs + 2 if runs and status.run[0] else 0))
    if runs and status.run[0] and len(problems) + len(part.summary) > room:  # a short run leaves it more
        room = max(room, width - names - 7 - cell_len(status.run[0]))
    summary = fitted(part.summary, max(10, room - len(problems)))
    parts = [
        ("  ", ""),
        (status.mark[0], TONES.get(status.mark[1], "")),
        (f" {name:<{names}} ", TONES["muted"] if part.disabled else "bold"),
        (problems, TONES["error"]),
        (summary, ""),
    ]
    if runs and status.run[0]:
        used = cell_len(problems) + cell_len(summary)
        parts += [(" " * max(2, room - used + 2), ""), (status.run[0], TONES.get(status.run[1], ""))]
    return Content.assemble(*parts)


class ProblemList(BoundedList):
    """The problems of a profile; Enter opens the editor at the line of one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Edit this line", id="page.edit-line", tooltip="Edit the file at this problem"),
        Binding("j", "cursor_down", "Next", show=False, id="page.next-problem", tooltip="Next problem"),
        Binding("k", "cursor_up", "Previous", show=False, id="page.previous-problem", tooltip="Previous problem"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")

    def fill(self, opened: OpenedProfile) -> None:
        """Shows the problems; the cursor stays where it was."""
        highlighted = self.highlighted or 0
        self.clear_options()
        if opened.is_missing:
            self.border_title = "✘ The file is gone"
            words = f"{opened.path} was moved or deleted. The page shows it again once it is back."
            self.add_option(Option(Content(shown_line(words)), disabled=True))
            return
        if not opened.is_text:
            self.border_title = f"✘ The file cannot be read.{' o: $EDITOR' if opened.is_editable else ''}"
            words = f"{opened.path}: {opened.problems[0].text} The page shows it once it can be read."
            self.add_option(Option(Content(shown_line(words)), disabled=True))
            return
        for problem in opened.problems:
            words = shown_line(f"{problem.line}:{problem.column}: {problem.placed_brief}", 400)
            self.add_option(Option(Content.assemble(words, fix_note(problem, "a"))))
        if opened.problems:
            self.highlighted = min(highlighted, len(opened.problems) - 1)

    def show_keys(self, *, can_fix: bool) -> None:
        """Names the keys that work now; `can_fix`: what is selected has a suggested correction."""
        if not any(each.disabled for each in self.options):
            keys = f"e: edit · o: $EDITOR{' · a: fix' if can_fix else ''}"
            self.border_title = f"✘ {count(self.option_count, 'problem')}. Fix this before running anything. {keys}"

    def action_cursor_down(self) -> None:
        """From the last problem, goes to the first part."""
        is_last = self.at_end(1)
        super().action_cursor_down()
        if is_last and (listed := self.screen.query_one(PartList)) in self.screen.focus_chain:
            listed.action_first()
            self.screen.set_focus(listed)
