"""The program's own log as commands leave it: private, without secrets, and printed with --debug."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from program import Program


def file_of(environment: dict[str, str]) -> Path:
    return Path(environment["XDG_STATE_HOME"]) / "tui-connector" / "program.log"


@pytest.mark.parametrize("umask", ["000", "077", "277"])
def test_only_its_user_can_read_it(program: Program, environment: dict[str, str], umask: str) -> None:
    assert program("trust", "--list", umask=int(umask, 8)).returncode == 0
    assert stat.S_IMODE(file_of(environment).stat().st_mode) == 0o600


def test_it_says_what_a_run_did(program: Program, environment: dict[str, str], tmp_path: Path) -> None:
    assert program("run", "acme", "products", "--out", str(tmp_path / "x.jsonl")).returncode == 0
    text = file_of(environment).read_text()
    wanted = [
        "INFO cli: tui-connector 0.1.0, Python 3.",
        ": tui-connector run",
        "INFO cli.opening: profile ",
        "INFO client.session: client magento opened",
        "INFO incoming.run: run of products begins: everything",
        "INFO incoming.run: run of products ends, complete: 30 items, 0 failed",
        "INFO client.session: session closed",
        "INFO cli: exit code 0",
    ]
    assert [each for each in wanted if each not in text] == []


def test_a_refused_login_is_in_it_without_the_password(
    program: Program, environment: dict[str, str], profiles: Path, store: dict[str, Any]
) -> None:
    (profiles / "admin.toml").write_text(
        f'format = 1\nname = "Acme, as an admin"\n[authentications.admin]\nkind = "request"\n'
        f'parameters = {{ username = "admin", password = {{ env = "ADMIN_PASSWORD" }} }}\n'
        f'[clients.shop]\nauthentications = ["admin"]\n'
        f'plugins = [{{ kind = "base-uri", uri = "{store["url"]}/rest/V1" }}]\n'
    )
    environ = {**environment, "ADMIN_PASSWORD": "wrong-CANARY"}
    ended = program("--debug", "request", "admin", "GET", "modules?password=typed-CANARY", environ=environ)
    assert ended.returncode == 3
    text = file_of(environment).read_text()
    assert f"INFO client.authentication.login: login at {store['url']}: status 401" in text
    assert "a login was refused with 401: it is not tried again" in text
    assert "CANARY" not in text + ended.stderr
    own = text.splitlines()[-1].split()[1]  # the store is a process with a log, too
    assert [line for line in text.splitlines() if line.split()[1] == own and line not in ended.stderr] == []


def test_without_a_place_for_it_commands_work(program: Program, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "nowhere").write_text("a file where a directory should be")
    environ = {**environment, "XDG_STATE_HOME": str(tmp_path / "nowhere")}
    ended = program("header", "acme", "GET", "products", environ=environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Authorization: OAuth ")


_FAILING = """
import sys
from tui_connector.client.plugins.content_type import ContentType

def prepare(self, request):
    raise ZeroDivisionError("with 'CANARY-value'")

ContentType.prepare = prepare
from tui_connector.__main__ import main
sys.argv[0] = "tui-connector"
main()
"""


def test_a_mistake_in_the_program_is_reported_with_the_file(program: Program, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", _FAILING, "request", "--trust", "acme", "GET", "products"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("The program has failed (ZeroDivisionError). Nothing that was saved is lost.\n")
    assert f"the end of {file_of(environment)}" in ended.stderr
    assert "Traceback" not in ended.stderr
    text = file_of(environment).read_text()
    assert "CRITICAL program_log: The program has failed\n    ZeroDivisionError: with '…'\n" in text
    assert "CANARY" not in text + ended.stderr


_CRASHING = """
from functools import partial
from tui_connector.cli.debug import begin_log
from tui_connector.machine import this_machine
from tui_connector.tui.app import ConnectorApp

def on_mount(self):
    secret = "local-CANARY"
    raise ZeroDivisionError("with 'CANARY-value'")

ConnectorApp.on_mount = on_mount
machine = this_machine()
app = ConnectorApp(machine, None, start_log=partial(begin_log, machine, on_screen=True))
app.run = partial(app.run, headless=True)
app.run_and_report()
"""


def test_a_screen_that_fails_is_reported_with_the_file(clean_environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", _CRASHING]
    ended = subprocess.run(command, env=clean_environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "The program has failed (ZeroDivisionError)." in ended.stderr
    assert f"the end of {file_of(clean_environment)}" in ended.stderr
    assert "on_mount" in file_of(clean_environment).read_text()
    assert "CANARY" not in file_of(clean_environment).read_text() + ended.stderr + ended.stdout


TOKEN = "ab12CANARY0ab12CANARY0ab12CANARY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJDQU5BUlkiOjF9.x-CANARY-x"
MISPLACED = [
    ("secrets", "set", "acme", "TOKEN"),
    ("secrets", "set", "acme", "integration/access-token", "TOKEN"),
    ("secrets", "set", "TOKEN"),
    ("run", "acme", "TOKEN"),
    ("run", "acme", "--since", "TOKEN"),
    ("run", "acme", "--limit=TOKEN"),
    ("run", "acme", "--token=TOKEN"),
    ("check", "TOKEN"),
    ("log", "TOKEN"),
    ("tap", "--config", "TOKEN"),
    ("request", "acme", "TOKEN", "modules"),
    ("header", "acme", "GET", "modules", "TOKEN"),
    ("TOKEN",),
    ("completion", "TOKEN"),
]


@pytest.mark.parametrize("token", [TOKEN, JWT], ids=["opaque", "jwt"])
@pytest.mark.parametrize("arguments", MISPLACED, ids=" ".join)
def test_a_token_given_as_an_argument_by_mistake_is_in_no_message_and_no_file(
    program: Program, environment: dict[str, str], arguments: tuple[str, ...], token: str
) -> None:
    ended = program(*(each.replace("TOKEN", token) for each in arguments))
    assert ended.returncode == 2, ended.stderr
    assert "CANARY" not in ended.stdout + ended.stderr
    log = file_of(environment)
    assert not log.exists() or "CANARY" not in log.read_text()
