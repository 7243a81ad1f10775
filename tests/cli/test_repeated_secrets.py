"""A store that repeats the secrets it receives, everywhere it can: no output and no file has one of them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from guide_steps import no_demo
from http_server import Received, reply, serving
from screens import shown, until_shown

from tui_connector.cli import _main, commands
from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp

TOKEN = "CANARYtoken7f3a9k2m5p8q1s4t"
ODD = 'CANARY p@ss/w+rd%20"x<y>&\\z-end'
FROM_LOGIN = "CANARYlogin0a1b2c3d4e5f6g7h8"
SECRETS = (TOKEN, ODD, FROM_LOGIN)

AUTHENTICATIONS = {
    "bearer": 'kind = "bearer"\ntoken = { env = "SHOP_TOKEN" }',
    "basic": 'kind = "basic"\nusername = "me"\npassword = { env = "SHOP_ODD" }',
    "header": 'kind = "header"\nheader = "X-Shop"\nvalue = { env = "SHOP_TOKEN" }',
    "query": 'kind = "query"\nparameter = "k"\nvalue = { env = "SHOP_ODD" }',
    "request": 'kind = "request"\nuri = "URL/rest/V1/integration/admin/token"\n'
    'parameters = { username = "me", password = { env = "SHOP_ODD" } }',
    "oauth1": 'kind = "oauth1"\nconsumer-key = { env = "SHOP_TOKEN" }\nconsumer-secret = { env = "SHOP_ODD" }\n'
    'access-token = { env = "SHOP_TOKEN" }\naccess-token-secret = { env = "SHOP_ODD" }',
    "oauth2": 'kind = "oauth2"\ntoken-uri = "URL/oauth"\nclient-id = "me"\nclient-secret = { env = "SHOP_ODD" }',
}
PROFILE = """
format = 1
name = "Shop"
[authentications.a]
AUTHENTICATION
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/V1"
[[clients.shop.plugins]]
kind = "log-requests"
formatter = "full"
[incoming.items]
client = "shop"
request = { uri = "items" }
items = "items"
pagination = PAGINATION
patience = "500ms"
sink = { kind = "jsonl", path = "items.jsonl" }
"""
PAGINATIONS = {
    "next-link": '{ kind = "next-link", link = "next" }',
    "link-header": '{ kind = "link-header" }',
    "cursor": '{ kind = "cursor", cursor = "cursor" }',
}
KNOWN = {
    **dict.fromkeys(("bearer", "header"), (TOKEN,)),
    **dict.fromkeys(("basic", "query"), (ODD,)),
    **dict.fromkeys(("request", "oauth2"), (ODD, FROM_LOGIN)),
    "oauth1": (TOKEN, ODD),
}
"""What a store that is called so receives, and can repeat."""
SESSIONS = "SID=CANARYsid123&code=CANARYcode1&state=CANARYstate1&X-Amz-Signature=CANARYamz&oauth_verifier=CANARYver"


def responses(secrets: tuple[str, ...]) -> dict[str, bytes]:
    repeated = " ".join(
        [*secrets, *(quote(each, safe="") for each in secrets), *(each[:15] + "..." for each in secrets)]
    )
    said = json.dumps({"message": f"Invalid token <{repeated}> at https://x.example/?{SESSIONS}"}).encode()
    location = f"Location: /admin/index/key/CANARY{'0af3' * 16}/?{SESSIONS}&{in_an_address(secrets)}"
    trace = "".join(f"#0 login('{each[:15]}...')" for each in secrets)
    page = f"<html><title>Error {repeated}</title>{trace}</html>".encode()
    one = secrets[-1]
    return {
        **{f"{status} JSON": reply(f"{status} No", said) for status in (400, 401, 403, 404, 429, 500)},
        "302": reply("302 Found", b"", location),
        "reason": reply(f"400 Bad {one}", b"{}"),
        "HTML": reply("200 OK", page).replace(b"application/json", b"text/html"),
        "HTML 500": reply("500 Oops", page).replace(b"application/json", b"text/html"),
        "invalid JSON": reply("200 OK", b'{"items": [{"a": ' + repeated.encode()),
        "headers": reply("401 No", said, f'WWW-Authenticate: {one} realm="{one}"', f"X-Debug: {one}"),
        "Retry-After": reply("503 Busy", said, f"Retry-After: {one}"),
        "GraphQL": reply("200 OK", json.dumps({"errors": [{"message": f"no {repeated}"}]}).encode()),
        "Set-Cookie": reply("401 No", said, f"Set-Cookie: frontend={one}; path=/", "Set-Cookie: adminhtml=CANARYadm"),
        "header names": reply("404 No", said, *(f"{name}: 1" for name in _names(one))),
        "encoding": reply("200 OK", b"x", f"Content-Encoding: {one}"),
        "type": reply("200 OK", b"x").replace(b"application/json", f"text/{one}".encode("latin-1")),
        "circle": b"",
        "last page": reply("200 OK", b'{"items": [{"sku": "b"}], "next": null, "cursor": null}'),
    }


def _names(secret: str) -> list[str]:
    """Names of headers that a secret can be in."""
    return [
        quote(secret, safe="").replace("%", "%25"),
        f"X-{quote(secret, safe='')}",
        base64.b64encode(b"x" + secret.encode()).decode().rstrip("=").replace("/", "_"),
    ]


def in_an_address(secrets: tuple[str, ...]) -> str:
    return "&".join(f"a{number}={quote(each, safe='')}" for number, each in enumerate(secrets))


RESPONSES = [each for each in responses((TOKEN,)) if each != "last page"]


class Store:
    """One page that is good and names a next one with the secrets in it; then the response of the test."""

    def __init__(self, response: str, secrets: tuple[str, ...]) -> None:
        self.secrets, self.response, self.good_pages = secrets, responses(secrets)[response], 1
        self.received: list[Received] = []
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        async with serving(self._answer) as server:
            self.url, self.received = server.url, server.received
            self._ready.set()
            await self._end.wait()

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> None:
        path = request.head.split(b" ", 2)[1].decode("latin-1")
        if not (request.header("Authorization") or request.header("X-Shop") or "k=" in path or request.body):
            writer.write(reply("200 OK", b'{"base_currency_code": "EUR"}'))  # it can only repeat what it has received
        elif "admin/token" in path:
            writer.write(reply("200 OK", json.dumps(FROM_LOGIN).encode()))
        elif path.startswith("/oauth"):
            writer.write(reply("200 OK", json.dumps({"access_token": FROM_LOGIN, "expires_in": 3600}).encode()))
        elif "page=" in path or "cursor=" in path or self.good_pages == 0:
            writer.write(self.response or self._page())
        else:
            writer.write(self._page())

    def _page(self) -> bytes:
        link = f"/rest/V1/items?page=2&SID=CANARYsid123&{in_an_address(self.secrets)}"
        body = {"items": [{"sku": "a"}], "next": link, "cursor": f"after {' '.join(self.secrets)}"}
        return reply("200 OK", json.dumps(body).encode(), f'Link: <{link}>; rel="next"')

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def home(clean_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in clean_environment.items():
        if name != "PYTHONPATH":
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    monkeypatch.setenv("SHOP_ODD", ODD)
    return Path(clean_environment["HOME"])


def _call(*arguments: str) -> None:
    with pytest.raises(SystemExit):
        _main(_with(arguments), "tui-connector")


def _with(arguments: tuple[str, ...]):  # type: ignore[no-untyped-def]
    return lambda **more: commands(list(arguments), **more)


def _traces(*, sessions: bool) -> list[bytes]:
    """What must not be found: each part of each secret, and of what `SESSIONS` holds."""
    found = [TOKEN[-8:].encode(), b"z-end", FROM_LOGIN[-8:].encode(), *(each[:10].encode() for each in SECRETS)]
    for secret in SECRETS:
        for before in ("", "x", "xy"):
            found.append(base64.b64encode((before + secret).encode())[4:16])
    return [*found, b"CANARY"] if sessions else found


def assert_nothing(where: str, data: bytes, *, sessions: bool = True) -> None:
    for trace in _traces(sessions=sessions):
        place = data.lower().find(trace.lower())
        assert place < 0, f"{where}: {data[max(0, place - 200) : place + 80]!r}"


def _search(home: Path, output: str) -> None:
    assert_nothing("output", output.encode("utf-8", "surrogateescape"))
    for path in home.rglob("*"):
        if path.is_file():
            assert_nothing(str(path), path.read_bytes())


def _saved(home: Path, store: Store, authentication: str, pagination: str) -> str:
    folder = home / "work"
    folder.mkdir(exist_ok=True)
    text = PROFILE.replace("AUTHENTICATION", AUTHENTICATIONS[authentication]).replace("URL", store.url)
    (folder / "shop.toml").write_text(text.replace("PAGINATION", PAGINATIONS[pagination]))
    return str(folder / "shop.toml")


def _everything(profile: str, home: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """All that was printed. The body that `request` prints keeps what is not known by its value: it is data."""
    _call("request", profile, "GET", "items?page=2")
    body = capfd.readouterr()
    assert_nothing("request", body.out.encode("utf-8", "surrogateescape"), sessions=False)
    assert_nothing("request", body.err.encode("utf-8", "surrogateescape"))
    _call("run", profile, "--dry-run")
    _call("run", profile, "--record", str(home / "recorded.jsonl"))
    _call("run", profile, "--dry-run", "--json")
    _call("run", profile, "--json")
    _call("run", profile, "--full", "--json", "--log", "long")
    _call("check", profile)
    _call("check", profile, "--json")
    _call("log", profile, "--export", "har")
    _call("log", profile, "--export", "curl")
    printed = capfd.readouterr()
    return printed.out + printed.err


IN_HEADERS = ["302", "401 JSON", "Retry-After", "Set-Cookie", "header names", "headers", "reason", "type"]


@pytest.mark.parametrize(
    ("authentication", "pagination", "response"),
    [
        *(("query", "cursor", each) for each in RESPONSES),
        *(("bearer", "next-link", each) for each in IN_HEADERS),  # where a token needs no escapes
    ],
)
def test_what_a_store_repeats_is_nowhere(
    home: Path, authentication: str, pagination: str, response: str, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(response, KNOWN[authentication])
    try:
        printed = _everything(_saved(home, store, authentication, pagination), home, capfd)
    finally:
        store.close()
    assert len(store.received) > 5
    _search(home, printed)


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("first", [True, False])
def test_every_way_to_authenticate(
    home: Path, authentication: str, first: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store("401 JSON", KNOWN[authentication])
    store.good_pages = 0 if first else 1
    try:
        printed = _everything(_saved(home, store, authentication, "link-header"), home, capfd)
    finally:
        store.close()
    _search(home, printed)


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_a_run_resumes_at_a_position_with_a_secret_in_it(
    home: Path, authentication: str, pagination: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The link or cursor is stored without the secret, and sent with it."""
    store = Store("last page", KNOWN[authentication])
    try:
        profile = _saved(home, store, authentication, pagination)
        _call("run", profile, "--limit", "1")
        _search(home, "".join(capfd.readouterr()))
        before = len(store.received)
        _call("run", profile, "--dry-run")
        preview = "".join(capfd.readouterr())
        _call("run", profile, "--json")
    finally:
        store.close()
    printed, errors = capfd.readouterr()
    _search(home, preview + printed + errors)
    summary = json.loads(printed.splitlines()[-1])
    assert (summary["state"], summary["items"]) == ("complete", 2), printed
    lists = [each.head.split(b" ", 2)[1].decode() for each in store.received[before:] if b"/items" in each.head]
    assert len(lists) == 1
    sent = parse_qs(urlsplit(lists[0]).query)
    for secret in KNOWN[authentication]:
        assert any(secret in value for values in sent.values() for value in values), (secret, lists)
    assert "SID" not in sent


@pytest.mark.parametrize("response", ["401 JSON", "302", "HTML 500", "invalid JSON", "circle"])
async def test_no_screen_shows_what_a_store_repeats(home: Path, machine: Machine, response: str) -> None:
    store = Store(response, KNOWN["bearer"])
    try:
        os.renames(_saved(home, store, "bearer", "next-link"), machine.directories.profiles / "shop.toml")
        app = ConnectorApp(replace(machine, environ={"SHOP_TOKEN": TOKEN}), no_demo)
        seen: list[str] = []
        async with app.run_test(size=(140, 45)) as pilot:
            await pilot.press("enter")
            seen.append(await until_shown(pilot, "items"))
            for key, end in (("t", "#2"), ("r", "run items")):
                await pilot.press(key)
                if key == "r":
                    await until_shown(pilot, "Run items")
                    await pilot.press("enter")
                await until_shown(pilot, end)
                for _ in range(10):
                    seen.append(shown(app))
                    await pilot.pause(0.05)
                if key == "r":
                    await pilot.press("l")
                    await pilot.pause()
                    seen += [shown(app)]
                    for each in ("enter", "z", "G", "z"):
                        await pilot.press(each)
                        seen.append(shown(app))
    finally:
        store.close()
    assert len(store.received) > 2
    assert_nothing("a screen", "\n".join(seen).encode())
    for written in home.parent.rglob("*"):
        if written.is_file():
            assert_nothing(str(written), written.read_bytes())


HOSTILE = "a\u202eb\x9bc\x7fd\u2066e\u200bf"


def test_json_on_standard_output_is_ascii(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Names of profiles and incomings, and what a store says, with characters that act on a terminal."""
    store = Store("401 JSON", KNOWN["bearer"])
    store.response = reply("400 No", json.dumps({"message": HOSTILE}, ensure_ascii=False).encode())
    store.good_pages = 0
    try:
        profile = Path(_saved(home, store, "bearer", "next-link"))
        text = profile.read_text().replace('name = "Shop"', f"name = {json.dumps(HOSTILE).replace(chr(127), 'x')}")
        profile.write_text(text)
        folder = Path(os.environ["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
        folder.mkdir(parents=True)
        (folder / "other.toml").write_text(profile.read_text())
        printed = []
        for arguments in (
            ("check", str(profile), "--json"), ("run", str(profile), "--json"), ("profiles", "--json"),
            ("run", str(profile), "--dry-run", "--json"), ("schema",), ("log", str(profile), "--export", "har"),
        ):  # fmt: skip
            _call(*arguments)
            printed.append(capfd.readouterr().out)
            assert printed[-1], arguments
    finally:
        store.close()
    for each in printed:
        assert each.isascii()
        assert "\x7f" not in each
        assert not any(ord(character) < 32 and character != "\n" for character in each)
