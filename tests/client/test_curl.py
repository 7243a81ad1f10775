"""The copied command, run by the real curl: what arrives is what was sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shlex
import string
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fork_server
import pytest
from exchanges import exchange
from http_server import Received, Server, serving
from profiles import FOUR, PASSWORD, TOKEN, admin, bearer, full, login, profile, signed
from requirements import require

from tui_connector.client.curl import curl, curl_config
from tui_connector.client.exchange import Exchange, RecordedBody
from tui_connector.client.message import Request
from tui_connector.guide.workbench import Workbench
from tui_connector.profile.document import Document
from tui_connector.sandbox.server import Sandbox
from tui_connector.secrets.mask import MARK
from tui_connector.text import shown

COUNT = int(os.environ.get("TUI_CONNECTOR_CURLS", "60"))
"""Random requests."""
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
ODD = "@'\"`$!\\#&;|<>*?[]{}()~%^=+, \t\n\r\x00\x1b\x7fäß€😀\u202e"
IN_A_PATH = "abc" + "".join(each for each in ODD if each.isprintable() and each not in "?#")
ITS_OWN = {"host", "connection", "content-length", "user-agent", "accept-encoding"}


_PROGRAM = """#!/bin/sh
printf '%s\\n' "$@" >"$0.arguments"
exec cat "$0.output"
"""
"""Leaves its arguments in a named pipe, and prints what it finds in another one."""


@pytest.fixture
def shell(tmp_path: Path, clean_environment: dict[str, str]) -> Callable[[str, dict[str, str]], Any]:
    """Runs a command with this program on its path. The program runs at most once."""
    require("curl")
    program = tmp_path / "bin" / "tui-connector"
    program.parent.mkdir()
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    arguments, output = (program.with_name(f"{program.name}.{name}") for name in ("arguments", "output"))
    os.mkfifo(arguments)
    os.mkfifo(output)

    def serve(environment: dict[str, str]) -> None:
        code, out, err = fork_server.run(*arguments.read_text().splitlines(), env=environment)
        output.write_bytes(out)
        assert code == 0, err

    async def run(command: str, secrets: dict[str, str], program_of_shell: str = "sh") -> bytes:
        environment = {**clean_environment, **secrets, "PATH": f"{program.parent}:{clean_environment['PATH']}"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            program_of_shell, "-s", env=environment, stdin=pipe, stdout=pipe, stderr=pipe
        )
        starts_program = "tui-connector header" in command
        serving = asyncio.create_task(asyncio.to_thread(serve, environment)) if starts_program else None
        out, err = await asyncio.wait_for(process.communicate(f"{command}\n".encode()), 120)
        assert process.returncode == 0, (command, err)
        if serving is not None:
            await serving
        return out

    return run


@pytest.fixture
async def shop() -> AsyncIterator[Server]:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with serving(response) as server:
        yield server


def _body(rng: random.Random) -> bytes:
    kind = rng.choice(["none", "json", "odd", "binary", "file", "large"])
    if kind == "none":
        return b""
    if kind == "json":
        return b'{"product": {"sku": "24-MB01", "price": 1.5}}'
    if kind == "odd":
        return "".join(rng.choices(ODD + string.ascii_letters, k=30)).encode()
    if kind == "binary":
        return rng.randbytes(rng.choice([1, 50, 2_000]))
    if kind == "file":
        return rng.choice([b"@/etc/hostname", b"@-", b"-", b"--help", b"<x", b"a\n\n", b"\n", b"%s%d\\n"])
    return b"x" * rng.choice([150_000, 1_100_000])


def _request(rng: random.Random, url: str) -> Request:
    method = rng.choice(METHODS)
    odd = "".join(rng.choices(IN_A_PATH, k=8))
    paths = ["products", "products/a%2Fb", "products?x[0]={y}&b=a,b&c=%7B1-3%7D", f"products/x{odd}"]
    path = rng.choice(paths)
    headers = tuple(rng.sample([("X-Odd", "a'b\"c$d`e\\f;g"), ("X-Empty", ""), ("Accept", "*/*"), ("Store", "@x")], 2))
    return Request(method, f"{url}/rest/V1/{path}", headers, b"" if method == "HEAD" else _body(rng))


def _seen(received: Received) -> tuple[str, set[tuple[str, str]], bytes]:
    first, *lines = received.head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = {(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)}
    assert received.header("Content-Length") or not received.body
    lengths = {pair for pair in pairs if pair[0] == "content-length"}
    return first, {pair for pair in pairs if pair[0] not in ITS_OWN} | lengths, received.body


async def _copied(shop: Server, bench: Workbench, request: Request) -> tuple[Received, Exchange]:
    async with bench.session(profile(f"{shop.url}/rest/V1", bearer())) as opened:
        await opened.client("shop")(request)
        recorded = list(bench.exchanges)[-1]
        copied = await opened.signed("shop", Request(recorded.method, recorded.uri))
        assert copied.uri == recorded.uri  # which the header command repeats
    return shop.received.pop(), recorded


def _prints_config(recorded: Exchange, token: str) -> str:
    """A function of a shell that prints what the header command does."""
    config = curl_config(recorded.method, recorded.uri, (("Authorization", f"Bearer {token}"),))
    return f"print_header() {{ printf %s {shlex.quote(config)}; }}\n"


async def test_what_curl_sends_is_what_was_sent(
    shop: Server, workbench: Workbench, shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, equal = random.Random(7), 0
    token = 'a"b\\CANARY-token'
    workbench.vault.hold(TOKEN, token, shop.url)
    for _ in range(COUNT):
        request = _request(rng, shop.url)
        sent, recorded = await _copied(shop, workbench, request)
        command = curl(recorded, "shop")
        assert "CANARY" not in command
        assert shown(command) == command
        assert command.count("/rest/V1/") == 1
        printing = _prints_config(recorded, token)
        await shell(printing + command.replace("tui-connector header", "print_header", 1), {})
        assert _seen(shop.received.pop()) == _seen(sent), command
        equal += 1
    with capsys.disabled():
        print(f"\n{equal} of {COUNT} random requests arrive from curl as they were sent")


def _arguments_of_all() -> list[bytes]:
    """The arguments of every process, as everybody on this computer can read them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes())
    return found


@pytest.mark.parametrize("program_of_shell", ["bash", "zsh", "dash"])
@pytest.mark.parametrize("body", [b"", b'{"a": "it\'s"}', b"\x00\xffbinary", b"x" * 150_000])
async def test_the_token_is_in_no_argument_while_curl_runs(
    workbench: Workbench, shell: Any, program_of_shell: str, body: bytes
) -> None:
    require(program_of_shell)
    arguments: list[bytes] = []
    token = f"CANARY{uuid.uuid4().hex}"  # other processes on this computer may be tests, too

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        arguments.extend(_arguments_of_all())  # while curl waits for its response
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    async with serving(response) as shop:
        workbench.vault.hold(TOKEN, token, shop.url)
        request = Request("POST" if body else "GET", f"{shop.url}/rest/V1/products", (), body)
        sent, recorded = await _copied(shop, workbench, request)
        arguments.clear()
        command = curl(recorded, "shop").replace("tui-connector header", "print_header", 1)
        # printed by the shell itself, as a program of this name would
        assert await shell(_prints_config(recorded, token) + command, {}, program_of_shell) == b"done"
        assert _seen(shop.received.pop()) == _seen(sent), command
    assert any(each.startswith(b"curl\0-sS") for each in arguments)
    assert not any(token.encode() in each for each in arguments)


async def test_nothing_is_sent_without_the_header_that_authenticates(
    workbench: Workbench, shop: Server, shell: Any
) -> None:
    workbench.vault.hold(TOKEN, "a-CANARY-token", shop.url)
    for body in (b"", b'{"a": 1}'):
        request = Request("POST" if body else "GET", f"{shop.url}/rest/V1/products", (), body)
        _, recorded = await _copied(shop, workbench, request)
        command = curl(recorded, "shop").replace("tui-connector header", "print_header", 1)
        failing = "print_header() { echo 'The variable SHOP_TOKEN is not set' >&2; return 3; }\n"
        assert await shell(f"{failing}{command} || echo failed", {}) == b"failed\n"
        assert not shop.received


@pytest.mark.parametrize("kind", ["bearer", "request", "oauth1"])
async def test_curl_with_the_programs_header_gets_the_same_answer(
    kind: str,
    sandbox: Sandbox,
    workbench: Workbench,
    shell: Any,
    tmp_path: Path,
    clean_environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = full(sandbox)
    authentication = {"bearer": bearer, "request": login, "oauth1": signed}[kind]()
    secrets = {PASSWORD: admin(sandbox)["password"], TOKEN: values["access-token"]}
    secrets |= {FOUR[name]: value for name, value in values.items()}
    for name, value in secrets.items():
        workbench.vault.hold(name, value, sandbox.url)
    saved = _saved(tmp_path, sandbox.url, authentication)
    code, _, err = await asyncio.to_thread(fork_server.run, "trust", saved, "--yes", env=clean_environment)
    assert code == 0, err
    environment = {_variable(name): value for name, value in secrets.items()}
    equal = 0
    paths = ["products?searchCriteria[pageSize]=2&fields=items[sku],total_count", "products/none%20such'$x", "modules"]
    paths += ["directory/currency", "store/storeConfigs", "products?searchCriteria[pageSize]=1&x=a,b{c}", "none"]
    requests = [*(Request("GET", path) for path in paths), Request("POST", "products"), Request("POST", "none")]
    requests.append(Request("PUT", "products/none", body=b'{"product": {"price": 1}}'))
    for request in requests:
        async with workbench.session(profile(f"{sandbox.url}/rest/V1", authentication)) as opened:
            response = await opened.client("shop")(request)
        recorded = list(workbench.exchanges)[-1]
        assert await shell(curl(recorded, str(saved)), environment) == response.body
        equal += 1
    with capsys.disabled():
        print(f"\n{kind}: {equal} of {len(requests)} answers to curl are those the program got")


def _variable(entry: str) -> str:
    return entry.upper().replace("/", "_").replace("-", "_")


def _saved(folder: Path, url: str, authentication: dict[str, Any]) -> Path:
    """The profile as a file, its secrets in the environment."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return (
                {"env": _variable(value["keyring"])} if "keyring" in value else {k: plain(v) for k, v in value.items()}
            )
        return value

    plugins = [{"kind": "base-uri", "uri": f"{url}/rest/V1"}, {"kind": "content-type"}]
    clients = {"shop": {"authentications": ["a"], "plugins": plugins}}
    data = {"format": 1, "name": "Shop", "authentications": {"a": plain(authentication)}, "clients": clients}
    path = folder / "shop.toml"
    Document.new(data).save(path)
    return path


def test_differences_from_the_recorded_request_are_listed() -> None:
    masked = exchange(
        method="POST",
        uri=f"https://x/?key={MARK}",
        request_headers=(("Cookie", f"a={MARK}"), ("X-Api-Key", MARK), ("X-Bad", "a\nb")),
        request_body=RecordedBody(f'{{"password":"{MARK}"}}'.encode(), 2_000, 2_000, cut=True),
    )
    lines = curl(masked, None).split("\n")
    assert lines[0] == "# Save the profile first, and replace PROFILE with its name."
    assert lines[1] == "# Omitted, not in the log: Cookie, X-Bad."
    assert "address is masked" in lines[2]
    assert "Only the first" in lines[3]
    assert "body is masked" in lines[4]
    assert "tui-connector header PROFILE POST" in lines[5]
    [first, *_] = curl(masked, "shop", unset=["SHOP_KEY", "SHOP_SECRET"]).split("\n")
    assert first == "# Set first, as only the session has their values: SHOP_KEY SHOP_SECRET"
    assert "Set first" not in curl(exchange(), "shop", unset=["SHOP_KEY"])  # no header authenticates it
    with_head = replace(masked, method="HEAD", request_body=RecordedBody(b"{}", 2))
    assert "# The body of 2 bytes is omitted: curl sends none with HEAD." in curl(with_head, "shop")
    assert "--data" not in curl(with_head, "shop")
    unkept = replace(masked, request_body=RecordedBody(b"", 5))
    assert "# The body of 5 bytes is omitted" in curl(unkept, "shop")


@pytest.mark.parametrize(
    "changes",
    [{"purpose": "login"}, {"method": "GET\n; rm"}, {"uri": "https://x/\n'; rm"}, {"uri": "https://x/\x1b]52"}],
)
def test_what_no_curl_could_send_is_only_a_remark(changes: dict[str, Any]) -> None:
    command = curl(exchange(**changes), "shop")
    assert command.startswith("# ")
    assert command.isprintable()
