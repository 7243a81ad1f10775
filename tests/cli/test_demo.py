"""The README's first command without a terminal: all steps, the long log, what was written, and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fork_server
import pytest
from keyring_service import KeyringService


@pytest.fixture(params=["with a keyring", "without a keyring"])
def environment(request: pytest.FixtureRequest, clean_environment: dict[str, str]) -> dict[str, str]:
    if request.param == "without a keyring":
        return clean_environment
    service: KeyringService = request.getfixturevalue("keyring_service")
    return {**clean_environment, "DBUS_SESSION_BUS_ADDRESS": service.address}


def demo(environment: dict[str, str], interpreter: bool = False) -> subprocess.CompletedProcess[str]:
    if not interpreter:
        code, out, err = fork_server.run("demo", env=environment)
        return subprocess.CompletedProcess(["demo"], code, out.decode(), err.decode())
    command = [sys.executable, "-m", "tui_connector", "demo"]
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_demo_walks_all_steps_and_says_what_it_wrote(environment: dict[str, str]) -> None:
    with_a_keyring = "DBUS_SESSION_BUS_ADDRESS" in environment
    ended = demo(environment, interpreter=with_a_keyring)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    first, *_ = ended.stdout.splitlines()
    assert "sandbox that imitates" in first
    for number, title in enumerate(("Basics", "Authentication", "Incoming", "Outgoing", "Save"), 1):
        assert f"\n{number} {title}" in ended.stdout
    assert 'Authorization: OAuth oauth_consumer_key="•••"' in ended.stdout  # the log is long
    assert "in a new process" in ended.stdout
    written = next(Path(environment["XDG_CONFIG_HOME"]).rglob("*.toml"))
    assert str(written) in ended.stdout
    source = "keyring" if with_a_keyring else "env"
    assert f"access-token = {{ {source} = " in written.read_text()
    assert "signing dialect laminas (Magento 2.4.6 and 2.4.7)" in ended.stdout
    assert 'dialect = "laminas"' in written.read_text()
    before = written.read_text()
    again = demo(environment)  # over what is there
    assert again.returncode == 0
    assert ("a copy is kept" in again.stdout) == (written.read_text() != before)


def test_the_demo_leaves_a_profile_and_the_secrets_of_that_name_alone(
    clean_environment: dict[str, str], keyring_service: KeyringService
) -> None:
    environment = {**clean_environment, "DBUS_SESSION_BUS_ADDRESS": keyring_service.address}
    profiles = Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
    profiles.mkdir(parents=True)
    mine = (
        'format = 1\nname = "Mine"  # of our own\n[authentications.integration]\nkind = "bearer"\n'
        'token = { keyring = "sandbox-2/integration/access-token" }\n[clients.c]\nauthentications = ["integration"]\n'
        '[[clients.c.plugins]]\nkind = "base-uri"\nuri = "https://acme.example/rest/V1"\n'
    )
    (profiles / "sandbox.toml").write_text(mine)
    code, _, err = fork_server.run("secrets", "set", "sandbox", env=environment, stdin=b"x" * 32 + b"\n")
    assert code == 0, err
    for _ in range(2):
        ended = demo(environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "the demo uses sandbox-3" in ended.stdout
    assert (profiles / "sandbox.toml").read_text() == mine
    assert sorted(each.name for each in profiles.glob("*.toml")) == ["sandbox-3.toml", "sandbox.toml"]
    entry = "'tui-connector/sandbox-2/integration/access-token', 'tui-connector'"
    ask = f"import keyring; print(keyring.get_password({entry}))"
    code, found, err = fork_server.run(code=ask, env=environment)
    assert code == 0, err
    assert b"https://acme.example" in found
    assert b"x" * 32 in found


def test_a_step_that_fails_is_an_exit_code(clean_environment: dict[str, str]) -> None:
    profiles = Path(clean_environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
    profiles.parent.mkdir(parents=True)
    profiles.write_text("a file where the directory should be")
    ended = demo(clean_environment)
    assert ended.returncode != 0
    assert "All steps succeeded" not in ended.stdout
    assert "Traceback" not in ended.stderr
    assert str(profiles) in ended.stderr


def test_the_sandbox_describes_itself_on_its_first_line_and_tells_what_it_received(
    clean_environment: dict[str, str],
) -> None:
    import httpx

    setting = "oauth/consumer/enable_integration_as_bearer"
    command = ("sandbox", "--port", "0", "--json", "--set", f"{setting}=1")
    with fork_server.piped(*command, env=clean_environment) as (process, lines):
        store = json.loads(lines.readline())
        assert set(store["admin"]) == {"username", "password", "totp_secret"}
        assert all(len(each) == 4 for each in store["integrations"].values())
        header = {"Authorization": f"Bearer {store['integrations']['full']['access_token']}"}
        with httpx.Client(base_url=store["url"], headers=header) as client:
            assert client.get("/rest/V1/modules").status_code == 200
            changed = client.post("/__sandbox__/settings", json={setting: "0"})
            assert changed.status_code == 200
            assert client.get("/rest/V1/modules").status_code == 401
            received = client.get("/__sandbox__/requests").json()
        process.terminate()
    assert [{"method", "path", "who", "status"} <= set(each) for each in received] == [True, True]
    assert [each["status"] for each in received] == [200, 401]
