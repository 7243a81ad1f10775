"""Step 4, outgoing: what is sent to the store. Requests are previewed; a sample is sent once its plan was shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, OptionList, Static, TextArea

from ...client.message import RequestFailed
from ...errors import UserError
from ...guide import kind_schemas, summaries
from ...guide.chain import LOOKUPS, ChainSteps, requests_in, sample_entity
from ...guide.permissions import RouteAccess
from ...guide.sample_sending import SamplePlan, SampleSender
from ...guide.samples import SampleRequest, as_text, sample_requests
from ...guide.sending import Sender
from ...guide.texts import GuideStep
from ...guide.workbench import profile_of
from ...magento.entities import WRITABLE
from ...templates import Json
from ...text import shown, shown_line
from ..dialogs import ConfirmScreen
from ..editor import edit_text
from ..keys import letter_bindings
from ..send.confirm import confirm_sending
from ..send.plan_view import change_text
from ..widgets import highlight
from ..widgets.form import FormPath
from ..widgets.frame import Dialog
from ..widgets.json_field import JsonField
from ..widgets.ordered_list import OrderedList
from .configurations import ConfigurationList, ConfigurationsPane, EntityChooser, EntityOption, offer
from .context import GuideContext
from .step import FormScreen

_ONE = "One request is sent per entity. a adds a step; steps are sent one after the other."
_SEVERAL = (
    "Sent one after the other for each entity. Later steps can read earlier responses: "
    "@{steps.NAME.body.id} in a request, steps.NAME.status in its condition."
)


class AddStepScreen(Dialog[str | None]):
    """Asks what a new step sends: an entity or any path. Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="add-step.back")]

    def __init__(self, offers: list[EntityOption]) -> None:
        super().__init__()
        self._offers = offers

    def compose(self) -> ComposeResult:
        with Vertical(id="choices"):
            yield EntityChooser()

    def on_mount(self) -> None:
        chooser = self.query_one(EntityChooser)
        chooser.show(self._offers)
        chooser.choose(by_typing=True)

    @on(EntityChooser.Chosen)
    def _chosen(self, message: EntityChooser.Chosen) -> None:
        self.dismiss(message.name)

    @on(EntityChooser.PathGiven)
    def _path(self, message: EntityChooser.PathGiven) -> None:
        self.dismiss(message.path)


class ChainScreen(Dialog[None]):
    """The steps of an outgoing chain. Done applies the changes; Cancel restores what was there before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="chain.cancel"),
        Binding("ctrl+s,f8", "done", "Done", id="chain.done"),
        Binding("question_mark,f1", "app.help", "Help", show=False, id="chain.help"),
    ]

    def __init__(self, work: GuideContext, name: str) -> None:
        super().__init__()
        self._work, self._outgoing = work, name
        self._chain = ChainSteps(work.setup, name)
        self._removed: list[Json] = []
        """The configuration before each change, to be undone."""
        self._before = deepcopy(self._setup_part())

    def compose(self) -> ComposeResult:
        with Vertical(id="form-over") as form:
            form.border_title = Content(shown_line(f"Outgoing {self._outgoing}: steps"))
            form.border_subtitle = "^S done · Esc cancel"
            yield Static("", id="chain-about")
            heading = "Steps, in order        a add  d remove  z undo  J K move  Enter edit"
            yield Static(Content(heading), classes="heading")
            yield OrderedList(id="chain-steps")
            yield Static("", id="chain-problems")
            with Horizontal(classes="buttons"):
                yield Button("Done", compact=True, id="chain-done")
                yield Button("Cancel", compact=True, id="chain-cancel")

    def on_mount(self) -> None:
        self._draw()
        self._list.focus()

    @property
    def _list(self) -> OrderedList:
        return self.query_one(OrderedList)

    def _draw(self) -> None:
        """What the draft has."""
        wrong = self._work.setup.item_problems("outgoing", self._outgoing, "steps")
        self._list.fill(summaries.steps(self._chain.steps), wrong)
        self.query_one("#chain-about", Static).update(Content(_ONE if self._chain.is_single else _SEVERAL))
        problems = self.query_one("#chain-problems", Static)
        found = self._chain.problems()
        problems.update(Content(shown("\n".join(f"✘ {each}" for each in found))))
        problems.display = bool(found)

    @on(OrderedList.AddRequested)
    def _ask_what(self) -> None:
        may = self._work.permissions.send if self._work.setup.authenticated else {}
        look_ups = [EntityOption(uri, f"Look up: {title.lower()}", f"GET {uri}") for uri, title in LOOKUPS.items()]
        sent = [offer(name, entity, may.get(name)) for name, entity in WRITABLE.items()]
        self.app.push_screen(AddStepScreen([*look_ups, *sent]), self._add)

    def _add(self, wanted: str | None) -> None:
        if wanted is not None:
            self._removed.append(deepcopy(self._setup_part()))
            index = self._chain.add(wanted)
            self._draw()
            self._list.highlighted = index
            self._edit(index)

    @on(OrderedList.RemoveRequested)
    def _remove(self, event: OrderedList.RemoveRequested) -> None:
        self._removed.append(deepcopy(self._setup_part()))
        self._chain.remove(event.index)
        self._draw()

    @on(OrderedList.UndoRequested)
    def _undo(self) -> None:
        if self._removed:
            self._work.setup.edit(("outgoing", self._outgoing), self._removed.pop())
            self._draw()

    def _setup_part(self) -> Json:
        """The outgoing configuration in the draft."""
        return self._work.setup.at("outgoing", self._outgoing)

    @on(OrderedList.MoveRequested)
    def _move(self, event: OrderedList.MoveRequested) -> None:
        self._removed.append(deepcopy(self._setup_part()))
        self._chain.move(event.index, event.by)
        self._draw()

    @on(OrderedList.OptionSelected)
    def _open(self, event: OrderedList.OptionSelected) -> None:
        event.stop()
        self._chain.convert_request()
        self._edit(event.option_index)

    def _edit(self, index: int) -> None:
        earlier = self._chain.names[:index]
        about = "The first step: there is no response to read yet."
        if earlier:
            about = f"It can read the responses of {', '.join(earlier)}: @{{steps.{earlier[-1]}.body.id}}."
        path: FormPath = ("outgoing", self._outgoing, "steps", index)
        title = f"Step {index + 1} of {self._outgoing}"
        self.app.push_screen(FormScreen(self._work, title, about, kind_schemas.step(), path), lambda _: self._draw())

    @on(Button.Pressed, "#chain-done")
    def action_done(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#chain-cancel")
    def action_cancel(self) -> None:
        """Restores what was there before; asks first where that discards something."""
        if self._setup_part() == self._before:
            self.dismiss(None)
        else:
            self.app.push_screen(ConfirmScreen("Discard the changes of these steps?"), self._discard)

    def _discard(self, yes: bool | None) -> None:
        if yes:
            self._work.setup.edit(("outgoing", self._outgoing), self._before)
            self.dismiss(None)


_UNTIL_SHOWN = 0.2
"""Seconds after the last key until the preview is updated."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """A sample as it was when its plan was made; any change of it, or of the configuration, needs a new plan."""

    name: str
    entity: Json
    configuration: Json


def _changes(plan: SamplePlan) -> str:
    """One entity with the fields that would change."""
    change = plan.entry.change
    word = change.action if plan.compared else "send (not compared)"
    note = f" ({change.note})" if change.note else ""
    return f"{word} {change.identifier}: {', '.join(change_text(each) for each in change.changes)}{note}"


class OutgoingPane(ConfigurationsPane):
    """The outgoing configurations, and the exact request of the selected one for a sample."""

    step = GuideStep.OUTGOING
    family = "outgoing"
    test_label = "Show request"
    entities = WRITABLE
    BINDINGS: ClassVar[list[BindingType]] = [
        *letter_bindings("S", "send_sample", "Send the sample", "outgoing.send-sample", "ctrl+t", show=True),
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

        state: str
        problem: str = ""

    @dataclass
    class Prepared(Message):
        """The requests for a sample, or the problem."""

        name: str
        requests: Sequence[SampleRequest]
        problem: str = ""

    def asked(self) -> ComposeResult:
        yield from super().asked()
        with Horizontal(id="sample-row", classes="field"):
            yield Static(Content("Sample (JSON)"), classes="label")
            yield JsonField(id="sample")

    def outcome(self) -> ComposeResult:
        yield Static("", classes="preview")

    def on_mount(self) -> None:
        super().on_mount()
        self._samples: dict[str, str] = {}
        self._planned: tuple[_Sample, SamplePlan] | None = None
        """The sample whose plan is shown: the next press sends it."""
        self._sends_sample = False
        """Whether the result shows what became of the sample, and not its preview."""
        self.query_one("#sample-row").display = False

    def permitted(self) -> Mapping[str, RouteAccess]:
        return self.work.permissions.send

    def add(self, entity: str) -> str:
        return self.setup.add_outgoing(entity)

    def added_text(self, entity: str) -> str:
        known = WRITABLE[entity]
        needs = "" if known.resource == "anonymous" else f" It needs {known.permission_path}."
        return f"{known.route}: {known.note}{needs}"

    def editable(self, name: str) -> dict[str, str]:
        chain = ChainSteps(self.setup, name)
        steps = "none: one request is sent" if chain.is_single else " → ".join(chain.names)
        request = "Request" if chain.is_single else "Client, batch"
        itself = f"{request} and identifier"
        return {**super().editable(name), "": itself, "steps": f"Steps: {steps}"}

    def edit_part(self, name: str, part: str) -> None:
        if part == "steps":
            self.app.push_screen(ChainScreen(self.work, name), lambda _: self.edited(name))
        else:
            super().edit_part(name, part)

    def schema(self, name: str) -> kind_schemas.Schema:
        schema = super().schema(name)
        if ChainSteps(self.setup, name).is_single:
            return schema
        own = {key: each for key, each in schema["properties"].items() if key != "request"}
        return {**schema, "properties": own}

    def edited(self, name: str) -> None:
        super().edited(name)
        if self.query_one("#sample-row").display and not self.setup.problems():
            self.test()

    def _sample(self, name: str) -> str:
        """The sample that was typed, or the default one for such a request."""
        if name in self._samples:
            return self._samples[name]
        sample = sample_entity(requests_in(self.setup.at("outgoing", name))) or {}
        return json.dumps(sample, ensure_ascii=False, indent=2)

    def try_it(self, name: str) -> None:
        self._sends_sample = False
        self.query_one("#sample-row").display = True
        self.query_one("#sample", JsonField).text = self._sample(name)
        self.refresh_bindings()
        self._prepare(name)

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        if isinstance(event.option_list, ConfigurationList) and self.query_one("#sample-row").display:
            self.test()

    @on(TextArea.Changed, "#sample")
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        name = self.rows.chosen
        if name is not None and event.text_area.text != self._sample(name):
            self._samples[name] = event.text_area.text
            self._sends_sample = False
            self._prepare(name)

    @on(JsonField.EditorRequested)
    def _open_editor(self, event: JsonField.EditorRequested) -> None:
        event.stop()
        try:
            event.json_field.text = edit_text(self.app, self.work.workbench.machine, event.json_field.text)
        except UserError as error:
            self.notify(shown(str(error)), severity="warning", markup=False)

    @property
    def has_fields(self) -> bool:
        return bool(self.query_one("#sample-row").display)

    def edit_field(self) -> None:
        if self.has_fields:
            self.screen.set_focus(self.query_one("#sample"))

    def removed(self, name: str) -> None:
        self._samples.pop(name, None)
        self.query_one("#sample-row").display = False
        self.refresh_bindings()
        self.query_one(".preview", Static).update("")

    @work(exclusive=True)
    async def _prepare(self, name: str) -> None:
        """Prepares the requests as they would be sent, without authentication, a moment after the last key."""
        workbench = self.work.workbench
        await workbench.machine.sleep(_UNTIL_SHOWN)
        try:
            sample: Json = json.loads(self._sample(name))
            profile = profile_of(self.trial())
            outgoing = profile.outgoing[name]
            async with workbench.session(profile) as session:
                prepared = list(sample_requests(outgoing, session, sample, workbench.run()))
        except RequestFailed as error:
            self.post_message(self.Prepared(name, (), str(error)))
        except (ValueError, RecursionError) as error:
            self.post_message(self.Prepared(name, (), f"The sample is not valid JSON: {error}"))
        else:
            self.post_message(self.Prepared(name, prepared))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A sample is sent only while it is shown."""
        if action == "send_sample":
            return self.is_mounted and self.has_fields
        return super().check_action(action, parameters)

    def action_send_sample(self) -> None:
        """The first press shows what sending the sample would change, the second one sends it."""
        name = self.rows.chosen
        if name is None:
            return
        try:
            profile = profile_of(self.trial())
            sample = _Sample(name, json.loads(self._sample(name)), deepcopy(self.setup.at("outgoing", name)))
        except (ValueError, RecursionError) as error:
            self.say(f"✘ The sample is not valid JSON: {error}", bad=True)
            return
        file = self.work.path or self.work.workbench.directory / "draft.toml"
        sender = Sender(self.work.workbench, profile, file, name)
        planned, self._planned = self._planned, None
        self._sends_sample = True
        if planned is None or planned[0] != sample:
            self.say("… comparing with the store")
            self._plan_sample(sender, sample)
        elif sender.production:
            plan = planned[1]
            confirm_sending(self.app, sender, _changes(plan), plan.store, lambda: self._send_sample(sender, *planned))
        else:
            self._send_sample(sender, *planned)

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
        try:
            state = await SampleSender(sender, sample.entity).send(plan)
        except (UserError, RequestFailed) as error:
            self.post_message(self.Sent("", str(error)))
        else:
            self.post_message(self.Sent(state))

    @on(Planned)
    def _on_planned(self, message: Planned) -> None:
        plan = message.plan
        if plan is None:
            self.say(f"✘ {message.problem}", bad=True)
        elif plan.compared and plan.entry.change.action == "unchanged":
            self.say("✔ Nothing to send: the store has these values already")
        else:
            self._planned = message.sample, plan
            self.say(f"Plan, not sent yet: {_changes(plan)}\nPress again to send it to {plan.store}")

    @on(Sent)
    def _on_sent(self, message: Sent) -> None:
        done = "✔ Sent, and accepted by the store" if message.state == "finished" else f"The sample is {message.state}"
        self.say(f"✘ {message.problem}" if message.problem else done, bad=bool(message.problem))

    @on(Prepared)
    def _take(self, message: Prepared) -> None:
        """Shows the requests; of a single request that cannot be prepared, only the problem."""
        requests = message.requests
        problem = message.problem or next((each.reason for each in requests if each.is_invalid and not each.step), "")
        if problem:
            self.query_one(".preview", Static).update("")
            self.say(f"✘ {problem}", bad=True)
            return
        wrong = [f"✘ {each.step}: {each.reason}" for each in requests if each.is_invalid]
        well = "✔ Preview for the sample (not sent) · S ^T: plan and send it"
        if not self._sends_sample or wrong:
            self.say("\n".join(wrong) or well, bad=bool(wrong))
        text = as_text(requests)
        self.query_one(".preview", Static).update(highlight.json_(text))
        if not self.query_one("#sample").has_focus and not self.rows.has_focus:
            self.query_one(".continue").focus()
