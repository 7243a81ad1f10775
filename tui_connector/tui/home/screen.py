"""The home screen: saved profiles and drafts. It is painted before pydantic, httpx or keyring are imported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Input, Static

from ...guide.drafts import Draft
from ...guide.profiles.overview import ProfileOverview
from ...machine import Machine
from ...profile.library import ProfileError
from ...text import count, shown_line
from .._textual import BaseScreen
from ..jobs import jobs_of
from ..keys import is_on_top, keys_of
from ..widgets.frame import TONES, KeyFooter, ScreenHeader
from ..widgets.safe_input import SafeInput
from .list import HomeList
from .loader import DraftsFound, EntriesRead, HomeLoader, LoaderMessage, ProfilesFound, RunsRead
from .preview import Preview, draft_preview, profile_preview, recent_runs
from .rows import HomeRows

_RUNS_INTERVAL = 2.0
"""Seconds between two looks at the runs that have not ended."""
_SLOW_AFTER = 0.5
"""Seconds after which the screen shows that it is still reading."""
_TABLE_HEAD, _FEW_LINES = 1, 6
"""Lines of the table's head, and those that stay free below its last row."""
_LOWEST_PREVIEW = 5
"""Lines of the preview below the table at least, with its title."""
_NARROWEST_PREVIEW = 30
_USUAL_PREVIEW = 32
"""Columns of the preview beside the table at least, and its percentage of the screen where the table needs no more."""
_FRAME = 3
"""Columns of the table's border and scroll bar."""
_BESIDE = 112
"""Columns from which the preview is beside the table, not below it."""


def _welcome(new: str, demo: str, archived: str = "") -> Content:
    """What the program is, and the ways to start with their keys; `archived` says how to show archived profiles."""
    return Content.assemble(
        "tui-connector connects a Magento 2 store by keyboard: it sets up the authentication, reads products, orders "
        "and more into files and databases, and shows each request while it is sent.\n\n",
        (f"{archived or 'No profiles yet.'}\n\n", "bold"),
        (f"  {new}", "bold $accent"),
        "  New store   you need its address; each step is tested as you go\n",
        (f"  {demo}", "bold $accent"),
        "  Try it      a demo store on this computer: no account, nothing to install\n\n",
        (
            "A profile is one TOML file for a store: its address, how to authenticate, what to read from it and what "
            "to send to it. Tokens go to the keyring, never into the file.",
            TONES["muted"],
        ),
    )


StartedScreen = Literal["", "demo", "setup"]
"""What the program is about to show in place of the list; empty: nothing else."""
_STARTS: Mapping[StartedScreen, tuple[str, str]] = {
    "demo": (
        "Demo",
        "Starting a demo store on this computer: a small Magento-like server with products, orders and customers …\n\n"
        "The guide then has five steps. Enter tests a step, Enter again goes to the next one.",
    ),
    "setup": ("Setup", "Opening the guide …"),
}
"""A title and a text for each."""


@dataclass
class ProfileMessage(Message):
    """A request for an action on this profile."""

    path: Path


class FilterInput(SafeInput):
    """The filter of the table: Enter and ↓ go to the table, Esc shows all again."""

    is_suggestion = True  # what is typed replaces the last filter

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(True)", "Show all", id="home.filter-clear"),
        Binding("enter,down", "leave(False)", "To the table", id="home.filter-done"),
    ]

    @dataclass
    class Left(Message):
        """Back to the table; `clear`: without the filter."""

        clear: bool

    def action_leave(self, clear: bool) -> None:
        self.screen.set_focus(self.screen.query_one(HomeList))  # while the key is dispatched
        self.post_message(self.Left(clear))


_DELETE = "Delete the profile or draft, or forget the recent file"
_ARCHIVE = "Archive the profile, or list it again"


class HomeScreen(BaseScreen[None]):
    """Lists profiles and drafts, and starts the guide for a new profile."""

    AUTO_FOCUS = ""
    IMMEDIATE: ClassVar = frozenset({"home.new", "home.quit"})
    first_keys = frozenset({"home.show-all"})
    letters_are_keys = True
    where_to_type = "n begins a new store, with its address."
    BINDINGS: ClassVar[list[BindingType]] = [
        # priority: what is typed next belongs to the first field of the guide
        Binding("n", "new_store", "New store", priority=True, id="home.new", tooltip="Set up a new store"),
        Binding("slash", "filter", "Filter", id="home.filter", tooltip="Filter the profiles"),
        Binding("e", "edit", "Edit", id="home.edit-text", tooltip="Edit the profile as text"),
        Binding("D", "duplicate", "Duplicate", id="home.duplicate", tooltip="Duplicate the profile"),
        Binding("d,delete", "delete", "Delete", id="home.delete", tooltip=_DELETE),
        Binding("m", "rename", "Rename", id="home.rename", tooltip="Rename the profile"),
        Binding("a", "archive", "Archive", id="home.archive", tooltip=_ARCHIVE),
        Binding("H", "history", "History", id="home.history", tooltip="The requests of earlier sessions"),
        Binding("i", "import", "Import", id="home.import", tooltip="Import a curl command or a file of another tool"),
        Binding("t", "try_demo", "Try the demo", id="home.demo", tooltip="Try the demo store"),
        Binding("escape", "show_all", "Show all", id="home.show-all", tooltip="Show all profiles again"),
        Binding("q", "app.ask_quit", "Quit", id="home.quit", tooltip="Quit the program"),
        Binding("A", "show_archived", "Archived", id="home.archived", tooltip="Show or hide archived profiles"),
        Binding("o", "open_file", "Open file", id="home.open-file", tooltip="Open a profile by its path"),
    ]

    class Painted(Message):
        """The screen has been painted."""

    class OpenRequested(ProfileMessage):
        """Open this profile."""

    class HistoryRequested(ProfileMessage):
        """Show the requests of earlier sessions of this profile."""

    class EditRequested(ProfileMessage):
        """Edit this profile as text."""

    class DuplicateRequested(ProfileMessage):
        """Duplicate this profile."""

    class RenameRequested(ProfileMessage):
        """Rename this profile."""

    class DeleteRequested(ProfileMessage):
        """Delete this profile."""

    class ForgetRequested(ProfileMessage):
        """Remove this file from the recent ones."""

    @dataclass
    class ArchiveRequested(ProfileMessage):
        """Archive this profile, or list it again."""

        archived: bool

    class OpenFileRequested(Message):
        """Ask for the path of a profile, and open it."""

    @dataclass
    class ResumeRequested(Message):
        """Resume this draft."""

        draft: Draft

    @dataclass
    class DiscardRequested(Message):
        """Discard this draft."""

        draft: Draft

    def __init__(self, machine: Machine, is_demo: Callable[[Mapping[str, object]], bool] = lambda _: False) -> None:
        """`is_demo` tells from its data whether the demo saved a profile."""
        super().__init__()
        self._machine, self._is_demo = machine, is_demo
        self._loader: HomeLoader | None = None
        self._rows = HomeRows()
        self._filter = ""
        self._archived: Sequence[Path] = ()
        self._shown_empty = "", 0
        """What is shown where nothing is listed: its title, and how many archived profiles it mentions."""
        self._shows_archived = False
        self._problem: ProfileError | None = None
        self._slow = False
        """Whether loading takes so long that the screen shows progress."""
        self._unread = 0
        """Number of profiles that have not been read yet."""
        self._preview_width: int | None = None
        """Columns of the preview beside the table; None where it is below."""
        self._preview_height: int | None = _LOWEST_PREVIEW
        """Lines of the preview below the table; None where it is beside it."""
        self._never_found: set[type[LoaderMessage]] = {ProfilesFound, DraftsFound}
        """What no load has found yet."""
        self._pending: set[type[LoaderMessage]] = {ProfilesFound, DraftsFound}
        """What the current load has not found yet."""
        self._active_jobs = 0
        self._loaded = False
        """Whether the rows are complete and the list has the focus."""
        self._starting: StartedScreen = ""

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield Static("", id="home-heading")
        yield Static("", id="home-empty", classes="panel")
        with Container(id="home-body"):
            with Vertical(id="home-table", classes="panel -active"):
                yield FilterInput(placeholder="Filter by name, title or store", compact=True, id="home-filter")
                yield HomeList(id="profiles")
                yield Static("", id="home-runs")
            yield Preview("", id="home-preview", classes="panel")
        yield KeyFooter()

    def on_compose(self) -> None:
        self._adapt_to(self.app.size)  # now, and not once all is mounted: every widget would be styled twice

    def on_resize(self, event: events.Resize) -> None:
        self._adapt_to(event.size)
        self.call_after_refresh(self._draw)

    def _adapt_to(self, size: Size) -> None:
        self.set_class(size.width >= _BESIDE, "wide")

    def on_mount(self) -> None:
        jobs_of(self.app).changed.subscribe(self, lambda _: self._on_jobs())
        self.set_interval(_RUNS_INTERVAL, self._follow_runs)

    def _on_jobs(self) -> None:
        """Loads the list again when a run has ended."""
        active = sum(job.active for job in jobs_of(self.app))
        if active < self._active_jobs and is_on_top(self):
            self.show()
        self._active_jobs = active

    def on_screen_resume(self) -> None:
        self.show()
        self.call_after_refresh(self.post_message, self.Painted())

    @property
    def profiles(self) -> Sequence[Path]:
        """The files of the profiles that are listed."""
        return [*self._rows.paths, *self._rows.recent]

    def show_start(self, start: StartedScreen) -> None:
        """Shows what is about to be shown in place of the list."""
        self._starting = start
        if self.is_mounted:
            self._draw()

    def choose(self, key: Path | str) -> None:
        """Moves the cursor to this profile, or the draft with this key, as soon as it is listed."""
        if self.is_mounted:  # otherwise it begins at what was opened last
            self.query_one(HomeList).want(key)

    def on_unmount(self) -> None:
        self._stop()

    def show(self) -> None:
        """Loads the list again. The previous rows stay until the new ones are known."""
        self._stop()
        loop, context = asyncio.get_running_loop(), copy_context()

        def send(message: Message) -> None:
            with suppress(RuntimeError):  # the program has exited meanwhile
                loop.call_soon_threadsafe(self.post_message, message, context=context)

        self._pending, self._loaded = {ProfilesFound, DraftsFound}, False
        self._loader = HomeLoader(self._machine, self._is_demo, send)
        self._loader.start()
        self._slow = False
        self.set_timer(_SLOW_AFTER, self._show_slow)

    def _show_slow(self) -> None:
        self._slow = True
        self._draw()

    def _stop(self) -> None:
        if self._loader is not None:
            self._loader.stop()

    @on(ProfilesFound)
    def _on_profiles(self, message: ProfilesFound) -> None:
        if message.loader is not self._loader:
            return
        self._rows.paths, self._rows.recent, self._problem = message.paths, message.recent, message.problem
        self._archived = message.archived
        self._rows.archived = self._archived if self._shows_archived else ()
        files = [*message.paths, *message.recent, *self._rows.archived]
        self._unread = len(files)
        if ProfilesFound in self._never_found:
            self.query_one(HomeList).want(message.last_used)
        self._mark_found(ProfilesFound)
        if files:
            self.call_after_refresh(message.loader.read, files)

    @on(DraftsFound)
    def _on_drafts(self, message: DraftsFound) -> None:
        if message.loader is self._loader:
            self._rows.drafts = message.drafts
            self._mark_found(DraftsFound)

    def _mark_found(self, kind: type[LoaderMessage]) -> None:
        self._never_found.discard(kind)
        self._pending.discard(kind)
        self._draw()
        if not self._pending:
            self.app.call_later(self._set_loaded)  # after the focus, which is set from the same queue

    def _set_loaded(self) -> None:
        self._loaded = not self._pending

    @property
    def loading_message(self) -> str:
        """The position of the cursor and the last row are only known once all rows are."""
        return "" if self._loaded else "Reading the list of profiles"

    @on(EntriesRead)
    def _on_entries(self, message: EntriesRead) -> None:
        if message.loader is self._loader:
            self._rows.entries |= message.entries
            self._unread = message.remaining
            self._draw()

    @on(RunsRead)
    def _on_runs(self, message: RunsRead) -> None:
        if message.loader is self._loader:
            marked = jobs_of(self.app).marked_run
            found = {
                path: tuple(marked(path, run.environment, run) for run in runs) for path, runs in message.runs.items()
            }
            self._rows.runs |= found
            self._draw()

    def _follow_runs(self) -> None:
        """Reads the runs of those profiles again of which one has not ended."""
        under_way = [path for path, runs in self._rows.runs.items() if any(run.is_under_way for run in runs)]
        if under_way and is_on_top(self) and self._loader is not None:
            self._loader.read_runs(under_way)

    @property
    def _is_covered(self) -> bool:
        """Whether another screen hides this one, which is drawn again when it is resumed."""
        return not (self.is_active or self.app.screen.is_modal)

    def _draw(self) -> None:
        if self._is_covered:
            return
        rows, home_list = self._rows.matching(self._filter), self.query_one(HomeList)
        words = "" if ProfilesFound in self._never_found else count(len(self._rows.paths), "profile")
        if self._rows.drafts:
            words += f"{' · ' if words else ''}{count(len(self._rows.drafts), 'draft')}"
        self.query_one(ScreenHeader).show("tui-connector", "connect a Magento 2 store", [(words, "muted")])
        self._show_state(self._state(rows))
        self._show_empty()
        heading, line = self._heading(), self.query_one("#home-heading", Static)
        line.update(Content(heading))
        line.display = bool(heading)
        self.query_one("#home-body").display = bool(len(self._rows))
        self.query_one("#home-empty").display = not (len(self._rows) or self._never_found or self._problem)
        if self.focused is None and len(self._rows):
            home_list.focus()
        self._show_runs(rows)
        home_list.show(rows, self._machine.now().timestamp(), self._home)
        if not self._filter:  # what is typed into it leaves the columns where they are
            self._share_width(home_list)

    def _share_width(self, home_list: HomeList) -> None:
        """Gives the table of a wide screen what it needs of the preview beside it, which keeps what can be read."""
        preview, wide = self.query_one("#home-preview", Static), self.has_class("wide")
        most = self.size.width - _NARROWEST_PREVIEW - _FRAME
        usual = self.size.width * _USUAL_PREVIEW // 100
        left = self.size.width - _FRAME - home_list.uncut_width(most)
        width = max(_NARROWEST_PREVIEW, min(usual, left)) if wide else None
        if width != self._preview_width:
            self._preview_width = preview.styles.width = width
            self.call_after_refresh(self._draw)

    def _show_runs(self, rows: HomeRows) -> None:
        """The newest runs of all profiles, where the table leaves enough room for them."""
        panel, table = self.query_one("#home-runs", Static), self.query_one("#home-table")
        left = self._free_lines(rows)
        listed = {*rows.paths, *rows.recent, *rows.archived} if left > _FEW_LINES else set()
        shown = [path for path in self._rows.runs if path in listed]
        panel.display = left > _FEW_LINES and any(self._rows.runs[path] for path in shown)
        if panel.display:
            now, width = self._machine.now().timestamp(), max(20, table.content_size.width - 2)
            runs = recent_runs(self._rows.runs, shown, now, width, left - _FEW_LINES)
            key = (keys_of(self.app, "app.runs") or [""])[0]
            head = Content.assemble(
                ("Last runs", "bold"), (f"  {key}: all, with their logs" if key else "", TONES["muted"])
            )
            panel.update(Content("\n").join((head, runs)))
        if not self._filter:  # what is typed into it leaves the preview where it is
            self._share_height(left - (runs.plain.count("\n") + 2 if panel.display else 0))

    def _free_lines(self, rows: HomeRows) -> int:
        """How many lines of the table its rows leave free while the preview below it is as low as it may be."""
        room = self.query_one("#home-body").size.height - self.query_one("#home-table").gutter.height
        preview = 0 if self.has_class("wide") else _LOWEST_PREVIEW
        return room - preview - len(rows.lines()) - _TABLE_HEAD

    def _share_height(self, free: int) -> None:
        """Gives the preview below the table these lines, apart from one between them."""
        height = _LOWEST_PREVIEW + max(0, free - 1) if not self.has_class("wide") else None
        if height != self._preview_height:
            self._preview_height = self.query_one("#home-preview").styles.height = height

    def _show_empty(self) -> None:
        """What is shown where nothing is listed: the ways to start, or that the demo is starting."""
        empty, (title, text) = self.query_one("#home-empty", Static), _STARTS.get(self._starting, ("Welcome", ""))
        if (title, len(self._archived)) != self._shown_empty:
            self._shown_empty = title, len(self._archived)
            new, demo, show = ((keys_of(self, each) or [""])[0] for each in ("home.new", "home.demo", "home.archived"))
            hidden = count(len(self._archived), "profile is", "profiles are") if self._archived else ""
            archived = hidden and f"{hidden} archived. {show} shows archived profiles."
            empty.border_title = title
            empty.update(Content(text) if text else _welcome(new, demo, archived))

    def _show_state(self, state: str) -> None:
        """In the lower border of the table; where it has none, after the title."""
        table, wide = self.query_one("#home-table"), self.has_class("wide")
        table.border_title = Content(f"Profiles · {state}" if state and not wide else "Profiles")
        table.border_subtitle = Content(state if wide else "")

    def _state(self, rows: HomeRows) -> str:
        """How much is read, or what the filter leaves."""
        if self._filter:
            return f"/{shown_line(self._filter, 30)}: {count(len(rows), 'match', 'matches')} · Esc shows all"
        if self._unread and self._slow:
            files = len(rows) - len(rows.drafts)
            return f"read: {files - self._unread:,} of {files:,}"
        key = (keys_of(self, "home.archived") or [""])[0]
        hidden = len(self._archived) if not self._shows_archived else 0
        return f"{hidden:,} archived ({key})" if hidden else ""

    def _heading(self) -> str:
        """What is wrong or slow with the directory."""
        directory = self._machine.directories.profiles
        if self._problem is not None:
            return f"✘ {shown_line(str(self._problem))}"
        if self._starting == "demo" and len(self._rows):
            return "  Starting the demo store …"
        if ProfilesFound in self._never_found:
            return f"  Reading {shown_line(str(directory))} …" if self._slow else ""
        return ""

    @on(HomeList.Moved)
    @on(Preview.Resized)
    def _preview(self) -> None:
        """Shows what is under the cursor beside the table."""
        self.refresh_bindings()
        panel, row = self.query_one("#home-preview", Static), self.selected
        width, height = panel.content_size
        now = self._machine.now().timestamp()
        match row:
            case ProfileOverview() as entry:
                runs = self._rows.runs.get(entry.path)
                title, content = entry.name, profile_preview(entry, runs, now, width, height, self._home)
            case Draft() as draft:
                title = f"Draft of {draft.name or 'a new store'}"
                typed = bool(self._machine.typed.of_draft(draft.key))
                content = draft_preview(draft, now, width, height, self._home, has_secrets=typed)
            case _:
                title, content = "", Content("No match." if self._filter else "")
        panel.border_title = Content(shown_line(title, max(10, width - 4)))
        panel.update(content, layout=False)

    @property
    def _home(self) -> Path:
        return Path(self._machine.environ.get("HOME") or "/")

    async def action_new_store(self) -> None:
        await self.run_action("app.new_store")

    async def action_import(self) -> None:
        await self.run_action("app.import")

    async def action_try_demo(self) -> None:
        await self.run_action("app.try_demo")

    def action_filter(self) -> None:
        """Opens the filter while the key is dispatched, so that what is typed next goes there."""
        self.add_class("filtering")
        self.set_focus(self.query_one(FilterInput))

    def action_show_all(self) -> None:
        typed = self.query_one(FilterInput)
        with typed.prevent(Input.Changed):  # it would move the cursor to the first row
            typed.value = ""
        self._set_filter("")
        self.query_one(HomeList).focus()

    @on(Input.Changed, "#home-filter")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._set_filter(event.value)
        self.query_one(HomeList).action_first()

    def _set_filter(self, text: str) -> None:
        if text != self._filter:
            self._filter = text
            self._draw()

    @on(FilterInput.Left)
    def _left_filter(self, message: FilterInput.Left) -> None:
        if message.clear:
            self.action_show_all()
        self.remove_class("filtering")

    @property
    def selected(self) -> ProfileOverview | Draft | None:
        """The row under the cursor."""
        return self.query_one(HomeList).selected

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        typing = isinstance(self.focused, FilterInput)
        match action:
            case "new_store" | "import" | "open_file" | "app.ask_quit":
                return not typing
            case "show_archived":
                return bool(self._archived) and not typing
            case "archive":
                return isinstance(entry := self.selected, ProfileOverview) and not (
                    typing or entry.path in self._rows.recent
                )
            case "show_all":
                return bool(self._filter)
            case "filter":
                return bool(len(self._rows)) and not typing
            case "try_demo":
                return not self._rows.paths
            case "duplicate" | "history" | "rename" | "edit":
                return isinstance(self.selected, ProfileOverview) and not typing
            case "delete":
                return self.selected is not None and not typing
        return True

    @on(HomeList.Opened)
    def _opened(self, message: HomeList.Opened) -> None:
        match message.row:
            case ProfileOverview() as entry:
                self.post_message(self.OpenRequested(entry.path))
            case Draft() as draft:
                self.post_message(self.ResumeRequested(draft))

    def action_history(self) -> None:
        if isinstance(entry := self.selected, ProfileOverview):
            self.post_message(self.HistoryRequested(entry.path))

    def action_edit(self) -> None:
        if isinstance(entry := self.selected, ProfileOverview):
            self.post_message(self.EditRequested(entry.path))

    def action_duplicate(self) -> None:
        if isinstance(entry := self.selected, ProfileOverview):
            self.post_message(self.DuplicateRequested(entry.path))

    def action_rename(self) -> None:
        if isinstance(entry := self.selected, ProfileOverview):
            self.post_message(self.RenameRequested(entry.path))

    def action_archive(self) -> None:
        if isinstance(entry := self.selected, ProfileOverview):
            self.post_message(self.ArchiveRequested(entry.path, entry.path not in self._archived))

    def action_show_archived(self) -> None:
        self._shows_archived = not self._shows_archived
        self.show()

    def action_open_file(self) -> None:
        self.post_message(self.OpenFileRequested())

    def action_delete(self) -> None:
        match self.selected:
            case ProfileOverview() as entry if entry.path in self._rows.recent:
                self.post_message(self.ForgetRequested(entry.path))
            case ProfileOverview() as entry:
                self.post_message(self.DeleteRequested(entry.path))
            case Draft() as draft:
                self.post_message(self.DiscardRequested(draft))
