"""Step 1, basics and plugins: where the store is."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ..guide.address import Search, insecure, search
from ..guide.steps import Step
from ..profile.library import Library
from .fields import Choice, Field
from .step_pane import StepPane

_FORMATTERS = {
    "simple": "Log requests: simple (one line each)",
    "long": "Log requests: long (headers and 1,000 characters)",
    "full": "Log requests: full (whole bodies)",
}


class BasicsPane(StepPane):
    """The store's address, found from whatever is typed, and the client's plugins."""

    step = Step.BASICS

    @dataclass
    class Searched(Message):
        """The search for the store has come this far."""

        state: Search
        ended: bool

    def asked(self) -> ComposeResult:
        setup = self.setup
        address = Input(setup.typed_address, id="field-address", compact=True, placeholder="shop.example")
        yield Field("address", "Store address", address)
        yield Field("store-view", "Store view", Input(setup.store_view, id="field-store-view", compact=True))
        yield Field("name", "Profile name", Input(setup.name, id="field-name", compact=True))
        yield Static(Content("Plugins of the HTTP client, in order:"), classes="heading")
        yield Static("", id="plugin-base-uri", classes="plugin")
        yield Choice(_FORMATTERS, setup.formatter, id="formatter")
        yield Static(Content("  Add content-type headers to requests"), classes="plugin")

    def on_mount(self) -> None:
        self._say_base_uri()

    def _say_base_uri(self) -> None:
        text = self.setup.base_uri or "(found by the test)"
        self.query_one("#plugin-base-uri", Static).update(Content(f"  Add base URI to requests: {text}"))

    def begin(self) -> None:
        self.explain(
            "Any address of the shop will do: its front page, the admin's, or one of the REST interface. "
            "Store view: all (default values), default, or a store view's code."
        )
        self.query_one("#field-address", Input).focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.test()

    @on(Input.Changed, "#field-store-view")
    def _view(self, event: Input.Changed) -> None:
        if event.value.strip() and event.value.strip() != self.setup.store_view:
            self.setup.store_view = event.value.strip()
            self._say_base_uri()

    @on(Input.Changed, "#field-name")
    def _name_typed(self, event: Input.Changed) -> None:
        if self.work.document is None and event.value.strip():
            self.setup.name = event.value.strip()

    @on(Choice.Chosen)
    def _formatter(self, event: Choice.Chosen) -> None:
        self.setup.formatter = event.option

    def test(self) -> None:
        self.setup.typed_address = self.query_one("#field-address", Input).value
        self.busy("looking for the store")
        self.run_worker(self._search(self.setup.typed_address), exclusive=True)

    async def _search(self, typed: str) -> None:
        async with self.work.workbench.anonymous() as session:
            state = Search(typed)
            async for state in search(typed, session.client("default")):
                self.post_message(self.Searched(state, ended=False))
        self.post_message(self.Searched(state, ended=True))

    @on(Searched)
    def _take(self, message: Searched) -> None:
        state = message.state
        probes = "\n".join(f"{'✔' if p.found else '✘'} {p.base_uri}: {p.result}" for p in state.probes)
        if not message.ended:
            self.say(probes)
            return
        if state.found is None:
            if state.finding is not None:
                self.found(state.finding)
            self.query_one("#field-address", Input).focus()
            return
        setup = self.setup
        setup.found(state.found)
        self._suggest_name()
        view = self.query_one("#field-store-view", Input)
        view.value = setup.store_view
        self._say_base_uri()
        warning = "\n! Not encrypted: tokens can be read on the way. Use https." if insecure(setup.base_uri) else ""
        self.say(f"{probes}\n✔ {state.found.summary()}{warning}")
        self.go_on()

    def _suggest_name(self) -> None:
        field = self.query_one("#field-name", Input)
        if self.work.document is None and field.value == "store":
            host = self.setup.origin.partition("://")[2].partition(":")[0].removeprefix("www.")
            self.setup.name = Library(self.work.profiles).name_from(host)
            self.setup.title = self.setup.title or host
            field.value = self.setup.name
