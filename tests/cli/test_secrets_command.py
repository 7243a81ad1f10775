"""`secrets set` and `secrets delete`: what is stored, and what belongs to another store or profile."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import fork_server
import pytest
from keyring_service import KeyringService
from program import Ended

NAMES = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
FOUR = [f"canary{number}".ljust(32, "0") for number in range(4)]


def text_of(url: str, entry: str = "acme", more: str = "") -> str:
    sources = "\n".join(f'{name} = {{ keyring = "{entry}/integration/{name}" }}' for name in NAMES)
    return f"""format = 1
name = "Acme"
{more}
[authentications.integration]
kind = "oauth1"
{sources}

[clients.magento]
authentications = ["integration"]

[[clients.magento.plugins]]
kind = "base-uri"
uri = "{url}/rest/all/V1"
"""


class Computer:
    """A new user's computer with a keyring."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.profiles = Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
        self.profiles.mkdir(parents=True)

    def profile(self, name: str, text: str, directory: Path | None = None) -> Path:
        path = (directory or self.profiles) / f"{name}.toml"
        path.write_text(text)
        return path

    def run(self, *arguments: str | Path, stdin: str | bytes = b"") -> Ended:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        code, out, err = fork_server.run(*arguments, env=self.environment, stdin=data)
        return subprocess.CompletedProcess(arguments, code, out.decode(), err.decode())

    def entry(self, name: str) -> dict[str, object] | None:
        """What the keyring has, asked by another program."""
        ask = "import keyring, sys; print(keyring.get_password(sys.argv[1], 'tui-connector') or 'null')"
        code, out, err = fork_server.run(f"tui-connector/{name}", code=ask, env=self.environment)
        assert code == 0, err
        found: dict[str, object] | None = json.loads(out)
        return found


@pytest.fixture
def computer(clean_environment: dict[str, str], keyring_service: KeyringService) -> Computer:
    return Computer({**clean_environment, "DBUS_SESSION_BUS_ADDRESS": keyring_service.address})


def values(*four: str) -> str:
    return "".join(f"{each}\n" for each in four)


def test_an_entry_of_another_store_is_neither_replaced_nor_deleted_unasked(computer: Computer, tmp_path: Path) -> None:
    computer.profile("acme", text_of("https://acme.example"))
    assert computer.run("secrets", "set", "acme", stdin=values(*FOUR)).returncode == 0
    other = tmp_path / "repository"
    other.mkdir()
    path = computer.profile("theirs", text_of("https://theirs.example"), other)
    for arguments in (("set", path), ("delete", path), ("set", path, "integration/access-token")):
        ended = computer.run("secrets", *arguments, stdin=values(*("x" * 32 for _ in range(4))))
        assert ended.returncode == 2
        assert "acme/integration/access-token: stored for https://acme.example" in ended.stderr
        assert str(computer.profiles / "acme.toml") in ended.stderr
        assert "--yes" in ended.stderr
        found = computer.entry("acme/integration/access-token")
        assert found is not None
        assert (found["secret"], found["origins"]) == (FOUR[2], ["https://acme.example"])
    ended = computer.run("secrets", "set", path, "--yes", stdin=values(*("x" * 32 for _ in range(4))))
    assert ended.returncode == 0, ended.stderr
    found = computer.entry("acme/integration/access-token")
    assert found is not None
    assert found["secret"] == "x" * 32
    assert computer.run("secrets", "delete", path, "-y").returncode == 0
    again = computer.run("secrets", "delete", path, "-y")
    assert again.returncode == 0, again.stderr
    assert "the keyring has no such entry" in again.stdout
    assert computer.entry("acme/integration/access-token") is None


def test_an_entry_that_another_profile_names_too_is_changed_after_a_question_only(computer: Computer) -> None:
    computer.profile("acme", text_of("https://acme.example"))
    assert computer.run("secrets", "set", "acme", stdin=values(*FOUR)).returncode == 0
    assert computer.run("secrets", "set", "acme", stdin=values(*reversed(FOUR))).returncode == 0  # its own: no question
    computer.profile("acme-2", text_of("https://acme.example"))
    for verb in ("set", "delete"):
        ended = computer.run("secrets", verb, "acme-2", stdin=values(*FOUR))
        assert ended.returncode == 2
        assert f"also used by {computer.profiles / 'acme.toml'}" in ended.stderr
    found = computer.entry("acme/integration/consumer-key")
    assert found is not None
    assert found["secret"] == FOUR[3]


def test_a_profile_beside_it_in_a_repository_counts_too(computer: Computer, tmp_path: Path) -> None:
    production = computer.profile("production", text_of("https://acme.example"), tmp_path)
    assert computer.run("secrets", "set", production, stdin=values(*FOUR)).returncode == 0
    staging = computer.profile("staging", text_of("https://acme.example", more="description = 'staging'"), tmp_path)
    ended = computer.run("secrets", "delete", staging)
    assert ended.returncode == 2
    assert str(production) in ended.stderr


def test_an_environment_with_entries_of_its_own_is_pointed_at(computer: Computer) -> None:
    staging = '[environments.staging]\nclients.magento.plugins.base-uri.uri = "https://staging.example/rest/all/V1"\n'
    computer.profile("acme", text_of("https://acme.example") + staging)
    ended = computer.run("secrets", "set", "acme", stdin=values(*FOUR))
    assert "staging has 4 entries of its own: tui-connector secrets set acme --env staging" in ended.stdout
    assert computer.run("secrets", "set", "acme", "--env", "staging", stdin=values(*FOUR)).returncode == 0
    ended = computer.run("secrets", "delete", "acme")
    assert "staging has 4 entries of its own: tui-connector secrets delete acme --env staging" in ended.stdout
    assert computer.entry("acme/integration/access-token@staging") is not None
    ended = computer.run("secrets", "delete", "acme", "--env", "staging")
    assert "default has 4 entries of its own: tui-connector secrets delete acme --env default" in ended.stdout
    assert computer.entry("acme/integration/access-token@staging") is None


@pytest.mark.parametrize(
    "copied",
    [
        "{}",
        "\ufeff{}\r",
        "\u200b{}\u2060",
        "'{}'",
        "Bearer {}",
        "Authorization: Bearer {}",
        "export ACCESS_TOKEN={}",
        'ACCESS_TOKEN="{}"',
        '"access_token": "{}",',
    ],
)
def test_what_a_pipe_brings_along_is_removed(computer: Computer, copied: str) -> None:
    computer.profile("acme", text_of("https://acme.example"))
    ended = computer.run("secrets", "set", "acme", "integration/access-token", stdin=copied.format(FOUR[2]) + "\n")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    found = computer.entry("acme/integration/access-token")
    assert found is not None
    assert found["secret"] == FOUR[2]


def test_a_password_is_stored_as_it_is(computer: Computer) -> None:
    computer.profile(
        "acme",
        """format = 1
name = "Acme"
[authentications.admin]
kind = "request"
parameters = { username = "api", password = { keyring = "acme/admin/password" } }
[clients.magento]
authentications = ["admin"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/V1"
""",
    )
    password = ' "Bearer A=CANARY"; '
    assert computer.run("secrets", "set", "acme", stdin=f"\ufeff{password}\r\n").returncode == 0
    found = computer.entry("acme/admin/password")
    assert found is not None
    assert found["secret"] == password


def test_a_length_that_magento_never_gives_is_pointed_out(computer: Computer) -> None:
    computer.profile("acme", text_of("https://acme.example"))
    ended = computer.run("secrets", "set", "acme", "integration/access-token", stdin=f"{FOUR[2]}x\n")
    assert ended.returncode == 0
    assert "integration/access-token: It has 33 characters; the values of an integration have 32" in ended.stderr
    assert FOUR[2] not in ended.stdout + ended.stderr
