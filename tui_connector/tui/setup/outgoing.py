"""Step 4, outgoing: what is sent to the store, shown and not sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static

from ...client.message import RequestFailed
from ...guide import offered
from ...guide.chain import Chain, requests_in, sample_for
from ...guide.permissions import May
from ...guide.sample_requests import SampleRequest, as_text, sample_requests
from ...guide.words import NOT_RUN_YET, Step
from ...guide.workbench import profile_of
from ...magento.entities import WRITABLE
from ...placeholder import Json
from ...text import shown
from ..line import Line
from .chain import ChainScreen
from .configurations import ConfigurationList, ConfigurationsPane

_UNTIL_SHOWN = 0.2
"""Seconds without a key after which the request is made anew."""


class OutgoingPane(ConfigurationsPane):
    """The outgoing configurations, and the exact request for a sample of the one under the cursor."""

    step = Step.OUTGOING
    family = "outgoing"
    test_label = "Show request"
    verb = "sent to the store"
    entities = WRITABLE

    @dataclass
    class Prepared(Message):
        """The requests for a sample, or why there are none."""

        name: str
        requests: Sequence[SampleRequest]
        problem: str = ""

    def asked(self) -> ComposeResult:
        yield from super().asked()
        with Horizontal(id="sample-row", classes="field"):
            yield Static(Content("Sample (JSON)"), classes="label")
            yield Line(compact=True, id="sample")

    def outcome(self) -> ComposeResult:
        yield Static("", classes="preview")

    def on_mount(self) -> None:
        super().on_mount()
        self._samples: dict[str, str] = {}
        self.query_one("#sample-row").display = False

    def permitted(self) -> Mapping[str, May]:
        return self.work.permissions.send

    def add(self, entity: str) -> str:
        return self.setup.add_outgoing(entity)

    def words_for(self, entity: str) -> str:
        known = WRITABLE[entity]
        needs = "" if known.resource == "anonymous" else f" It needs {known.tick}."
        return f"{known.route}: {known.note}{needs}"

    def editable(self, name: str) -> dict[str, str]:
        chain = Chain(self.setup, name)
        steps = "none, one request is sent" if chain.single else " → ".join(chain.names)
        request = "Request" if chain.single else "Client, batch"
        itself = f"{request} and what tells entities apart"
        return {**super().editable(name), "": itself, "steps": f"Steps: {steps}"}

    def edit_part(self, name: str, part: str) -> None:
        if part == "steps":
            self.app.push_screen(ChainScreen(self.work, name), lambda _: self.edited(name))
        else:
            super().edit_part(name, part)

    def schema(self, name: str) -> offered.Schema:
        schema = super().schema(name)
        if Chain(self.setup, name).single:
            return schema
        own = {key: each for key, each in schema["properties"].items() if key != "request"}
        return {**schema, "properties": own}

    def edited(self, name: str) -> None:
        super().edited(name)
        if self.query_one("#sample-row").display and not self.setup.problems():
            self.test()

    def _sample(self, name: str) -> str:
        """What was typed for it, or what Magento's list has for such a request."""
        if name in self._samples:
            return self._samples[name]
        return json.dumps(sample_for(requests_in(self.setup.at("outgoing", name))) or {}, ensure_ascii=False)

    def try_it(self, name: str) -> None:
        self.query_one("#sample-row").display = True
        self.query_one("#sample", Input).value = self._sample(name)
        self._prepare(name)

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        if isinstance(event.option_list, ConfigurationList) and self.query_one("#sample-row").display:
            self.test()

    @on(Input.Changed, "#sample")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        name = self.rows.chosen
        if name is not None and event.value != self._sample(name):
            self._samples[name] = event.value
            self._prepare(name)

    @on(Input.Submitted, "#sample")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(".continue").focus()

    @work(exclusive=True)
    async def _prepare(self, name: str) -> None:
        """Makes the requests as they would be sent, without authentication, once no key was pressed for a moment."""
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
            self.post_message(self.Prepared(name, (), f"The sample is no JSON: {error}"))
        else:
            self.post_message(self.Prepared(name, prepared))

    @on(Prepared)
    def _take(self, message: Prepared) -> None:
        """Shows the requests. A single one that cannot be made is a problem and nothing else."""
        requests = message.requests
        problem = message.problem or next((each.why for each in requests if each.wrong and not each.step), "")
        if problem:
            self.query_one(".preview", Static).update("")
            self.say(f"✘ {problem}", bad=True)
            return
        wrong = [f"✘ {each.step}: {each.why}" for each in requests if each.wrong]
        several = any(each.step for each in requests)
        well = f"✔ Not sent: the request{'s' if several else ''} for this sample"
        self.say("\n".join(wrong) or well, bad=bool(wrong))
        text = as_text(requests) + (f"\n{NOT_RUN_YET}" if several else "")
        self.query_one(".preview", Static).update(Content(shown(text)))
        if not self.query_one("#sample").has_focus and not self.rows.has_focus:
            self.query_one(".continue").focus()
