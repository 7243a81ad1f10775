"""The form of a part of a profile: on a step of the guide, or over a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from textual import events, on
from textual.message import Message
from textual.timer import Timer

from ...client.file_path import full_path, why_unreadable
from ...client.typed_address import typed_address
from ...errors import InvalidValue, UserError
from ...guide.checks.criteria import filter_fields, list_profile, matching
from ...guide.environment_values import own_values, without_own_output
from ...guide.misplaced_secrets import is_store_address
from ...guide.secret_sources import SecretPlace, secret_name, source
from ...guide.steps import kind_schemas
from ...guide.steps.setup import Setup
from ...magento.entities.search_fields import usual_fields
from ...profile.positions import value_at
from ...profile.remarks import remarks
from ...secrets.cleaning import SecretKind, secret_kind, what_surrounds
from ...secrets.token_shape import unlikely_length
from ...secrets.vault import KeyringState
from ...templates import Json
from ...text import count, listed, shown_line
from ..external_editor import edit_field
from ..keys import is_on_top
from ..widgets.criteria import CriteriaScreen
from ..widgets.field_specs import FieldSpec, FieldType, field_specs
from ..widgets.form import Form
from ..widgets.form_field import ACCEPTED, RIGHT_LENGTH, FormField, FormPath
from ..widgets.frame import by_itself
from ..widgets.questions import ConfirmScreen
from ..widgets.secret import TOKEN_LENGTH, Secret, VariableInput
from ..widgets.secret_place import PlaceChoice
from ..widgets.text_areas import JsonField
from .context import GuideContext

_DATA_FILES = (("sink", "path"), ("source", "path"))
"""Files that a run writes, or that are made later."""
_UNTIL_CHECKED = 0.2
"""Seconds after the last key until the input is validated."""


class SetupForm(Form):
    """A form for a part of the profile: writes edits into the setup and validates while typing."""

    class Changed(Message):
        """The form has changed the setup."""

    @dataclass
    class KeyringKnown(Message):
        """Whether the keyring can be used."""

        state: KeyringState

    @dataclass
    class FilesChecked(Message):
        """Which of the files that are named can be read."""

        unreadable: dict[FormPath, str]

    class NoStore(Message):
        """A secret was entered before the store is known, so it could not be bound to its origin; it was discarded."""

    def __init__(
        self,
        work: GuideContext,
        specs: Iterable[FieldSpec],
        path: FormPath,
        *,
        data: Json = None,
        before_edit: Callable[[], None] | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """`data` is shown for a part that is not in the draft yet; `before_edit` adds it."""
        there = work.setup.at(*path)
        data = there if isinstance(there, dict) else data
        super().__init__(specs, data if isinstance(data, dict) else {}, path, self._source, id=id)
        self.work = work
        self._before_edit = before_edit
        self._checking: Timer | None = None
        self._refused: dict[FormPath, str] = {}
        """Why what was typed last for a secret was not taken."""
        self._not_addresses: dict[FormPath, str] = {}
        """Why what was typed last for an address is not one."""
        self._files: dict[FormPath, str] = {}
        """The files that are named to be read, as checked last."""
        self._unreadable: dict[FormPath, str] = {}
        """Why those cannot be read that cannot."""
        self._asks_keyring = False
        self._unvisited: set[FormPath] = set()
        """The fields of what was just begun that are empty and had no focus yet: what they lack is not said."""

    def on_mount(self) -> None:
        self.call_after_refresh(self.show_at_hand)
        self.ask_keyring()  # before anything is typed

    @property
    def uses_keyring(self) -> bool:
        """Whether a secret that is shown is taken from the keyring."""
        return any(each.place == "keyring" for each in self.query(Secret))

    @property
    def keyring_problem(self) -> str:
        return self.work.keyring_problem

    def ask_keyring(self) -> None:
        """Finds out whether the keyring can be used, if a secret needs it; again if it could not: it may run by now."""
        is_usable = self.work.keyring is not None and self.work.keyring.usable
        if self.uses_keyring and not is_usable and not self._asks_keyring:
            self._asks_keyring = True
            self.run_worker(self._ask_keyring())

    async def _ask_keyring(self) -> None:
        self.post_message(self.KeyringKnown(await self.work.workbench.vault.state(writing=False)))

    @on(KeyringKnown)
    def _keyring(self, message: KeyringKnown) -> None:
        self._asks_keyring = False
        self.work.keyring = message.state
        for each in self.query(PlaceChoice):
            each.show(each.chosen)
        self.show_notes(self.notes())

    def shared_values(
        self, variant: FieldSpec, before: Mapping[str, Json], kind: str, fields: Sequence[FieldSpec]
    ) -> dict[str, Json]:
        """With a file named as those of this kind, unless the user has named it."""
        values = super().shared_values(variant, before, kind, fields)
        is_file = variant.path in (("sink",), ("source",)) and len(self.path) > 1
        if is_file and any(each.name == "path" and (each.required or "path" in values) for each in fields):
            family, name = map(str, self.path[:2])
            there = str(values["path"]) if "path" in values else None
            file = self.work.setup.file_of_kind(family, name, kind, str(before.get("kind") or ""), there)
            return {**values, "path": file} if file is not None else values
        return values

    def fields_changed(self, path: FormPath) -> None:
        self.call_after_refresh(self.show_at_hand)
        self.begin(path)

    def begin(self, path: FormPath = ()) -> None:
        """Says of no empty field below this path that it is missing, until the user has been there."""
        rows = {(*self.path, *row.spec.path): row for row in self.query(FormField)}
        self._unvisited |= {full for full, row in rows.items() if row.is_empty and full[: len(path)] == path}

    def continue_from(self, former: SetupForm) -> None:
        """Says of no field that it is missing of which this other form, shown before, has not said it."""
        if former.path == self.path:
            self._unvisited |= former._unvisited

    def say_missing(self) -> None:
        """Says of every field what it lacks, also where the user has not been."""
        self._unvisited.clear()
        self.check()

    def first_problem(self) -> str:
        """What is invalid in the first such field, after its title; "" where nothing is."""
        found = self._said_at(self.work.setup.problems())
        return next((f"{row.label}: {words}" for row, _, words in found if words), "")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        path = self.path_of(event.widget)
        if path in self._unvisited and self.is_attached and is_on_top(self.screen):
            self._unvisited.discard(path)
            self.check()

    def first_unvisited(self) -> FormPath:
        """The first field of which is not said yet what it lacks; empty where there is none."""
        problems = self.work.setup.problems()
        rows = [(*self.path, *row.spec.path) for row in self.query(FormField)]
        return next((path for path in rows if path in self._unvisited and path in problems), ())

    def show_at_hand(self) -> None:
        """Shows the secrets that are available, and the field that was refused."""
        for path in self._secret_places():
            glimpse = self.work.glimpse(path)
            if glimpse:
                self.held(path, glimpse)
        self._show_refused()

    def _show_refused(self) -> None:
        """Marks the field that the last test has refused, as long as it has the same values."""
        refusal = self.work.refusal(*map(str, self.path))
        for row in self.query(FormField):
            row.show_refused(refusal is not None and refusal.field in (row.spec.name, ".".join(row.spec.path)))

    def held(self, path: FormPath, glimpse: str, *, verdict: str = "") -> None:
        """Shows that a secret is available, and what is known of it: ✔ or ✘, or neither before a test."""
        super().held(path, glimpse, verdict=verdict or self._verdict(path, len(glimpse)))
        row = self.field(str(path[-1]))
        if row is not None and self._unlikely(path):
            row.mark(f"{len(glimpse)} ✘", bad=True)

    def _verdict(self, path: FormPath, length: int) -> str:
        """Whether a test has accepted this secret, or it was entered here as a token of Magento's length."""
        work, name = self.work, str(path[-1])
        if work.is_tested(*map(str, path[:2])):
            return ACCEPTED
        is_long_enough = secret_kind(name) is SecretKind.TOKEN and length == TOKEN_LENGTH
        return RIGHT_LENGTH if is_long_enough and work.is_typed(path) else ""

    def _unlikely(self, path: FormPath) -> str:
        """What is unlikely about the length of a secret that was entered for this path; "" where nothing is."""
        work = self.work
        if (
            len(path) != 3
            or path[0] != "authentications"
            or work.is_tested(*map(str, path[:2]))
            or not work.is_typed(path)
        ):
            return ""
        kind = work.setup.at(*path[:2], "kind")
        if kind not in ("oauth1", "bearer") or (kind == "bearer" and work.setup.store is None):
            return ""  # a bearer token of another store may have any length
        return unlikely_length(str(path[-1]), len(work.glimpse(path)))

    def _repeated(self, path: FormPath) -> str:
        """Which field before this one has the same value; "" if none: the values of an integration all differ."""
        setup, vault = self.work.setup, self.work.workbench.vault
        if len(path) != 3 or path[0] != "authentications" or setup.at(*path[:2], "kind") != "oauth1":
            return ""
        if not self.work.takes_typed(path):
            return ""
        value = vault.held_secret(setup.secret_name(path), setup.origin_for(path))
        for each in self.specs:
            other = (*self.path, *each.path)
            if other == path or value is None:
                break
            typed = vault.held_secret(setup.secret_name(other), setup.origin_for(other))
            if typed == value and self.work.takes_typed(other):
                return f"The same value as {each.title}. Copy this one again."
        return ""

    def _secret_places(self) -> list[FormPath]:
        secrets: list[FormPath] = [(*self.path, *each.path) for each in self.specs if each.type is FieldType.SECRET]
        named = [path for path in self.work.setup.secret_paths() if path[: len(self.path)] == self.path]
        return [*secrets, *named]

    def _source(self, path: FormPath, place: str) -> dict[str, Json]:
        return source(_PLACES[place], secret_name(self.work.setup.name, path))

    is_discarded = False
    """Whether what the form still reports, such as a secret whose field loses the focus as it closes, is dropped."""

    @on(Form.Edited)
    def _take(self, event: Form.Edited) -> None:
        event.stop()
        if self.is_discarded:
            return
        self._unvisited.discard(event.path)
        if self._before_edit is not None:
            self._before_edit()
        typed_each_time = event.path[-1] == "totp" and event.value == {"ask": True}
        variable = self.work.setup.at(*event.path, "env")
        if variable is not None and value_at(event.value, ("env",)) not in (None, variable):
            # what was typed is the value of the variable that was named before
            self.work.workbench.vault.forget(self.work.setup.secret_name(event.path))
        value = self._checked_address(event.path, event.value)
        self.work.setup.edit(event.path[:-1] if typed_each_time else event.path, value)
        if value_at(event.value, ("keyring",)) is not None:
            self.ask_keyring()
        if self._checking is not None:
            self._checking.stop()
        self._checking = self.set_timer(_UNTIL_CHECKED, self.check)
        self.post_message(self.Changed())

    def address(self, path: FormPath, typed: str) -> str:
        """The address to write for what was typed at this path. Raises `InvalidValue`."""
        return typed_address(typed)[0]

    def _checked_address(self, path: FormPath, value: Json) -> Json:
        """The value as it is written; what is not an address stays as it was typed, and its field says why."""
        self._not_addresses.pop(path, None)
        if not isinstance(value, str) or path[-3:-2] != ("plugins",) or path[-1] != "uri":
            return value
        try:
            return self.address(path, value)
        except InvalidValue as error:
            self._not_addresses[path] = str(error)
            return value

    @on(Form.SecretTyped)
    def _hold(self, event: Form.SecretTyped) -> None:
        event.stop()
        if self.is_discarded:
            return
        if not self.work.setup.base_uri:
            self.post_message(self.NoStore())
            return
        if is_store_address(event.value, secret_kind(str(event.path[-1])), self.work.setup.base_uri):
            self._refused[event.path] = "This is an address, not a secret. It was not taken."
            self.not_held(event.path)
            self.show_at_hand()
            self.check()
            return
        self._refused.pop(event.path, None)
        self._unvisited.discard(event.path)
        if self._before_edit is not None:
            self._before_edit()
        self.work.hold(event.path, event.value)
        self.held(event.path, self.work.glimpse(event.path))
        self.check()
        self.post_message(self.Changed())

    @on(VariableInput.Unusual)
    def _ask_name(self, event: VariableInput.Unusual) -> None:
        event.stop()
        question = (
            f"What you entered ({count(len(event.name), 'character')}) is not a usual name of an environment variable, "
            "such as ACME_TOKEN.\n\nThe name is written to the profile in plain text. Is it a name, and not the secret?"
        )
        screen = ConfirmScreen(question, title="Name of a variable?", yes="Use as name", no="Discard")
        self.app.push_screen(by_itself(screen), lambda yes: event.field.use(event.name) if yes else None)

    @on(JsonField.EditorRequested)
    def _open_editor(self, event: JsonField.EditorRequested) -> None:
        event.stop()
        edit_field(self, self.work.workbench.machine, event.json_field)

    def criteria_screen(self, path: FormPath, rows: Sequence[str]) -> CriteriaScreen:
        """Search criteria; of an incoming, with its fields and the number of matching items."""
        if path[0] != "incoming":
            return super().criteria_screen(path, rows)
        name, work = str(path[1]), self.work

        async def fields() -> list[str]:
            try:
                profile = list_profile(work.trial_data(), name, whole=False)
                async with work.workbench.session(profile, parts=[("incoming", name)]) as session:
                    return await filter_fields(profile, session, name, work.workbench.run())
            except UserError:
                return []

        async def count(wanted: list[str]) -> int | None:
            profile = list_profile(work.trial_data(), name)
            async with work.workbench.session(profile, parts=[("incoming", name)]) as session:
                return await matching(profile, session, name, wanted, work.workbench.run())

        uri = str(work.setup.at("incoming", name, "request", "uri") or "")
        return CriteriaScreen(rows, fields, count, usual_fields(uri))

    def take_refused_input(self) -> str:
        """Why what was typed last for a secret was not taken, when asked for the first time; "" if it was taken."""
        refused, self._refused = self._refused, {}
        return next(iter(refused.values()), "")

    def check(self) -> None:
        """Shows problems at their fields, and which one was refused."""
        self._show_refused()
        self._check_files()
        odd = {path: words for path in self._secret_places() if (words := self._unlikely(path) or self._repeated(path))}
        remarked = {each.path: each.message for each in remarks(self.work.setup.draft)}
        self.show_notes(self.notes())
        found = [each for each in self.work.setup.found_problems() if each.path not in self._unvisited]
        problems = {each.path: each.message for each in found}
        wrong_keys = {each.path for each in found if each.is_of_key}
        self.show_problems({**odd, **remarked, **problems, **self._not_addresses, **self._refused}, wrong_keys)

    def _check_files(self) -> None:
        """Finds out which of the files that are named to be read cannot be, where another one is named."""
        rows = {(*self.path, *row.spec.path): row for row in self.query(FormField) if row.spec.is_path}
        files = {at: row.value for at, row in rows.items() if isinstance(row.value, str) and at[-2:] not in _DATA_FILES}
        if files != self._files:
            self._files = files
            self.run_worker(self._find_unreadable(files), group="files", exclusive=True)

    async def _find_unreadable(self, files: Mapping[FormPath, str]) -> None:
        directory = self.work.workbench.directory

        def found() -> dict[FormPath, str]:
            return {at: why for at, file in files.items() if (why := why_unreadable(full_path(file, directory)))}

        self.post_message(self.FilesChecked(await asyncio.to_thread(found)))

    @on(FilesChecked)
    def _say_unreadable(self, message: FilesChecked) -> None:
        message.stop()
        self._unreadable = message.unreadable
        self.show_notes(self.notes())

    def notes(self) -> dict[FormPath, str]:
        """What else is to be known of values, by path."""
        own = own_values(self.work.setup.draft, self.work.environment, self.path)
        instead = f"{self.work.environment} has its own: {{}} (E, then e on it, changes that)."
        notes = {path: instead.format(shown_line(value, 120)) for path, value in own.items()}
        if self.path[:1] == ("incoming",) and (sharing := without_own_output(self.work.setup.draft, str(self.path[1]))):
            words = f"The same file in {listed(sharing, 5)} (E, then e on it, changes that)."
            notes.setdefault((*self.path[:2], "sink", "path"), words)
        unreadable = {path: f"! {why[:1].upper()}{why[1:]}" for path, why in self._unreadable.items()}
        return {**self._surrounded_passwords(), **unreadable, **notes}

    def _surrounded_passwords(self) -> dict[FormPath, str]:
        """What passwords that were entered here begin or end with, if that may have been copied with them."""
        setup, vault = self.work.setup, self.work.workbench.vault
        found: dict[FormPath, str] = {}
        for path in self._secret_places():
            if secret_kind(str(path[-1])) is not SecretKind.TEXT or not self.work.takes_typed(path):
                continue
            if words := what_surrounds(vault.held_secret(setup.secret_name(path), setup.origin_for(path)) or ""):
                found[path] = f"The password {words}. Copy it again without, unless that is part of it."
        return found


_PLACES = {
    "keyring": SecretPlace.KEYRING,
    "env": SecretPlace.ENVIRONMENT,
    "ask": SecretPlace.ASK,
}


def field_specs_in(setup: Setup, schema: kind_schemas.Schema) -> tuple[FieldSpec, ...]:
    """The fields of a schema for this profile: a client is one of its clients."""
    return field_specs(kind_schemas.named(schema, setup.draft))
