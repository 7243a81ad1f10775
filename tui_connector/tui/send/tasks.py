"""The tasks of an outgoing's last run: by state and reason, with what can be done about them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ...client.exchange import Exchange, Exchanges
from ...client.message import Request, RequestFailed, Response
from ...errors import InvalidValue, UserError
from ...guide.requests.resend import NewRequests, resend, variables_to_set
from ...guide.sending.plans import Sender
from ...guide.sending.sample import SamplePlan, SampleSender
from ...guide.sending.tasks import LISTED, RETRIABLE, TaskAction, TaskBook, TaskGroup, TaskList
from ...outgoing.changes import FieldChange, leaves_of
from ...outgoing.equality import ABSENT
from ...outgoing.errors import brief_reason
from ...outgoing.task_ledger import TaskFilter
from ...outgoing.tasks import Task
from ...templates import Json
from ...text import count, shown, shown_line
from .._textual import BaseScreen
from ..dialogs import EntryScreen
from ..environments import environment_mark
from ..external_editor import edit
from ..handover import hand_over
from ..keys import is_on_top
from ..log.actions import related_exchanges
from ..log.dock import WIDE
from ..log.screens import RecordedScreen, RequestsScreen, earlier_sessions
from ..log.sending import LogContext
from ..viewed import ViewedProfile
from ..widgets.frame import KeyFooter, ScreenHeader
from ..widgets.prose import Prose
from ..widgets.row_list import ListRow, RowList
from .confirm import confirm_sending
from .plan_view import change_text
from .task_screen import SIGNS, EntityScreen, TaskScreen, entity_content, response_lines, state_lines

_LISTED_CHANGES = 5
_DETAIL = 2_000
"""Characters of an entity that are shown below the tasks."""
_NOT_SENT_AGAIN = "only tasks that failed, are unknown or skipped are sent again."
_REFRESH = 1.0
"""Seconds between two looks at the tasks of a run that is under way."""


def group_row(group: TaskGroup) -> ListRow:
    if group.state is None:
        return ListRow(" ", "", f"{group.count:>9,}", "", "all")
    if group.reason is not None:
        shorter = (f"  {brief_reason(group.reason)}",)
        return ListRow(" ", "", f"{group.count:>9,}", "", f"  {group.reason}", shorter=shorter)
    sign, paint = SIGNS[group.state]
    return ListRow(sign, paint, f"{group.count:>9,}", "", group.state)


def task_row(task: Task) -> ListRow:
    sign, paint = SIGNS[task.state]
    attempts = count(task.attempts, "attempt") if task.attempts > 1 else ""
    reasons = (task.reason, brief_reason(task.reason))
    text, shorter = (" · ".join(filter(None, (attempts, each))) for each in reasons)  # a long one is cut at its end
    return ListRow(sign, paint, task.state, task.identifier or f"line {task.line}", text, shorter=(shorter,))


def _detail(task: Task) -> Content:
    """Why the task is in its state, the beginning of its entity, and what the store responded."""
    return Content("\n").join([*state_lines(task), Content(""), entity_content(task, _DETAIL), *response_lines(task)])


class GroupList(RowList[TaskGroup]):
    """The groups; Enter goes to the tasks of the selected one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "Tasks", id="tasks.enter")]


class TasksScreen(BaseScreen[bool]):
    """Lists tasks in groups. It returns whether tasks are to be sent now."""

    AUTO_FOCUS = ""
    IMMEDIATE: ClassVar = frozenset({"tasks.back"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "source", "Open source", id="tasks.source", tooltip="The unreadable line in your editor"),
        Binding("e", "edit", "Edit", id="tasks.edit", tooltip="Edit the entity and send it again"),
        Binding("r", "retry", "Resend", id="tasks.retry", tooltip="Send the task again"),
        Binding(
            "R", "retry_group", "Resend group", id="tasks.retry-group", tooltip="Send all tasks of the group again"
        ),
        Binding("s", "skip", "Skip", id="tasks.skip", tooltip="Give up the task"),
        Binding("S", "skip_group", "Skip group", show=False, id="tasks.skip-group"),
        Binding("x", "export", "Export", id="tasks.export", tooltip="Write the entities of the group as JSON Lines"),
        Binding("l", "log", "Log", id="tasks.log", tooltip="The task's requests and responses in the log"),
        Binding("q,escape", "back", "Back", id="tasks.back"),
    ]

    @dataclass
    class TasksRead(Message):
        """The ledger was read."""

        tasks: TaskList
        problem: str = ""

    def __init__(self, sender: Sender) -> None:
        super().__init__()
        self._task_sender, self._book = sender, TaskBook(sender)
        self.viewed = ViewedProfile(sender.file, sender.profile.environment)
        self._list: TaskList | None = None
        self._wanted: TaskGroup | None = None
        self._opening = False
        """Whether a task is being opened."""
        self._asking = False
        """Whether the question to send is about to be asked."""
        self._comparing = False
        """Whether a corrected entity is being compared with the store."""

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        with Container(id="tasks-body"):
            yield GroupList(group_row, word=9, name=0, id="task-groups")
            with Vertical(id="task-list"):
                yield RowList(task_row, word=9, name=18, id="task-rows")
                yield Static("", id="task-reason", classes="panel")
        yield KeyFooter()

    def on_compose(self) -> None:
        self.set_class(self.app.size.width >= WIDE[0], "wide")

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE[0], "wide")

    def on_mount(self) -> None:
        self._groups.border_title = "State and reason"
        self._groups.focus()
        self.set_interval(_REFRESH, self._refresh_running)
        self._read()

    @property
    def _groups(self) -> RowList[TaskGroup]:
        return self.query_one("#task-groups", RowList)

    @property
    def _rows(self) -> RowList[Task]:
        return self.query_one("#task-rows", RowList)

    @property
    def loading_message(self) -> str:
        """Keys wait until the tasks have been read, and until a corrected entity has been compared with the store."""
        if self._comparing:
            return "Comparing with the store"
        chosen = self._list.chosen if self._list is not None else None
        if self._list is None or (self._wanted is not None and chosen is not None and not chosen.is_same(self._wanted)):
            return "Reading the tasks"
        if self._opening:
            return "Reading the source"
        return "Preparing the tasks" if self._asking else ""

    def _refresh_running(self) -> None:
        if is_on_top(self) and self._list is not None and self._list.is_running:
            self._read()

    @work(exclusive=True, group="read")
    async def _read(self) -> None:
        try:
            found = await asyncio.to_thread(self._book.read, self._wanted)
        except UserError as error:
            self.post_message(self.TasksRead(TaskList(), str(error)))
        else:
            self.post_message(self.TasksRead(found))

    @on(TasksRead)
    def _on_read(self, message: TasksRead) -> None:
        found = self._list = message.tasks
        self._wanted = found.chosen
        if message.problem:
            self.notify(shown(message.problem), severity="error", markup=False)
        run = found.run
        about, began = f"tasks of {self._task_sender.name}", ""
        if run is not None:
            counts = {each.state: each.count for each in found.groups if each.state and each.reason is None}
            state = run.described_state(counts, is_running=found.is_running)
            about, began = f"{about}: {run.title}, {state}", f" · began {run.began}"
        self._groups.border_title = Content(f"State and reason{shown_line(began)}")
        sender = self._task_sender
        mark = environment_mark(sender.profile, production=sender.production)
        self.query_one(ScreenHeader).show(self._task_sender.profile.name, about, mark)
        index = next((number for number, each in enumerate(found.groups) if each.is_same(found.chosen)), 0)
        self._groups.show(found.groups, index)
        self._rows.show(found.tasks)
        first = f" · the first {LISTED:,}" if found.chosen.count > len(found.tasks) else ""
        self._rows.border_title = Content(shown_line(f"Tasks: {found.chosen.count:,}{first}"))
        self.refresh_bindings()

    @on(RowList.Highlighted, "#task-groups")
    def _on_group(self) -> None:
        group = self._groups.selected
        if group is not None and self._wanted is not None and not group.is_same(self._wanted):
            self._wanted = group
            self._rows.show((), 0)
            self._read()

    @on(RowList.Highlighted, "#task-rows")
    def _on_task(self) -> None:
        """Shows the whole reason, which the row has no room for, the entity and the response."""
        task = self._rows.selected
        note = self.query_one("#task-reason", Static)
        note.display = task is not None
        self.refresh_bindings()
        if task is not None:
            note.border_title = Content(shown_line(task.identifier or f"line {task.line}", 60))
            note.update(Prose(_detail(task)))

    @on(RowList.Chosen, "#task-groups")
    def _on_group_chosen(self) -> None:
        self._rows.focus()

    @on(RowList.Chosen, "#task-rows")
    def _on_task_chosen(self) -> None:
        task = self._rows.selected
        if task is not None:
            self._show_task(task)

    @work(exclusive=True, group="task")
    async def _show_task(self, task: Task) -> None:
        """Opens the task; the line of one that could not be read is read first."""

        def wanted(action: TaskAction | None) -> None:
            if action == "edit":
                self._edit(task, cancelled=lambda: self._show_task(task))
            elif action == "log":
                self._show_log(task, left=lambda: self._show_task(task))
            elif action is not None:
                getattr(self, f"action_{action}")()

        self._opening = True
        try:
            line = await asyncio.to_thread(self._book.source_line, task)
        finally:
            self._opening = False
        title = self._task_sender.profile.name
        screen = TaskScreen(title, task, self._book.actions(task), line)
        screen.viewed = self.viewed
        self.app.push_screen(screen, wanted)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What acts on a task or a group is available where there is one."""
        if action in ("edit", "retry", "skip", "log", "source"):
            task = self._rows.selected if self.is_mounted and self._list is not None else None
            if task is None:
                return self._list is None
            # of others, the keys say why they cannot be used now
            return action in self._book.actions(task) or (action != "source" and task.entity is not None)
        if action in ("retry_group", "skip_group", "export"):
            return self._list is None or bool(self._list.chosen.count)
        return True

    def action_edit(self) -> None:
        """Edits the entity of the task, and offers to send it."""
        if (task := self._rows.selected) is not None:
            self._edit(task)

    def _edit(self, task: Task, cancelled: Callable[[], object] = lambda: None) -> None:
        """`cancelled` is called where the entity stays as it is."""
        if task.state not in (*RETRIABLE, "new"):
            self.notify(f"It is {task.state}: {_NOT_SENT_AGAIN}")
            return

        def edited(entity: Json) -> None:
            if entity is not None:
                self._send_edited(task, entity)
            else:
                cancelled()

        try:
            self.app.push_screen(EntityScreen(self._task_sender.workbench.machine, task), edited)
        except InvalidValue as error:
            self.notify(shown(str(error)), severity="error", markup=False)

    @work(group="change")
    async def _send_edited(self, task: Task, entity: Json) -> None:
        """Corrects the entity of the task, then asks whether to send it, with what that would change in the store."""
        try:
            await asyncio.to_thread(self._book.replace, task, entity)
        except UserError as error:
            self.notify(shown(str(error)), severity="error", timeout=10, markup=False)
            return
        self._comparing = True
        try:
            planned = await SampleSender(self._task_sender, entity).plan()
        except (UserError, RequestFailed) as error:
            would = f"What it would change in the store is not known: {error}"
        else:
            would = _would_change(planned)
        finally:
            self._comparing = False
        self._offer_sending(f"{task.identifier}: {_edited(task.entity, entity)}\n{would}")
        self._read()

    def action_retry(self) -> None:
        """Sends the task again."""
        task = self._rows.selected
        if task is None:
            return
        if task.state == "new":
            self._offer_sending()
        elif task.state not in RETRIABLE:
            self.notify(f"It is {task.state}: {_NOT_SENT_AGAIN}")
        else:
            self._change(lambda: self._book.retry(TaskFilter(ids=(task.id,))), sends=True)

    def action_retry_group(self) -> None:
        """Sends all tasks of the group again; of all tasks, those that failed or are unknown."""
        group = self._group
        groups = self._list.groups if self._list is not None else ()
        if group.state == "new" or (group.state is None and not any(each.state in RETRIABLE[:2] for each in groups)):
            self._offer_sending()
        elif group.state is not None and group.state not in RETRIABLE:
            self.notify(f"They are {group.state}: {_NOT_SENT_AGAIN}")
        else:
            self._change(lambda: self._book.retry(group.filter(("failed", "unknown"))), sends=True)

    def action_source(self) -> None:
        """Opens the source in the user's editor, at the line of the task."""
        task = self._rows.selected
        path = self._book.source_file(task) if task is not None else None
        if task is not None and path is not None:
            hand_over(self.app, self._edit_source(path, task.line))

    async def _edit_source(self, path: Path, line: int | None) -> None:
        try:
            await edit(self.app, self._task_sender.workbench.machine, path, line)
        except UserError as error:
            self.notify(shown(str(error)), severity="error", markup=False)
        else:
            self.notify("To send what you corrected, plan and send again: q, then r.", markup=False)

    def action_skip(self) -> None:
        """Gives up the task."""
        task = self._rows.selected
        if task is not None:
            self._change(lambda: self._book.skip(TaskFilter(ids=(task.id,))))

    def action_skip_group(self) -> None:
        """Gives up all tasks of the group; of all tasks, those that failed or are unknown."""
        group = self._group
        self._change(lambda: self._book.skip(group.filter(("failed", "unknown"))))

    def action_export(self) -> None:
        """Prompts for a file, and writes the entities of the group; of all tasks, of those that failed."""
        group, sender = self._group, self._task_sender
        which = group.state or "failed"
        start = sender.file.parent / f"{sender.name}-{which}.jsonl"

        async def export(text: str) -> str:
            wanted = group.filter(("failed",))
            return await asyncio.to_thread(lambda: self._book.export(wanted, Path(text).expanduser()))

        def exported(done: str | None) -> None:
            if done is not None:
                self.notify(shown(done), markup=False)

        question = f"Write the entities of the {which} tasks as JSON Lines, which a source can read, to this new file:"
        screen = EntryScreen(question, str(start), apply=export, title="Export", path_endings=())
        self.app.push_screen(screen, exported)

    @property
    def _group(self) -> TaskGroup:
        return self._list.chosen if self._list is not None else TaskGroup(0)

    @work(group="change")
    async def _change(self, change: Callable[[], str], *, sends: bool = False) -> None:
        """Changes the ledger in a thread, then reads it again; `sends`: the user is asked whether to send now."""
        self._asking = sends
        try:
            done = await asyncio.to_thread(change)
        except UserError as error:
            self._asking = False
            self.notify(shown(str(error)), severity="error", timeout=10, markup=False)
            return
        if done:
            self.notify(shown(done), markup=False)
        if sends:
            self._offer_sending()
        self._read()

    @work(exclusive=True, group="offer")
    async def _offer_sending(self, about: str = "") -> None:
        self._asking = True
        try:
            last = await asyncio.to_thread(self._task_sender.last_run)
            if last is not None and last.resumable:
                what = f"{count(last.open, 'task')} of {last.run.title}"
                confirm_sending(self.app, self._task_sender, what, lambda: self.dismiss(True), details=about)
        except UserError as error:
            self.notify(shown(str(error)), severity="error", markup=False)
        finally:
            self._asking = False

    def action_log(self) -> None:
        """The requests of the task: those of this session, otherwise what the history has of its identifier."""
        if (task := self._rows.selected) is not None:
            self._show_log(task)

    def _show_log(self, task: Task, left: Callable[[], object] = lambda: None) -> None:
        """`left` is called once the log is left."""
        if (found := self._list) is None or found.run is None:
            return

        def closed(_: None) -> None:
            left()

        bench = self._task_sender.workbench
        exchange = bench.exchanges.by_number(task.exchange) if task.exchange is not None else None
        if exchange is not None and _is_of(exchange, found.run.began, task.updated):
            shown_exchanges = Exchanges()
            for each in related_exchanges(exchange, bench.exchanges).attempts:
                shown_exchanges.record(each)
            sender = self._task_sender
            context = LogContext(
                bench.machine,
                lambda: sender.file.stem,
                self._resend,
                NewRequests(bench, lambda: sender.profile),
                environment=sender.profile.environment,
                unset=partial(variables_to_set, bench.machine, sender.file, lambda: sender.profile),
                history=lambda: bench.history_keeps,
            )
            screen = RequestsScreen(shown_exchanges, context, f"{task.identifier}, line {task.line}")
            screen.viewed = self.viewed
            self.app.push_screen(screen, closed)
            return
        file, environment = self._task_sender.file, self._task_sender.profile.environment
        recorded = earlier_sessions(bench.machine, file, environment, {environment: bench.exchanges}.get)
        quoted = f'"{task.identifier}"'
        if task.identifier and '"' not in task.identifier:
            recorded = replace(recorded, filter=f"~u {quoted} | ~b {quoted}")
        self.app.push_screen(RecordedScreen(bench.machine, recorded), closed)

    async def _resend(self, exchange: Exchange, request: Request) -> Response:
        return await resend(self._task_sender.workbench, self._task_sender.profile, exchange, request)

    def action_back(self) -> None:
        if self._rows.has_focus:
            self._groups.focus()
        else:
            self.dismiss(False)

    def help_text(self) -> str:
        return (
            "Tasks\n"
            "Each entity of the last run is a task. On the left they are grouped by state, and within it by reason; "
            "the tasks of the selected group are listed beside it. Enter goes to them, and on a task shows its "
            "entity, the values that the store had before, and its response. e edits the entity and sends it "
            "again, r sends it again as it is, R the whole group; s and S give up tasks. Nothing is sent until you "
            "confirm. x writes the entities of the group as JSON Lines, which a source can read. l shows "
            "the requests of a task."
        )


def _edited(old: Json, new: Json) -> str:
    """The fields that the user has changed, in one line."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return "another entity"
    before, after = dict(leaves_of(old)), dict(leaves_of(new))
    changes = [
        change_text(FieldChange(".".join(path), before.get(path, ABSENT), after.get(path)))
        for path in {**before, **after}
        if before.get(path, ABSENT) != after.get(path, ABSENT)
    ]
    return _listed(changes)


def _would_change(planned: SamplePlan) -> str:
    """What sending the corrected entity would change in the store."""
    change = planned.entry.change
    if not planned.compared:
        return "Its current values in the store cannot be read."
    if change.action == "unchanged":
        return f"{change.identifier} has these values in the store already: nothing would change."
    fields = _listed([change_text(each) for each in change.changes])
    verb = "create" if change.action == "create" else "change"
    note = f"! {change.note}\n" if change.note else ""
    return f"{note}In the store, it would {verb} {change.identifier}: {fields}"


def _listed(changes: Sequence[str]) -> str:
    more = f" and {len(changes) - _LISTED_CHANGES} more" if len(changes) > _LISTED_CHANGES else ""
    return ", ".join(changes[:_LISTED_CHANGES]) + more


def _is_of(exchange: Exchange, began: str, updated: str) -> bool:
    """Whether an exchange of this session is of a run that began, and had its response, at these times."""
    at = f"{exchange.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return began <= at <= updated
