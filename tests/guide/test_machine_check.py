"""`check` without a profile: what this computer has and lacks, without a secret and without a request."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tui_connector.guide.checks.machine import MachineFact, MachineReport, TerminalInfo, check_machine
from tui_connector.machine import Machine
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault

GOOD = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
WIDE = TerminalInfo(140, 45)


async def checked(machine: Machine, screen: TerminalInfo | None = WIDE) -> MachineReport:
    vault = Vault(machine, Mask())
    try:
        return await check_machine(machine, vault, screen)
    finally:
        vault.close()


def fact(report: MachineReport, name: str) -> MachineFact:
    return next(each for each in report.facts if each.name == name)


async def test_a_good_machine_has_no_findings(machine: Machine) -> None:
    report = await checked(replace(machine, environ=GOOD))
    assert report.ok
    assert report.findings == []
    assert fact(report, "terminal").value == "xterm-256color, 140×45"
    assert fact(report, "colours").value == "256"
    assert "textual" in fact(report, "libraries").value
    assert "OpenSSL" in fact(report, "TLS").value


async def test_it_shows_all_directories(machine: Machine, tmp_path: Path) -> None:
    own = replace(machine.directories, data=tmp_path / "data")
    report = await checked(replace(machine, environ=GOOD, directories=own))
    shown = {each.name.removesuffix(" directory"): each.value for each in report.facts if "directory" in each.name}
    assert shown == {
        name: str(path)
        for name, path in (
            ("settings", own.config), ("profiles", own.profiles), ("state", own.state), ("cache", own.cache),
            ("data", own.data),
        )
    }  # fmt: skip


async def test_proxies_are_shown_without_their_passwords_and_secrets_by_name_only(machine: Machine) -> None:
    environ = {
        **GOOD,
        "HTTPS_PROXY": "http://user:proxy-CANARY@proxy.example:3128",
        "HTTP_PROXY": "user:proxy-CANARY@proxy.example:3128",
        "NO_PROXY": "localhost,.example",
        "TUI_CONNECTOR_SHOP_TOKEN": "token-CANARY",
    }
    report = await checked(replace(machine, environ=environ))
    assert "CANARY" not in str(report)
    assert "proxy.example:3128" in fact(report, "HTTPS_PROXY").value
    assert "proxy.example:3128" in fact(report, "HTTP_PROXY").value
    assert fact(report, "secrets from the environment").value == "TUI_CONNECTOR_SHOP_TOKEN"


async def test_nothing_of_a_malformed_proxy_is_shown_as_it_may_be_a_password(machine: Machine) -> None:
    shown = {
        "http://bob:CANARY%40proxy:3128": "not an address",
        "bob:CANARY": "not an address",
        "http:\\\\bob:CANARY@h:1": "not an address",
        "http://bob:CANARY\uff20h:1": "not an address",
        "http://h:1?k=CANARY": "http://h:1",
        "http://h:1/#CANARY": "http://h:1",
        "http://bob:CANARY@h:1": "http://h:1 (with a user and password)",
        "http://CANARY@h:1": "http://h:1 (with a user)",
    }
    for value, expected in shown.items():
        report = await checked(replace(machine, environ={**GOOD, "ALL_PROXY": value}))
        assert fact(report, "ALL_PROXY").value == expected
        assert "CANARY" not in str(report)
    report = await checked(replace(machine, environ={**GOOD, "no_proxy": "a, .b:8,*,::1,10.0.0.0/8,http://CANARY@c"}))
    assert fact(report, "NO_PROXY").value == "a,.b:8,*,::1,10.0.0.0/8,…"


async def test_each_thing_that_is_wrong_has_its_finding(machine: Machine, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    elsewhere = replace(machine.directories, state=in_the_way / "state")
    cases = {
        "terminal": replace(machine, environ={**GOOD, "TERM": "dumb"}),
        "locale": replace(machine, environ={**GOOD, "LANG": "C"}),
        "proxy": replace(machine, environ={**GOOD, "HTTPS_PROXY": "socks5://127.0.0.1:1"}),
        "directory": replace(machine, environ=GOOD, directories=elsewhere),
        "clock": replace(machine, environ=GOOD, now=lambda: datetime(2001, 1, 1, tzinfo=UTC)),
        "keyring": replace(
            machine, environ={**GOOD, "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.Plain"}, keyring=None
        ),
    }
    for name, wrong in cases.items():
        report = await checked(wrong)
        assert [finding.id for finding in report.findings] == [name]
        assert report.findings[0].remedy
        assert report.ok == (name not in ("directory", "clock"))
    small = await checked(replace(machine, environ=GOOD), TerminalInfo(60, 20))
    assert [finding.id for finding in small.findings] == ["terminal-size"]


async def test_a_hanging_keyring_times_out(machine: Machine) -> None:
    answered = threading.Event()

    class Hanging:
        def get_password(self, *_: str) -> str | None:
            answered.wait(60)
            return None

        set_password = delete_password = get_password

    vault = Vault(replace(machine, environ=GOOD, keyring=Hanging), Mask())  # type: ignore[arg-type]
    report = await check_machine(replace(machine, environ=GOOD), vault, WIDE, keyring_deadline=0.05)
    answered.set()
    vault.close()
    assert [finding.id for finding in report.findings] == ["keyring"]
    assert "does not respond" in report.findings[0].evidence[0]


def test_the_command_without_a_profile(clean_environment: dict[str, str]) -> None:
    environment = {**clean_environment, "HTTPS_PROXY": "http://user:proxy-CANARY@proxy.example:3128"}
    command = [sys.executable, "-m", "tui_connector", "check"]
    ended = [
        subprocess.run([*command, *more], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        for more in ([], ["--json"])
    ]
    assert [each.returncode for each in ended] == [0, 0]
    assert not any(b"CANARY" in each.stdout + each.stderr for each in ended)
    assert "proxy.example:3128" in ended[0].stdout.decode()
    found = json.loads(ended[1].stdout)
    assert found["ok"] is True
    assert {key for finding in found["findings"] for key in finding} <= {"id", "summary", "evidence", "remedy"}
    # nothing but the program's own log
    files = {path.name for path in Path(environment["HOME"]).rglob("*") if path.is_file()}
    assert files == {"program.log", "program.log.lock"}
