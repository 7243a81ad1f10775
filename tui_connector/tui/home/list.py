"""The list of the home screen, which renders only visible rows, and the loader of its data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...guide.drafts import Draft, Drafts
from ...machine import Machine
from ...profile.library import (
    BatchReader,
    Library,
    ProfileError,
    ProfileSummary,
    read_summary,
    start_thread,
    unread_summary,
)
from ...text import shown_line
from ...units import ago

_HEADING = "Unfinished"


@dataclass
class HomeRows:
    """The rows of the list, as far as they are loaded."""

    paths: Sequence[Path] = ()
    """The files of the profiles, sorted."""
    entries: dict[Path, ProfileSummary] = field(default_factory=dict)
    """The profiles that have been read."""
    drafts: Sequence[Draft] = ()
    runs: dict[Path, str | None] = field(default_factory=dict)
    """The outcome of the last run of a profile, as text."""

    def __len__(self) -> int:
        return len(self.paths) + (self._heading + 1 + len(self.drafts) if self.drafts else 0)

    @property
    def _heading(self) -> int:
        """Number of empty lines before the heading of the drafts."""
        return 1 if self.paths else 0

    def at(self, index: int) -> ProfileSummary | Draft | str:
        """The row at this index; a text is not selectable. Of a file that was not read yet, only the name is known."""
        if index < len(self.paths):
            path = self.paths[index]
            return self.entries.get(path) or unread_summary(path)
        below = index - len(self.paths) - self._heading
        return self.drafts[below - 1] if below > 0 else "" if below < 0 else _HEADING

    def key(self, index: int) -> Path | str | None:
        """The identity of a row while others come and go; None where it is not selectable."""
        match self.at(index):
            case ProfileSummary() as entry:
                return entry.path
            case Draft() as draft:
                return draft.key
        return None


class HomeList(ScrollView, can_focus=True):
    """The cursor stays on its row while others come and go; until it is moved, it is on the first row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="home.open"),
        Binding("down,j", "move(1)", "Next", show=False, id="home.next"),
        Binding("up,k", "move(-1)", "Previous", show=False, id="home.previous"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="home.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="home.page-up"),
        Binding("home", "first", "First", show=False, id="home.first"),
        Binding("end", "last", "Last", show=False, id="home.last"),
    ]

    class KindChanged(Message):
        """The row under the cursor is of another kind than before."""

    @dataclass
    class Opened(Message):
        """Open this row."""

        row: ProfileSummary | Draft

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.rows = HomeRows()
        self._now = 0.0
        self._cursor = 0
        self._cursor_key: Path | str | None = None
        """The row that the user moved the cursor to; None until then."""
        self._reported: type[ProfileSummary | Draft | None] | None = None

    @property
    def selected(self) -> ProfileSummary | Draft | None:
        """The row under the cursor."""
        row = self.rows.at(self._cursor) if self._cursor < len(self.rows) else None
        return None if isinstance(row, str) else row

    def show(self, rows: HomeRows, now: float) -> None:
        """Shows these rows; `now` in seconds since 1970."""
        self.rows, self._now = rows, now
        self.virtual_size = Size(self.size.width, len(rows))
        where = self._find(self._cursor_key)
        if where is None or where != self._cursor:
            self._move_cursor(
                self._cursor if self._cursor_key is not None and where is None else where or 0, 1, pin=False
            )
        self._report_kind()
        self.refresh()

    def _find(self, key: Path | str | None) -> int | None:
        if key is None:
            return None
        if self._cursor < len(self.rows) and self.rows.key(self._cursor) == key:
            return self._cursor
        return next((index for index in range(len(self.rows)) if self.rows.key(index) == key), None)

    def _move_cursor(self, index: int, step: int, *, pin: bool = True) -> None:
        """Moves the cursor to this row, or to the next selectable one in the direction of `step`.

        `pin`: the user moved it, so it stays on its row from now on.
        """
        last = len(self.rows) - 1
        index = max(0, min(index, last))
        for each in (*range(index, last + 1 if step > 0 else -1, step), *range(index, -1, -1)):
            if (key := self.rows.key(each) if each <= last else None) is not None:
                if each != self._cursor or pin:
                    self._cursor = each
                    self._scroll_to_cursor()
                if pin or self._cursor_key is not None:
                    self._cursor_key = key
                break
        self._report_kind()
        self.refresh()

    def _scroll_to_cursor(self) -> None:
        self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False, force=True)

    def on_resize(self) -> None:  # the cursor may be below the end of a smaller window
        self._scroll_to_cursor()

    def _report_kind(self) -> None:
        kind = type(self.selected)
        if kind is not self._reported:
            self._reported = kind
            self.post_message(self.KindChanged())

    def render_line(self, y: int) -> Strip:
        width, index = self.scrollable_content_region.width, self.scroll_offset.y + y
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        row = self.rows.at(index)
        style = Style(dim=True) if isinstance(row, str) else Style()
        if index == self._cursor:
            style = Style(reverse=self.has_focus, bold=True)
        line = Strip([Segment(f" {self._row_text(row, max(40, width - 2))}", style)])
        return line.crop_extend(0, width, style).apply_style(self.rich_style)

    def _row_text(self, row: ProfileSummary | Draft | str, width: int) -> str:
        match row:
            case ProfileSummary() as entry:
                return _entry_line(entry, self.rows, width)
            case Draft() as draft:
                remaining = f"step {draft.step}, left {ago(self._now - draft.kept_at)}"
                return shown_line(f"○ {shown_line(draft.title or draft.name, 30)}: {remaining}", width)
        return row

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y
        if index < len(self.rows) and self.rows.key(index) is not None:
            self._move_cursor(index, 1)
            self.action_open()

    def action_move(self, step: int) -> None:
        self._move_cursor(self._cursor + step, step)

    def action_page(self, direction: int) -> None:
        self._move_cursor(self._cursor + direction * max(1, self.size.height - 1), direction)

    def action_first(self) -> None:
        self._move_cursor(0, 1)

    def action_last(self) -> None:
        self._move_cursor(len(self.rows) - 1, -1)

    def action_open(self) -> None:
        if (row := self.selected) is not None:
            self._cursor_key = self.rows.key(self._cursor)
            self.post_message(self.Opened(row))


def _entry_line(entry: ProfileSummary, rows: HomeRows, width: int) -> str:
    """The name, and the store with its last run, or the problem of the file."""
    if entry.problem:
        return shown_line(f"✘ {entry.name:<20} {entry.problem}", width)
    if entry.path not in rows.entries:
        return shown_line(f"  {entry.name:<20} …", width)
    text = f"  {entry.name:<20} {entry.title} · {entry.base_uri or 'no address'}"
    if not (run := rows.runs.get(entry.path)):
        return shown_line(text, width)
    return f"{shown_line(text, max(20, width - len(run) - 2))}  {shown_line(run, width)}"


Value = TypeVar("Value")


@dataclass
class LoaderMessage(Message):
    """A message of this loader."""

    loader: HomeLoader


@dataclass
class ProfilesFound(LoaderMessage):
    """The files of the profiles, not read yet, or why they cannot be listed."""

    paths: Sequence[Path]
    problem: ProfileError | None = None


@dataclass
class DraftsFound(LoaderMessage):
    """All drafts."""

    drafts: Sequence[Draft]


@dataclass
class EntriesRead(LoaderMessage):
    """Some profiles that were read, and how many remain."""

    entries: dict[Path, ProfileSummary]
    remaining: int


@dataclass
class RunsRead(LoaderMessage):
    """The outcome of the last run of some profiles, as text; None for a profile that has not run."""

    runs: dict[Path, str | None]


class HomeLoader:
    """Loads the data of the list once, in threads; `send` is called from them, with batches."""

    def __init__(self, machine: Machine, send: Callable[[Message], None]) -> None:
        self._machine, self._send = machine, send
        self._stopped = threading.Event()

    def start(self) -> None:
        """Lists the drafts and the profiles' files."""
        start_thread(self._list_drafts)
        start_thread(self._list_profiles)

    def stop(self) -> None:
        """Sends nothing more; a read that blocks is abandoned."""
        self._stopped.set()

    def read(self, paths: Sequence[Path]) -> None:
        """Reads the profiles and their last runs. Call it after the names are painted: threads slow the paint down."""
        start_thread(lambda: self._read_entries(paths))
        start_thread(lambda: self._read_runs(paths))

    def _list_drafts(self) -> None:
        self._send(DraftsFound(self, Drafts(self._machine.directories.state).list()))

    def _list_profiles(self) -> None:
        try:
            paths = Library(self._machine.directories.profiles).paths()
        except ProfileError as error:
            self._send(ProfilesFound(self, (), error))
            return
        self._send(ProfilesFound(self, paths))

    def _read_entries(self, paths: Sequence[Path]) -> None:
        self._post(BatchReader(paths, read_summary), lambda found, remaining: EntriesRead(self, found, remaining))

    def _read_runs(self, paths: Sequence[Path]) -> None:
        from ...guide.last_runs import last_runs

        state, now = self._machine.directories.state, self._machine.now().timestamp()

        def outcome(path: Path) -> str | None:
            latest = max(last_runs(state, path).values(), key=lambda run: run.at, default=None)
            return f"{latest.incoming} {latest.summary}, {ago(now - latest.at)}" if latest is not None else None

        self._post(BatchReader(paths, outcome), lambda found, _: RunsRead(self, found))

    def _post(
        self, reading: BatchReader[Path, Value], message: Callable[[dict[Path, Value], int], LoaderMessage]
    ) -> None:
        while reading.left and not self._stopped.is_set():
            if found := reading.take():
                self._send(message(found, reading.left))
        reading.stop()
