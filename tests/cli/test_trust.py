"""A profile that somebody else wrote does nothing before its user has looked at what it can do."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import fork_server
import pytest
from http_server import Received, Server, reply, serving
from listing import Listing, listing, products

from tui_connector.guide.trust import ProfileTrust, Untrusted
from tui_connector.machine import Machine

TOKEN = "a-CANARY-token"
PROFILE = """
format = 1
name = "Shop"
[authentications.a]
kind = "header"
header = "X-Token"
value = VALUE
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/V1"
[incoming.items]
client = "shop"
request = { uri = "products" }
items = "items"
sink = { kind = "jsonl", path = "PATH" }
"""


class Clone:
    """A folder with a profile that came from elsewhere, and the program in new processes of a new user."""

    def __init__(self, folder: Path, environment: dict[str, str], url: str) -> None:
        self.folder, self.url = folder, url
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {**environment, "TOKEN": TOKEN, "OTHER_TOKEN": "another-CANARY"}
        self.file = folder / "shop.toml"
        self.write()

    def write(self, value: str = '{ env = "TOKEN" }', path: str = "items.jsonl", more: str = "") -> None:
        text = PROFILE.replace("URL", self.url).replace("VALUE", value).replace("PATH", path)
        self.file.write_text(text + more)

    async def run(self, *arguments: str, **environ: str) -> tuple[int | None, str, str]:
        env = {**self.environment, **environ}
        code, out, err = await asyncio.to_thread(fork_server.run, *arguments, env=env, cwd=self.folder)
        assert b"CANARY" not in out + err
        assert b"Traceback" not in err, err
        return code, out.decode(), err.decode()

    async def request(self, *options: str, **environ: str) -> tuple[int | None, str, str]:
        return await self.run("request", str(self.file), "GET", "modules", *options, **environ)

    async def trust(self) -> None:
        code, _, err = await self.run("trust", str(self.file), "--yes")
        assert code == 0, err


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)


def _files(folder: Path) -> set[Path]:
    return {each for each in folder.rglob("*") if each.is_file()}


@pytest.fixture
async def shop() -> AsyncIterator[Server]:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b'{"items": [], "total_count": 0}'))

    async with serving(response) as server:
        yield server


@pytest.fixture
def clone(tmp_path: Path, clean_environment: dict[str, str], shop: Server) -> Clone:
    return Clone(tmp_path / "clone", clean_environment, shop.url)


@pytest.mark.parametrize("command", ["request", "run", "check", "header", "secrets"])
async def test_a_cloned_profile_sends_nothing_before_it_is_trusted(command: str, clone: Clone, shop: Server) -> None:
    arguments = {
        "request": ["request", str(clone.file), "GET", "modules"],
        "run": ["run", str(clone.file)],
        "check": ["check", str(clone.file)],
        "header": ["header", str(clone.file), "GET", "modules"],
        "secrets": ["secrets", "test", str(clone.file)],
    }[command]
    code, out, err = await clone.run(*arguments)
    assert (code, out) == (2, "")
    assert "is not trusted" in err
    assert f"the environment variable TOKEN to {clone.url}" in err
    assert "tui-connector trust" in err
    assert shop.received == []


@pytest.mark.parametrize("command", ["run", "check"])
async def test_a_refusal_is_one_line_of_json_and_the_list_on_standard_error(command: str, clone: Clone) -> None:
    code, out, err = await clone.run(command, str(clone.file), "--json")
    assert code == 2
    said = json.loads(out)
    assert (said["event"], said["code"]) == ("untrusted", "untrusted")
    assert [each["kind"] for each in said["capabilities"]] == ["secret"]
    assert (said["capabilities"][0]["secret"], said["capabilities"][0]["to"]) == ("env:TOKEN", clone.url)
    assert "TOKEN" in err


async def test_trusted_once_is_for_one_run_and_trusted_is_for_good(clone: Clone, shop: Server) -> None:
    assert (await clone.request("--trust"))[0] == 0
    assert (await clone.request())[0] == 2
    code, out, _ = await clone.run("trust", str(clone.file))
    assert code == 2, "nobody is there to answer"
    assert "sends the environment variable TOKEN" in out
    await clone.trust()
    assert (await clone.request())[0] == 0
    assert [each.header("X-Token") for each in shop.received] == [TOKEN] * 2
    code, out, _ = await clone.run("trust", "--list")
    assert code == 0
    assert str(clone.file) in out
    assert (await clone.run("trust", "--revoke", str(clone.file)))[0] == 0
    assert (await clone.request())[0] == 2


async def test_a_change_asks_for_what_is_new_and_for_nothing_else(clone: Clone) -> None:
    await clone.trust()
    clone.write(path="/data/items.jsonl")
    code, _, err = await clone.run("run", str(clone.file))
    assert code == 2
    assert "writes the file /data/items.jsonl" in err
    assert (await clone.request())[0] == 0, "a request writes no file"
    assert "TOKEN" not in err
    clone.write()
    assert (await clone.request())[0] == 0


async def test_less_than_what_is_trusted_never_asks(clone: Clone) -> None:
    clone.write(path="../elsewhere.jsonl")
    await clone.trust()
    clone.write()
    assert (await clone.request())[0] == 0


async def test_a_copy_elsewhere_is_another_profile_and_a_link_is_not(clone: Clone, tmp_path: Path) -> None:
    await clone.trust()
    link = tmp_path / "link.toml"
    link.symlink_to(clone.file)
    assert (await clone.run("request", str(link), "GET", "modules"))[0] == 0
    copy = tmp_path / "copy.toml"
    copy.write_text(clone.file.read_text())
    assert (await clone.run("request", str(copy), "GET", "modules"))[0] == 2


async def test_a_pinned_digest_stops_a_changed_profile(clone: Clone, shop: Server, tmp_path: Path) -> None:
    digest = (await clone.run("trust", "--digest", str(clone.file)))[1].strip()
    assert (await clone.request(TUI_CONNECTOR_TRUST=digest))[0] == 0
    elsewhere = Clone(tmp_path / "another" / "place", clone.environment, clone.url)
    assert (await elsewhere.run("trust", "--digest", str(elsewhere.file)))[1].strip() == digest
    await clone.trust()
    clone.write(value='{ env = "OTHER_TOKEN" }')
    before = len(shop.received)
    code, out, err = await clone.run("run", str(clone.file), "--json", TUI_CONNECTOR_TRUST=digest)
    assert code == 2
    assert [each["secret"] for each in json.loads(out)["capabilities"]] == ["env:OTHER_TOKEN"]
    assert "TUI_CONNECTOR_TRUST" in err
    assert (await clone.request("--trust", TUI_CONNECTOR_TRUST=digest))[0] == 2, "a pin outweighs an option"
    await clone.trust()
    assert (await clone.request(TUI_CONNECTOR_TRUST=digest))[0] == 2, "and a record"
    assert len(shop.received) == before


async def test_a_token_is_not_carried_from_its_store_to_another(clone: Clone, shop: Server) -> None:
    """The password goes to the store that it belongs to, and the token that it gives goes to somebody else."""

    async def log_in(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b'"token-of-the-CANARY-admin"'))

    async with serving(log_in) as acme:
        login = f"""
format = 1
name = "Shop"
[authentications.a]
kind = "request"
uri = "{acme.url}/rest/V1/integration/admin/token"
parameters = {{ username = "api", password = {{ env = "TOKEN" }} }}
client = "login"
[clients.login]
[clients.acme]
authentications = ["a"]
[[clients.acme.plugins]]
kind = "base-uri"
uri = "{acme.url}/rest/V1"
"""
        clone.file.write_text(login)
        await clone.trust()
        clone.file.write_text(
            f'{login}[clients.m]\nauthentications = ["a"]\nplugins = [{{ kind = "base-uri", uri = "{shop.url}" }}]\n'
        )
        code, _, err = await clone.run("request", str(clone.file), "GET", "modules", "--client", "m")
        assert code == 2
        assert f"sends the token that {acme.url}/rest/V1/integration/admin/token gives to {shop.url}" in err
        assert shop.received == acme.received == []
        # a URI that somebody types is no way around it either
        clone.file.write_text(f'{login}[clients.m]\nauthentications = ["a"]\n')
        code, _, err = await clone.run("request", str(clone.file), "GET", f"{shop.url}/x", "--client", "m")
        assert code == 2
        assert f"is not sent to {shop.url}" in err
        assert shop.received == acme.received == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[clients.shop.proxy]\nuri = "http://127.0.0.1:9"\n', "through the proxy http://127.0.0.1:9"),
        ("[clients.shop.tls]\nverify = false\n", "without verifying the certificate"),
        ('[clients.shop.tls]\nca-file = "ca.pem"\n', "with a certificate from"),
        ('[authentications.b]\nkind = "basic"\nusername = "u"\npassword = { env = "OTHER_TOKEN" }\n'
         '[clients.other]\nauthentications = ["b"]\n[incoming.other]\nclient = "other"\n'
         'request = { uri = "http://other.example/x" }\n', "OTHER_TOKEN to http://other.example"),
        ('[outgoing.o]\nclient = "shop"\nrequest = { uri = "x", method = "post" }\n'
         'source = { kind = "csv", path = "../../../etc/passwd" }\n', "reads the file"),
    ],
)  # fmt: skip
async def test_another_route_store_or_file_asks_again(more: str, words: str, clone: Clone, shop: Server) -> None:
    (clone.folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    await clone.trust()
    clone.write(more=more)
    code, _, err = await clone.run("run", str(clone.file), *(["o"] if "[outgoing.o]" in more else []))
    assert code == 2
    assert words in err
    assert shop.received == []


async def test_a_file_of_authorities_that_changed_asks_again(clone: Clone) -> None:
    (clone.folder / "ca.pem").write_text("one")
    clone.write(more='[clients.shop.tls]\nca-file = "ca.pem"\n')
    await clone.trust()
    (clone.folder / "ca.pem").write_text("another")
    code, _, err = await clone.request()
    assert code == 2
    assert "with a certificate from" in err


@pytest.mark.parametrize("entry", ["acme/integration/access-token", "acme.integration access~token"])
async def test_a_variable_for_a_keyring_entry_goes_where_the_entry_may_go(
    entry: str, clone: Clone, shop: Server
) -> None:
    clone.write(value=f'{{ keyring = "{entry}" }}')
    variable = {"TUI_CONNECTOR_ACME_INTEGRATION_ACCESS_TOKEN": TOKEN}
    code, _, err = await clone.request(**variable)
    assert code == 2
    assert entry in err
    assert shop.received == []
    assert (await clone.request("--trust", **variable))[0] == 0


async def test_a_command_runs_when_it_is_trusted_and_as_it_was(clone: Clone, shop: Server) -> None:
    script = clone.folder / "tok.sh"
    script.write_text('#!/bin/sh\necho x >> ran\necho "a-CANA""RY-$TOKEN$TUI_CONNECTOR_X"\n')
    script.chmod(0o700)
    home = Path(clone.environment["HOME"])
    clone.write(value='{ command = ["./tok.sh"] }')
    code, _, err = await clone.request()
    assert code == 2
    assert "runs the command ./tok.sh" in err
    assert not (home / "ran").exists()
    await clone.trust()
    assert (await clone.request(TUI_CONNECTOR_X="CANARY"))[0] == 0
    assert shop.received[-1].header("X-Token") == "a-CANARY-"
    script.write_text("#!/bin/sh\necho x >> ran\n")
    assert (await clone.request())[0] == 2
    assert (home / "ran").read_text() == "x\n"
    assert not (clone.folder / "ran").exists()


async def test_the_record_is_private_and_no_sink_may_forge_it(clone: Clone, clean_environment: dict[str, str]) -> None:
    trust = Path(clean_environment["XDG_STATE_HOME"]) / "tui-connector" / "trust"
    await clone.trust()
    (record,) = trust.glob("*.json")
    assert record.stat().st_mode & 0o777 == 0o600
    assert trust.stat().st_mode & 0o777 == 0o700
    record.chmod(0o666)
    assert (await clone.request())[0] == 2, "anybody may have written that"
    record.chmod(0o600)
    assert (await clone.request())[0] == 0
    for path in (record, trust / "new.json", Path(_relative(trust / "new.json", clone.folder))):
        record.unlink(missing_ok=True)
        clone.write(path=str(path))
        code, _, err = await clone.run("run", str(clone.file), "--trust")
        assert code == 2, err
        assert "never written by a sink" in err
        assert not (trust / "new.json").exists()


async def test_profiles_trusted_at_the_same_time_are_all_trusted(
    tmp_path: Path, clean_environment: dict[str, str], shop: Server
) -> None:
    clones = [Clone(tmp_path / f"clone-{number}", clean_environment, shop.url) for number in range(6)]
    await asyncio.gather(*(each.trust() for each in clones))
    assert [code for code, _, _ in await asyncio.gather(*(each.request() for each in clones))] == [0] * 6


async def test_what_the_demo_saves_needs_no_trust(clean_environment: dict[str, str], tmp_path: Path) -> None:
    """Walked in a folder with Python files that have the names of modules: none of them is run."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("click.py", "secrets.py", "queue.py", "token.py", "httpx.py"):
        (folder / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w'); raise SystemExit(7)\n")
    environ = {name: value for name, value in clean_environment.items() if name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "tui-connector"), "demo"),
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert not (tmp_path / "ran").exists()
    records = Path(clean_environment["XDG_STATE_HOME"]) / "tui-connector" / "trust"
    assert len(list(records.glob("*.json"))) == 1


@pytest.fixture
async def store() -> AsyncIterator[Listing]:
    async with listing(products(1, 2, 3)) as found:
        yield found


@pytest.mark.parametrize(
    "path",
    [
        *("~/.bashrc", "~/.zshenv", "~/.profile", "~/.config/fish/config.fish", "~/.ssh/authorized_keys", "~/.netrc"),
        *("~/.config/autostart/x.desktop", "~/.config/systemd/user/x.service", "~/.local/bin/ls", "~/bin/ls"),
        *("~/.local/lib/python3.11/site-packages/x.pth", "~/Library/LaunchAgents/x.plist", "~/.gnupg/x", "~/.git/x"),
        *("/etc/cron.d/x", "/var/spool/cron/root", "PREFIX/x.jsonl", "conftest.py", ".git/hooks/pre-commit"),
        *("link/x.jsonl", "dangling", "/proc/self/cwd/../home/.bashrc", "../home/.BASHRC", "other.toml", "x.pth"),
        *("~/xdg_config_home/tui-connector/settings.toml", "~/xdg_config_home/tui-connector/profiles/a.jsonl"),
        "~/xdg_cache_home/tui-connector/x",
    ],
)
async def test_files_that_other_programs_run_are_never_written(
    path: str, tmp_path: Path, clean_environment: dict[str, str], store: Listing
) -> None:
    clone = Clone(tmp_path / "clone", clean_environment, store.url)
    home = Path(clean_environment["HOME"])
    (home / ".ssh").mkdir()
    for each in (".config/fish", ".local/bin", "bin", ".git", "Library/LaunchAgents", ".gnupg"):
        (home / each).mkdir(parents=True)
    (clone.folder / "link").symlink_to(home / ".ssh")
    (clone.folder / "dangling").symlink_to(home / ".bash_profile")
    (clone.folder / ".git" / "hooks").mkdir(parents=True)
    clone.write(path=path.replace("~", str(home)).replace("PREFIX", sys.prefix))
    before = _files(home)
    code, _, err = await clone.run("run", str(clone.file), "--trust")
    assert code == 2, err
    assert "never written by a sink" in err
    added = _files(home) - before
    assert all("xdg_state_home" in each.parts for each in added), added
    assert not (clone.folder / "conftest.py").exists()


async def test_a_database_of_another_program_is_not_altered_unless_that_is_trusted(
    tmp_path: Path, clean_environment: dict[str, str], store: Listing
) -> None:
    import sqlite3

    clone = Clone(tmp_path / "clone", clean_environment, store.url)
    connection = sqlite3.connect(clone.folder / "store.db")
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    clone.write(path="store.db")
    clone.file.write_text(clone.file.read_text().replace('"jsonl"', '"sqlite"'))
    before = (clone.folder / "store.db").read_bytes()
    code, _, err = await clone.run("run", str(clone.file))
    assert code == 2
    assert "adds a table to the existing database" in err
    assert (clone.folder / "store.db").read_bytes() == before
    await clone.trust()
    code, _, err = await clone.run("run", str(clone.file))
    assert code == 0, err
    assert (await clone.run("run", str(clone.file)))[0] == 0, "from then on it is known"


@pytest.mark.parametrize("name", ["a\\n  - nothing else", "x to https://acme.example", "\\u202etxt.a", "\\u001b[2J"])
async def test_a_name_in_a_profile_cannot_pass_for_the_programs_own_words(name: str, clone: Clone) -> None:
    clone.write(value=f'{{ keyring = "{name}" }}')
    more = f'[authentications.b]\nkind = "header"\nheader = "X-B"\nvalue = {{ keyring = "{name}2" }}\n'
    clone.file.write_text(
        clone.file.read_text().replace('authentications = ["a"]', 'authentications = ["a", "b"]') + more
    )
    code, _, err = await clone.request()
    assert code == 2
    listed = [line for line in err.splitlines() if line.startswith("  - ")]
    assert len(listed) == 1, "both in one line"
    assert listed[0].endswith(f" to {clone.url}")
    assert "\x1b" not in err
    assert "\u202e" not in err


@pytest.mark.parametrize("name", ["acme", "a$(touch x)", "b`touch x`", "c; touch x", "d e", "f'g"])
def test_a_command_that_is_advised_names_the_profile_as_one_word_of_a_shell(machine: Machine, name: str) -> None:
    """Whoever made a file of this name must not run anything in the shell of those who copy the command."""
    path = machine.directories.profiles / f"{name}.toml"
    assert shlex.split(ProfileTrust(machine, path).arguments) == [name]
    staging = ProfileTrust(machine, path, environment="staging")
    assert shlex.split(staging.arguments) == [name, "--env", "staging"]
    advised = Untrusted(name, ()).hint.partition("tui-connector trust ")[2].partition(". For one run")[0]
    assert shlex.split(advised) == [name]
