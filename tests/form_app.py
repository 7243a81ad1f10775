"""A form by itself, with models for it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tui_connector.client.model import HeaderName, Span
from tui_connector.kinds import Model, json_schema
from tui_connector.secrets.source import SecretSource, secret_field
from tui_connector.templates import TemplateText
from tui_connector.tui.widgets.field_specs import field_specs
from tui_connector.tui.widgets.form import Form
from tui_connector.tui.widgets.form_field import FormField


class Inner(Model):
    """Inside."""

    depth: int = Field(3, title="Depth")


class Everything(Model):
    """What a form can ask for."""

    text: str = Field("", title="Text", description="About the text.", examples=["so"])
    number: int = Field(1, title="Number")
    on: bool = Field(False, title="On")
    level: Literal["low", "high"] = Field("low", title="Level")
    names: list[str] = Field(default_factory=list, title="Names")
    statuses: list[int] = Field(default_factory=list, title="Statuses")
    headers: dict[HeaderName, TemplateText] = Field(default_factory=dict, title="Headers")
    wait: Span = Field("1s", title="Wait")
    key: SecretSource = secret_field("Key", "A secret.")
    other: SecretSource = secret_field("Other key", "Another secret.")
    inner: Inner = Field(default_factory=Inner, title="Inner")
    anything: Any = Field(None, title="Anything")
    maybe: Literal["a", "b"] | None = Field(None, title="Maybe")


class TwoSecrets(Model):
    """Nothing but secrets."""

    key: SecretSource = secret_field("Key", "A secret.")
    other: SecretSource = secret_field("Other key", "Another secret.")


class FourTokens(Model):
    """The tokens of an integration."""

    consumer_key: SecretSource = secret_field("Consumer key", "")
    consumer_secret: SecretSource = secret_field("Consumer secret", "")
    access_token: SecretSource = secret_field("Access token", "")
    access_token_secret: SecretSource = secret_field("Access token secret", "")


class FormApp(App[None]):
    """A form and what it said."""

    def __init__(self, model: type[Model], data: dict[str, Any]) -> None:
        super().__init__()
        self.model, self.data = model, data
        self.edits: dict[tuple[str | int, ...], Any] = {}
        self.typed: dict[tuple[str | int, ...], str] = {}
        self.entered = False

    def compose(self) -> ComposeResult:
        yield Form(
            field_specs(json_schema(self.model)), self.data, ("here",), lambda path, place: {place: str(path[-1])}
        )

    def on_form_edited(self, event: Form.Edited) -> None:
        self.edits[event.path] = event.value

    def on_form_secret_typed(self, event: Form.SecretTyped) -> None:
        self.typed[event.path] = event.value

    def on_form_entered(self) -> None:
        self.entered = True

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    def field(self, name: str) -> FormField:
        found = self.form.field(name)
        assert found is not None
        return found


async def type_into(pilot: Pilot[None], app: FormApp, name: str, text: str) -> None:
    app.form.focus_on(name)
    await pilot.press(*text)
    await pilot.pause()
