"""Step 3, incoming: what is read from the store."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ..client.message import RequestFailed
from ..guide.check import Tried, readable
from ..guide.steps import CLIENT, Step
from ..guide.workbench import profile_of
from ..magento.diagnosis import diagnose_failure
from ..magento.entities import READABLE
from ..placeholder import Json
from ..text import shown_line
from ..transfer.incoming import FirstItems
from .step_pane import StepPane


class IncomingPane(StepPane):
    """Entities to read, and the first items of the one that was chosen last."""

    step = Step.INCOMING
    test_label = "First items"

    @dataclass
    class Tested(Message):
        """The first items are here, or why not."""

        name: str
        tried: Tried
        items: FirstItems | None

    def asked(self) -> ComposeResult:
        yield Static("", classes="chosen")
        yield OptionList(id="readable")

    def on_mount(self) -> None:
        self._fill()

    def _fill(self) -> None:
        options = self.query_one("#readable", OptionList)
        highlighted = options.highlighted or 0
        options.clear_options()
        for name, entity in READABLE.items():
            mark = {True: "✔", False: "✘", None: " "}[self.work.permitted.get(name)]
            tick = f"  not allowed: tick {entity.tick}" if mark == "✘" else ""
            options.add_option(Option(Content(f"{mark} {entity.title:<12} GET {entity.path}{tick}"), id=name))
        options.highlighted = highlighted
        chosen = ", ".join(self.setup.incoming) or "none yet"
        self.query_one(".chosen", Static).update(Content(f"To be read: {chosen}"))

    def begin(self) -> None:
        self._fill()
        self.explain("Enter adds what is read from the store; n goes on (and skips, where nothing is to be read).")
        self.query_one("#readable", OptionList).focus()

    @on(OptionList.OptionSelected)
    def _add(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        entity = event.option_id or ""
        if entity not in self.setup.incoming:
            self.setup.add_incoming(entity)
        note = READABLE[entity].note
        self._fill()
        self.explain(f"GET {READABLE[entity].path}, {READABLE[entity].identifier} tells items apart. {note}")
        self.post_message(self.Changed())
        self.query_one(".test").focus()

    def test(self) -> None:
        if not self.setup.incoming:
            self.say("✘ Choose something to read first, or press n to go on without.", bad=True)
            return
        self.busy("reading the first items")
        self.run_worker(self._try(list(self.setup.incoming)[-1]), exclusive=True)

    async def _try(self, name: str) -> None:
        workbench = self.work.workbench
        items = None
        try:
            profile = profile_of(self.setup.data())
            async with workbench.session(profile) as session:
                client = session.client(CLIENT)
                tried, items = await readable(profile.incoming[name], client, workbench.run(), name)
        except RequestFailed as failure:
            tried = Tried("", False, diagnose_failure(failure, "the setup"))
        self.post_message(self.Tested(name, tried, items))

    @on(Tested)
    def _take(self, message: Tested) -> None:
        if message.tried.finding is not None or message.items is None:
            if message.tried.finding is not None:
                self.found(message.tried.finding)
            return
        identifier = str(self.setup.incoming[message.name].get("identifier") or "")
        rows = "\n".join(f"  {_row(item, identifier)}" for item in message.items.items)
        self.say(f"✔ {message.tried.words}\n{rows}")
        self.go_on()


def _row(item: Json, identifier: str) -> str:
    """An item in one line: its identifier, then a few fields that are no objects."""
    if not isinstance(item, dict):
        return shown_line(str(item), 70)
    simple = {key: value for key, value in item.items() if not isinstance(value, (dict, list)) and key != identifier}
    first = ["name", "status", "updated_at", "price", "grand_total", "firstname", "lastname"]
    chosen = [key for key in first if key in simple] or list(simple)[:4]
    parts = [str(item.get(identifier, "")), *(f"{key} {simple[key]}" for key in chosen[:4])]
    return shown_line("  ".join(parts), 76)
