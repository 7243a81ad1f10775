"""What each way to start the program loads: a shell or a job does not wait for the screens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from program import Program, trusting

_SPY = """
import json, sys
from tui_connector.__main__ import main
sys.argv = ["tui-connector", *sys.argv[2:]]
try:
    main()
except SystemExit as end:
    code = end.code or 0
with open(sys.orig_argv[3 if sys.orig_argv[1] == "-c" else 2], "w") as file:
    json.dump({"code": code if "code" in dir() else 0, "modules": sorted(sys.modules)}, file)
"""


def loaded_by(tmp_path: Path, environment: dict[str, str], *arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command in a new process, and every module it loaded."""
    out = tmp_path / "loaded.json"
    command = [sys.executable, "-c", _SPY, str(out), *trusting(arguments)]
    subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    found = json.loads(out.read_text())
    return found["code"], {name.partition(".")[0] for name in found["modules"]}


SCREENS = {"textual"}
EXTRAS = {"celery", "duckdb", "psycopg", "pyarrow"}
"""Libraries of extras: nothing may depend on them before it is used."""


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (["--help"], SCREENS | {"httpx", "keyring", "pydantic", "tomlkit", "aiohttp"}),
        (["profiles"], SCREENS | {"httpx", "keyring", "pydantic", "tomlkit", "aiohttp"}),
        (["schema"], SCREENS | {"httpx", "keyring", "aiohttp"}),
        (["kinds"], SCREENS | {"httpx", "keyring", "tomlkit", "aiohttp"}),
        (["request", "acme", "GET", "modules"], SCREENS | {"aiohttp", "keyring", "tomlkit", "rich", "pygments"}),
        (["check", "acme", "--json"], SCREENS | {"aiohttp", "tomlkit", "rich", "pygments"}),
    ],
)
def test_a_headless_command_loads_no_screen(
    program: Program, environment: dict[str, str], tmp_path: Path, arguments: list[str], never: set[str]
) -> None:
    code, modules = loaded_by(tmp_path, environment, *arguments)
    assert code == 0
    assert "click" in modules
    assert modules & (never | EXTRAS) == set()


_HOME = """
import asyncio, json, sys
from pathlib import Path
from tui_connector.machine import this_machine
from tui_connector.tui.app import ConnectorApp
async def main():
    app = ConnectorApp(this_machine(), None)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        print(json.dumps(sorted(sys.modules)))
asyncio.run(main())
"""


NOT_FOR_HOME = {
    *("pydantic", "httpx", "keyring", "tomlkit", "aiohttp", "jmespath", "msgspec"),
    *(f"tui_connector.tui.{name}" for name in ("importing", "log", "profile", "run", "send", "setup", "toml_editor")),
    *(f"tui_connector.tui.{name}" for name in ("commands", "dialogs", "help", "key_settings", "last_runs")),
    *(f"tui_connector.tui.widgets.{name}" for name in ("fields", "form", "prose", "questions", "row_list")),
    *(f"tui_connector.{name}" for name in ("profile.importers", "guide.steps", "incoming", "magento")),
    "textual.widgets._text_area",
}
"""What other screens need: models, HTTP, keyring, dialogs, forms and their widgets."""


def test_home_is_painted_before_what_other_screens_need_is_loaded(
    program: Program, environment: dict[str, str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _HOME], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    modules = set(json.loads(ended.stdout.splitlines()[-1]))
    assert "tui_connector.tui.home.screen" in modules
    assert modules & NOT_FOR_HOME == set()


_EDITOR = """
import json, sys
import tui_connector.tui.app
import tui_connector.tui.toml_editor.opening
print(json.dumps(sorted(sys.modules)))
"""


def test_the_editor_shows_a_text_before_models_network_or_keyring_are_loaded(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _EDITOR], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    modules = {name.partition(".")[0] for name in json.loads(ended.stdout)}
    assert modules & {"pydantic", "httpx", "keyring", "tomlkit", "aiohttp"} == set()
