"""`profiles export`, and `profiles import` of what it prints on another computer."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import fork_server
import pytest
from program import Ended

PROFILE = """\
format = 1
name = "Acme"  # the shop in the Netherlands

[authentications.integration]
kind = "bearer"
token = { keyring = "acme/integration/access-token" }

[authentications.admin]
kind = "request"

[authentications.admin.parameters]
username = "api"
password = { command = ["/home/me/bin/secret", "acme"] }

[clients.magento]
authentications = ["integration"]

[clients.magento.tls]
ca-file = "/etc/ssl/company.pem"

[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

# every night
[incoming.products]
client = "magento"
request = { uri = "products" }
items = "items"
sink = { kind = "jsonl", path = "/srv/data/acme/products.jsonl" }

[outgoing.stock]
client = "magento"
source = { kind = "jsonl", path = "stock/today.jsonl" }
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = "&{@}" } }
"""


class Computer:
    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.profiles = Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
        self.profiles.mkdir(parents=True)

    def run(self, *arguments: str, stdin: str = "") -> Ended:
        code, out, err = fork_server.run(*arguments, env=self.environment, stdin=stdin.encode(), cwd=self.folder)
        return subprocess.CompletedProcess(arguments, code, out.decode(), err.decode())


ALERTS = """
[on-failure]
command = ["/home/me/bin/notify"]

[environments.staging.on-failure]
command = ["./notify.sh"]
environment = ["CHANNEL"]
"""


@pytest.fixture
def computer(clean_environment: dict[str, str], tmp_path: Path) -> Computer:
    return Computer(clean_environment, tmp_path)


def test_a_profile_is_handed_over_without_what_belongs_to_this_computer(computer: Computer) -> None:
    (computer.profiles / "acme.toml").write_text(PROFILE)
    ended = computer.run("profiles", "export", "acme")
    assert ended.returncode == 0, ended.stderr
    data = tomllib.loads(ended.stdout)
    assert "tls" not in data["clients"]["magento"]
    assert data["authentications"]["admin"]["parameters"]["password"] == {"keyring": "acme/admin/password"}
    assert data["incoming"]["products"]["sink"]["path"] == "products.jsonl"
    assert data["outgoing"]["stock"]["source"]["path"] == "stock/today.jsonl"
    assert "# the shop in the Netherlands" in ended.stdout
    assert "# every night" in ended.stdout
    assert "/home/me" not in ended.stdout + ended.stderr
    for line in (
        "! clients.magento.tls.ca-file is left out: a file of this computer",
        "! incoming.products.sink.path is 'products.jsonl' instead of a path of this computer",
        "  ? integration/token: keyring entry acme/integration/access-token, sent to https://acme.example",
        "  ? admin/password: keyring entry of acme, in place of a command",
    ):
        assert line in ended.stderr
    assert (computer.profiles / "acme.toml").read_text() == PROFILE


def test_a_secret_of_several_environments_is_listed_once(computer: Computer) -> None:
    (computer.profiles / "acme.toml").write_text(f"""{PROFILE}
[environments.replay]
clients.magento.authentications = []
[environments.staging]
clients.magento.plugins.base-uri.uri = "https://staging.acme.example/rest/all/V1"
""")
    listed = [line for line in computer.run("profiles", "export", "acme").stderr.splitlines() if "  ? " in line]
    assert listed == [
        "  ? integration/token: keyring entry acme/integration/access-token, sent to https://acme.example",
        "  ? admin/password: keyring entry of acme, in place of a command",
        "  ? integration/token: keyring entry acme/integration/access-token@staging, sent to "
        "https://staging.acme.example",
    ]


def test_files_are_known_by_their_type_and_not_by_their_key(computer: Computer) -> None:
    (computer.profiles / "acme.toml").write_text(f"""{PROFILE}
[outgoing.moves]
client = "magento"
source = {{ kind = "incoming", name = "products", profile = "/srv/profiles/other.toml" }}
request = {{ method = "post", uri = "moves", parameters = {{ path = "/home/a", profile = "/home/b" }} }}

[incoming.orders]
client = "magento"
request = {{ uri = "orders" }}

[incoming.orders.sink]
kind = "postgres"
host = "db.example"
database = "shop"
ca-file = "/etc/ssl/db.pem"

[environments.staging.incoming.orders]
sink.ca-file = "/etc/ssl/staging.pem"
""")
    ended = computer.run("profiles", "export", "acme")
    assert ended.returncode == 0, ended.stderr
    found = tomllib.loads(ended.stdout)
    assert found["incoming"]["orders"]["sink"]["ca-file"] == "db.pem"
    assert found["environments"]["staging"]["incoming"]["orders"]["sink"]["ca-file"] == "staging.pem"
    assert found["outgoing"]["moves"]["source"]["profile"] == "other"
    assert found["outgoing"]["moves"]["request"]["parameters"] == {"path": "/home/a", "profile": "/home/b"}


def test_the_commands_of_alerts_are_left_out(computer: Computer) -> None:
    file = computer.profiles / "acme.toml"
    file.write_text(PROFILE + ALERTS)
    ended = computer.run("profiles", "export", "acme")
    assert ended.returncode == 0, ended.stderr
    assert "on-failure is left out: a command of this computer" in ended.stderr
    found = tomllib.loads(ended.stdout)
    assert "on-failure" not in found
    assert "notify" not in ended.stdout


def test_the_recipient_imports_it_under_another_name(computer: Computer) -> None:
    (computer.profiles / "acme.toml").write_text(PROFILE)
    written = computer.run("profiles", "export", "acme", "--output", "handed.toml")
    assert written.returncode == 0, written.stderr
    again = computer.run("profiles", "export", "acme", "--output", "handed.toml")
    assert again.returncode == 2
    ended = computer.run("profiles", "import", "handed.toml", "--as", "shop", "--yes")
    assert ended.returncode == 0, ended.stderr
    text = (computer.profiles / "shop.toml").read_text()
    data = tomllib.loads(text)
    assert data["authentications"]["integration"]["token"] == {"keyring": "shop/integration/access-token"}
    assert "# every night" in text
    assert "tui-connector secrets set shop" in ended.stdout
    refused = computer.run("request", "shop", "GET", "modules")
    assert refused.returncode == 2
    assert "not trusted" in refused.stderr


def test_what_a_profile_of_somebody_else_can_do_is_shown_and_not_trusted(computer: Computer) -> None:
    ended = computer.run("profiles", "import", "-", "--as", "shop", "--yes", stdin=PROFILE)
    assert ended.returncode == 0, ended.stderr
    assert "/home/me/bin/secret" in ended.stdout
    assert "/srv/data/acme/products.jsonl" in ended.stdout
    assert "tui-connector trust shop" in ended.stdout
    listed = computer.run("trust", "--list")
    assert "shop" not in listed.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = 1\nname = ", "profile:2:8: The value is missing"),
        ("format = 1\n", "name: is missing"),
        (
            PROFILE.replace('{ keyring = "acme/integration/access-token" }', '"literalCANARY"'),
            "a secret does not belong",
        ),
        ("format = 99\nname = 'x'\n", "format"),
    ],
)
def test_an_invalid_profile_is_refused(computer: Computer, text: str, message: str) -> None:
    ended = computer.run("profiles", "import", "-", "--as", "shop", "--yes", stdin=text)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "CANARY" not in ended.stderr + ended.stdout
    assert not (computer.profiles / "shop.toml").exists()
