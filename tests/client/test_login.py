"""One login for everybody: kept, renewed once, and stopped where the store refuses it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import fork_server
import pytest
from http_server import Received, Responder, reply, serving
from profiles import PASSWORD, admin, login, logins, profile

from tui_connector.client.authentication.login_lockouts import Account, LoginLockouts
from tui_connector.client.message import LoginRefused, Request, RequestFailed, Response
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions

MODULES = Request("GET", "modules")


async def test_50_parallel_requests_log_in_once(
    sandbox: Sandbox, workbench: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    workbench.vault.hold(PASSWORD, admin(sandbox)["password"], sandbox.url)
    async with workbench.session(profile(f"{sandbox.url}/rest/V1", login())) as session:
        responses = await asyncio.gather(*(session.client("shop")(MODULES) for _ in range(50)))
    assert [response.status for response in responses] == [200] * 50
    assert logins(sandbox) == 1
    used = {(each.purpose, each.login) for each in workbench.exchanges}
    assert used == {("login", 0), ("run", next(each.number for each in workbench.exchanges if each.purpose == "login"))}
    with capsys.disabled():
        print("\n50 parallel requests: 1 login")


async def test_a_wrong_password_is_sent_once_while_50_wait(
    sandbox: Sandbox, workbench: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    workbench.vault.hold(PASSWORD, "wrong-CANARY", sandbox.url)
    async with workbench.session(profile(f"{sandbox.url}/rest/V1", login())) as session:
        ended = await asyncio.gather(*(session.client("shop")(MODULES) for _ in range(50)), return_exceptions=True)
        with pytest.raises(LoginRefused, match="account"):
            await session.client("shop")(MODULES)
    assert all(isinstance(each, LoginRefused) for each in ended)
    assert logins(sandbox) == 1
    with capsys.disabled():
        print("\nwrong password and 50 waiting: 1 login")


async def test_a_refused_login_is_reported_and_not_repeated_without_a_writable_disk(
    sandbox: Sandbox, workbench: Workbench
) -> None:
    state = workbench.machine.directories.state
    state.write_text("a file in the place of the directory")
    workbench.vault.hold(PASSWORD, "wrong-CANARY", sandbox.url)
    async with workbench.session(profile(f"{sandbox.url}/rest/V1", login())) as session:
        for _ in range(2):
            with pytest.raises(LoginRefused, match="The store refused the login with 401") as refused:
                await session.client("shop")(MODULES)
            assert f"could not be saved in {state}" in refused.value.hint
    assert logins(sandbox) == 1


async def test_a_login_succeeds_where_no_refusal_can_be_forgotten(sandbox: Sandbox, workbench: Workbench) -> None:
    workbench.machine.directories.state.write_text("a file in the place of the directory")
    workbench.vault.hold(PASSWORD, admin(sandbox)["password"], sandbox.url)
    async with workbench.session(profile(f"{sandbox.url}/rest/V1", login())) as session:
        assert (await session.client("shop")(MODULES)).status == 200


def test_a_refusal_that_cannot_be_removed_keeps_no_other(tmp_path: Path) -> None:
    stops = LoginLockouts(tmp_path)
    account = Account("shop", "wrong-CANARY")
    stops.add(account, at="today", status=401, message="no")
    (tmp_path / "refused-logins" / "0.json").mkdir()
    stops.clear_all()
    assert stops.find(account) is None


async def test_a_token_proves_nothing_about_another_password_that_is_typed_later(
    sandbox: Sandbox, workbench: Workbench
) -> None:
    saved = profile(f"{sandbox.url}/rest/V1", login())
    for secret, wanted in ((admin(sandbox)["password"], 1), (admin(sandbox)["password"], 1), ("wrong-CANARY", 2)):
        workbench.vault.hold(PASSWORD, secret, sandbox.url)
        async with workbench.session(saved) as session:
            if wanted == 1:
                assert (await session.client("shop")(MODULES)).status == 200
            else:
                with pytest.raises(LoginRefused, match="account"):
                    await session.client("shop")(MODULES)
        assert logins(sandbox) == wanted


async def test_five_processes_with_a_wrong_password_log_in_once(
    sandbox: Sandbox, tmp_path: Path, clean_environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        'format = 1\nname = "Shop"\n[authentications.a]\nkind = "request"\n'
        'parameters = { username = "admin", password = { env = "SHOP_PASSWORD" } }\n'
        f'[clients.shop]\nauthentications = ["a"]\n[[clients.shop.plugins]]\nkind = "base-uri"\n'
        f'uri = "{sandbox.url}/rest/V1"\n'
    )

    async def run(password: str) -> int:
        return await asyncio.to_thread(_request, str(file), {**clean_environment, "SHOP_PASSWORD": password})

    codes = [await run("wrong-CANARY") for _ in range(5)]
    assert codes == [3] * 5
    assert logins(sandbox) == 1
    assert await run(admin(sandbox)["password"]) == 0  # another password is another login
    with capsys.disabled():
        print("\nwrong password, five processes one after another: 1 login")


def _request(file: str, environment: dict[str, str]) -> int:
    code, out, err = fork_server.run("request", "--trust", file, "GET", "modules", env=environment)
    assert b"CANARY" not in out + err
    return code


async def test_a_token_is_cached_until_it_expires_and_then_renewed_once(machine: Machine) -> None:
    late = [0.0]
    machine = replace(machine, monotonic=lambda: asyncio.get_running_loop().time() + late[0])
    async with Sandbox(SandboxOptions(products=5), machine.now) as sandbox:
        bench = Workbench(machine)
        bench.vault.hold(PASSWORD, admin(sandbox)["password"], sandbox.url)
        async with bench.session(profile(f"{sandbox.url}/rest/V1", login())) as session:
            send = session.client("shop")
            await send(MODULES)
            late[0] = 58 * 60.0
            await send(MODULES)
            assert logins(sandbox) == 1
            late[0] = 59.5 * 60.0  # the last minute of its 60
            await asyncio.gather(*(send(MODULES) for _ in range(20)))
        assert logins(sandbox) == 2
        bench.close()


def _shop(good: str) -> tuple[list[str], Responder]:
    """A shop that gives tokens t1, t2, … and takes only `good`."""
    given: list[str] = []

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        if b"/token" in request.head.split(b"\r\n")[0]:
            given.append(f"t{len(given) + 1}-CANARY-token")
            writer.write(reply("200 OK", json.dumps(given[-1]).encode()))
        elif request.header("Authorization") == f"Bearer {good}-CANARY-token":
            writer.write(reply("200 OK", b"{}"))
        else:
            writer.write(reply("401 Unauthorized", b'{"message":"no","parameters":{"resources":"X::y"}}'))

    return given, response


async def test_20_parallel_401s_renew_once(workbench: Workbench) -> None:
    given, response = _shop("t2")
    async with serving(response) as shop:
        workbench.vault.hold(PASSWORD, "a-CANARY-password", shop.url)
        async with workbench.session(profile(f"{shop.url}/rest/V1", login())) as session:
            responses: list[Response] = await asyncio.gather(*(session.client("shop")(MODULES) for _ in range(20)))
    assert {each.status for each in responses} == {200}
    assert len(given) == 2
    first, second = (each.number for each in workbench.exchanges if each.purpose == "login")
    tokens = {(each.status, each.login) for each in workbench.exchanges if each.purpose != "login"}
    assert tokens == {(401, first), (200, second)}


async def test_a_missing_permission_does_not_log_in_for_ever(workbench: Workbench) -> None:
    given, response = _shop("none")
    async with serving(response) as shop:
        workbench.vault.hold(PASSWORD, "a-CANARY-password", shop.url)
        async with workbench.session(profile(f"{shop.url}/rest/V1", login())) as session:
            responses = [await session.client("shop")(MODULES) for _ in range(10)]
    assert {each.status for each in responses} == {401}
    assert len(given) == 2


async def test_a_caller_that_gives_up_does_not_end_the_login_of_the_others(workbench: Workbench) -> None:
    given, response = _shop("t1")
    async with serving(response) as shop:
        workbench.vault.hold(PASSWORD, "a-CANARY-password", shop.url)
        async with workbench.session(profile(f"{shop.url}/rest/V1", login())) as session:
            first = asyncio.ensure_future(session.client("shop")(MODULES))
            second = asyncio.ensure_future(session.client("shop")(MODULES))
            await asyncio.sleep(0)
            first.cancel()
            assert (await second).status == 200
    assert len(given) == 1


async def test_a_lost_login_is_not_repeated_by_itself_and_stops_nothing(workbench: Workbench) -> None:
    given: list[int] = []

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        if b"/token" in request.head.split(b"\r\n")[0]:
            given.append(1)
            if len(given) == 1:
                writer.close()
            else:
                writer.write(reply("200 OK", b'"a-CANARY-token"'))
        else:
            writer.write(reply("200 OK", b"{}"))

    async with serving(response) as shop:
        workbench.vault.hold(PASSWORD, "a-CANARY-password", shop.url)
        retry = {"kind": "retry", "attempts": 5, "wait": "1ms"}
        async with workbench.session(profile(f"{shop.url}/rest/V1", login(), retry)) as session:
            with pytest.raises(RequestFailed, match="login got no response"):
                await session.client("shop")(MODULES)
            assert len(given) == 1
            assert (await session.client("shop")(MODULES)).status == 200
