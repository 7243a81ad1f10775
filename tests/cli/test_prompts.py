"""Prompts of commands on a real terminal: Ctrl-C, Ctrl-D, Enter, values of any length, and how the terminal is left."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import signal
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fork_server
import pytest
from http_server import reply
from keyring_service import KeyringService
from listing import Listing, listing, products

DEADLINE = 90.0
"""Seconds that a loaded machine may need for anything."""
STOPPED = 4
KILLED = -signal.SIGINT
"""By a second Ctrl-C, while the first one still ends the command."""
TOKEN = "a-CANARY-token-of-thirty-two-chr"
LONG = "CANARY" * 2_000

PROFILE = """
format = 1
name = "Shop"
[authentications.a]
kind = "bearer"
token = SOURCE
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/api"
[incoming.items]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "next-link", link = "next" }
sink = { kind = "jsonl", path = "items.jsonl" }
"""


@dataclass
class OnTerminal:
    """A program on a pseudo terminal of its own; its standard output is a pipe."""

    process: asyncio.subprocess.Process | fork_server.AsyncProcess
    keyboard: int
    line: int
    screen: bytearray = field(default_factory=bytearray)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def type(self, keys: str | bytes) -> None:
        asyncio.get_running_loop().run_in_executor(None, self._type, keys.encode() if isinstance(keys, str) else keys)

    def _type(self, keys: bytes) -> None:
        while keys:
            keys = keys[os.write(self.keyboard, keys) :]

    async def until(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(DEADLINE):
            while self.screen.count(text.encode()) < times:
                assert self.process.returncode is None, self.screen.decode()
                self.changed.clear()
                await self.changed.wait()

    async def until_echo(self, on: bool) -> None:
        async with asyncio.timeout(DEADLINE):
            while self.echoes() is not on:  # noqa: ASYNC110  # a terminal tells nobody
                await asyncio.sleep(0.01)

    def echoes(self) -> bool:
        local = termios.tcgetattr(self.line)[3]
        return bool(local & termios.ECHO) and bool(local & termios.ICANON)

    async def ended(self) -> tuple[int, str, str]:
        """Its exit code, what it printed and the screen."""
        async with asyncio.timeout(DEADLINE):
            out, _ = await self.process.communicate()
            while (seen := len(self.screen)) >= 0:  # what is still on its way
                await asyncio.sleep(0.05)
                if len(self.screen) == seen:
                    break
        assert self.echoes()
        assert self.process.returncode is not None
        assert b"Traceback" not in self.screen
        assert b"CANARY" not in self.screen
        return self.process.returncode, out.decode(), self.screen.decode()


@asynccontextmanager
async def on_terminal(
    environment: dict[str, str], *arguments: str | Path, interpreter: bool = False
) -> AsyncIterator[OnTerminal]:
    """With `interpreter`, the process is one that starts, as a user's does."""
    keyboard, line = pty.openpty()
    pipe = asyncio.subprocess.PIPE
    process: asyncio.subprocess.Process | fork_server.AsyncProcess
    if interpreter:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tui_connector", *map(str, arguments)),
            env=environment,
            stdin=line,
            stdout=pipe,
            stderr=line,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
    else:
        process = await fork_server.start(
            *arguments, env=environment, stdin=line, stdout=pipe, stderr=line, terminal=True
        )
    found = OnTerminal(process, keyboard, line)

    def read() -> None:
        found.screen += os.read(keyboard, 65536)
        found.changed.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(keyboard, read)
    ending = asyncio.create_task(process.wait())
    ending.add_done_callback(lambda _: found.changed.set())
    try:
        yield found
    finally:
        if process.returncode is None:
            process.kill()
        await ending
        loop.remove_reader(keyboard)
        os.close(keyboard)
        os.close(line)


@dataclass
class Shop:
    """A user's profile whose token is typed, and its store."""

    environment: dict[str, str]
    store: Listing
    file: Path

    def write(self, source: str) -> None:
        self.file.write_text(PROFILE.replace("SOURCE", source).replace("URL", self.store.url))

    def start(self, command: str) -> list[str | Path]:
        config = self.file.parent / "config.json"
        config.write_text(json.dumps({"profile": str(self.file)}))
        found: dict[str, list[str | Path]] = {
            "request": ["request", "--trust", self.file, "GET", "products"],
            "check": ["check", "--trust", self.file],
            "run": ["run", "--trust", self.file],
            "header": ["header", "--trust", self.file, "GET", "products"],
            "tap": ["tap", "--trust", "--config", config],
            "secrets test": ["secrets", "test", "--trust", self.file],
            "secrets set": ["secrets", "set", self.file],
        }
        return found[command]


@pytest.fixture
async def shop(
    tmp_path: Path, clean_environment: dict[str, str], keyring_service: KeyringService
) -> AsyncIterator[Shop]:
    environment = {**clean_environment, "DBUS_SESSION_BUS_ADDRESS": keyring_service.address}
    async with listing(products(*range(1, 6))) as store:
        found = Shop(environment, store, tmp_path / "shop.toml")
        found.write("{ ask = true }")
        yield found


ASKING = ("request", "check", "run", "header", "tap", "secrets test")
LABEL = "a/token"


@pytest.mark.parametrize("command", [*ASKING, "secrets set"])
@pytest.mark.parametrize("keys", [b"\x03", b"half a CANARY\x03", b"\x03\x03\x03"], ids=["once", "in a value", "thrice"])
async def test_ctrl_c_ends_it_at_once(shop: Shop, command: str, keys: bytes) -> None:
    if command == "secrets set":
        shop.write('{ keyring = "acme/a/token" }')
    async with on_terminal(shop.environment, *shop.start(command), interpreter=command == "run") as program:
        await program.until(LABEL)
        await program.until_echo(False)
        program.type(keys)
        code, _, _ = await program.ended()
    assert code in ((STOPPED, KILLED) if keys.count(b"\x03") > 1 else (STOPPED,))
    assert shop.store.asked == []


@pytest.mark.parametrize("command", [*ASKING, "secrets set"])
@pytest.mark.parametrize("keys", ["\x04", "\r"], ids=["Ctrl-D", "Enter"])
async def test_typing_nothing_is_an_answer_and_the_message_names_the_secret(
    shop: Shop, command: str, keys: str
) -> None:
    if command == "secrets set":
        shop.write('{ keyring = "acme/a/token" }')
    async with on_terminal(shop.environment, *shop.start(command)) as program:
        await program.until(LABEL)
        await program.until_echo(False)
        program.type(keys)
        code, out, screen = await program.ended()
    assert code == 2, out
    said = (screen + out).partition(LABEL)[2]
    assert LABEL in said
    assert "nothing was" in said
    assert "when " in said
    assert "breaks" not in said
    assert shop.store.asked == []


@pytest.mark.parametrize("command", ASKING)
@pytest.mark.parametrize("value", [TOKEN, LONG], ids=["short", "long"])
async def test_a_value_of_any_length_is_taken_whole_and_not_shown(shop: Shop, command: str, value: str) -> None:
    async with on_terminal(shop.environment, *shop.start(command)) as program:
        await program.until(LABEL)
        await program.until_echo(False)
        program.type(f"{value}\r")
        code, out, screen = await program.ended()
    assert code == 0, screen + out
    if command == "header":
        assert out == f"Authorization: Bearer {value}\n"
    elif command == "secrets test":
        assert f"{len(value)} characters" in out
    else:
        sent = {each.header("Authorization") for each in shop.store.server.received}
        assert f"Bearer {value}" in sent


@pytest.mark.parametrize(
    "keys",
    [
        b"wrong\x15" + TOKEN.encode() + b"\n",
        TOKEN[:-1].encode() + b"xy\x7f\x7f" + TOKEN[-1:].encode() + b"\r",
        TOKEN.encode() + "ä€".encode() + b"\x7f\x7f\r\n",
        TOKEN.encode() + b" two words\x17\x17\x08\r",
        b"\x7f\x17\x15" + TOKEN.encode() + b"\x04",
    ],
    ids=["Ctrl-U", "backspace", "of more bytes", "Ctrl-W", "with nothing to delete"],
)
async def test_the_editing_keys_of_the_terminal_work(shop: Shop, keys: bytes) -> None:
    async with on_terminal(shop.environment, *shop.start("header")) as program:
        await program.until(LABEL)
        await program.until_echo(False)
        program.type(keys)
        code, out, _ = await program.ended()
    assert (code, out) == (0, f"Authorization: Bearer {TOKEN}\n")


FOUR = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")


def _integration(url: str) -> str:
    sources = "\n".join(f'{name} = {{ keyring = "acme/a/{name}" }}' for name in FOUR)
    return PROFILE.replace('kind = "bearer"', 'kind = "oauth1"').replace("token = SOURCE", sources).replace("URL", url)


async def test_a_paste_of_several_lines_answers_several_prompts(shop: Shop) -> None:
    shop.file.write_text(_integration(shop.store.url))
    values = [f"{number}CANARY".ljust(32, "0") for number in range(4)]
    async with on_terminal(shop.environment, "secrets", "set", shop.file) as program:
        await program.until("a/consumer-key: ")
        await program.until_echo(False)
        program.type("\r\n".join(values) + "\r\n")
        code, out, screen = await program.ended()
    assert code == 0, screen
    assert out.count("stored for") == 4
    ask = "import keyring; [print(keyring.get_password('tui-connector/' + name, 'tui-connector')) for name in %r]"
    _, found, _ = fork_server.run(code=ask % [f"acme/a/{name}" for name in FOUR], env=shop.environment)
    assert [json.loads(line)["secret"] for line in found.splitlines()] == values


async def test_a_command_stopped_between_two_secrets_has_stored_none(shop: Shop) -> None:
    shop.file.write_text(_integration(shop.store.url))
    async with on_terminal(shop.environment, "secrets", "set", shop.file) as program:
        await program.until("a/consumer-key: ")
        await program.until_echo(False)
        program.type(TOKEN + "\r")
        await program.until("a/consumer-secret: ")
        await program.until_echo(False)
        program.type("\x03")
        code, out, _ = await program.ended()
    assert code == STOPPED
    assert "stored" not in out


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("\x03", STOPPED), ("\x03\x03\x03", STOPPED), ("\x04", 2), ("\r", 2), ("n\r", 2), ("y\r", 0), ("Yes\r", 0)],
    ids=repr,
)
@pytest.mark.parametrize("command", ["trust", "header", "secrets delete"])
async def test_a_question_is_answered_or_stopped(shop: Shop, command: str, keys: str, expected: int) -> None:
    environment = {**shop.environment, "TUI_CONNECTOR_SHOP_TOKEN": TOKEN}
    shop.write('{ keyring = "shop/token" }')
    (shop.file.parent / "beside.toml").write_text(shop.file.read_text())  # deleting asks: it names the entry, too
    questions: dict[str, list[str | Path]] = {
        "trust": ["trust", shop.file],
        "header": ["header", shop.file, "GET", "products"],
        "secrets delete": ["secrets", "delete", shop.file],
    }
    async with on_terminal(environment, *questions[command]) as program:
        await program.until("[y/N]")
        program.type(keys)
        code, _, screen = await program.ended()
    if keys == "\x03\x03\x03":
        assert code in (STOPPED, KILLED)
    elif command == "secrets delete" and expected == 0:
        assert "used elsewhere, and were not changed" not in screen
    else:
        assert code == expected, screen


@pytest.mark.parametrize("arguments", [["run"], ["request", "GET", "products"], ["header", "GET", "products"]])
async def test_a_secret_without_a_value_is_named_before_trust_is_asked_for(shop: Shop, arguments: list[str]) -> None:
    shop.write('{ keyring = "shop/token" }')
    command = [arguments[0], shop.file, *arguments[1:]]
    async with on_terminal(shop.environment, *command) as program:
        code, _, screen = await program.ended()
    assert code == 2
    assert "- a/token: shop/token" in screen
    assert f"tui-connector secrets set {shop.file}" in "".join(screen.splitlines())
    assert "Trust it?" not in screen


OTHER_CLIENT = """
[authentications.b]
kind = "bearer"
token = { env = "NOT_SET" }
[clients.other]
authentications = ["b"]
[[clients.other.plugins]]
kind = "base-uri"
uri = "https://other.example"
"""


async def test_a_missing_secret_of_another_client_does_not_stop_a_run(shop: Shop) -> None:
    shop.write('{ keyring = "shop/token" }')
    shop.file.write_text(shop.file.read_text() + OTHER_CLIENT)
    async with on_terminal({**shop.environment, "TUI_CONNECTOR_SHOP_TOKEN": TOKEN}, "run", shop.file) as program:
        await program.until("[y/N]")
        program.type("y\r")
        code, _, screen = await program.ended()
    assert code == 0, screen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("command", ["request", "run"])
async def test_whatever_ends_it_leaves_the_terminal_with_echo(shop: Shop, command: str, number: signal.Signals) -> None:
    async with on_terminal(shop.environment, *shop.start(command)) as program:
        await program.until(LABEL)
        await program.until_echo(False)
        program.process.send_signal(number)
        code, _, _ = await program.ended()
    assert code in (-number, STOPPED)


async def test_suspended_the_terminal_has_echo_and_resumed_it_has_none(shop: Shop) -> None:
    async with on_terminal(shop.environment, *shop.start("header"), interpreter=True) as program:
        await program.until(LABEL)
        await program.until_echo(False)
        program.process.send_signal(signal.SIGTSTP)
        await program.until_echo(True)
        program.process.send_signal(signal.SIGCONT)
        await program.until_echo(False)
        await program.until(f"{LABEL} (Access token of authentication a) for {shop.store.url}: ", times=2)
        program.type(TOKEN + "\r")
        code, out, _ = await program.ended()
    assert (code, out) == (0, f"Authorization: Bearer {TOKEN}\n")


async def test_a_one_time_code_that_is_not_typed_is_named(shop: Shop) -> None:
    login = """
[authentications.login]
kind = "request"
uri = "/rest/V1/integration/admin/token"
parameters = { username = "api", password = { env = "ADMIN_PASSWORD" }, otp = { ask = true } }
"""
    text = shop.file.read_text().replace('authentications = ["a"]', 'authentications = ["login"]')
    shop.file.write_text(text + login)
    environment = {**shop.environment, "ADMIN_PASSWORD": "a-CANARY-password"}
    for keys, expected in (("\x04", 2), ("\x03", STOPPED)):
        for command in ("run", "request"):
            async with on_terminal(environment, *shop.start(command)) as program:
                await program.until("One-time code (otp)")
                await program.until_echo(False)
                program.type(keys)
                code, _, screen = await program.ended()
            assert code == expected, screen
            if expected == 2:
                assert "No code was typed; nothing was sent" in screen
                assert "a one-time code (otp). Try again" in screen
    assert shop.store.asked == []


async def test_a_run_that_resumes_stops_at_a_prompt_before_its_first_page(shop: Shop) -> None:
    """The position of the run refers to the secret, which is asked for before there are pages to stop."""
    key = 'kind = "query"\nparameter = "key"\nvalue = { ask = true }'
    shop.file.write_text(shop.file.read_text().replace('kind = "bearer"\ntoken = { ask = true }', key))
    items = b'{"items": [{"sku": "1"}], "next": "%b/api/products?key=%b&page=2"}'

    shop.store.bend = lambda asked, _: (
        reply("200 OK", items % (shop.store.url.encode(), TOKEN.encode()))
        if len(shop.store.asked) == 1
        else reply("403 Forbidden", b"{}")
    )
    async with on_terminal(shop.environment, *shop.start("run")) as program:
        await program.until("a/value")
        await program.until_echo(False)
        program.type(TOKEN + "\r")
        await program.ended()
    before = len(shop.store.asked)
    assert before == 2
    async with on_terminal(shop.environment, *shop.start("run")) as program:
        await program.until("a/value")
        await program.until_echo(False)
        program.type("\x03")
        code, _, screen = await program.ended()
    assert code == STOPPED, screen
    assert "Stopped by SIGINT" in screen
    assert len(shop.store.asked) == before
