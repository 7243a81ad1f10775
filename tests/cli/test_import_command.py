"""`profiles import`: what is shown, what is created, and what never is."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import fork_server
import pytest
from keyring_service import KeyringService
from program import Ended

TOKEN = "canaryCANARY".ljust(32, "0")
COMMAND = f"""curl 'https://acme.example/rest/nl/V1/orders?searchCriteria[pageSize]=10' -g \\
  -H 'Authorization: Bearer {TOKEN}' -b 'PHPSESSID=cookieCANARY' -H 'X-Trace: of-a-test' -L | jq .
curl -X PUT https://acme.example/rest/nl/V1/products/24-MB01 -H 'Authorization: Bearer {TOKEN}' \\
  -d '{{"product": {{"name": "Joust"}}}}'
"""


class Computer:
    """A new user's computer."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.profiles = Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"

    def run(self, *arguments: str, stdin: str = "") -> Ended:
        code, out, err = fork_server.run(*arguments, env=self.environment, stdin=stdin.encode(), cwd=self.folder)
        return subprocess.CompletedProcess(arguments, code, out.decode(), err.decode())

    def entry(self, name: str) -> dict[str, object] | None:
        """What the keyring has, asked by another program."""
        ask = "import keyring, sys; print(keyring.get_password(sys.argv[1], 'tui-connector') or 'null')"
        code, out, err = fork_server.run(f"tui-connector/{name}", code=ask, env=self.environment)
        assert code == 0, err
        found: dict[str, object] | None = json.loads(out)
        return found


@pytest.fixture
def computer(clean_environment: dict[str, str], tmp_path: Path) -> Computer:
    return Computer(clean_environment, tmp_path)


@pytest.fixture
def with_keyring(clean_environment: dict[str, str], tmp_path: Path, keyring_service: KeyringService) -> Computer:
    return Computer({**clean_environment, "DBUS_SESSION_BUS_ADDRESS": keyring_service.address}, tmp_path)


def test_a_pasted_command_becomes_a_profile_with_its_secret_in_the_keyring(with_keyring: Computer) -> None:
    ended = with_keyring.run("profiles", "import", "-", "--as", "acme", "--yes", stdin=COMMAND)
    assert ended.returncode == 0, ended.stderr
    assert "CANARY" not in ended.stdout + ended.stderr
    for line in (
        "  + authentication integration: bearer",
        "  + client magento: https://acme.example/rest/nl/V1",
        "  + incoming orders: GET orders",
        "  + outgoing products: PUT products/&{sku}, 1 entity to send",
        "  + 1 secret in the keyring",
        "  - command 1: | jq: only the request is imported",
        "  - command 1: Cookie PHPSESSID: cookies are the secrets of a browser's session; use an HTTP authentication",
        "tui-connector trust acme",
    ):
        assert line in ended.stdout
    text = (with_keyring.profiles / "acme.toml").read_text()
    data = tomllib.loads(text)
    assert data["authentications"]["integration"]["token"] == {"keyring": "acme/integration/access-token"}
    assert data["incoming"]["orders"]["pagination"]["page-size"] == 10
    assert TOKEN not in text
    stored = with_keyring.entry("acme/integration/access-token")
    assert stored is not None
    assert (stored["secret"], stored["origins"]) == (TOKEN, ["https://acme.example"])
    refused = with_keyring.run("request", "acme", "GET", "modules")
    assert refused.returncode == 2
    assert "not trusted" in refused.stderr
    again = with_keyring.run("profiles", "import", "-", "--as", "acme", "--yes", stdin=COMMAND)
    assert again.returncode == 2
    assert (with_keyring.profiles / "acme.toml").read_text() == text


def test_without_a_keyring_the_secrets_are_named(computer: Computer) -> None:
    ended = computer.run("profiles", "import", "-", "--as", "acme", "--yes", stdin=COMMAND)
    assert ended.returncode == 0, ended.stderr
    assert "The secrets were not stored" in ended.stderr
    assert "tui-connector secrets set acme" in ended.stdout
    assert (computer.profiles / "acme.toml").exists()


def test_nothing_is_created_without_a_yes_or_in_a_dry_run(computer: Computer) -> None:
    asked = computer.run("profiles", "import", "-", stdin=COMMAND)
    assert asked.returncode == 2
    assert "add --yes" in asked.stderr
    dry = computer.run("profiles", "import", "-", "--dry-run", "--json", stdin=COMMAND)
    assert dry.returncode == 0
    found = json.loads(dry.stdout)
    assert found["created"] is False
    assert found["profile"] == "acme-example"
    assert found["parts"] == {
        "authentications": ["integration"], "clients": ["magento"], "incoming": ["orders"], "outgoing": ["products"],
    }  # fmt: skip
    assert {"place": "", "what": "headers x", "reason": "y"}.keys() == found["not_imported"][0].keys()
    assert not computer.profiles.exists() or not list(computer.profiles.glob("*.toml"))


def test_parts_are_added_to_a_profile_whose_client_has_the_same_address(computer: Computer) -> None:
    computer.run("profiles", "import", "-", "--as", "acme", "--yes", stdin=COMMAND)
    path = computer.profiles / "acme.toml"
    path.write_text(path.read_text().replace("[incoming.orders]", "# every night\n[incoming.orders]"))
    more = "\n".join(
        f"curl https://acme.example/rest/nl/V1/{uri}?searchCriteria= -H 'Authorization: Bearer otherCANARY'"
        for uri in ("customers/search", "products")
    )
    ended = computer.run("profiles", "import", "-", "--into", "acme", "--yes", stdin=more)
    assert ended.returncode == 0, ended.stderr
    assert "client magento has the same address" in ended.stdout
    data = tomllib.loads(path.read_text())
    assert [*data["incoming"]] == ["orders", "customers", "products-in"]  # an outgoing is named products
    assert data["incoming"]["products-in"]["sink"]["path"].endswith("/products-in.jsonl")
    assert data["incoming"]["customers"]["client"] == "magento"
    assert [*data["authentications"]] == ["integration"]
    assert "# every night\n[incoming.orders]" in path.read_text()


def test_files_that_a_command_names_are_read_below_the_folder_only(computer: Computer) -> None:
    (computer.folder / "outside.json").write_text('{"product": {"sku": "secretCANARY"}}')
    inside = computer.folder / "inside"
    inside.mkdir()
    computer.folder = inside
    (inside / "link.json").symlink_to("../outside.json")
    os.mkfifo(inside / "pipe.json")
    for name in ("../outside.json", str(inside.parent / "outside.json"), "link.json", "pipe.json", "missing.json"):
        command = f"curl -X PUT https://acme.example/rest/V1/products/a -d @{name}"
        ended = computer.run("profiles", "import", "-", "--dry-run", stdin=command)
        assert ended.returncode == 0, ended.stderr
        assert "its content is not available" in ended.stdout
        assert "CANARY" not in ended.stdout
    (inside.parent / "outside.json").unlink()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the format is not known"),
        ("hello", "the format is not known"),
        ("# the shop\nopenapi: 3.0.0\npaths: {}\n", "in YAML. Convert it to JSON first"),
        ("curl", "the command has no address"),
        ("curl -H 'a: b", "The quote ' is not closed"),
        ("curl --wrong x", "the option --wrong is not known"),
        ("curl http://x -H", "the option -H has no value"),
        ("curl $URL/rest/V1/products", "$URL has no value"),
        ("curl ftp://x/y", "is not an http:// or https:// address"),
        ("curl -F a=@b http://x/y -X BREW", "this method is not supported"),
    ],
)
def test_what_cannot_be_imported_is_said_in_a_sentence(computer: Computer, text: str, message: str) -> None:
    ended = computer.run("profiles", "import", "-", "--yes", stdin=text)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
