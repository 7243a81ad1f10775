"""The editor on a profile, for tests of what its user sees and does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from guide_steps import no_demo
from screens import shown, until

from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.toml_editor.area import TomlArea
from tui_connector.tui.toml_editor.screen import EditorScreen

TEXT = """format = 1
name = "Acme store"

# how requests are signed
[authentications.a]
kind = "bearer"
token = { env = "ACME_TOKEN" }

[clients.m]
authentications = ["a"]

[[clients.m.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

[incoming.products]
client = "m"
request = { uri = "products" }
items = "items"
identifier = "sku"
"""


@asynccontextmanager
async def editing(machine: Machine, text: str | bytes = TEXT, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Any]:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    app = ConnectorApp(machine, no_demo, start_at="editor", profile=path)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: any(isinstance(each, EditorScreen) for each in app.screen_stack))
        await until(pilot, lambda: "problem" in shown(app) or "✔ valid" in shown(app))
        yield pilot


def area(pilot: Any) -> TomlArea:
    found: TomlArea = pilot.app.screen.query_one(TomlArea)
    return found


def file_of(pilot: Any) -> Path:
    path: Path = pilot.app.machine.directories.profiles / "acme.toml"
    return path
