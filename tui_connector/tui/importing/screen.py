"""Shows what an import will create and what it cannot carry over, and creates it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from ...errors import UserError
from ...guide.profiles.importing import ImportPlan, ImportResult, carry_out, plan_import, set_secrets
from ...machine import Machine
from ...profile.importers.background import source_text
from ...secrets.backends import override_name
from ...secrets.mask import Mask
from ...secrets.vault import Vault
from ...text import count, shown, shown_line
from ..dialogs import FieldDialog
from ..keys import letter_bindings
from ..widgets.dialog_panel import DialogPanel
from ..widgets.frame import TONES, Dialog
from ..widgets.safe_input import SafeInput
from .command_input import CommandInput

_SOURCES = (
    "Paste a curl command, or enter the path of a file: a Postman collection (v2.1), an OpenAPI or Swagger document "
    "in JSON, a HAR, an NDJSON export, a profile, or curl commands."
)


class ImportSourceScreen(FieldDialog[str]):
    """The file to import, or a pasted curl command."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="import.back")]

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._environ = environ
        self.path_endings = ()

    def compose(self) -> ComposeResult:
        with DialogPanel(classes="question") as panel:
            yield Static(Content(_SOURCES))
            yield CommandInput(self._pasted, id="import-source", placeholder="collection.json")
            yield from self.compose_error()
        panel.border_title = "Import"
        panel.border_subtitle = "Enter: continue · Tab: complete · Esc: cancel"

    def on_mount(self) -> None:
        self.query_one("#import-source", Input).focus()

    def _pasted(self, text: str) -> None:
        self.dismiss(text)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if source := event.value.strip():
            self.attempt(self._readable(source), "Reading it")

    async def _readable(self, source: str) -> str:
        await source_text(source, self._environ)
        return source


class ImportScreen(Dialog[Path | None]):
    """The list of what will be created. It returns the profile. The button has the focus: Enter creates it."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", id="import.leave", priority=True),
        *letter_bindings("c", "create", "Create", "import.create", "f5", "ctrl+r", show=True),
        Binding("down", "scroll(1)", "Down", show=False, id="import.down"),
        Binding("up", "scroll(-1)", "Up", show=False, id="import.up"),
    ]

    def __init__(self, machine: Machine, source: str, into: Path | None = None) -> None:
        """`source` is a text or the path of a file; `into` is a profile that the parts are added to."""
        super().__init__()
        self._machine, self._source, self._into = machine, source, into
        self._text = ""
        self._plan: ImportPlan | None = None
        self._creating = False

    def compose(self) -> ComposeResult:
        with DialogPanel(id="import") as panel:
            with Horizontal(classes="field", id="import-name-row"):
                yield Static(Content("Name"), classes="label")
                yield SafeInput(compact=True, id="import-name")
            with VerticalScroll(id="import-list"):
                yield Static("  Reading …", id="import-lines", classes="lines")
            yield Static("", id="import-error")
            with Horizontal(classes="answers"):
                yield Button("Create", compact=True, id="import-create")
        panel.border_title = "Import" if self._into is None else Content(f"Add to {shown_line(self._into.stem)}")
        panel.border_subtitle = "Enter, F5: create · Tab: next · Esc: cancel"

    def on_mount(self) -> None:
        self.query_one("#import-name-row").display = False
        self.query_one("#import-list").focus()
        self.run_worker(self._load())

    async def _load(self) -> None:
        try:
            self._text = await source_text(self._source, self._machine.environ)
            plan = await plan_import(self._text, self._machine, into=self._into, suggested=self._suggested())
        except UserError as error:
            self.query_one("#import-lines", Static).update("")
            self._show_error(error)
            return
        self._source = ""
        self._plan = plan
        if self._into is None:
            self.query_one("#import-name", Input).value = plan.name
            self.query_one("#import-name-row").display = True
        self.query_one("#import-lines", Static).update(import_lines(plan))
        self.query_one("#import-create", Button).focus()

    @on(Input.Changed, "#import-name")
    def _name_typed(self, event: Input.Changed) -> None:
        proposed = self._plan.name if self._plan is not None else ""
        self.query_one("#import-name", SafeInput).is_suggestion = event.value == proposed

    def action_scroll(self, by: int) -> None:
        self.query_one("#import-list").scroll_relative(y=by, animate=False)

    @property
    def parts(self) -> Mapping[str, Sequence[str]]:
        """The names of what is created, by family."""
        return self._plan.parts if self._plan is not None else {}

    def _suggested(self) -> str:
        """A name for a profile that has none of its own."""
        return "imported" if self._text == self._source else Path(self._source).stem

    @on(Button.Pressed, "#import-create")
    def action_create(self) -> None:
        """Creates it once the focused field has handled the keys before this one."""
        (self.focused or self).call_later(self._create)

    def _create(self) -> None:
        if self._plan is not None and not self._creating:
            self._creating = True
            self.run_worker(self._carry_out(self._plan))

    async def _carry_out(self, plan: ImportPlan) -> None:
        name = self.query_one("#import-name", Input).value.strip()
        vault = Vault(self._machine, Mask())
        try:
            if self._into is None and name != plan.name:
                plan = await plan_import(self._text, self._machine, name=name)
            result = await carry_out(plan, vault, keep_for_session=True, state=self._machine.directories.state)
            if result.to_set:
                result = await set_secrets(plan, result, vault, self._machine, keep_for_session=True)
        except UserError as error:
            self._show_error(error)
        else:
            for text in _after(plan, result):
                self.app.notify(shown(text), timeout=15, markup=False)
            self.dismiss(result.path)
        finally:
            self._creating = False
            vault.close()

    def action_leave(self) -> None:
        if isinstance(self.focused, Input):
            self.query_one("#import-list").focus()
        elif not self._creating:
            self.dismiss(None)

    def _show_error(self, error: UserError) -> None:
        note = self.query_one("#import-error", Static)
        note.update(Content(shown(f"✘ {error}")))
        note.add_class("bad")


def import_lines(plan: ImportPlan) -> Content:
    """What the plan creates, what is to be set, and what is not carried over."""
    secrets = [f"{count(len(plan.secrets), 'secret')} in the keyring"] if plan.secrets else []
    parts = [
        *_section(
            f"{plan.format[:1].upper()}{plan.format[1:]}: this will be created", "+", [*plan.created(), *secrets]
        ),
        *_section("Secrets to set", "?", plan.missing_secrets()),
        *_section("Not carried over", "-", map(str, plan.not_imported), "muted"),
        *_section("Once you trust it, the profile", "·", plan.capabilities),
    ]
    return Content.assemble(*parts)


def _section(title: str, sign: str, lines: Iterable[str], tone: str = "") -> Iterator[tuple[str, str]]:
    found = list(lines)
    if not found:
        return
    yield f"{title}\n", "bold"
    for line in found[:_MOST_LINES]:
        yield f"  {sign} ", TONES["accent"]
        yield f"{shown_line(line, 400)}\n", TONES.get(tone, "")
    if len(found) > _MOST_LINES:
        yield f"    and {len(found) - _MOST_LINES:,} more\n", TONES["muted"]
    yield "\n", ""


_MOST_LINES = 250


def _after(plan: ImportPlan, result: ImportResult) -> Iterator[str]:
    """The message after it was created."""
    yield f"{'Created' if plan.is_new else 'Added to'} {plan.name}."
    yield from result.notes
    if result.for_session:
        variables = ", ".join(map(override_name, result.for_session))
        yield f"In this session, what you entered is used. For later sessions, set {variables}."
    if result.to_set:
        secrets = count(len(result.to_set), "secret")
        yield f"{secrets} to set: open the guide, or run tui-connector secrets set {shlex.quote(plan.name)}."
