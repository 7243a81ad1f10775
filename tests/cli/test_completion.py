"""Shell completion in real shells, and what it offers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import fork_server
import pytest
from requirements import require
from terminal import Terminal

PROFILE = """
format = 1
name = "Acme"

[authentications.integration]
kind = "oauth1"
consumer-key = { keyring = "acme/integration/consumer-key" }
access-token = { command = ["touch", "executed"] }

[authentications.admin]
kind = "request"
parameters = { username = "api", password = { env = "PASSWORD" } }

[clients.magento]
title = "The store, live"

[incoming.products]
title = "Products, all"
client = "magento"
request = { uri = "products" }

[incoming.orders]
client = "magento"
request = { uri = "orders" }

[incoming.old]
disabled = true

[incoming.bestellungen]
request = { uri = "my/own/list" }

[outgoing.stock]
client = "magento"
"""
HOSTILE = "$(touch executed)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (found := tmp_path / "here").mkdir()
    (found / "recording.log").touch()
    return found


@pytest.fixture
def shell_environment(clean_environment: dict[str, str]) -> dict[str, str]:
    """A user with two profiles, and the program on the path."""
    profiles = Path(clean_environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "acme.toml").write_text(PROFILE)
    (profiles / "beta.toml").write_text("this is = no [toml")
    (profiles / f"{HOSTILE.replace('/', '')}.toml").write_text(PROFILE)
    path = os.pathsep.join([str(Path(sys.executable).parent), clean_environment["PATH"]])
    return {**clean_environment, "PATH": path}


@pytest.fixture
def complete(shell_environment: dict[str, str], folder: Path) -> Callable[..., list[str]]:
    """What bash is offered for a line, of which the last word is being typed; nothing is printed on standard error."""

    def run(line: str, **environment: str) -> list[str]:
        asks = {
            "_TUI_CONNECTOR_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        }
        ended = fork_server.run(env={**shell_environment, **environment, **asks}, cwd=folder)
        assert (ended[0], ended[2]) == (0, b"")
        assert not (folder / "executed").exists()
        return ended[1].decode().split()

    return run


def plain(*words: str) -> list[str]:
    return [f"plain,{word}" for word in words]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tui-connector run ", plain("acme", "beta")),
        ("tui-connector check a", plain("acme")),
        ("tui-connector setup b", plain("beta")),
        ("tui-connector run ./", ["file,./"]),
        ("tui-connector run nosuch", ["file,nosuch"]),
        ("tui-connector run acme ", plain("products", "orders", "bestellungen", "stock")),
        ("tui-connector run acme products o", plain("orders")),
        ("tui-connector run acme --limit 5 p", plain("products")),
        ("tui-connector run beta ", []),
        ("tui-connector run nosuch ", []),
        ("tui-connector run acme --record re", ["file,re"]),
        ("tui-connector run acme --out re", ["file,re"]),
        ("tui-connector run acme --log ", plain("simple", "long", "full", "curl")),
        ("tui-connector tasks acme s", plain("stock")),
        ("tui-connector run acme --qui", plain("--quiet")),
        ("tui-connector log ", ["file,", *plain("acme", "beta")]),
        ("tui-connector log rec", ["file,rec"]),
        ("tui-connector request acme g", plain("GET")),
        ("tui-connector request acme P", plain("POST", "PUT", "PATCH")),
        ("tui-connector request acme GET my", plain("my/own/list")),
        ("tui-connector header acme GET customers/s", plain("customers/search")),
        ("tui-connector request acme GET x --client ", plain("magento")),
        ("tui-connector request acme --client ", plain("magento")),
        ("tui-connector secrets se", plain("set")),
        ("tui-connector secrets set acme i", plain("integration/consumer-key", "integration/access-token")),
        ("tui-connector secrets test acme a", plain("admin/password")),
        ("tui-connector completion ", plain("bash", "zsh", "fish")),
        ("tui-connector tap --config re", ["file,re"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_offered(complete: Callable[..., list[str]], line: str, offered: list[str]) -> None:
    assert complete(line) == offered


def test_magentos_paths_are_offered_by_method(complete: Callable[..., list[str]]) -> None:
    assert {*plain("products", "orders", "customers/search")} <= {*complete("tui-connector request acme GET ")}
    sent = complete("tui-connector request acme POST ")
    assert "plain,inventory/source-items" in sent
    assert not [word for word in sent if "{" in word]


def test_profiles_of_another_directory(complete: Callable[..., list[str]], folder: Path) -> None:
    (folder / "gamma.toml").write_text(PROFILE)
    assert complete(f"tui-connector --profile-dir {folder} run ") == plain("gamma")
    assert complete(f"tui-connector --profile-dir {folder} run gamma st") == plain("stock")
    assert complete("tui-connector run ", TUI_CONNECTOR_PROFILE_DIR=str(folder)) == plain("gamma")
    assert complete("tui-connector run ./gamma.toml st", TUI_CONNECTOR_PROFILE_DIR="/") == plain("stock")


@pytest.mark.parametrize(
    "text",
    [
        "incoming = 7",
        "[incoming]\nproducts = 7",
        "[[incoming]]\nname = 1",
        "a = [" * 20_000,
        f'[incoming."{HOSTILE}"]\n[incoming."`x`"]\n[incoming."a b"]\n[incoming."-x"]\n[incoming."a\\nb"]',
        "\x00",
    ],
    ids=["number", "part", "list", "deep", "hostile names", "nul"],
)
def test_a_bad_profile_offers_nothing_and_says_nothing(
    complete: Callable[..., list[str]], folder: Path, text: str
) -> None:
    (folder / "bad.toml").write_text(text)
    assert complete("tui-connector run ./bad.toml ") == []


def test_a_profile_that_cannot_be_opened_is_not_waited_for(complete: Callable[..., list[str]], folder: Path) -> None:
    os.mkfifo(folder / "pipe.toml")
    assert complete("tui-connector run ./pipe.toml ") == []
    assert complete("tui-connector run /dev/zero ") == []


def test_completing_loads_no_models_network_or_keyring(shell_environment: dict[str, str]) -> None:
    script = (
        "import json, sys\nfrom tui_connector.__main__ import main\ntry:\n    main()\n"
        "except SystemExit:\n    print(json.dumps(sorted(sys.modules)))"
    )
    for line in ("tui-connector run acme ", "tui-connector request acme GET ", "tui-connector "):
        asks = {"_TUI_CONNECTOR_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        ended = subprocess.run(
            [sys.executable, "-c", script],
            env={**shell_environment, **asks},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        modules = {name.partition(".")[0] for name in json.loads(ended.stdout.splitlines()[-1])}
        assert (
            modules & {"pydantic", "httpx", "keyring", "tomlkit", "textual", "aiohttp", "jmespath", "msgspec"} == set()
        )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_installing_is_described(shell_environment: dict[str, str], shell: str) -> None:
    ended = subprocess.run(
        ["tui-connector", "--help"], env=shell_environment, capture_output=True, text=True, check=True
    )
    assert f"tui-connector completion {shell}" in ended.stdout


STARTS = {
    "bash": ("bash --norc --noprofile -i", 'eval "$(tui-connector completion bash)"; PS1="ready> "'),
    "zsh": ("zsh -f -i", 'autoload -Uz compinit; compinit -u; eval "$(tui-connector completion zsh)"; PS1="ready> "'),
    "fish": (
        "fish --no-config -i",
        "tui-connector completion fish | source; function fish_prompt; echo 'ready> '; end",
    ),
}


@pytest.fixture(params=STARTS)
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, folder: Path, shell_environment: dict[str, str]
) -> Iterator[Terminal]:
    """An interactive shell with the completion installed as the help says."""
    require("tmux", request.param)
    start, install = STARTS[request.param]
    terminal = Terminal(tmp_path, f"cd {folder}; {start}", shell_environment, 100, 30)
    try:
        terminal.settle()
        terminal.press("-l", "--", install)
        terminal.press("Enter")
        terminal.wait_for("\nready>")
        terminal.press("C-l")
        yield terminal
    finally:
        terminal.close()


def test_a_line_is_completed_by_tab(shell: Terminal, folder: Path) -> None:
    for typed, completed in [
        ("tui-connector run ac", "tui-connector run acme "),
        ("best", "tui-connector run acme bestellungen "),
        ("--rec", "tui-connector run acme bestellungen --record "),
        ("reco", "tui-connector run acme bestellungen --record recording.log"),
    ]:
        shell.press("-l", "--", typed)
        shell.press("Tab")
        shell.wait_for(completed.rstrip())
    shell.press("C-u", "C-l")  # and not C-c: what is typed before its new prompt is there goes elsewhere
    shell.wait_gone("recording.log")
    shell.press("-l", "--", "tui-connector request acme DEL")
    shell.press("Tab")
    shell.wait_for("request acme DELETE")
    assert not (folder / "executed").exists()
    assert "Traceback" not in shell.everything()


def test_descriptions_are_whole_in_fish(shell_environment: dict[str, str], folder: Path) -> None:
    require("fish")
    ask = 'tui-connector completion fish | source; complete -C "tui-connector "; complete -C "tui-connector run acme "'
    ended = subprocess.run(
        ["fish", "--no-config", "-c", ask],
        env={**shell_environment, "TERM": "dumb"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    offered = dict(line.split("\t") for line in ended.stdout.splitlines())
    assert offered["secrets"].startswith("Set, test and delete the secrets")
    assert offered["products"] == "incoming: Products, all"
    assert ended.stderr == ""
