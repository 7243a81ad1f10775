"""^G leads from a key in the text of a profile to its field in a form, and from there to the same line again."""

from __future__ import annotations

from typing import Any

from guide_steps import no_demo
from screens import until, until_shown

from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.part_forms import SaveScreen
from tui_connector.tui.setup.form_screen import FormScreen
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.toml_editor.area import TomlArea
from tui_connector.tui.toml_editor.screen import EditorScreen

TEXT = """format = 1
name = "Acme store"

[authentications.a]
kind = "bearer"
token = { env = "ACME_TOKEN" }

[authentications.admin]
kind = "request"
uri = "/rest/V1/integration/admin/token"
method = "post"
parameters = { username = "api", password = { env = "ACME_PASSWORD" } }
client = "default"
header = "X-Authorization"

[clients.m]
authentications = ["a"]
timeout = "45s"

[[clients.m.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

[[clients.m.plugins]]
kind = "retry"
attempts = 7

[clients.login]
authentications = ["admin"]
plugins = [{ kind = "base-uri", uri = "https://login.example/rest/all/V1" }]

[clients.default]
plugins = [{ kind = "base-uri", uri = "https://acme.example/rest/all/V1" }]

[incoming.products]
client = "m"
request = { uri = "products" }
items = "items"
identifier = "sku"

[outgoing.stock]
client = "m"
source = { kind = "jsonl", path = "stock.jsonl" }
identifier = "sku"
steps = [
    { name = "find", request = { uri = "products/&{sku}" } },
    { name = "send", request = { method = "post", uri = "products" } },
]

[environments.staging]
clients.m.timeout = "60s"
"""


def here(app: ConnectorApp) -> str:
    """The key of the focused field."""
    screen = app.screen
    if isinstance(screen, FormScreen):
        return ".".join(map(str, screen._form.path_of(screen.focused)))
    if isinstance(screen, SetupScreen) and screen.query("StepPane .continue"):
        return ".".join(map(str, screen.pane.path_here))
    return ""


def cursor_line(app: ConnectorApp) -> str:
    """The line of the editor's cursor; empty while the screen is being composed."""
    return "".join(area.document.get_line(area.selection.end[0]) for area in app.screen.query(TomlArea))


async def jump(pilot: Any, text: str, kind: type[Any], key: str) -> None:
    """From this text in the editor to the form with this key."""
    app: ConnectorApp = pilot.app
    await until_shown(pilot, "✔ valid")
    area = app.screen.query_one(TomlArea)
    area.go_to(area.text.index(text))
    screen = app.screen
    assert isinstance(screen, EditorScreen)
    await until(
        pilot,
        lambda: screen.check_action("form", ()) is True and screen._assisted == (area.text, area.offset_of_cursor),
    )
    await pilot.press("ctrl+g")
    await until(pilot, lambda: isinstance(app.screen, kind) and here(app) == key)


LINES: list[tuple[str, type[Any], str]] = [
    ('timeout = "45s"', FormScreen, "clients.m.timeout"),
    ("attempts = 7", FormScreen, "clients.m.plugins.1.attempts"),
    ('uri = "https://acme', SetupScreen, "clients.m.plugins.0.uri"),
    ("token = {", SetupScreen, "authentications.a.token"),
    ("password = {", SetupScreen, "authentications.admin.parameters.password"),
    ('header = "X-Auth', SetupScreen, "authentications.admin.header"),
    ("identifier", FormScreen, "incoming.products.identifier"),
    ("source = {", FormScreen, "outgoing.stock.source"),
    ("[outgoing.stock]", FormScreen, "outgoing.stock"),
    ("clients.m.timeout", FormScreen, "environments.staging.clients.m.plugins.base-uri.uri"),
]
"""Texts of the profile, and the form and key that each leads to."""


async def test_lines_of_the_text_lead_to_their_fields_and_back(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    app = ConnectorApp(machine, no_demo, start_at="editor", profile=path)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        for line in LINES:
            await jump(pilot, *line)
            await pilot.press("ctrl+g")
            await until(pilot, lambda: isinstance(app.screen, EditorScreen))
            assert line[0] in cursor_line(app)
        await jump(pilot, *LINES[-1])


async def test_a_form_that_was_opened_from_the_text_leads_back_there(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    app = ConnectorApp(machine, no_demo, start_at="editor", profile=path)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await jump(pilot, "identifier", FormScreen, "incoming.products.identifier")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and "identifier" in cursor_line(app))
        await jump(pilot, "identifier", FormScreen, "incoming.products.identifier")
        await pilot.press("end", "x", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and 'identifier = "skux"' in cursor_line(app))


async def test_the_guide_is_left_for_the_text_once_nothing_is_unsaved(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    app = ConnectorApp(machine, no_demo, start_at="setup", profile=path)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: here(app) == "clients.m")
        app.screen.query_one("#plugins").focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: here(app) == "clients.m.plugins.1.attempts")
        await pilot.press("end", "0", "ctrl+g")
        await until_shown(pilot, "Save the changes first (^S).")
        await pilot.press("backspace", "ctrl+g")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        assert "attempts = 7" in cursor_line(app)
        assert path.read_text() == TEXT
        await jump(pilot, "attempts = 7", FormScreen, "clients.m.plugins.1.attempts")


async def test_the_line_at_which_the_editor_opens_is_shown_with_those_before_it(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT + "# more\n" * 50)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "acme.example")
        await pilot.press("enter")
        await until_shown(pilot, "Outgoing")
        await pilot.press("end", "e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and "[outgoing.stock]" in cursor_line(app))
        screen = await until_shown(pilot, "✔ valid")
        assert "[incoming.products]" in screen
        assert 'name = "find"' in screen
