"""The form of an environment: the address of another store, its secrets, and whether it is in production."""

from __future__ import annotations

from collections.abc import Iterator

from textual import on

from ...errors import UserError
from ...guide.environment_values import addresses, is_production, outputs, own_source, secrets
from ...guide.steps.store_address import whole_address
from ...profile.environment_names import TABLE
from ...profile.problem_fixes import inline
from ...profile.problems import check_data
from ...secrets.backends import entry_of
from ...secrets.errors import SecretError
from ...secrets.source import SecretSource
from ...templates import Json
from ...text import shown_line
from ..widgets.field_specs import FieldSpec, FieldType
from ..widgets.form import Form
from ..widgets.form_field import FormField, FormPath
from .context import GuideContext
from .form import SetupForm
from .form_screen import FormScreen

_ABOUT = (
    "The values of another store. Where a field is empty, the base value applies. For each secret, the list beside its "
    "field says where it comes from. Everything else is edited as text (^G)."
)
_OF_ALL = "Whether the store is a live one. Sending to it prompts for its name."


class _Overrides(SetupForm):
    """The fields of an environment. What is typed for a secret is held until the form is saved."""

    def __init__(self, work: GuideContext, environment: str) -> None:
        self.environment = environment
        self._bases = {
            each.path: each.base
            for each in (
                *addresses(work.setup.draft, environment),
                *secrets(work.setup.draft),
                *outputs(work.setup.draft),
            )
        }
        super().__init__(work, _specs(work, environment), (TABLE, environment))

    def _base(self, path: FormPath) -> FormPath:
        return self._bases[tuple(map(str, path[2:]))]

    def _source(self, path: FormPath, place: str) -> dict[str, Json]:
        setup = self.work.setup
        return own_source(setup.draft, setup.name, self._base(path), self.environment, place)

    def show_at_hand(self) -> None:
        for path in self._secret_places():
            if glimpse := self.work.workbench.vault.glimpse(self.held_name(path)):
                self.held(path, glimpse)

    def held_name(self, path: FormPath) -> str:
        """The name under which what was typed for this secret is held."""
        return entry_of("/".join(map(str, self._base(path))), self.environment)

    def notes(self) -> dict[FormPath, str]:
        found = ((path, self._read_from(path)) for path in self._secret_places())
        return {**self._completed(), **{path: words for path, words in found if words}}

    def _completed(self) -> dict[FormPath, str]:
        """How addresses are saved that were not typed in full."""
        rows = {(*self.path, *row.spec.path): row.value for row in self.query(FormField)}
        saved = {path: self.work.setup.at(*path) for path in rows if path[-1] == "uri"}
        return {path: f"Saved as {shown_line(str(uri), 120)}" for path, uri in saved.items() if uri != rows[path]}

    def _read_from(self, path: FormPath) -> str:
        """Where a secret is read from; "" where the field itself shows it."""
        own, base = self.work.setup.table(*path), self.work.setup.table(*self._base(path))
        if "keyring" in own or (not own and "keyring" in base):
            entry = shown_line(str(own.get("keyring") or self._source(path, "keyring")["keyring"]), 120)
            if not self.keyring_problem:
                return f"Keyring entry {entry}"
            reason = self.keyring_problem.partition(": ")[0].removesuffix(".")
            elsewhere = "What you type is kept for this session; → leads to a variable or a command"
            return f"! Keyring entry {entry}: {reason}. {elsewhere}."
        return "" if own else f"As in the base values: {shown_line(inline(dict(base)), 120)}"

    def address(self, path: FormPath, typed: str) -> str:
        return whole_address(typed, str(self.work.setup.at(*self._base(path)) or ""))

    @on(Form.SecretTyped)
    def _hold(self, event: Form.SecretTyped) -> None:
        event.stop()
        event.prevent_default()
        setup, vault = self.work.setup, self.work.workbench.vault
        if setup.at(*event.path) is None and "keyring" not in setup.table(*self._base(event.path)):
            setup.edit(event.path, self._source(event.path, "keyring"))
        vault.hold(self.held_name(event.path), event.value, "")
        self.held(event.path, vault.glimpse(self.held_name(event.path)))
        self.post_message(self.Changed())


class EnvironmentForm(FormScreen):
    """Edits the usual values of an environment."""

    def __init__(self, work: GuideContext, environment: str) -> None:
        self._environment = environment
        super().__init__(work, f"Environment {environment}", dict, (TABLE, environment), _ABOUT)

    def _new_form(self) -> SetupForm:
        return _Overrides(self._work, self._environment)

    async def store_typed(self) -> list[str]:
        """Stores what was typed for secrets, each for the store of the environment, and returns their names.

        In the keyring; without one, or for a variable or a prompt, until the program exits. Raises `UserError`, also
        while the profile is invalid: then it is not known which store they are for.
        """
        form, vault = self._form, self._work.workbench.vault
        assert isinstance(form, _Overrides)
        if vault.held_secrets() == self._secrets_before:
            return []
        profile, problems = check_data(self._work.setup.draft, self._environment)
        if profile is None:
            at, why = problems[0]
            hint = "Fix this first, or cancel the form without the secrets."
            raise UserError("profile-invalid", f"The secrets cannot be stored: {'.'.join(map(str, at))}: {why}", hint)
        stored = []
        for secret in profile.secrets():
            path = (TABLE, self._environment, *map(str, secret.path))
            if path[2:] not in form._bases or (value := vault.held_secret(form.held_name(path), "")) is None:
                continue
            is_stored = await self._store(secret.source, value, secret.origins)
            stored.append(f"{secret.source.label}{'' if is_stored else ' (for this session)'}")
        return stored

    def forget_typed(self) -> None:
        """Forgets what was typed for secrets: it is stored, or was discarded."""
        self._work.workbench.vault.restore_held(self._secrets_before)

    async def _store(self, source: SecretSource, value: str, origins: tuple[str, ...]) -> bool:
        """Stores a secret in the keyring; False where it is kept until the program exits."""
        vault, path = self._work.workbench.vault, self._work.path
        if source.keyring is not None:
            try:
                await vault.store(source.keyring, value, *origins)
            except SecretError as error:
                if error.code != "keyring-unusable":
                    raise
            else:
                return True
        if path is not None:
            vault.keep_imported(path, source, origins, value)
        return False


def _specs(work: GuideContext, environment: str) -> Iterator[FieldSpec]:
    draft = work.setup.draft
    found = list(addresses(draft, environment))
    for address in found:
        title = "Base URI" if len(found) == 1 else f"Base URI, {address.path[1]}"
        base = str(work.setup.at(*address.base) or "")
        about = "The REST API of the store. What is missing of its path is that of the base values, such as /rest/V1."
        yield FieldSpec(address.path, title, about, FieldType.TEXT, hint=base)
    parts = {each.path[1] for each in secrets(draft)}
    for secret in secrets(draft):
        name = secret.path[-1].replace("-", " ").capitalize()
        title = name if len(parts) == 1 else f"{name}, {secret.path[1]}"
        yield FieldSpec(secret.path, title, "The secret of this store.", FieldType.SECRET)
    files = list(outputs(draft))
    for output in files:
        title = "Output" if len(files) == 1 else f"Output, {output.path[1]}"
        about = "The file with the items of this store. A file that another environment has written is not changed."
        base = str(work.setup.at(*output.base))
        yield FieldSpec(output.path, title, about, FieldType.TEXT, hint=base)
    live = is_production(draft)
    yield FieldSpec(("production",), "Production", _OF_ALL, FieldType.BOOLEAN, default=live)
