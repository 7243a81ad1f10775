"""A wrong password is sent once: by how many processes ever, and however its endpoint is written."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fork_server
import pytest
from http_server import Received, reply, serving
from profiles import PASSWORD, admin, login, logins, profile
from time_zones import time_zone

from tui_connector.client.authentication.login_lockouts import Account, LoginLockout, LoginLockouts
from tui_connector.client.message import LoginRefused, Request, RequestFailed
from tui_connector.client.uri import origin_of
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox

MODULES = Request("GET", "modules")

ONE_REQUEST = """
import asyncio, json, sys
from pathlib import Path
from memory_keyring import MemoryKeyring
from profiles import profile
from tui_connector.client.message import LoginRefused, Request, RequestFailed
from tui_connector.client.uri import origin_of
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Directories, Machine

given = json.loads(sys.argv[1])
place = Path(given["place"])

async def main():
    machine = Machine(Directories(*(place / each for each in ("config", "state", "cache", "profiles"))), {},
                      keyring=MemoryKeyring)
    bench = Workbench(machine)
    for name, value in given["secrets"].items():
        bench.vault.hold(name, value, given["origin"])
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        async with bench.session(profile(given["uri"], given["authentication"])) as session:
            return (await session.client("shop")(Request("GET", "modules"))).status
    except LoginRefused as error:
        return str(error)
    finally:
        bench.close()

print(asyncio.run(main()))
"""
"""A process that sends one request of a profile, when it is told to."""


async def at_once(machine: Machine, given: Sequence[dict[str, Any]]) -> list[str]:
    """What each of as many processes says that send their request at the same time."""
    place = str(machine.directories.state.parent)
    waiting, told = os.pipe()
    processes = [
        await fork_server.start(
            json.dumps({"place": place, **each}),
            code=ONE_REQUEST,
            env={"HOME": place},
            stdin=waiting,
            stdout=asyncio.subprocess.PIPE,
        )
        for each in given
    ]
    for process in processes:
        assert await process.stdout.readline() == b"ready\n"
    os.close(told)
    os.close(waiting)
    return [out.decode().strip() for out, _ in await asyncio.gather(*(each.communicate() for each in processes))]


def wanted(url: str, password: str, authentication: dict[str, Any] | None = None, **secrets: str) -> dict[str, Any]:
    return {
        "uri": f"{url}/rest/V1",
        "origin": origin_of(url),
        "authentication": authentication or login(),
        "secrets": {PASSWORD: password, **secrets},
    }


async def test_ten_processes_with_a_wrong_password_log_in_once(sandbox: Sandbox, machine: Machine) -> None:
    ends = await at_once(machine, [wanted(sandbox.url, "wrong-CANARY")] * 10)
    assert logins(sandbox) == 1
    assert sum("The store refused the login with 401" in each for each in ends) == 1
    assert sum("Not logged in: the store refused this login with 401" in each for each in ends) == 9
    # the account is not locked, and a corrected password is sent
    assert await at_once(machine, [wanted(sandbox.url, admin(sandbox)["password"])] * 3) == ["200"] * 3
    # what was refused stays refused
    [again] = await at_once(machine, [wanted(sandbox.url, "wrong-CANARY")])
    assert "Not logged in" in again
    assert logins(sandbox) == 4


async def test_processes_that_take_turns_with_two_wrong_passwords_send_each_once(
    sandbox: Sandbox, machine: Machine
) -> None:
    both = [wanted(sandbox.url, f"wrong-CANARY-{each}") for each in (1, 2)]
    await at_once(machine, both * 3)
    await at_once(machine, both)
    assert logins(sandbox) == 2


async def test_a_wrong_password_is_sent_once_however_its_endpoint_is_written(
    sandbox: Sandbox, machine: Machine
) -> None:
    port = sandbox.url.rpartition(":")[2]
    sent = [
        (f"http://{host}:{port}", {**login(user), "uri": f"/{path}"})
        for host, user, path in [
            ("127.0.0.1", "admin", "rest/V1/integration/admin/token"),
            ("localhost", "admin", "rest/V1/integration/admin/token"),
            ("LOCALHOST", "Admin", "rest/all/V1/integration/admin/token"),
            ("127.0.0.1", "admin", "rest/default/V1/integration/admin/token/"),
            ("127.0.0.1", "ADMIN", "index.php/rest/V1/integration/admin/token"),
            ("127.1", "admin", "rest//V1/integration/admin/token"),
            ("127.0.0.1", "admin", "rest/V1/integration/%61dmin/token?x=1"),
        ]
    ]
    given = [wanted(url, "wrong-CANARY", authentication) for url, authentication in sent]
    await at_once(machine, given[:1])  # the sandbox does not know each of the others, and checks no password there
    ends = await at_once(machine, given[1:])
    assert sum("Not logged in" in each for each in ends) == len(ends), ends
    assert sum("admin/token" in str(each["path"]) for each in sandbox.journal()) == 1


async def test_a_one_time_code_does_not_make_a_wrong_password_another_one(sandbox: Sandbox, machine: Machine) -> None:
    sandbox.change({"twofactorauth/general/enable": "1"})
    with_code = {
        **login(),
        "uri": "/rest/V1/tfa/provider/google/authenticate",
    }
    with_code["parameters"] = {**with_code["parameters"], "otp": {"totp": {"keyring": "shop/admin/totp"}}}
    one = wanted(sandbox.url, "wrong-CANARY", with_code, **{"shop/admin/totp": admin(sandbox)["totp_secret"]})
    ends = await at_once(machine, [one] * 6)
    assert sum("tfa/provider" in str(each["path"]) for each in sandbox.journal()) == 1
    assert sum("Not logged in" in each for each in ends) == 5


async def test_oauth2_credentials_that_are_refused_are_sent_once(machine: Machine) -> None:
    async def issuer(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("401 Unauthorized", b'{"error": "invalid_client"}'))

    async with serving(issuer) as server:
        authentication = {
            "kind": "oauth2",
            "token-uri": f"{server.url}/token",
            "client-id": "id-1",
            "client-secret": {"keyring": "shop/oauth/secret"},
        }
        one = {
            "uri": f"{server.url}/rest/V1",
            "origin": server.url,
            "authentication": authentication,
            "secrets": {"shop/oauth/secret": "wrong-CANARY"},
        }
        ends = await at_once(machine, [one] * 6)
        assert len(server.received) == 1, ends
        assert sum("Not logged in" in each for each in ends) == 5


async def test_a_wrong_password_is_sent_once_by_a_process_whose_state_directory_cannot_be_used(
    sandbox: Sandbox, machine: Machine
) -> None:
    machine.directories.state.write_text("a file in the place of the directory")
    ended: list[BaseException | object] = []

    async def one(bench: Workbench) -> None:
        bench.vault.hold(PASSWORD, "wrong-CANARY", sandbox.url)
        async with bench.session(profile(f"{sandbox.url}/rest/V1", login())) as session:
            ended.extend(await asyncio.gather(session.client("shop")(MODULES), return_exceptions=True))
        bench.close()

    benches = [Workbench(machine) for _ in range(4)]  # four screens of one program
    await asyncio.gather(*map(one, benches))
    assert logins(sandbox) == 1
    assert sum("could not be saved" in str(each) for each in ended) == 1
    assert sum("Not logged in" in str(each) for each in ended) == 3
    Workbench(machine).allow_logins()
    await one(Workbench(machine))
    assert logins(sandbox) == 2


async def test_a_wait_for_another_process_times_out_with_a_message(
    sandbox: Sandbox, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has died with its computer's network disk, or waits for a code that nobody types."""
    from tui_connector.client.authentication import login_lockouts

    monkeypatch.setattr(login_lockouts, "_MAX_WAIT", 0.2)
    account = Account.of(f"{sandbox.url}/rest/V1/integration/admin/token", _admin("wrong-CANARY"), ["password"])
    bench = Workbench(machine)
    bench.vault.hold(PASSWORD, "wrong-CANARY", sandbox.url)
    async with (
        LoginLockouts(machine.directories.state).turn(account, asyncio.sleep),
        bench.session(profile(f"{sandbox.url}/rest/V1", login())) as session,
    ):
        with pytest.raises(RequestFailed, match="another process has been logging in as admin") as waited:
            await session.client("shop")(MODULES)
    assert not isinstance(waited.value, LoginRefused)
    assert logins(sandbox) == 0
    with pytest.raises(LoginRefused, match="The store refused"):  # once the other one is gone
        async with bench.session(profile(f"{sandbox.url}/rest/V1", login())) as session:
            await session.client("shop")(MODULES)
    bench.close()


async def test_a_cancelled_wait_blocks_nobody(machine: Machine) -> None:
    login_lockouts = LoginLockouts(machine.directories.state)
    account = Account.of("https://shop.example/rest/V1/integration/admin/token", _admin("a-CANARY"), ["password"])

    async def wait() -> None:
        async with login_lockouts.turn(account, asyncio.sleep):
            pass

    for turns in range(30):  # given up at each step, the one included in which the lock is just being taken
        waiting = asyncio.ensure_future(wait())
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(30):
        await wait()


def _admin(password: str, username: str = "admin") -> dict[str, object]:
    return {"username": username, "password": password}


def account(uri: str, values: dict[str, object] | None = None) -> Account:
    return Account.of(uri, values or _admin("a-CANARY"), ["password"])


@pytest.mark.parametrize(
    "uri",
    [
        "https://SHOP.example/rest/V1/integration/admin/token",
        "https://shop.example:443/rest/V1/integration/admin/token",
        "http://shop.example/rest/V1/integration/admin/token",
        "https://shop.example./rest/V1/integration/admin/token",
        "https://shop.example/rest/all/V1/integration/admin/token",
        "https://shop.example/rest/store-2_nl/V1/integration/admin/token",
        "https://shop.example/index.php/rest/V1/integration/admin/token",
        "https://shop.example/pub/index.php/rest/V1/integration/admin/token",
        "https://shop.example/rest/V1/integration/admin/token/",
        "https://shop.example//rest/V1//integration/admin/token",
        "https://shop.example/rest/V1/integration/%61%64min/token",
        "https://shop.example/rest/V1/integration/admin/token?a=b",
        "https://shop.example/rest/v1/integration/admin/token",
        "https://shop.example/rest/V1/tfa/provider/google/authenticate",
    ],
)
def test_one_account_has_many_addresses(uri: str) -> None:
    assert account(uri) == account("https://shop.example/rest/V1/integration/admin/token")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:80", "http://[::1]"),
        ("http://[0:0:0:0:0:0:0:1]:8080", "http://localhost:8080"),
        ("http://[2001:DB8::1]", "http://[2001:db8:0:0::1]"),
        ("http://[::ffff:10.0.0.1]", "http://10.0.0.1"),
        ("http://0x7f.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_one_host_has_many_names(one: str, other: str) -> None:
    assert account(f"{one}/rest/V1/integration/admin/token") == account(f"{other}/rest/V1/integration/admin/token")


@pytest.mark.parametrize(
    ("uri", "values"),
    [
        ("https://other.example/rest/V1/integration/admin/token", _admin("a-CANARY")),
        ("https://shop.example:8443/rest/V1/integration/admin/token", _admin("a-CANARY")),
        ("https://shop.example/second/rest/V1/integration/admin/token", _admin("a-CANARY")),
        ("https://shop.example/rest/V1/integration/customer/token", _admin("a-CANARY")),
        ("https://shop.example/rest/V1/integration/admin/token", _admin("a-CANARY", "other")),
        ("https://shop.example/login", _admin("a-CANARY")),
    ],
)
def test_other_accounts_are_others(uri: str, values: dict[str, object]) -> None:
    assert account(uri, values).login != account("https://shop.example/rest/V1/integration/admin/token").login


def test_where_a_user_name_comes_from_makes_no_other_account() -> None:
    uri, values = "https://shop.example/rest/V1/integration/admin/token", _admin("a-CANARY", " API ")
    assert Account.of(uri, values, ["username", "password"]) == Account.of(uri, _admin("a-CANARY", "api"), ["password"])


def test_a_login_of_another_system_is_identified_by_all_its_public_parameters() -> None:
    def at(uri: str, **values: object) -> Account:
        return Account.of(uri, {"secret": "a-CANARY", **values}, ["secret"])

    assert at("https://a.example/token", client="1") == at("HTTPS://A.example:443/%74oken/", client="1")
    assert at("https://a.example/token", client="1") != at("https://a.example/token", client="2")
    assert at("https://a.example/token?x=1") != at("https://a.example/token?x=2")
    assert "CANARY" not in at("https://a.example/token").login


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"salt": 1}', '{"salt": "00", "stops": [1]}', "\x00" * 100, "[" * 9999]
)
def test_a_damaged_record_stops_nothing_and_is_replaced(tmp_path: Path, text: str) -> None:
    login_lockouts, who = LoginLockouts(tmp_path), account("https://shop.example/rest/V1/integration/admin/token")
    login_lockouts.add(who, at="today", status=401, message="no")
    [path] = (tmp_path / "refused-logins").glob("*.json")
    path.write_text(text)
    assert login_lockouts.find(who) is None
    login_lockouts.add(who, at="today", status=401, message="no")
    assert login_lockouts.find(who) is not None
    assert "CANARY" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_record_that_others_may_change_is_not_believed(tmp_path: Path) -> None:
    login_lockouts, who = LoginLockouts(tmp_path), account("https://shop.example/rest/V1/integration/admin/token")
    login_lockouts.add(who, at="today", status=401, message="no")
    [path] = (tmp_path / "refused-logins").glob("*.json")
    path.chmod(0o666)
    assert login_lockouts.find(who) is None


def test_a_refusal_is_dated_in_the_time_zone_of_the_user() -> None:
    def dated(at: str) -> str:
        return LoginLockout(at, 401, "", "").day_and_time

    with time_zone("CET-1"):
        assert dated("2026-11-30T23:05:09+00:00") == "01 Dec 2026 at 00:05"
        assert dated("long ago") == "long ago"
