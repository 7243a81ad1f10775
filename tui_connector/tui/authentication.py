"""Step 2, authentication: how requests prove who sends them."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from ..client.message import RequestFailed
from ..guide.check import Tried, authenticated, permitted, way_of
from ..guide.steps import CLIENT, FIELD_WORDS, OPEN_FIELDS, TOKEN_LENGTH, WAYS, Step, Way
from ..guide.workbench import profile_of
from ..magento.diagnosis import Finding, diagnose_failure
from .fields import Choice, Entered, Field, SecretInput
from .step_pane import StepPane


class AuthenticationPane(StepPane):
    """The way, and its fields. Secrets go to the vault as they are given; the fields keep nothing."""

    step = Step.AUTHENTICATION

    @dataclass
    class Tested(Message):
        """The store has answered."""

        tried: Tried
        permitted: dict[str, bool]
        dialect: str = ""

    def asked(self) -> ComposeResult:
        yield Choice({way.value: words.title for way, words in WAYS.items()}, self.setup.way.value, id="way")
        yield Vertical(*self._fields(), id="fields")

    def _fields(self) -> list[Field]:
        return [Field(name, FIELD_WORDS[name][0], self._input(name)) for name in self.setup.fields()]

    def _input(self, name: str) -> Input:
        if name in OPEN_FIELDS:
            return Input(self.setup.username, name=name, id=f"field-{name}", compact=True)
        return SecretInput(name)

    def begin(self) -> None:
        for name in self.setup.secret_fields():
            if self.work.workbench.vault.held(self.setup.secret_name(name)):
                self._row(name).mark("given ✔")
        first = next(iter(self.setup.fields()))
        self.query_one(f"#field-{first}", Input).focus()
        self._in_magento(first)

    def _row(self, name: str) -> Field:
        return self.query_one(f"#row-{name}", Field)

    def _in_magento(self, name: str = "") -> None:
        about = f"{FIELD_WORDS[name][1]} " if name in FIELD_WORDS else ""
        lines = WAYS[self.setup.way].in_magento
        wide = self.screen.has_class("wide")
        self.explain(about + ("" if wide else "In Magento: " + lines[0] + " (? for all steps)"))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget.id and event.widget.id.startswith("field-"):
            self._in_magento(event.widget.id.removeprefix("field-"))

    @on(Choice.Chosen)
    async def _way(self, event: Choice.Chosen) -> None:
        await self.switch(Way(event.option))

    async def switch(self, way: Way) -> None:
        """Another way to authenticate; what both ways share is kept."""
        setup, vault = self.setup, self.work.workbench.vault
        setup.way, setup.proven = way, False
        choice = self.query_one(Choice)
        choice.chosen = way.value
        choice.on_mount()
        fields = self.query_one("#fields", Vertical)
        await fields.remove_children()
        await fields.mount(*self._fields())
        self.say("")
        self.post_message(self.Changed())
        missing = [name for name in setup.fields() if not vault.held(setup.secret_name(name))]
        self.begin()
        if missing:
            self.query_one(f"#field-{missing[0]}", Input).focus()

    @on(Input.Changed, "#field-username")
    def _username(self, event: Input.Changed) -> None:
        if event.value.strip() != self.setup.username:
            self.setup.username, self.setup.proven = event.value.strip(), False

    @on(Input.Submitted, "#field-username")
    def _username_entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(Entered("username"))

    @on(SecretInput.Given)
    def _given(self, message: SecretInput.Given) -> None:
        """Takes one to four values, from this field on; after a whole token the next field has the focus."""
        names = self.setup.secret_fields()
        if message.name not in names:
            return
        start = 0 if len(message.values) == len(names) > 1 else names.index(message.name)
        taken = names[start : start + len(message.values)]
        self.give(dict(zip(taken, message.values, strict=False)))
        if message.by_paste and all(len(value) == TOKEN_LENGTH for value in message.values):
            self._advance(taken[-1])

    def give(self, values: dict[str, str]) -> None:
        """Holds these secrets for this session."""
        for name, value in values.items():
            self.work.workbench.vault.hold(self.setup.secret_name(name), value, self.setup.origin)
            self._row(name).show_secret(value)
        self.setup.begun, self.setup.proven = True, False
        self.post_message(self.Changed())

    def _advance(self, name: str) -> None:
        names = self.setup.fields()
        following = names[min(names.index(name) + 1, len(names) - 1)]
        self.query_one(f"#field-{following}", Input).focus()

    @on(Entered)
    def _entered(self, message: Entered) -> None:
        message.stop()
        names = self.setup.fields()
        if message.name == names[-1]:
            self.call_after_refresh(self.test)
        elif message.name in names:
            self._advance(message.name)

    def test(self) -> None:
        for field in self.query(SecretInput):
            field.give()
        self.call_after_refresh(self._test)  # what was given arrives first

    def _test(self) -> None:
        setup, vault = self.setup, self.work.workbench.vault
        missing = [
            name
            for name in setup.fields()
            if (name in OPEN_FIELDS and not setup.username)
            or (name not in OPEN_FIELDS and not self.work.document and not vault.held(setup.secret_name(name)))
        ]
        if missing:
            self.say(f"✘ {FIELD_WORDS[missing[0]][0]} is missing.", bad=True)
            self.query_one(f"#field-{missing[0]}", Input).focus()
            return
        setup.begun = True
        self.busy("asking the store")
        self.run_worker(self._try(), exclusive=True)

    async def _try(self) -> None:
        allowed: dict[str, bool] = {}
        dialect = ""
        try:
            profile = profile_of(self.setup.data())
            async with self.work.workbench.session(profile) as session:
                send = session.client(CLIENT)
                tried = await authenticated(send, way_of(profile, CLIENT), CLIENT)
                if tried.ok:
                    allowed = await permitted(send, self.setup.base_uri)
                dialect = session.findings.get(self.setup.authentication_name, {}).get("dialect", "")
        except RequestFailed as failure:
            tried = Tried("", False, diagnose_failure(failure, "the setup"))
        self.post_message(self.Tested(tried, allowed, dialect))

    @on(Tested)
    def _take(self, message: Tested) -> None:
        for row in self.query(Field):
            row.set_class(False, "wrong")
        if message.tried.finding is not None:
            self._refused(message.tried.finding)
            return
        self.setup.proven = True
        self.setup.dialect = message.dialect or self.setup.dialect
        self.work.permitted = message.permitted
        may = [f"{'✔' if ok else '✘'} {name}" for name, ok in message.permitted.items()]
        self.say("✔ The store accepts it." + (f" It may read: {'  '.join(may)}" if may else ""))
        self.go_on()

    def _refused(self, finding: Finding) -> None:
        self.found(finding)
        if self.setup.way is Way.BEARER and finding.id == "bearer-refused":
            self.say(
                f"✘ {finding.summary}\n  → Press a (in a field: Esc, then a) to sign with the four tokens instead: "
                "3 more values.",
                bad=True,
            )
        names = self.setup.fields()
        wrong = finding.field if finding.field in names else names[-1]
        self._row(wrong).mark("✘", bad=True)
        self.query_one(f"#field-{wrong}", Input).focus()

    def fix(self) -> None:
        """Applies the fix that is shown: from a refused bearer token to the signed integration."""
        if self._finding is not None and self._finding.id == "bearer-refused":
            self.run_worker(self.switch(Way.INTEGRATION))

    def use_sandbox(self) -> None:
        """The demo's values into the fields."""
        values = {name: self.work.sandbox[name] for name in self.setup.fields() if name in self.work.sandbox}
        if "username" in values:
            self.query_one("#field-username", Input).value = values.pop("username")
        self.give(values)
        self.query_one(f"#field-{self.setup.fields()[-1]}", Input).focus()
