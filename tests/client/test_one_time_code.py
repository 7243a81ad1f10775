"""Two-factor sign-in: codes made from the app's secret, or typed, each sent once."""

from __future__ import annotations

import asyncio
import json
import os
import pty
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fork_server
import pyotp
import pytest
from http_server import Received, reply, serving
from profiles import PASSWORD, admin, profile
from user_errors import user_error

from tui_connector.client.authentication.one_time_code import NO_CODE
from tui_connector.client.message import LoginRefused, Request, Response
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine, NoPrompt
from tui_connector.profile.problems import check
from tui_connector.sandbox.server import Sandbox, SandboxOptions

APP = "shop/admin/totp"
ENDPOINT = "/rest/V1/tfa/provider/google/authenticate"
TWO_FACTOR = {"twofactorauth/general/enable": "1"}
MODULES = Request("GET", "modules")
START = datetime(2026, 11, 23, 22, 0, 7, tzinfo=UTC)


class Outside(NoPrompt):
    """A clock that only sleeping moves, and a user who types what a test lays down."""

    def __init__(self, *typed: str | None) -> None:
        self.seconds = 0.0
        self.labels: list[str] = []
        self._typed = list(typed)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    async def secret(self, label: str) -> str | None:
        self.labels.append(label)
        return self._typed.pop(0) if self._typed else None

    async def allow(self, question: str) -> bool:
        return False

    def of(self, machine: Machine) -> Machine:
        return replace(machine, now=self.now, monotonic=lambda: self.seconds, sleep=self.sleep, prompt=self)


@pytest.fixture
async def store(machine: Machine) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(products=5, settings=TWO_FACTOR), Outside().now) as sandbox:
        yield sandbox


def _login(otp: object, **more: Any) -> dict[str, Any]:
    parameters = {"username": "admin", "password": {"keyring": PASSWORD}, "otp": otp}
    return {"kind": "request", "uri": ENDPOINT, "parameters": parameters, **more}


def _bench(machine: Machine, outside: Outside, sandbox: Sandbox, app: str | None = None) -> Workbench:
    bench = Workbench(outside.of(machine))
    bench.vault.hold(PASSWORD, admin(sandbox)["password"], sandbox.url)
    bench.vault.hold(APP, app or admin(sandbox)["totp_secret"], sandbox.url)
    return bench


async def _ask(bench: Workbench, sandbox: Sandbox, otp: object, **more: Any) -> Response:
    async with bench.session(profile(f"{sandbox.url}/rest/V1", _login(otp, **more))) as session:
        return await session.client("shop")(MODULES)


def _logins(sandbox: Sandbox) -> list[object]:
    return [each["status"] for each in sandbox.journal() if "/tfa/" in str(each["path"])]


def _in_groups(secret: str) -> str:
    return " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)).lower()


FORMS = {
    "as it is": lambda secret: secret,
    "small letters in groups": _in_groups,
    "with dashes": lambda secret: f" {secret[:8]}-{secret[8:]} ",
    "padded": lambda secret: f"{secret}======",
    "the address of the QR code": lambda secret: f"otpauth://totp/Shop:admin?secret={secret}&issuer=Another",
    "an address with all it can say": lambda secret: (
        f"OTPAUTH://totp/a?secret={secret.lower()}&algorithm=SHA1&digits=6&period=30"
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_code_is_made_from_the_secret_as_people_have_it(machine: Machine, store: Sandbox, form: str) -> None:
    outside = Outside()
    bench = _bench(machine, outside, store, FORMS[form](admin(store)["totp_secret"]))
    assert (await _ask(bench, store, {"totp": {"keyring": APP}})).status == 200
    assert _logins(store) == [200]
    login = bench.exchanges[0]
    assert b'"otp": "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2"' in login.request_body.data
    assert outside.labels == []
    bench.close()


def test_a_short_secret_gives_the_code_that_rfc_6238_gives() -> None:
    from tui_connector.client.authentication.one_time_code import _generator

    long, short = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "JBSWY3DPEHPK3PXP"  # the first is the RFC's (appendix B)
    assert _generator(f"otpauth://totp/x?secret={long}&digits=8", "").at(datetime.fromtimestamp(59, UTC)) == "94287082"
    assert len(_generator(short, "").at(START)) == 6  # 80 bits, as many stores still have it


WRONG = {
    "not base32": "1890 CANARY",
    "nothing": "otpauth://totp/x?issuer=CANARY",
    "counts logins": "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&counter=1",
    "another algorithm": "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=MD5",
    "no number": "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&period=soon",
    "no time": "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&period=0",
    "not ASCII": "gëzd CANARY",
    "a broken address": "otpauth://[totp/x?secret=CANARY",
    "only spaces and dashes": "- - -",
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_invalid_secret_is_reported_and_nothing_is_sent(machine: Machine, store: Sandbox, name: str) -> None:
    bench = _bench(machine, Outside(), store, WRONG[name])
    with user_error(NO_CODE, match=rf"The TOTP secret \({APP}\) is ") as refused:
        await _ask(bench, store, {"totp": {"keyring": APP}})
    assert "CANARY" not in str(refused.value)
    assert store.journal() == []
    bench.close()


async def test_50_parallel_requests_send_one_code(machine: Machine, store: Sandbox) -> None:
    bench = _bench(machine, Outside(), store)
    async with bench.session(profile(f"{store.url}/rest/V1", _login({"totp": {"keyring": APP}}))) as session:
        responses = await asyncio.gather(*(session.client("shop")(MODULES) for _ in range(50)))
    assert {response.status for response in responses} == {200}
    assert _logins(store) == [200]
    bench.close()


async def test_a_renewal_waits_for_a_new_code(machine: Machine) -> None:
    codes: list[str] = []

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        if b"/tfa/" in request.head.split(b"\r\n")[0]:
            codes.append(json.loads(request.body)["otp"])
            writer.write(reply("200 OK", json.dumps(f"t{len(codes)}-CANARY").encode()))
        elif request.header("Authorization") == "Bearer t3-CANARY":
            writer.write(reply("200 OK", b"[]"))
        else:
            writer.write(reply("401 Unauthorized", b"{}"))

    outside = Outside()
    bench = Workbench(outside.of(machine))
    secret = pyotp.random_base32()
    async with serving(response) as shop:
        bench.vault.hold(PASSWORD, "a-CANARY-password", shop.url)
        bench.vault.hold(APP, secret, shop.url)
        saved = profile(f"{shop.url}/rest/V1", _login({"totp": {"keyring": APP}}))
        for expected in (401, 200):  # the second session begins with the token of the first one's renewal
            outside.seconds += 0 if expected == 401 else 61
            async with bench.session(saved) as session:
                assert (await session.client("shop")(MODULES)).status == expected
    bench.close()
    totp = pyotp.TOTP(secret)
    assert codes == [totp.at(START), totp.at(START + timedelta(seconds=23)), totp.at(START + timedelta(seconds=84))]
    assert len(set(codes)) == 3


async def test_a_typed_code_is_prompted_for_at_every_login_and_never_stored(machine: Machine, store: Sandbox) -> None:
    totp = pyotp.TOTP(admin(store)["totp_secret"])
    code = totp.at(START)
    outside = Outside(f" {code[:3]} {code[3:]}\n", code)
    bench = _bench(machine, outside, store)
    for _ in range(2):
        assert (await _ask(bench, store, {"ask": True}, cache="off")).status == 200
    assert outside.labels == [f"One-time code (otp) for admin at {store.url}"] * 2
    assert _logins(store) == [200, 200]
    bench.close()


async def test_a_cancelled_prompt_applies_to_all_waiting_requests_and_nothing_is_sent(
    machine: Machine, store: Sandbox
) -> None:
    outside = Outside(None)
    bench = _bench(machine, outside, store)
    async with bench.session(profile(f"{store.url}/rest/V1", _login({"ask": True}))) as session:
        ended = await asyncio.gather(*(session.client("shop")(MODULES) for _ in range(5)), return_exceptions=True)
        with user_error(NO_CODE, match=r"needs a one-time code \(otp\), but there is no terminal to type it"):
            await session.client("shop")(MODULES)
    assert all(getattr(each, "code", "") == NO_CODE for each in ended)
    assert len(outside.labels) == 1
    assert store.journal() == []
    bench.close()


@pytest.mark.parametrize("typed", ["", " \n"])
async def test_an_empty_code_is_reported_and_can_be_typed_again(machine: Machine, store: Sandbox, typed: str) -> None:
    outside = Outside(typed, pyotp.TOTP(admin(store)["totp_secret"]).at(START))
    bench = _bench(machine, outside, store)
    with user_error(NO_CODE, match=r"No code was typed; nothing was sent\. The login of .* \(otp\)\. Try again"):
        await _ask(bench, store, {"ask": True})
    assert store.journal() == []
    assert (await _ask(bench, store, {"ask": True})).status == 200
    bench.close()


async def test_a_wrong_code_differs_from_a_wrong_password_and_locks_nothing(machine: Machine, store: Sandbox) -> None:
    good = pyotp.TOTP(admin(store)["totp_secret"]).at(START)
    outside = Outside("000000", good)
    bench = _bench(machine, outside, store)
    with pytest.raises(LoginRefused, match="The password is right, but the one-time code is not"):
        await _ask(bench, store, {"ask": True})
    assert (await _ask(bench, store, {"ask": True})).status == 200
    assert _logins(store) == [401, 200]
    bench.close()


async def test_a_clock_that_is_wrong_is_named(machine: Machine, store: Sandbox) -> None:
    outside = Outside()
    outside.seconds = 600
    bench = _bench(machine, outside, store)
    with pytest.raises(LoginRefused, match="This computer's clock is 600 s ahead of the store's"):
        await _ask(bench, store, {"totp": {"keyring": APP}})
    bench.close()


async def test_a_wrong_password_stops_before_the_prompt_for_a_code(machine: Machine, store: Sandbox) -> None:
    outside = Outside("000000", "000000")
    bench = _bench(machine, outside, store)
    bench.vault.hold(PASSWORD, "wrong-CANARY", store.url)
    for _ in range(2):
        with pytest.raises(LoginRefused, match="account sign-in was incorrect"):
            await _ask(bench, store, {"ask": True})
    assert len(outside.labels) == 1
    assert _logins(store) == [401]
    bench.close()


def _file(tmp_path: Path, sandbox: Sandbox, otp: str) -> Path:
    file = tmp_path / "shop.toml"
    file.write_text(
        f'format = 1\nname = "Shop"\n[authentications.a]\nkind = "request"\nuri = "{ENDPOINT}"\n'
        f'parameters = {{ username = "admin", password = {{ env = "P" }}, otp = {otp} }}\n'
        '[clients.shop]\nauthentications = ["a"]\n'
        f'plugins = [{{ kind = "base-uri", uri = "{sandbox.url}/rest/V1" }}]\n'
    )
    return file


@pytest.fixture
async def real_time_store(machine: Machine) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(products=5, settings=TWO_FACTOR), machine.now) as sandbox:
        yield sandbox


async def test_a_run_without_anybody_to_ask_ends_naming_the_code(
    real_time_store: Sandbox, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    file = _file(tmp_path, real_time_store, "{ ask = true }")
    command = ("request", "--trust", file, "GET", "modules")
    environment = {**clean_environment, "P": admin(real_time_store)["password"]}
    code, _, err = await asyncio.to_thread(fork_server.run, *command, env=environment)
    assert code == 2
    assert b"one-time code (otp)" in err
    assert b"Traceback" not in err
    assert real_time_store.journal() == []


async def test_a_new_process_with_the_totp_secret_gets_its_answer(
    real_time_store: Sandbox, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    file = _file(tmp_path, real_time_store, '{ totp = { env = "T" } }')
    command = ("request", "--trust", file, "GET", "modules")
    known = admin(real_time_store)
    environment = {**clean_environment, "P": known["password"], "T": known["totp_secret"]}
    code, out, err = await asyncio.to_thread(fork_server.run, *command, env=environment)
    assert code == 0, err
    for secret in (known["password"], known["totp_secret"]):
        assert secret.encode() not in out + err


async def test_a_code_is_typed_on_the_terminal(
    real_time_store: Sandbox, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    file = _file(tmp_path, real_time_store, "{ ask = true }")
    known = admin(real_time_store)

    def typed() -> tuple[int, bytes]:
        terminal, other_end = pty.openpty()
        running = fork_server.Process(
            *("request", "--trust", file, "GET", "modules"),
            env={**clean_environment, "P": known["password"]},
            streams=(other_end, other_end, other_end),
            terminal=True,
        )
        os.close(other_end)
        shown = b""
        try:
            while b"One-time code" not in shown:
                shown += os.read(terminal, 1_000)
            os.write(terminal, pyotp.TOTP(known["totp_secret"]).now().encode() + b"\n")
            while part := os.read(terminal, 10_000):
                shown += part
        except OSError:  # the program has ended, and its end of the terminal is closed
            pass
        os.close(terminal)
        return running.wait(timeout=60), shown

    code, shown = await asyncio.to_thread(typed)
    assert code == 0, shown
    assert b"Magento_Catalog" in shown


def test_an_invalid_code_setting_is_reported_at_its_place() -> None:
    head = 'format = 1\nname = "Shop"\n[authentications.a]\nkind = "request"\n[authentications.a.parameters]\n'
    for line, message in {
        'otp = { totp = "CANARY" }': "parameters.otp.totp: a secret does not belong in a profile",
        'otp = { totp = { keyring = "a", env = "B" } }': "parameters.otp.totp: name one source",
        'otp = { totp = { keyring = "a" }, digits = 8 }': "parameters.otp.digits: unknown key",
        'otp = "123456"': "'otp' is a secret and does not belong in a profile",
    }.items():
        saved, problems = check(f'{head}username = "api"\n{line}\n')
        assert saved is None
        assert len(problems) == 1
        assert message in str(problems[0]), problems
        assert "CANARY" not in str(problems)
