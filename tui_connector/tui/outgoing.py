"""Step 4, outgoing: what is sent to the store, shown and not sent."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from ..client.formatter import path_of
from ..client.message import RequestFailed
from ..guide.steps import CLIENT, Step
from ..guide.workbench import profile_of
from ..magento.entities import WRITABLE
from ..placeholder import PlaceholderError
from .step_pane import StepPane


class OutgoingPane(StepPane):
    """Entities to send, and the exact request for a sample of the one that was chosen last."""

    step = Step.OUTGOING
    test_label = "Show request"

    def asked(self) -> ComposeResult:
        yield Static("", classes="chosen")
        yield OptionList(
            *(
                Option(Content(f"  {entity.title:<16} {entity.method.upper()} {entity.uri}"), id=name)
                for name, entity in WRITABLE.items()
            ),
            id="writable",
        )

    def begin(self) -> None:
        self._say_chosen()
        self.explain("Enter adds what is sent to the store; n goes on (and skips, where nothing is to be sent).")
        self.query_one("#writable", OptionList).focus()

    def _say_chosen(self) -> None:
        self.query_one(".chosen", Static).update(Content(f"To be sent: {', '.join(self.setup.outgoing) or 'none yet'}"))

    @on(OptionList.OptionSelected)
    def _add(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        entity = event.option_id or ""
        if entity not in self.setup.outgoing:
            self.setup.add_outgoing(entity)
        self._say_chosen()
        self.post_message(self.Changed())
        self._show(entity)

    def test(self) -> None:
        if not self.setup.outgoing:
            self.say("✘ Choose something to send first, or press n to go on without.", bad=True)
            return
        self._show(list(self.setup.outgoing)[-1])

    def _show(self, name: str) -> None:
        self.run_worker(self._prepare(name), exclusive=True)

    async def _prepare(self, name: str) -> None:
        workbench = self.work.workbench
        entity = WRITABLE.get(name)
        try:
            profile = profile_of(self.setup.data())
            async with workbench.session(profile) as session:
                request = profile.outgoing[name].request_for(entity.sample if entity else {}, workbench.run())
                prepared = session.prepared(CLIENT, request)
        except (RequestFailed, PlaceholderError) as error:
            self.say(f"✘ {error}", bad=True)
            return
        headers = "\n".join(f"  {header}: {value}" for header, value in prepared.headers)
        note = f"\n  {entity.note}" if entity and entity.note else ""
        self.say(
            f"✔ This would be sent for a sample (it was not sent):\n  {prepared.method} {path_of(prepared.uri)}\n"
            f"{headers}\n  {prepared.body.decode()}{note}"
        )
        self.query_one(".continue", Button).focus()
