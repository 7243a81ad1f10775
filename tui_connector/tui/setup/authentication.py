"""Step 2, authentication: how requests prove who sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea
from textual.worker import Worker

from ...client.message import InvalidRequest
from ...guide.checks.authentication import AuthenticationTest, last_login, not_sent, preview, try_authentication
from ...guide.checks.check import CheckResult
from ...guide.steps import kind_schemas
from ...guide.steps.methods import ADMIN, METHODS, OAUTH2, GuideStep
from ...magento.diagnosis import Finding, Fix
from ...profile.importers.command_text import looks_like_command
from ...secrets.token_shape import looks_like_token
from ...text import PublicText, public
from ..second_press import SecondPress
from ..widgets.choice import Choice, ChoiceScreen, Toggle
from ..widgets.fields import FieldRow, TextField
from ..widgets.form import Form
from ..widgets.form_field import FormField, FormPath
from ..widgets.secret import SecretInput, SourceField
from .authentication_fields import (
    CODE,
    USERNAME,
    first_missing,
    how_to_give,
    is_given,
    schema_fields,
    shown_fields,
    tested_values,
    usual_fields,
)
from .authentication_form import AuthenticationForm
from .form import SetupForm
from .method_menu import OTHER, entries, where_applied
from .results import PartValues
from .step import Correction, StepPane, to_step

_ABOUT_WAY = PublicText("How requests prove who sends them. Enter lists the ways.")
_ABOUT_DEMO = PublicText("The demo store has its own values: Enter fills them in, e lets you type or paste them.")
_ABOUT_WHOLE = PublicText("Enter or Space: also show the fields that are rarely needed, or only the usual ones.")


class AuthenticationPane(StepPane):
    """The way, and its fields. Secrets go to the vault as they are given; the fields keep nothing."""

    step = GuideStep.AUTHENTICATION

    @dataclass
    class Tested(Message):
        """The store has answered."""

        trial: AuthenticationTest

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._filling = False
        """Whether the sandbox's values are being shown; a test waits for that."""
        self._second_press = SecondPress()
        self._whole = False
        """Whether every field is shown, and not only those that the guide asks for."""
        self._being_tested: PartValues | None = None
        self._test_worker: Worker[None] | None = None
        """The values of the last test, and what carries it out."""
        self._edits_next: FormPath = ()
        """The field to correct after a refusal."""
        self._begins_at: FormPath = ()
        """The field that has the focus first, once there are fields."""

    def compose_fields(self) -> ComposeResult:
        yield FieldRow("way", "How", Choice({}, "", id="way"), _ABOUT_WAY)
        yield Static("", id="applied", classes="quiet")
        yield Static("", id="note", classes="quiet")
        yield Vertical(id="fields")
        yield Toggle(False, id="whole")
        yield Static("", id="preview", classes="quiet")

    def first_buttons(self) -> ComposeResult:
        if self.work.sandbox:
            yield Button(Content.assemble(("u", "bold"), "  Demo values"), id="use-sandbox", compact=True)

    async def on_mount(self) -> None:
        await self._show_way()

    @property
    def form(self) -> AuthenticationForm:
        return self.query_one(AuthenticationForm)

    @property
    def _path(self) -> FormPath:
        """Where what is shown is in the profile."""
        return ("authentications", self.setup.authentication)

    async def _show_way(self, *, was_chosen: bool = False) -> None:
        """The way and its fields as the setup has them. `was_chosen`: the user has just chosen it."""
        fields = self.query_one("#fields", Vertical)
        former = self.form if self.query("#way-form") else None
        await fields.remove_children()
        await fields.mount(AuthenticationForm(self.work, is_whole=self._whole))
        if not self.query("#way-form"):
            return  # the screen was left meanwhile
        if was_chosen:
            self.form.begin()
        elif former is not None:
            self.form.continue_from(former)
        self._say_whole()
        self.form.say_saved()
        self._say_way()
        if self.display:
            self._begin(was_chosen=was_chosen)
            self.show_refusal()

    def refused(self) -> Finding | None:
        """What the test of the one that is shown has said."""
        return self.work.refusal(*map(str, self._path))

    def refusal(self) -> str:
        """What the test of the one that is shown has said, and what is invalid in the others."""
        if not self.query("#way-form"):
            return ""
        shown = [(*self._path, *row.spec.path) for row in self.form.query(FormField)]
        wrong = [
            f"✘ {'.'.join(map(str, path[1:]))}: {words}"
            for path, words in self.setup.problems().items()
            if path[0] == "authentications" and not any(path[: len(each)] == each for each in shown)
        ]
        return "\n".join(filter(None, [super().refusal(), *wrong]))

    def open_form(self, name: str, at: FormPath = ()) -> None:
        super().open_form(name, at)
        self._begins_at = at[2:] and at
        if self.query("#way-form"):
            self.begin()

    @property
    def path_here(self) -> FormPath:
        return self.form.path_of(self.screen.focused) if self.query("#way-form") else self._path

    async def _show_field(self) -> None:
        """Focuses the field at which the step begins, also where it is not one that the guide asks for."""
        at, self._begins_at = self._begins_at, ()
        if not self.form.focus_at(at) and not self._whole:
            self._whole = True
            self.query_one("#whole", Toggle).value = True
            await self._show_way()
            self.form.focus_at(at)

    def _say_whole(self) -> None:
        """What can be shown besides the fields that the guide asks for."""
        asked_for = {each.path[0] for each in usual_fields(self.setup)} - {"parameters"}
        others = [each.title for each in schema_fields(self.setup) if each.name not in asked_for]
        whole = self.query_one("#whole", Toggle)
        self.set_class(self._whole, "-whole")  # the fields have more rows than the step
        self.place_result("#fields" if self._whole else ".buttons")
        whole.display = bool(asked_for or self.setup.auth_kind == ADMIN) and bool(others)
        whole.set_label("All fields" if self._whole else f"More fields: {', '.join(others)}")

    def _say_way(self) -> None:
        setup = self.setup
        menu = entries(setup)
        self.query_one("#way", Choice).show(menu.chosen, menu.options, also=menu.also)
        self.put(self.query_one("#applied", Static), where_applied(setup))
        notes = []
        entered = [each for each in setup.fields() if setup.path_of(each) in self.work.resumed_secrets]
        if any(not is_given(self.work, each) for each in entered):
            notes.append("Drafts contain no secrets. Enter them again.")
        elif setup.auth_kind == ADMIN and setup.needs_code():
            notes.append("2FA is on: admin users need a one-time code; integrations do not.")
        if (problem := self.work.keyring_problem) and self.form.uses_keyring:
            places = "What you enter is kept for this session; → in a field leads to other places for it."
            notes.append(f"! {self.work.why_no_keyring(problem)}. {'' if self.work.told_keyring else places}".strip())
        self.put(self.query_one("#note", Static), "\n".join(notes))
        self._preview()

    @on(SetupForm.KeyringKnown)
    def _keyring(self) -> None:
        self._say_way()

    def _preview(self) -> None:
        """What the template makes of the last login, where a template is asked for."""
        setup, words = self.setup, ""
        if self._whole and setup.auth_kind == ADMIN:
            there = {**setup.default_authentication(), **setup.table("authentications", setup.authentication)}
            login = last_login(self.work.workbench.exchanges)
            value = preview(str(there.get("template") or ""), str(there.get("source") or "body"), login)
            words = f"{there.get('header') or 'Authorization'}: {value}"
        self.put(self.query_one("#preview", Static), words)

    def begin(self) -> None:
        if self.query("#way-form"):
            self.form.say_missing()
        self._begin()

    def _begin(self, *, was_chosen: bool = False) -> None:
        """`was_chosen`: the user has just chosen the way, so that its first empty field is next."""
        if not self.query("#way-form"):
            return  # the fields are on their way, and start when they are there
        if self.form.is_outdated:
            self.run_worker(self._switched(was_chosen=False), group="fields", exclusive=True)
            return
        if self._begins_at:
            self.run_worker(self._show_field(), group="fields", exclusive=True)
            return
        self.form.ask_keyring()
        missing = first_missing(self.work)
        is_added = was_chosen and missing == CODE[-1]  # the field that one key has added, and that leads there
        awaits_user = self.form.is_entered(missing) and not is_added
        self.form.check()
        demo = self._show_demo_button(missing)
        optional = "" if missing else self._first_to_fill(was_chosen=was_chosen)
        if demo is not None:
            self.screen.set_focus(demo)
        elif awaits_user:
            self.screen.set_focus(self.query_one("#way"))
        elif missing and not self.form.names_variable(missing):
            self.form.focus_on(missing)
        elif optional:
            self.screen.set_focus(self.query_one("#way"))
        else:
            self.focus_buttons()
        if self.complete and not missing:
            self.explain("")
        elif demo is not None:
            self.explain(_ABOUT_DEMO)
        elif optional:
            self._explain_way()
        elif not missing and (self.form.editor_with_problem() is not None or self.refusal()):
            self.explain("")
        elif not missing and self.setup.fields():
            self.explain("Nothing is missing. Enter tests it.")
        elif awaits_user:
            self._explain_way()
        else:
            self._explain(missing)

    def _first_to_fill(self, *, was_chosen: bool) -> str:
        """The name of the first field to fill in, of a way that the guide does not offer; "" where there is none."""
        if not self.setup.fields() and not self.setup.has_authentication:
            return next((row.spec.name for row in self.form.query(FormField)), "")
        unvisited = self.form.first_unvisited() if was_chosen else ()
        return str(unvisited[-1]) if unvisited else ""

    def _explain_way(self) -> None:
        """Explains the way to authenticate, or where a paste goes while a value is missing."""
        form = next(iter(self.query(AuthenticationForm)), None)
        missing = first_missing(self.work)
        if form is not None and form.is_entered(missing) and (row := form.row_with(missing)) is not None:
            here, title = PublicText("; e goes there to type. "), form.title_of(missing) or row.label
            self._explain(missing, public(PublicText("A paste goes to "), title, here, row.about))
        elif form is not None and not missing and (row := form.field(self._first_to_fill(was_chosen=True))) is not None:
            self._explain(row.spec.name, public(PublicText("e goes to "), row.label, PublicText(". "), row.about))
        else:
            self.explain(_ABOUT_WAY)

    @property
    def has_demo_values(self) -> bool:
        """Whether the demo has values for the fields of this way."""
        return any(each.name in self.work.sandbox for each in self.setup.fields())

    def _show_demo_button(self, missing: str) -> Button | None:
        """The button that fills in the demo's values, while it has one for the missing field; else it is hidden."""
        if not self.work.sandbox:
            return None
        button = self.query_one("#use-sandbox", Button)
        button.display = missing in self.work.sandbox
        return button if button.display else None

    @property
    def way_on(self) -> str:
        if self.setup.has_authentication:
            return "n: go on without this test"
        return "n: go on without authentication, for what everybody may read"

    @property
    def has_fields(self) -> bool:
        return True

    @property
    def field_to_edit(self) -> Widget | None:
        if not self.query("#way-form"):
            return None
        named = self.form.editor_at((*self._path, *self._edits_next)) if self._edits_next else None
        return named or self.form.editor_with_problem() or self.form.editor_of(first_missing(self.work))

    def _explain(self, name: str, about: str = "") -> None:
        row = self.form.field(name)
        about = about or (row.field_help if row is not None else "")
        entry = self.screen.focused
        if isinstance(entry, SecretInput) and not entry.locked:
            about = public(PublicText("You are typing here; Esc: keys. "), about)
        elif isinstance(entry, SecretInput) and not entry.next_fields() and not first_missing(self.work):
            about = public(PublicText("Nothing is missing. Enter tests it. "), about)
        in_magento = METHODS[self.setup.auth_kind].in_magento if self.setup.auth_kind in METHODS else ()
        wide = self.screen.has_class("wide")
        wide = wide or self._whole
        place = "" if self.setup.auth_kind == OAUTH2 else "In Magento: "
        beside = f"{place}{in_magento[0]} (F1: all steps)" if in_magento else ""
        if self.has_demo_values:
            beside = "F9 fills in the demo's values."
        self.explain(about if wide or not beside else public(about, PublicText(f" {beside}" if about else beside)))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if not self._has_room:
            return
        if event.widget.id == "way":
            self._explain_way()
        elif event.widget.id == "whole":
            self.explain(_ABOUT_WHOLE)

    @property
    def _has_room(self) -> bool:
        """Whether the focus can be explained: what is wrong, and what to do, needs the room of a narrow screen."""
        return self._finding is None or self.screen.has_class("wide")

    @on(Form.Focused)
    def _field_focused(self, event: Form.Focused) -> None:
        event.stop()
        if self._has_room:
            self._explain(event.name, event.about)

    @on(Toggle.Changed, "#whole")
    async def _more(self, event: Toggle.Changed) -> None:
        event.stop()
        before = {each.path for each in shown_fields(self.setup, is_whole=self._whole)}
        self._whole = event.value
        await self._show_way()
        after = shown_fields(self.setup, is_whole=self._whole)
        added = [each.path for each in after if each.path not in before]
        if not added or not self.form.focus_at((*self._path, *added[0])):
            self.screen.set_focus(event.control)

    @on(Choice.Chosen, "#way")
    async def _way(self, event: Choice.Chosen) -> None:
        event.stop()
        if event.option == OTHER:
            ways = self.setup.offered_kinds()
            others = {kind: title for kind, title in kind_schemas.authentications().items() if kind not in ways}
            words = kind_schemas.authentication_words()
            self.app.push_screen(ChoiceScreen(others, title="How: other", also=words), self._other)
            return
        menu = entries(self.setup)
        menu.take(event.option)
        await self._switched()
        if event.option in menu.stays and not first_missing(self.work):
            self.screen.set_focus(event.control)

    @on(Choice.Confirmed, "#way")
    def _same_way(self, event: Choice.Confirmed) -> None:
        event.stop()
        self._begin(was_chosen=True)

    async def _other(self, kind: str | None) -> None:
        if kind is None:
            self._say_way()  # as it was
            return
        self.setup.choose_kind(kind)
        await self._switched()

    async def _switched(self, *, was_chosen: bool = True) -> None:
        self.work.told_keyring |= bool(self.work.keyring_problem)
        self.forget()
        await self._show_way(was_chosen=was_chosen)
        self.screen.refresh_bindings()
        self.post_message(self.Changed())

    @on(SetupForm.Changed)
    def _edited(self, event: SetupForm.Changed) -> None:
        event.stop()
        if not self._busy or self.work.values_sent() != self._being_tested:
            self.forget()  # what is shown or tested was about other values
            self.show_refusal()  # unless these were refused, too
        self.work.told_keyring |= bool(self.work.keyring_problem)
        self.form.say_saved()
        self._say_way()
        path = self.path_here
        if self._has_room and len(path) > len(self._path):  # what Enter does has changed with what is missing
            self._explain(str(path[-1]))
        self.post_message(self.Changed())

    @on(SetupForm.NoStore)
    def _no_store(self) -> None:
        self.say(f"✘ {self.setup.missing(GuideStep.BASICS)} Secrets are stored for one store only.", bad=True)

    @on(Form.Entered)
    def _entered(self, event: Form.Entered) -> None:
        event.stop()
        self._with_input(self.enter)

    def forget_outdated(self) -> None:
        super().forget_outdated()
        if self._said.startswith("✔") and not self.complete:
            self.forget()

    def test(self) -> None:
        self._with_input(self.start_test)

    def _with_input(self, then: Callable[[], None]) -> None:
        """Calls `then` once the fields have handled what was typed, unless something typed cannot be used."""
        if self._filling or not self.query("#way-form"):
            self.call_after_refresh(self._with_input, then)  # the fields are on their way
            return
        unused = {secret: problem for secret in self.query(SourceField) if (problem := secret.take_unused())}
        self.form.after_pending_input(partial(self._unless_unused, unused, then))

    def _unless_unused(self, unused: Mapping[SourceField, str], then: Callable[[], None]) -> None:
        """`unused`: why what was typed into a field cannot be used; then nothing is tested."""
        for entry, problem in unused.items():
            self._not_tested(problem, str(self.form.path_of(entry)[-1]))
            return
        if problem := self.form.take_refused_input():
            self._not_tested(problem, self.form.first_wrong())
            return
        then()

    @property
    def is_testing(self) -> bool:
        return bool(self._busy) and self._being_tested == self.work.values_sent()

    def start_test(self) -> None:
        if self.setup.missing_store:
            self.refuse(f"✘ {self.setup.missing_store}", to_step(GuideStep.BASICS))
            return
        missing = [each for each in self.setup.fields() if not is_given(self.work, each)]
        self.form.say_missing()
        if missing:
            self.refuse(f"✘ {how_to_give(self.setup, missing)}", self._way_to(missing[0].name))
            return
        if problem := self.form.first_problem():
            self.refuse(f"✘ {problem}", self._way_to(self.form.first_wrong()))
            return
        name = str(self.setup.at(*self._path, *USERNAME) or "")
        if looks_like_token(name) and not self._second_press.accepts(self.app, name):
            words = "! The user name looks like a token. It was not sent; test again to send it."
            self.refuse(words, self._way_to(USERNAME[-1]))
            return
        if self.setup.auth_kind == ADMIN and self.setup.needs_code():
            self.setup.add_code()
        self.busy("contacting the store")
        self._start(self._try())

    def _not_tested(self, why: str, name: str) -> None:
        self.refuse(f"! Not tested: {why[:1].lower()}{why[1:]}", self._way_to(name))

    def _start(self, test: Coroutine[object, object, None]) -> None:
        """Starts a test of the values as they are."""
        self._being_tested = self.work.values_sent()
        self._test_worker = self.run_worker(test, exclusive=True)

    def forget(self) -> None:
        """Clears the result, and ends a test: it is about values that are not shown any more."""
        self._being_tested, self._edits_next = None, ()
        if self._test_worker is not None:
            self._test_worker.cancel()
        super().forget()

    async def _try(self) -> None:
        try:
            trial = await try_authentication(self.setup, self.work.workbench, self.work.trial_data())
        except InvalidRequest as missing:
            trial = AuthenticationTest(CheckResult("", False, not_sent(self.setup, missing, self.setup.client)))
        self.post_message(self.Tested(trial))

    @on(Tested)
    def _take(self, message: Tested) -> None:
        if self._being_tested is None:
            return  # the values have changed meanwhile
        trial = message.trial
        self.form.show_problems({})
        self._preview()
        if trial.result.finding is not None:
            self._refused(trial.result.finding)
            return
        self.setup.authenticated = True
        if trial.dialect:
            self.setup.set_dialect(trial.dialect)
        self.work.mark_tested("authentications", self.setup.authentication)
        self.form.show_at_hand()
        self.work.use_in_session("authentications", self.setup.authentication)
        self.work.permissions = trial.permissions
        correction = f" Values {trial.correction}." if trial.correction else ""
        tested = f" Tested: {values}." if (values := tested_values(self.work)) else ""
        lines = [f"✔ The store accepts it.{correction}{tested}", *trial.access_lines()]
        if len(trial.views) > 1:
            lines.append(f"  Store views, for step 1: {', '.join(trial.views[:8])}")
        self.explain("")
        self.say("\n".join(lines))
        self.go_on()

    def _refused(self, finding: Finding) -> None:
        self.work.mark_refused("authentications", self.setup.authentication, finding=finding)
        self.form.show_at_hand()
        self.explain("")
        self.found(finding)
        self.post_message(self.Changed())

    def way_to_correct(self, finding: Finding) -> Correction | None:
        """A field that it names takes a new value: what is pasted now is meant for it."""
        is_own = self.form.row_with(finding.field) is not None or (
            finding.field == "authentication" and self.setup.auth_kind not in METHODS
        )
        return self._way_to(finding.field) if is_own else super().way_to_correct(finding)

    def first_button(self, finding: Finding) -> str:
        """The value that was refused is typed again, unless one setting is to be changed: no other way is taken."""
        if finding.fix is not None and finding.fix.target != "authentication":
            return ".fix"
        way = self.way_to_correct(finding)
        return ".correct" if way is not None and way.step is None else ".test"

    def _way_to(self, name: str) -> Correction | None:
        """To this field, or to the first one; None where there is none."""
        form = self.form
        named = next((each for each in (name, first_missing(self.work)) if each and form.row_with(each)), "")
        row = form.row_with(named) if named else next(iter(form.query(FormField)), None)
        self._edits_next = () if row is None else (*row.spec.path, named) if row.holds(named) else row.spec.path
        return Correction(f"Edit {form.title_of(named) or row.label}") if row is not None else None

    def apply(self, fix: Fix) -> None:
        if fix.target == "authentication":
            self.setup.choose_kind(fix.value)
        elif fix.target == "applied":
            self.setup.apply(fix.value.split(","))
            if self.setup.authentication not in (applied := self.setup.applied()):
                self.setup.show_authentication(applied[-1])
            self.run_worker(self._switched_and_test())
            return
        elif fix.target in ("signed-origin", "dialect"):
            self.setup.edit(("authentications", self.setup.authentication, fix.target), fix.value or None)
            self.test()
            return
        elif fix.target == "login":
            self.busy("logging in again")
            self._start(self._log_in_again())
            return
        elif fix.value:
            self.setup.add_code(fix.value)
        else:
            self.setup.remove_code()
        self.run_worker(self._switched())

    async def _switched_and_test(self) -> None:
        await self._switched()
        self.test()

    async def _log_in_again(self) -> None:
        await asyncio.to_thread(self.work.workbench.allow_logins)
        await self._try()

    def on_paste(self, event: events.Paste) -> None:
        """A paste outside fields, also in the log, goes to the field to fill in or to correct."""
        is_outside = bool(self.query("#way-form")) and not isinstance(self.screen.focused, Input | TextArea)
        is_wanted = is_outside and (first_missing(self.work) or self.form.query(FormField).filter(".wrong"))
        if is_wanted and not looks_like_command(event.text):
            self.edit_field()
            entry = self.screen.focused
            if isinstance(entry, SourceField):
                event.stop()
                entry.handle_paste(event.text)
            elif isinstance(entry, TextField):
                entry.on_paste(event)

    @on(Button.Pressed, "#use-sandbox")
    def use_sandbox(self) -> None:
        """The demo's values into the fields."""
        setup = self.setup
        values: Mapping[str, str] = self.work.sandbox
        setup.write_authentication()
        self.forget()
        for each in setup.fields():
            if each.name not in values:
                continue
            if each.secret:
                self.work.hold(setup.path_of(each), values[each.name])
            else:
                setup.edit(setup.path_of(each), values[each.name])
        self.screen.set_focus(
            self.query_one(".test", Button)
        )  # an Enter that follows at once belongs to the filled fields
        self._filling = True
        self.run_worker(self._filled())

    async def _filled(self) -> None:
        try:
            await self._show_way()
        finally:
            self._filling = False
        self.focus_buttons()
