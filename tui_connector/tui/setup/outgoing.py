"""Step 4, outgoing: what is sent to the store. Requests are previewed; a sample is sent once its plan was shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList, Static, TextArea

from ...client.message import InvalidRequest, RequestFailed
from ...errors import UserError
from ...guide.checks.authentication import not_sent
from ...guide.checks.permissions import RouteAccess
from ...guide.sending.plans import Sender
from ...guide.sending.sample import SamplePlan, SampleSender
from ...guide.steps.chain import requests_in, sample_entity
from ...guide.steps.methods import GuideStep
from ...guide.steps.samples import SampleRequest, as_text, sample_requests
from ...invalid_json import why_invalid_json
from ...magento.diagnosis import Finding
from ...magento.entities import WRITABLE
from ...outgoing.undo import UNDOABLE, UndoPlan
from ...profile.model import Profile
from ...templates import Json
from ...text import shown_line
from ..external_editor import edit_field
from ..keys import keys_of, letter_bindings
from ..send.confirm import confirm_sending
from ..send.plan_view import change_text
from ..widgets import highlight
from ..widgets.focus_moves import NOT_BY_ARROWS
from ..widgets.text_areas import JsonField
from .chain import OutgoingForm
from .configurations import ConfigurationList, ConfigurationsPane
from .form_screen import FormScreen
from .results import PartValues
from .step import words_of

_RESULT_MARGIN, _SHORTEST_NAME = 4, 8
"""Columns of a result that are not its text, and of a name at least."""
_UNTIL_SHOWN = 0.2
"""Seconds after the last key until the preview is updated."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """A sample as it was when its plan was made; any change of it, or of the configuration, needs a new plan."""

    name: str
    entity: Json
    configuration: Json


@dataclass(frozen=True, slots=True)
class _Undo:
    """What would undo the sample that was sent for an outgoing; another sample that is sent needs a new plan."""

    name: str
    sent: SamplePlan
    plan: UndoPlan

    @property
    def changes(self) -> str:
        """What it restores and deletes."""
        restored = [
            f"restore {each.change.identifier}: {', '.join(map(change_text, each.change.changes))}"
            for each in self.plan.restored
        ]
        return "; ".join([*restored, *(f"delete {each.identifier}" for each in self.plan.created)])

    @property
    def left(self) -> str:
        """What stays as it is, and why; "" if nothing does."""
        return "; ".join(f"{each.identifier}: {each.message}" for each in self.plan.not_undone)


def _changes(plan: SamplePlan) -> str:
    """One entity with the fields that would change."""
    change = plan.entry.change
    action = "the store will refuse" if change.refused else change.action
    word = action if plan.compared else "send (not compared)"
    note = f" ({change.note})" if change.note else ""
    return f"{word} {change.identifier}: {', '.join(change_text(each) for each in change.changes)}{note}"


class OutgoingPane(ConfigurationsPane):
    """The outgoing configurations, and the exact request of the selected one for a sample."""

    step = GuideStep.OUTGOING
    family = "outgoing"
    test_label = "Show request"
    entities = WRITABLE
    method = "post"
    BINDINGS: ClassVar[list[BindingType]] = [
        *letter_bindings("S", "send_sample", "Send sample", "outgoing.send-sample", "ctrl+t", show=True),
        *letter_bindings("u", "undo_sample", "Undo sample", "outgoing.undo-sample", "f9", show=True),
        Binding("E", "edit_sample", "Edit sample", show=False, id="outgoing.edit-sample"),
    ]

    @dataclass
    class Planned(Message):
        """What sending the sample would change, or why that is not known."""

        sample: _Sample
        plan: SamplePlan | None
        problem: str = ""

    @dataclass
    class Sent(Message):
        """The sample was sent, or the reason why not."""

        name: str
        plan: SamplePlan
        values: PartValues
        """What was sent, and how."""
        state: str
        problem: str = ""

    @dataclass
    class UndoPlanned(Message):
        """What would undo the sample."""

        undo: _Undo

    @dataclass
    class Undone(Message):
        """The sample was undone, or the reason why not."""

        name: str
        problem: str = ""

    @dataclass
    class Prepared(Message):
        """The requests for a sample, or the problem."""

        name: str
        requests: Sequence[SampleRequest]
        problem: str = ""
        finding: Finding | None = None
        """The same, if one key corrects it."""

    def compose_fields(self) -> ComposeResult:
        yield from super().compose_fields()
        with Horizontal(id="sample-row", classes=f"field {NOT_BY_ARROWS}"):
            yield Static(Content("Sample (JSON)"), classes="label")
            sample = JsonField(id="sample")
            sample.part_name = "the field Sample"
            yield sample

    def outcome(self) -> ComposeResult:
        yield Static("", classes="preview")

    def on_mount(self) -> None:
        super().on_mount()
        self._planned: tuple[_Sample, SamplePlan] | None = None
        """The sample whose plan is shown: the next press sends it."""
        self._sent: dict[str, SamplePlan] = {}
        """By outgoing: the plan with which its sample was sent last, while it can be undone."""
        self._undo: _Undo | None = None
        """The undo that is shown: the next press carries it out."""
        self._sends_sample = False
        """Whether the result shows what became of the sample, and not its preview."""
        self._shown = ("", "")
        """The outgoing whose sample the field holds, "" before one was shown; and that sample as it is known."""
        self._says_preview = False
        """Whether the result is that of the preview, with its keys."""
        self._just_added = False
        """Whether its request is shown because it was added: what it needs stays in view."""
        self.query_one("#sample-row").display = False

    @property
    def _preview_line(self) -> str:
        keys = "(not sent) · " + ("^T: plan and send" if self._is_in_sample else "E: edit · S: plan and send")
        if len(self.setup.outgoing) < 2:
            return f"✔ Preview for the sample {keys}"
        room = self.scrollable_content_region.width - _RESULT_MARGIN - cell_len(f"✔ Preview of  {keys}")
        return f"✔ Preview of {shown_line(self.rows.chosen or '', max(_SHORTEST_NAME, room))} {keys}"

    def key_to(self, part: Widget) -> str:
        is_sample = part is self.query_one("#sample")
        return keys_of(self, "outgoing.edit-sample")[0] if is_sample else super().key_to(part)

    @property
    def _is_in_sample(self) -> bool:
        return bool(self.query_one("#sample", JsonField).has_focus)

    def keys(self) -> str:
        return "" if self._is_in_sample else super().keys()  # the footer has those of a field

    def say(self, text: str, *, bad: bool = False) -> None:
        self._says_preview = False
        super().say(text, bad=bad)

    def on_resize(self) -> None:
        super().on_resize()
        self._show_preview_line()

    def on_descendant_focus(self) -> None:
        """The keys that are shown are those of what has the focus."""
        if self.says_keys or self._is_in_sample:
            self.explain_keys()
        self._show_preview_line()

    def _show_preview_line(self) -> None:
        """Shows the keys of what has the focus beside the preview, if that is shown."""
        if self._says_preview:
            self._said = self._preview_line
            self._show_result(self._said)

    def permitted(self) -> Mapping[str, RouteAccess]:
        return self.work.permissions.send

    def add(self, entity: str) -> str:
        return self.setup.add_outgoing(entity)

    def added_text(self, entity: str) -> str:
        known, permits = WRITABLE[entity], self.permitted().get(entity) is RouteAccess.YES
        needs = "" if permits or known.resource == "anonymous" else f"It needs {known.permission_path}."
        return " ".join(filter(None, [known.note, needs]))

    def added(self, name: str) -> None:
        """Shows its request at once: nothing is sent."""
        super().added(name)
        if self.setup.base_uri:
            self._just_added = True
            self.try_it(name)

    def form(self, name: str) -> FormScreen:
        return OutgoingForm(self.work, name)

    def show_result_of(self, name: str) -> None:
        if not self._shows_sample or self.setup.problems():  # else its requests are prepared
            super().show_result_of(name)

    def edited(self, name: str) -> None:
        super().edited(name)
        if self.query_one("#sample-row").display and not self.setup.problems():
            self._test()

    def _sample(self, name: str) -> str:
        """The sample that was typed, or the default one."""
        return self.setup.samples.get(name, self._default_sample(name))

    def _default_sample(self, name: str) -> str:
        """A sample for such a request."""
        sample = sample_entity(requests_in(self.setup.at("outgoing", name))) or {}
        return json.dumps(sample, ensure_ascii=False, indent=2)

    def _prepare_again(self, name: str) -> None:
        """Shows the requests for a sample or a configuration that has changed: a plan was for what was there before."""
        self._sends_sample, self._planned, self._undo = False, None, None
        self.screen.refresh_bindings()
        self._prepare(name)

    def begin(self) -> None:
        super().begin()
        is_edited = bool(self.setup.base_uri) and self.rows.chosen in self.setup.samples
        if self.rows.chosen in self.setup.sample_problems() or (is_edited and not self._shows_sample):
            self._test()  # shows it

    def problems(self) -> dict[str, str]:
        """What is invalid in the configurations and their samples."""
        found = super().problems()
        return {name: f"✘ {why}" for name, why in self.setup.sample_problems().items()} | found

    def try_it(self, name: str) -> None:
        self._keep_typed()
        self.query_one("#sample-row").display = True
        field, sample = self.query_one("#sample", JsonField), self._sample(name)
        self._shown = name, sample
        if field.text != sample:  # else the cursor stays where something is typed
            field.text = self._default_sample(name)
            if field.text != sample:
                field.replace(sample, (0, 0), field.document.end)  # so that ^Z brings back the default one
        self._prepare_again(name)

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        """Shows the sample of another configuration; also one that was edited earlier, as its user has left it."""
        is_edited = self.rows.chosen in self.setup.samples
        if isinstance(event.option_list, ConfigurationList) and (self._shows_sample or is_edited):
            self._test()

    @on(TextArea.Changed, "#sample")
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._keep_typed()

    def _keep_typed(self) -> None:
        """Takes what was typed into the sample: also before a key that uses it, since the field reports it later."""
        (name, known), typed = self._shown, self.query_one("#sample", JsonField).text
        if name in self.setup.outgoing and typed != known:
            self._shown = name, typed
            self.setup.samples[name] = typed
            self._prepare_again(name)

    @on(JsonField.EditorRequested)
    def _open_editor(self, event: JsonField.EditorRequested) -> None:
        event.stop()
        edit_field(self, self.work.workbench.machine, event.json_field)

    @property
    def _shows_sample(self) -> bool:
        return bool(self.query_one("#sample-row").display)

    def _show_sample(self) -> None:
        """Shows the sample of the selected configuration, as its test does."""
        if not self._shows_sample:
            self._test()

    def action_edit_sample(self) -> None:
        """Focuses the sample, at its mistake if it is not valid JSON."""
        self._show_sample()
        field = self.query_one("#sample", JsonField)
        try:
            json.loads(field.text)
        except (ValueError, RecursionError):
            field.move_to_problem()
        self.screen.set_focus(field)

    def removed(self, name: str) -> None:
        self.setup.samples.pop(name, None)
        self._sent.pop(name, None)
        self._shown = ("", "")
        self.query_one("#sample-row").display = False
        self.refresh_bindings()
        self.query_one(".preview", Static).update("")

    @work(exclusive=True)
    async def _prepare(self, name: str) -> None:
        """Prepares the requests as they would be sent, without authentication, a moment after the last key."""
        workbench = self.work.workbench
        await workbench.machine.sleep(_UNTIL_SHOWN)
        if name not in self.setup.outgoing:  # it was deleted meanwhile
            return
        try:
            sample: Json = json.loads(self._sample(name))
            profile = self.work.trial_profile(("outgoing", name))
            outgoing = profile.outgoing[name]
            async with workbench.unconnected(profile) as session:
                prepared = list(sample_requests(outgoing, session, sample, workbench.run()))
        except InvalidRequest as error:
            self.post_message(self.Prepared(name, (), str(error), self._with_fix(name, error)))
        except RequestFailed as error:
            self.post_message(self.Prepared(name, (), str(error)))
        except (ValueError, RecursionError) as error:
            self.post_message(self.Prepared(name, (), f"The sample is not valid JSON: {why_invalid_json(error)}"))
        else:
            self.post_message(self.Prepared(name, prepared))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A sample is edited and sent while a configuration is selected."""
        if action in ("send_sample", "edit_sample"):
            return self.is_mounted and self.has_fields
        if action == "undo_sample":
            return self.is_mounted and self.has_fields and self.rows.chosen in self._sent
        return super().check_action(action, parameters)

    @property
    def key_titles(self) -> Mapping[str, str]:
        return {"outgoing.send-sample": "Send sample" if self.is_mounted and self._planned else "Plan sample"}

    def action_send_sample(self) -> None:
        """The first press shows what sending the sample would change, the second one sends it."""
        name = self.rows.chosen
        if name is None:
            return
        self._show_sample()
        self._keep_typed()
        try:
            profile = self.work.trial_profile(("outgoing", name))
            sample = _Sample(name, json.loads(self._sample(name)), deepcopy(self.setup.at("outgoing", name)))
        except (ValueError, RecursionError) as error:
            where = " E goes there."
            if self.query_one("#sample", JsonField).has_focus:  # where E is text
                self.action_edit_sample()
                where = ""
            self.say(f"✘ Not sent: the sample is not valid JSON: {why_invalid_json(error)}.{where}", bad=True)
            return
        except InvalidRequest as error:
            if (finding := self._with_fix(name, error)) is not None:
                self._show_finding(finding, words_of(finding))
            else:
                self.say(f"✘ Not sent: {error}", bad=True)
            return
        sender = self._sender_of(profile, name)
        planned, self._planned, self._undo = self._planned, None, None
        self._sends_sample = True
        self.screen.refresh_bindings()
        if planned is None or planned[0] != sample:
            self.say("… comparing with the store")
            self._plan_sample(sender, sample)
        elif sender.production:
            plan = planned[1]
            send = partial(self._send_sample, sender, *planned)
            confirm_sending(self.app, sender, "the sample", send, details=_changes(plan), store=plan.store)
        else:
            self._send_sample(sender, *planned)

    def _with_fix(self, name: str, error: InvalidRequest) -> Finding | None:
        """Why nothing was sent for this outgoing, if one key corrects it; else None."""
        finding = not_sent(self.setup, error, self.setup.at("outgoing", name, "client"))
        return finding if finding.fix is not None else None

    def _sender_of(self, profile: Profile, name: str) -> Sender:
        file = self.work.path or self.work.workbench.directory / "draft.toml"
        return Sender(self.work.workbench, profile, file, name)

    def action_undo_sample(self) -> None:
        """The first press shows what would undo the sample that was sent, the second one does it."""
        name = self.rows.chosen
        if name is None or (sent := self._sent.get(name)) is None:
            return
        try:
            sender = self._sender_of(self.work.trial_profile(("outgoing", name)), name)
        except InvalidRequest as error:
            self.say(f"✘ {error}", bad=True)
            return
        undo, self._undo, self._planned = self._undo, None, None
        self._sends_sample = True
        self.screen.refresh_bindings()
        if undo is None or (undo.name, undo.sent) != (name, sent):
            self.say("… comparing with the store")
            self._plan_undo(sender, name, sent)
        elif sender.production:
            send = partial(self._undo_sample, sender, undo)
            confirm_sending(self.app, sender, "the sample", send, details=undo.changes, store=sent.store, is_undo=True)
        else:
            self._undo_sample(sender, undo)

    @work(exclusive=True, group="sample")
    async def _plan_undo(self, sender: Sender, name: str, sent: SamplePlan) -> None:
        try:
            plan = await SampleSender(sender, sent.entry.entity).undo_plan(sent)
        except (UserError, RequestFailed) as error:
            self.post_message(self.Undone(name, str(error)))
        else:
            self.post_message(self.UndoPlanned(_Undo(name, sent, plan)))

    @work(exclusive=True, group="sample")
    async def _undo_sample(self, sender: Sender, undo: _Undo) -> None:
        try:
            await SampleSender(sender, undo.sent.entry.entity).undo(undo.sent, undo.plan)
        except (UserError, RequestFailed) as error:
            self.post_message(self.Undone(undo.name, str(error)))
        else:
            self.post_message(self.Undone(undo.name))

    @on(UndoPlanned)
    def _on_undo_planned(self, message: UndoPlanned) -> None:
        undo = message.undo
        left = f"Not restored: {undo.left}" if undo.left else ""
        if undo.changes:
            self._undo = undo
            lines = [f"Not undone yet: {undo.changes}", left, undo.plan.remark, "u again undoes it (F9 in a field)"]
            self.say("\n".join(filter(None, lines)))
        elif left:
            self.say(f"✘ {left}", bad=True)
        else:
            self.say("✔ Nothing to undo: the store has the values again that it had before")

    @on(Undone)
    def _on_undone(self, message: Undone) -> None:
        if not message.problem:
            self._sent.pop(message.name, None)
            self.screen.refresh_bindings()
        self.say(f"✘ {message.problem}" if message.problem else "✔ Undone", bad=bool(message.problem))

    @work(exclusive=True, group="sample")
    async def _plan_sample(self, sender: Sender, sample: _Sample) -> None:
        try:
            plan = await SampleSender(sender, sample.entity).plan()
        except (UserError, RequestFailed) as error:
            self.post_message(self.Planned(sample, None, str(error)))
        else:
            self.post_message(self.Planned(sample, plan))

    @work(exclusive=True, group="sample")
    async def _send_sample(self, sender: Sender, sample: _Sample, plan: SamplePlan) -> None:
        values = self.work.values_of((self.family, sample.name))
        try:
            state = await SampleSender(sender, sample.entity).send(plan)
        except (UserError, RequestFailed) as error:
            self.post_message(self.Sent(sample.name, plan, values, "", str(error)))
        else:
            self.post_message(self.Sent(sample.name, plan, values, state))

    @on(Planned)
    def _on_planned(self, message: Planned) -> None:
        plan = message.plan
        if plan is None:
            self.say(f"✘ {message.problem}", bad=True)
        elif plan.compared and plan.entry.change.action == "unchanged":
            self.say("✔ Nothing to send: the store has these values already")
        else:
            self._planned = message.sample, plan
            self.screen.refresh_bindings()
            self.say(f"Not sent yet: {_changes(plan)}\nS again sends it to {plan.store} (^T in a field)")

    @on(Sent)
    def _on_sent(self, message: Sent) -> None:
        is_accepted = message.state == "finished"
        done = "✔ Sent, and accepted by the store" if is_accepted else f"The sample is {message.state}"
        if is_accepted and message.values == self.work.values_of((self.family, message.name)):
            self.passed(message.name)  # however it was set up when its preview was shown
            if not self.is_in_use:
                self.explain("")
        if message.plan.compared and message.state in UNDOABLE:
            self._sent[message.name] = message.plan
            self.screen.refresh_bindings()
            done = f"{done} · u: undo (F9 in a field)"
        self.say(f"✘ {message.problem}" if message.problem else done, bad=bool(message.problem))

    @on(Prepared)
    def _take(self, message: Prepared) -> None:
        """Shows the requests; of a single request that cannot be prepared, only the problem."""
        requests = message.requests
        problem = message.problem or next((each.reason for each in requests if each.is_invalid and not each.step), "")
        wrong = [f"✘ {each.step}: {each.reason}" for each in requests if each.is_invalid]
        if problem or wrong:
            words = problem or "\n".join(wrong).removeprefix("✘ ")
            self.failed(message.name, message.finding or Finding("not-sendable", words))
        if problem:
            self.query_one(".preview", Static).update("")
            if message.finding is not None:
                self._show_finding(message.finding, words_of(message.finding))
                if not self.rows.has_focus:
                    self.focus_next(self.query_one(".fix"))
            else:
                self.say(f"✘ {problem}", bad=True)
            return
        if wrong:
            self.say("\n".join(wrong), bad=True)
        elif not self._sends_sample:
            self.say(self._preview_line)
            self._says_preview = True
        if not wrong:
            self.passed(message.name)
        if not self.is_in_use and not self._just_added:
            self.explain("")  # the outcome needs its lines
        self._just_added = False
        text = as_text(requests)
        self.query_one(".preview", Static).update(highlight.json_(text))
        if not self.rows.has_focus:
            self.focus_next(self.query_one(".continue"))
