"""The app: which screens it opens, the actions of every screen, and how it exits."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events, work
from textual.binding import Binding, BindingType

from ..errors import UserError
from ..machine import Machine
from ..text import shown
from . import settings
from ._textual import is_text_field
from .exit import HasUnsavedWork, ProgramExit, lost_with_session
from .handover import HandoverApp
from .home.screen import HomeScreen
from .jobs import Job, Jobs
from .keys import key_label, letter_bindings
from .profile_records import ProfileRecords
from .screen_prompt import ScreenPrompt
from .startup import preload_modules, tune_garbage_collection
from .themes import DARK, THEMES, chart_colors
from .widgets.painted import PAINTS

if TYPE_CHECKING:
    from ..guide.steps.summaries import ProfilePart
    from ..profile.document import Document
    from ..profile.positions import KeyPath
    from .last_runs import LastRunsScreen
    from .log.screens import Recorded
    from .profile.page import ProfilePage
    from .setup.context import DemoStore, GuideContext, GuideResults
    from .setup.screen import SetupScreen
    from .toml_editor.screen import Left


class ConnectorApp(HandoverApp):
    """tui-connector."""

    TITLE = "tui-connector"
    COMPONENT_CLASSES: ClassVar[set[str]] = PAINTS
    CSS_PATH: ClassVar = [
        "home/home.tcss",
        "setup/setup.tcss",
        "profile/profile.tcss",
        "toml_editor/editor.tcss",
        "run/run.tcss",
        "last_runs.tcss",
        "sliced_runs.tcss",
        "app.tcss",
        "send/send.tcss",
        "importing/importing.tcss",
        "widgets/form.tcss",
        "log/log.tcss",
    ]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help", id="app.help"),
        Binding("colon,ctrl+p", "commands", "Commands", id="app.commands"),
        Binding("ctrl+q", "ask_quit", "Quit", show=False, priority=True, id="app.quit"),
        *letter_bindings("O", "show_job", "Open the run", "app.job", "f4"),
        *letter_bindings("L", "show_runs", "Last runs of all profiles", "app.runs"),
    ]

    def __init__(
        self,
        machine: Machine,
        start_demo: Callable[[], Awaitable[DemoStore]],
        *,
        start_at: Literal["home", "setup", "demo", "editor"] = "home",
        profile: Path | None = None,
        recorded: Recorded | None = None,
        is_demo_profile: Callable[[Path], bool] = lambda _: False,
        is_demo_data: Callable[[Mapping[str, object]], bool] = lambda _: False,
        trust_once: bool = False,
        start_log: Callable[[], None] = lambda: None,
    ) -> None:
        """`is_demo_profile` tells whether the demo saved a profile; opening such a profile starts the sandbox again.

        `is_demo_data`: the same for the data of a draft.

        `trust_once`: `profile` is trusted until the program exits. `start_log` starts the log of the program itself, if
        it has not started yet.
        """
        self.settings = settings.read(machine.directories.config / settings.FILE)
        super().__init__(self.settings.keys)
        self._trust_once, self._start_log = trust_once, start_log
        self.machine = replace(machine, prompt=ScreenPrompt(self))
        self._start_demo, self._is_demo_profile, self._is_demo_data = start_demo, is_demo_profile, is_demo_data
        self._demo: DemoStore | None = None
        self.demo_values: dict[Path, Mapping[str, str]] = {}
        """The values that the demo store accepts, for the profiles of that store."""
        self.jobs = Jobs(self)
        self.guide_results: dict[str, GuideResults] = {}
        """What the guide found in this session, by the key of the draft."""
        self.records = ProfileRecords()
        self._start_at, self._profile, self._recorded = start_at, profile, recorded
        self._program_exit = ProgramExit(self.end_foreground, self._quit)
        self._choose_theme()

    def run_and_report(self) -> None:
        """Runs the app, then exits the process. A crash is reported without local variables: they may hold secrets."""
        asyncio.run(self.run_async())
        if self.crash is not None:
            from ..program_log import report

            self._start_log()
            sys.stderr.write(f"{report(self.crash)}\n")
            sys.exit(1)
        sys.exit(self.return_code)

    def on_mount(self) -> None:
        self._adapt_theme()
        if self._recorded is not None:
            self._open_recorded(self._recorded)
        else:
            home = HomeScreen(self.machine, self._is_demo_data)
            home.show_start(self._start_at if self._start_at in ("demo", "setup") else "")
            self.push_screen(home)
        if self._start_at == "setup":
            self.call_after_refresh(self._start_setup)
        elif self._start_at == "editor" and self._profile is not None:
            self.run_worker(self._edit(self._profile))
        elif self._start_at == "demo":
            self.call_after_refresh(self.action_try_demo)  # keys wait for it
        self.call_after_refresh(self._show_settings_warnings)
        if not self.is_headless:
            self.call_after_refresh(tune_garbage_collection)
            self._program_exit.watch(self)
            self.set_timer(_PAINT_DELAY, self._start_log)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return chart_colors(dark=self.current_theme.dark)

    def _choose_theme(self) -> None:
        """Sets the user's theme, or ours."""
        for theme in THEMES:
            self.register_theme(theme)
        chosen = self.settings.theme if self.settings.theme in self.available_themes else DARK.name
        self.set_reactive(ConnectorApp.theme, chosen)  # before the style sheets are read: each change reads them again
        self.stylesheet.set_variables(self.get_css_variables())

    def _adapt_theme(self) -> None:
        """Without a theme of the user, uses the terminal's own colours where it has no more than sixteen."""
        if self.settings.theme in self.available_themes or self.is_headless:
            return
        if self.console.color_system in ("standard", "windows"):
            self.theme = "ansi-dark"

    def _show_settings_warnings(self) -> None:
        """Shows what could not be applied of the user's settings."""
        for warning in self.settings.warnings:
            self.warn(warning)
        if self.settings.theme and self.settings.theme not in self.available_themes:
            self.warn(f"There is no theme {self.settings.theme!r}; press : and type theme.")
        if self.settings.keys:
            self.run_worker(self.check_own_keys(settings.FILE))

    def action_commands(self) -> None:
        """Opens the list of commands: those of this screen, then the themes and the profiles."""
        from .commands import CommandsScreen, PaletteCommand, commands_of

        profiles = self._home.profiles if self._home is not None else ()

        async def done(command: PaletteCommand | None) -> None:
            if command is not None:
                await command.run()

        self.push_screen(
            CommandsScreen(commands_of(self.screen, self.choose_theme, profiles, self._open_from_list)), done
        )

    async def choose_theme(self, name: str) -> None:
        """Applies this theme and saves it."""
        self.theme = name
        try:
            await asyncio.to_thread(settings.save_theme, self.machine.directories.config / settings.FILE, name)
        except UserError as error:
            self.warn(f"The theme could not be saved: {error}")

    def action_help(self) -> None:
        from .help import HelpScreen, help_topics
        from .keys import actions_of

        reached = [] if self.focused is None else [*self.focused.ancestors_with_self]
        self.push_screen(HelpScreen(help_topics(self.screen), actions_of(self.screen), reached))

    async def action_new_store(self) -> None:
        """Opens the guide for a new profile. Awaits it: the next key belongs to its first field."""
        await self.open_setup(None)

    async def action_import(self) -> None:
        """Asks for a file or a curl command, and shows what would be created from it."""
        from .importing.screen import ImportSourceScreen

        def entered(source: str | None) -> None:
            if source is not None:
                self._import(source, None)

        await self.push_screen(ImportSourceScreen(self.machine.environ), entered)

    def on_paste(self, event: events.Paste) -> None:
        """A curl command, pasted where no field has the focus: a new profile, or a part of the one that is open."""
        from ..profile.importers.command_text import looks_like_command

        if looks_like_command(event.text) and not self.screen.is_modal:
            event.stop()
            self._import(event.text, getattr(self.screen, "imports_into", None))
        elif not is_text_field(self.focused):
            self.report_unused_paste(event.text)

    def _import(self, source: str, into: Path | None) -> None:
        from .importing.screen import ImportScreen

        screen = ImportScreen(self.machine, source, into)

        def created(path: Path | None) -> None:
            if path is not None and into is None:
                self._open_page(path)
            elif path is not None and (show := getattr(self.screen, "show_imported", None)) is not None:
                show(screen.parts)

        self.push_screen(screen, created)

    def on_home_screen_painted(self) -> None:
        if not self.is_headless:
            self.set_timer(_PAINT_DELAY, threading.Thread(target=preload_modules, daemon=True).start)

    async def _open_from_list(self, path: Path) -> None:
        self._open_page(path)

    def on_home_screen_open_requested(self, message: HomeScreen.OpenRequested) -> None:
        self._open_page(message.path)

    def _open_page(
        self,
        path: Path,
        environment: str = "",
        part: ProfilePart | None = None,
        *,
        form_at: KeyPath = (),
        text_before: Document | None = None,
        text_at: KeyPath = (),
    ) -> None:
        """Opens the page of a profile, and over it the form that a key is in, or the text at a key. Keys wait.

        `text_before` is what the editor had when it was left for that form.
        """
        release = self.hold_keys(f"Opening {path.stem}")

        async def opened() -> None:
            from .profile.page import ProfilePage
            from .profile.profile_screen import PageContext

            try:
                if await asyncio.to_thread(self._is_demo_profile, path):
                    await self._start_demo_of(path)
                await self._remember(path)
                log, changes = self.records.log_of(path, environment), self.records.changes_of(path)
                page = ProfilePage(PageContext(self.machine, path, log, environment, changes), part, form_at)
                page.text_before = text_before
                await self.push_screen(page)
                if text_at:
                    page.show_text(text_at)
            finally:
                release()

        self.run_worker(opened())

    async def _start_demo_of(self, path: Path) -> None:
        """Starts the store of a profile that the demo saved, and makes that store's secrets known to it."""
        from .setup.context import keep_demo_values

        starts, demo = self._demo is None, await self._open_demo_store()
        if await asyncio.to_thread(keep_demo_values, self.machine, path, demo):
            self.demo_values[path] = demo.values
            if starts:
                text = "The demo store has started, with fresh data: what earlier sessions sent to it is gone."
                self.notify(text, timeout=10, markup=False)
        else:
            text = f"Another program uses the port of this profile's demo store, which is now at {demo.url}. "
            text += "End that program and start again, or enter this address in the profile."
            self.notify(shown(text), severity="warning", timeout=20, markup=False)

    def on_profile_page_environment_chosen(self, message: ProfilePage.EnvironmentChosen) -> None:
        from .profile.page import ProfilePage as Page
        from .profile.profile_screen import PageContext

        log, changes = self.records.log_of(message.path, message.environment), self.records.changes_of(message.path)
        context = PageContext(self.machine, message.path, log, message.environment, changes)
        self.switch_screen(Page(context, message.part))

    async def _remember(self, path: Path) -> None:
        """Home begins at this profile from now on, and lists it as recent if it is a file elsewhere."""
        from ..guide.profiles.lists import ProfileLists

        self._choose_on_home(path)
        await asyncio.to_thread(ProfileLists(self.machine.directories.state).opened, path)

    def _choose_on_home(self, key: Path | str) -> None:
        if self._home is not None:
            self._home.choose(key)

    @property
    def _home(self) -> HomeScreen | None:
        """None where the program has opened a recorded log only."""
        return next((screen for screen in self.screen_stack if isinstance(screen, HomeScreen)), None)

    async def on_home_screen_resume_requested(self, message: HomeScreen.ResumeRequested) -> None:
        from .setup.context import resume_context
        from .setup.screen import SetupScreen

        demo = await self._open_demo_store() if self._is_demo_data(message.draft.data) else None
        log = self.records.log_of_draft(message.draft.key)
        context, step = resume_context(self.machine, message.draft, log, demo, self.guide_results)
        if context.path is not None:
            context.changes = self.records.changes_of(context.path)
        await self.push_screen(SetupScreen(context, step), lambda _: self._leave_setup(context))

    def on_home_screen_edit_requested(self, message: HomeScreen.EditRequested) -> None:
        self.run_worker(self._edit(message.path))

    async def _edit(self, path: Path) -> None:
        """Opens the editor; home lists the profile anew afterwards."""
        from .toml_editor.opening import open_editor

        release = self.hold_keys(f"Opening {path.stem}")

        def left(how: Left) -> None:
            for change in how.changes:
                self.records.changes_of(path).record(change)
            if how.form_at:
                self._open_page(path, form_at=how.form_at, text_before=how.document)

        try:
            await self._remember(path)
            await open_editor(self, self.machine, path, left=left)
        finally:
            release()

    def on_home_screen_history_requested(self, message: HomeScreen.HistoryRequested) -> None:
        self.run_worker(self._show_history(message.path))

    async def _show_history(self, path: Path) -> None:
        """Shows the requests of a profile, in the environment in which the last ones were sent."""
        from .log.screens import RecordedScreen, earlier_sessions, environments_with_sessions

        release = self.hold_keys(f"Opening the log of {path.stem}")
        try:
            names = await asyncio.to_thread(environments_with_sessions, self.machine, path)
            latest = names[0] if names else ""
            found = earlier_sessions(self.machine, path, latest, partial(self.records.log_of, path))
            self.push_screen(RecordedScreen(self.machine, found))
        finally:
            release()

    def _leave_setup(self, context: GuideContext) -> None:
        """Ends the guide. Its log continues on the page of the profile, or when its draft is resumed."""
        from ..guide.drafts import key_for
        from ..guide.resume import has_unsaved_work

        context.workbench.close()
        key = context.draft_key if context.path is None else key_for(context.path)
        self.records.keep_log(key, context.workbench.exchanges)
        if has_unsaved_work(context.setup):
            self._choose_on_home(context.draft_key)
        elif context.path is not None:  # it was saved, or was a saved one
            self.run_worker(self._remember(context.path))

    def on_setup_screen_finished(self, message: SetupScreen.Finished) -> None:
        """After the guide, the page of its profile, unless the guide was opened from it."""
        if isinstance(self.screen, HomeScreen):
            self._open_page(message.path)

    def on_setup_screen_text_wanted(self, message: SetupScreen.TextWanted) -> None:
        """Shows the text over the page of the profile, from which its forms can be opened."""
        from .text_jumps import TextHolder

        if isinstance(self.screen, TextHolder):
            self.screen.show_text(message.key)
        else:
            self._open_page(message.path, text_at=message.key)

    def on_home_screen_delete_requested(self, message: HomeScreen.DeleteRequested) -> None:
        from .home.actions import delete_profile

        self._update_home(delete_profile(self, self.machine, message.path))

    def on_home_screen_forget_requested(self, message: HomeScreen.ForgetRequested) -> None:
        from .home.actions import forget_recent

        self._update_home(forget_recent(self, self.machine, message.path))

    def on_home_screen_archive_requested(self, message: HomeScreen.ArchiveRequested) -> None:
        from .home.actions import archive

        self._update_home(archive(self, self.machine, message.path, archived=message.archived))

    @work
    async def on_home_screen_open_file_requested(self) -> None:
        from .home.actions import ask_path

        if (path := await ask_path(self, self.machine)) is not None:
            self._open_page(path)

    def on_home_screen_duplicate_requested(self, message: HomeScreen.DuplicateRequested) -> None:
        from .home.actions import duplicate_profile

        self._update_home(duplicate_profile(self, self.machine, message.path, self._remember))

    def on_home_screen_rename_requested(self, message: HomeScreen.RenameRequested) -> None:
        from .home.actions import rename

        if any(job.active for job in self.jobs):  # it would go on writing under the old name
            self.warn("Stop the runs first (O opens them), then rename the profile.")
            return

        async def renamed(path: Path) -> None:
            """What this session has of the profile gets its new name."""
            self.records.rename(message.path, path)
            if (values := self.demo_values.pop(message.path, None)) is not None:
                self.demo_values[path] = values
            await self._remember(path)

        self._update_home(rename(self, self.machine, message.path, renamed))

    def on_home_screen_discard_requested(self, message: HomeScreen.DiscardRequested) -> None:
        from .home.actions import discard_draft

        self._update_home(discard_draft(self, self.machine, message.draft))

    def _update_home(self, work: Coroutine[object, object, None]) -> None:
        """Changes what home lists, then lists it again. Meanwhile keys for home wait, those for dialogs do not."""
        release = self.hold_keys("Updating the list")

        async def done() -> None:
            try:
                await work
                if isinstance(self.screen, HomeScreen):
                    self.screen.show()
            except UserError as error:  # such as a directory of profiles that cannot be listed
                self.notify(shown(str(error)), severity="error", timeout=20, markup=False)
            finally:
                release()

        self.run_worker(done())

    async def open_setup(self, path: Path | None, demo: DemoStore | None = None) -> None:
        """Opens the guide for a new profile or a saved one."""
        from .setup.context import open_context
        from .setup.screen import SetupScreen

        try:
            once = self._trust_once and path is not None and path == self._profile
            exchanges = None if path is None else self.records.log_of(path)
            context = open_context(
                self.machine, path, demo, exchanges=exchanges, trust_once=once, results=self.guide_results
            )
        except UserError as error:
            self.notify(shown(str(error)), severity="error", timeout=20, markup=False)
            return
        if path is not None:
            context.changes = self.records.changes_of(path)
        await self.push_screen(SetupScreen(context), lambda _: self._leave_setup(context))

    async def _start_setup(self) -> None:
        try:
            await self.open_setup(self._profile)
        finally:
            if self._home is not None:
                self._home.show_start("")

    def _open_recorded(self, recorded: Recorded) -> None:
        """Opens a recorded log; leaving it exits the app."""
        from .log.screens import RecordedScreen

        self.push_screen(RecordedScreen(self.machine, recorded, is_start=True), lambda _: self.exit())

    async def _open_demo_store(self) -> DemoStore:
        if self._demo is None:
            self._demo = await self._start_demo()
        return self._demo

    def action_try_demo(self) -> None:
        """Starts the demo store and opens the guide for it; once its profile is saved, the page of that."""
        release = self.hold_keys("Starting the demo store")

        async def done() -> None:
            try:
                await self._open_demo()
            finally:
                release()

        self.run_worker(done())

    async def _open_demo(self) -> None:
        home = self._home
        if home is not None:
            home.show_start("demo")
        try:
            await asyncio.to_thread(preload_modules)  # imported by the loop, they would stop the screen
            demo = await self._open_demo_store()
            path = self.machine.directories.profiles / f"{demo.name}.toml"
            if await asyncio.to_thread(path.exists):
                self._open_page(path)
            else:
                await self.open_setup(None, demo)
        finally:
            if home is not None:
                home.show_start("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "show_runs":
            return self._recorded is None and not getattr(self.screen, "lists_last_runs", False)
        return bool(len(self.jobs)) if action == "show_job" else super().check_action(action, parameters)

    def action_show_runs(self) -> None:
        from .last_runs import LastRunsScreen

        self.push_screen(LastRunsScreen(self.machine))

    def on_last_runs_screen_open_requested(self, message: LastRunsScreen.OpenRequested) -> None:
        from ..guide.steps.summaries import ProfilePart

        each = message.run
        part = ProfilePart("outgoing" if each.run.sends else "incoming", each.run.name, "")
        self._open_page(each.profile, each.environment, part)

    def on_last_runs_screen_slices_requested(self, message: LastRunsScreen.SlicesRequested) -> None:
        from .sliced_runs import SlicedRunsScreen

        self.push_screen(SlicedRunsScreen(self.machine, message.run.profile, message.run.environment))

    def on_last_runs_screen_log_requested(self, message: LastRunsScreen.LogRequested) -> None:
        from .log.screens import RecordedScreen, earlier_sessions

        path, environment = message.run.profile, message.run.environment
        found = earlier_sessions(self.machine, path, environment, partial(self.records.log_of, path))
        self.push_screen(RecordedScreen(self.machine, found))

    def action_show_job(self) -> None:
        """Opens the screen of the newest job; on the screen of a job, that of the next one."""
        jobs = list(self.jobs)
        shown: Job | None = getattr(self.screen, "job", None)
        if shown not in jobs:
            self.push_screen(jobs[-1].screen())
        elif len(jobs) > 1:
            self.switch_screen(jobs[jobs.index(shown) - 1].screen())

    def _unsaved_work(self) -> list[HasUnsavedWork]:
        """The screens and jobs that quitting would stop, or whose work it would lose."""
        return [*(screen for screen in self.screen_stack if isinstance(screen, HasUnsavedWork)), *self.jobs]

    def action_ask_quit(self) -> None:
        """Quits, with confirmation where something is unsaved or running."""
        from .widgets.questions import QuitScreen

        if isinstance(self.screen, QuitScreen):
            return
        reasons = [reason for each in self._unsaved_work() if (reason := each.unsaved_work())]
        demo = [*self._demo.values.values()] if self._demo is not None else []

        def is_of_demo(profile: Path, secret: str) -> bool:
            """Whether the profile gets this value again when it is opened; other profiles of the sandbox do not."""
            return secret in demo and self._is_demo_profile(profile)

        reasons += lost_with_session(self.machine, self.records.unsent, is_of_demo)
        if not reasons:
            self._quit()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._quit()

        self.push_screen(QuitScreen(reasons), answered)

    def action_help_quit(self) -> None:
        """^C where nothing is selected: shows which key quits."""
        keys = [key_label(key) for key, active in self.active_bindings.items() if active.binding.id == "app.quit"]
        self.notify(f"{keys[0] if keys else '^Q'} quits.", markup=False)

    def _quit(self, code: int = 0) -> None:
        for each in self._unsaved_work():
            each.before_exit()
        self.exit(return_code=code)


_PAINT_DELAY = 0.3
"""Seconds until a painted screen has reached the terminal, which a thread writes to."""
