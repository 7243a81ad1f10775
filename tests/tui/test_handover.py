"""The user's editor has the terminal, and the program goes on: in a real terminal, with an editor made for the test."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from guide_steps import no_demo
from requirements import require
from screens import shown, until, until_shown
from terminal import Terminal
from walking import save_profile, wait

from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.screen_prompt import ScreenPrompt
from tui_connector.tui.widgets.questions import AllowScreen

PROGRAM = f"{shlex.quote(sys.executable)} -m tui_connector"
PROFILE = """\
format = 1
name = "Acme store"

[clients.shop]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "{url}"

[incoming.list]
client = "shop"
request = {{ uri = "list" }}
items = "items"
pagination = {{ kind = "page-number", page-size = 1, total = "total" }}
sink = {{ kind = "jsonl", path = "list.jsonl" }}
"""
EDITOR = """\
#!/bin/sh
for file; do :; done  # the last argument, after the line
trap 'echo interrupted' INT
trap 'echo continued' CONT
trap 'echo resized' WINCH
trap 'echo "# saved at the end" >> "$file"; exit 1' TERM HUP
echo "# saved" >> "$file"
echo in the editor
until [ -e {directory}/close ]; do sleep 0.1; done
"""


class SlowStore(ThreadingHTTPServer):
    """Lists three items, one on each page; those after the first page once it `goes_on`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Response)
        self.goes_on = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Response(BaseHTTPRequestHandler):
    server: SlowStore

    def do_GET(self) -> None:
        page = int(self.path.rpartition("page=")[2])
        if page > 1:
            self.server.goes_on.wait(60)
        data = json.dumps({"items": [{"id": page}] if page <= 3 else [], "total": 3}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def store() -> Iterator[SlowStore]:
    with SlowStore() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.goes_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def profile(clean_environment: dict[str, str], store: SlowStore) -> Path:
    return save_profile(clean_environment, PROFILE.format(url=store.url))


@contextmanager
def on_page(directory: Path, environment: dict[str, str], editor: str, after: str = "true") -> Iterator[Terminal]:
    """The page of the profile, in a program whose editor is this script; `after` is run once the program has ended."""
    require("tmux")
    script = directory / "my-editor"
    script.write_text(editor.format(directory=directory))
    script.chmod(0o700)
    command = f"{PROGRAM}; {after}"
    terminal = Terminal(directory, command, {**environment, "VISUAL": str(script)}, 80, 24, directory / "written")
    try:
        terminal.wait_for("Acme store")
        terminal.press("Enter")
        terminal.wait_for("GET list")
        yield terminal
    finally:
        terminal.close()


def test_a_run_goes_on_while_its_user_is_in_the_editor(
    profile: Path, store: SlowStore, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    items, written = profile.with_name("list.jsonl"), tmp_path / "written"
    with on_page(tmp_path, clean_environment, EDITOR) as terminal:
        terminal.press("Down", "Down")
        terminal.press("r")
        terminal.wait_for("running")
        terminal.press("q")
        terminal.wait_for("GET list")
        terminal.press("o")
        assert terminal.wait_for("in the editor").split() == ["in", "the", "editor"]
        before = written.stat().st_size
        store.goes_on.set()
        wait(lambda: items.exists() and items.read_text().count("\n") == 3)
        terminal.press("C-c")
        terminal.wait_for("interrupted")
        terminal.press("C-z")
        terminal.wait_for("continued")
        terminal.resize(100, 30)
        screen = terminal.wait_for("resized")
        said = screen.replace("^C", "").replace("^Z", "").split()
        assert set(said) == {"in", "the", "editor", "interrupted", "continued", "resized"}
        assert written.stat().st_size - before < 100  # only what the editor and the keys have written
        (tmp_path / "close").touch()
        assert "in the editor" not in terminal.wait_for("list: ✔ complete: 3 items")
        wait(lambda: max(map(len, terminal.screen().splitlines())) == 100)
        terminal.wait_for("u Undo edit")
        assert profile.read_text().endswith("# saved\n")


@pytest.mark.parametrize("how", ["SIGTERM", "the terminal is lost"])
def test_a_signal_ends_the_editor_first_and_what_it_has_saved_is_kept(
    how: str, profile: Path, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    drafts = Path(clean_environment["XDG_STATE_HOME"]) / "tui-connector" / "texts"
    emergency = 'cp "$file" "$file.save"; echo "# saved at the end" >> "$file.save"'  # as nano does
    editor = EDITOR if how == "SIGTERM" else EDITOR.replace('echo "# saved at the end" >> "$file"', emergency)
    with on_page(tmp_path, clean_environment, editor) as terminal:
        pid = terminal.process
        terminal.press("e")
        terminal.wait_for("saved")
        terminal.press("#")
        terminal.wait_for("modified")
        terminal.press("C-o")
        terminal.wait_for("in the editor")
        if how == "SIGTERM":
            os.kill(pid, signal.SIGTERM)
            terminal.wait_for("ended: 0")
    wait(lambda: not Path(f"/proc/{pid}").exists())
    [draft] = drafts.iterdir()
    assert json.loads(draft.read_text())["text"].endswith("# saved\n# saved at the end\n")
    assert "# saved" not in profile.read_text()
    assert not [*drafts.parent.glob("edit-*")]


def test_an_editor_that_is_killed_or_missing_leaves_a_terminal_that_works(
    profile: Path, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    killed = "#!/bin/sh\nstty raw -echo\nkill -9 $$\n"
    with on_page(tmp_path, clean_environment, killed, "stty -a | grep -oE -- '-?(icanon|echo) '") as terminal:
        terminal.press("o")
        terminal.wait_for("my-editor was ended by SIGKILL.")
        (tmp_path / "my-editor").unlink()
        terminal.wait_for("Enter Edit")
        terminal.press("o")
        terminal.wait_for("my-editor: No such file or directory.")
        terminal.press("q")
        terminal.wait_for("New store")
        terminal.press("q")
        screen = terminal.wait_for("ended: 0")
        assert {"icanon", "echo"} <= set(screen.split())


async def test_keys_and_questions_wait_for_the_terminal(machine: Machine) -> None:
    began, returned = asyncio.Event(), asyncio.Event()

    async def edit() -> None:
        began.set()
        await returned.wait()

    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "New store")
        app.hand_over(edit())
        await began.wait()
        app.hand_over(edit())  # by a key that was pressed twice
        await pilot.press("question_mark")
        answer = asyncio.ensure_future(ScreenPrompt(app).allow("Trust it?"))
        await until(pilot, lambda: isinstance(app.screen, AllowScreen), unread=True)
        assert app.screen.unread is not None  # type: ignore[attr-defined]
        answer.cancel()
        returned.set()
        ignored = "Keys pressed before this could be read were ignored."
        await until(pilot, lambda: [each.message for each in app._notifications] == [ignored])


async def test_without_a_terminal_of_its_own_the_program_says_so(machine: Machine, profile: Path) -> None:
    """As in a browser."""
    app = ConnectorApp(machine, no_demo, start_at="editor", profile=profile)
    async with app.run_test(size=(120, 24), notifications=True) as pilot:
        await until_shown(pilot, "format = 1")
        await pilot.press("ctrl+o")
        await until_shown(pilot, "An editor cannot be started in this terminal.")
        assert "Acme store" in shown(app)
