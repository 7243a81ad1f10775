"""What somebody who writes a profile tries in order to do more than its user has allowed."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from listing import Listing, listing, products
from test_trust import Clone
from user_errors import user_error

from tui_connector.cli.opening import TerminalPrompt
from tui_connector.guide.trust import capability_lines
from tui_connector.incoming.output_path import open_regular
from tui_connector.secrets.capability import Capability, ResolvedCommand

_MAGIC = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture
async def clone(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[Clone]:
    store: Listing
    async with listing(products(1, 2, 3)) as store:
        yield Clone(tmp_path / "clone", clean_environment, store.url)


def _without_secrets(clone: Clone, more: str) -> None:
    """A profile that needs no trust at all."""
    clone.file.write_text(
        'format = 1\nname = "Shop"\n[clients.shop]\n[[clients.shop.plugins]]\nkind = "base-uri"\n'
        f'uri = "{clone.url}/rest/V1"\n{more}'
    )


def _items(sink: str) -> str:
    return f'[incoming.items]\nclient = "shop"\nrequest = {{ uri = "products" }}\nitems = "items"\nsink = {sink}\n'


def _journal_that_deletes(victim: str, page: bytes) -> bytes:
    """A hot rollback journal that ends with the name of a super-journal, which SQLite deletes after the rollback."""
    header = (_MAGIC + struct.pack(">IIIII", 1, 0, 1, 512, len(page))).ljust(512, b"\0")
    checksum = sum(page[at] for at in range(len(page) - 200, 0, -200)) & 0xFFFFFFFF
    name = victim.encode()
    end = struct.pack(">I", 0x40000000 // len(page) + 1) + name + struct.pack(">II", len(name), sum(name)) + _MAGIC
    return header + struct.pack(">I", 1) + page + struct.pack(">I", checksum) + end


@pytest.mark.parametrize("content", [b"x" * 4096, None])
@pytest.mark.parametrize("relative", [True, False])
async def test_a_journal_in_a_clone_does_not_make_sqlite_delete_a_file_elsewhere(
    content: bytes | None, relative: bool, clone: Clone, tmp_path: Path
) -> None:
    victim = tmp_path / "precious.txt"
    victim.write_text("precious")
    with sqlite3.connect(tmp_path / "seed") as seed:
        seed.execute("CREATE TABLE tui_connector_tables (name, incoming, shape, row_count)")
    seed.close()
    page = (tmp_path / "seed").read_bytes()[:4096]
    (clone.folder / "items.db").write_bytes(page if content is None else content)
    named = f"../{victim.name}" if relative else str(victim)  # the program is started in the profile's folder
    (clone.folder / "items.db-journal").write_bytes(_journal_that_deletes(named, page))
    _without_secrets(clone, _items('{ kind = "sqlite", path = "items.db" }'))
    for command in (["check"], ["run"], ["run", "--trust"]):
        code, _, err = await clone.run(*command, str(clone.file))
        assert victim.exists(), command
        if command[0] == "run":
            assert code == 2, err
    assert "items.db" in err
    assert "Remove it" in err


@pytest.mark.parametrize("pins", [",", " , ", ",,\n", "sha256:", "sha256:,"])
async def test_a_pin_that_names_no_digest_allows_nothing(pins: str, clone: Clone) -> None:
    """TUI_CONNECTOR_TRUST="$ONE,$OTHER" in a job that has neither."""
    code, _, err = await clone.request(TUI_CONNECTOR_TRUST=pins)
    assert code == 2, err
    assert "which is not in TUI_CONNECTOR_TRUST" in err


@pytest.mark.parametrize("argument", ["../scripts/token.sh", "--file=../scripts/token.sh"])
async def test_a_file_beside_the_profiles_folder_is_part_of_what_is_trusted(argument: str, clone: Clone) -> None:
    """The profile in a folder of a repository, the script in another one: whoever changes one can change the other."""
    script = clone.folder.parent / "scripts" / "token.sh"
    script.parent.mkdir()
    script.write_text("echo a-CANARY")
    clone.write(value=json.dumps({"command": ["cat", argument]}).replace(":", " =", 1))
    await clone.trust()
    script.write_text("echo something else")
    code, _, err = await clone.request()
    assert code == 2
    assert "runs the command cat" in err


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("awk", ["-fWHOLE"]),
        ("python3", ["-c", "exec(open('WHOLE').read())"]),
        ("curl", ["-KWHOLE", "https://acme.example"]),
        ("sh", ["-c", ". WHOLE;echo x"]),
        ("cat", ["a:b,WHOLE"]),
        ("cat", ["--x=y=WHOLE"]),
    ],
)
def test_a_whole_path_to_the_profiles_folder_is_hashed_wherever_it_stands(
    program: str, arguments: list[str], tmp_path: Path
) -> None:
    """Where a job checks a repository out is known to everybody."""
    script = tmp_path / "token.txt"
    script.write_text("one")
    argv = [program, *(each.replace("WHOLE", str(script)) for each in arguments)]
    before = ResolvedCommand.of(argv, [], tmp_path, os.environ).capability
    assert str(script) in before.text.partition(", with ")[2]
    script.write_text("another")
    assert ResolvedCommand.of(argv, [], tmp_path, os.environ).capability != before


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("sh", ["repo/token.txt"]),
        ("cat", ["repo/token.txt"]),
        ("cat", ["--file=repo/token.txt"]),
        ("sh", ["-c", ". repo/token.txt"]),
        ("sh", ["-c", "$HOME/repo/token.txt"]),
        ("sh", ["-c", '"$HOME"/repo/token.txt --all']),
        ("sh", ["-c", '. "${HOME}/repo/token.txt"']),
        ("sh", ["-c", ". ~/re'po'/token.txt;echo x"]),
        ("sh", ["-c", ". ~/rep\\o/token.txt"]),
    ],
)
def test_a_path_from_the_home_directory_to_the_profiles_folder_is_hashed(
    program: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands are started in the home directory, and many people keep their repositories in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (folder := tmp_path / "repo").mkdir()
    (script := folder / "token.txt").write_text("one")
    before = ResolvedCommand.of([program, *arguments], [], folder, os.environ).capability
    script.write_text("another")
    assert ResolvedCommand.of([program, *arguments], [], folder, os.environ).capability != before


def test_a_token_in_the_home_directory_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (folder := tmp_path / "repo").mkdir()
    (token := tmp_path / "token.txt").write_text("one")
    for argv in (["cat", "token.txt"], ["sh", "-c", "cat $HOME/token.txt"]):
        before = ResolvedCommand.of(argv, [], folder, os.environ).capability
        token.write_text("another")
        assert ResolvedCommand.of(argv, [], folder, os.environ).capability == before


async def test_a_program_that_is_too_large_to_hash_is_never_run(clone: Clone) -> None:
    script = clone.folder / "token.sh"
    script.write_text('#!/bin/sh\necho x >> ran\necho a-CAN""ARY\nexit\n')
    os.truncate(script, 513 * 1024 * 1024)  # sparse
    script.chmod(0o700)
    clone.write(value='{ command = ["./token.sh"] }')
    code, _, err = await clone.request("--trust")
    assert code != 0
    assert "token.sh (too large)" in err
    assert not (Path(clone.environment["HOME"]) / "ran").exists()


@pytest.mark.parametrize(
    ("tls", "changed", "words"),
    [
        (
            'client-certificate = "c.pem"',
            'client-certificate = "c.pem"\nclient-key = "../../home/k.pem"',
            "and the key",
        ),
        ('client-certificate = "c.pem"', None, "connects to http://evil.example with the client certificate"),
    ],
)
async def test_a_client_certificate_goes_to_the_trusted_store_with_the_trusted_key(
    tls: str, changed: str | None, words: str, clone: Clone
) -> None:
    _without_secrets(clone, f"[clients.shop.tls]\n{tls}\n")
    await clone.trust()
    _without_secrets(clone, f"[clients.shop.tls]\n{changed or tls}\n")
    if changed is None:
        clone.file.write_text(clone.file.read_text().replace(clone.url, "http://evil.example"))
    code, out, err = await clone.run("request", str(clone.file), "GET", "modules", "--client", "shop")
    assert code == 2, out
    assert words in err


@pytest.mark.parametrize(
    "path",
    [
        *(".envrc", ".pre-commit-config.yaml", ".npmrc", ".mocharc.json", ".eslintrc", ".env", ".netrc", ".bashrc"),
        *(".vscode/tasks.json", ".devcontainer/devcontainer.json", ".git/config", "sub/.envrc", ".hidden/items.jsonl"),
        *("Makefile", "package.json", "tsconfig.json", "docker-compose.yml", "CMakeLists.txt", "requirements.txt"),
        *("Pipfile", "x.desktop", "crontab", "node_modules/.bin/x", "conftest.py", "MAKEFILE", "x.YAML", ".x.jsonl"),
    ],
)
async def test_names_that_other_programs_load_are_never_written_in_the_profiles_own_folder(
    path: str, clone: Clone
) -> None:
    _without_secrets(clone, _items(f'{{ kind = "jsonl", path = "{path}" }}'))
    code, _, err = await clone.run("run", str(clone.file), "--trust")
    assert code == 2, err
    assert "never written by a sink" in err
    assert [each.name for each in clone.folder.rglob("*") if each.is_file()] == ["shop.toml"]


@pytest.mark.parametrize("path", ["WORKSPACE", "anything", "data.json", "notes.txt", "sub/x.html", "items.db-journal"])
async def test_other_names_than_those_of_data_are_asked_for(path: str, clone: Clone) -> None:
    _without_secrets(clone, _items(f'{{ kind = "jsonl", path = "{path}" }}'))
    code, _, err = await clone.run("run", str(clone.file))
    assert code == 2, err
    assert f"writes the file {clone.folder / path}" in err
    assert not (clone.folder / path).exists()
    await clone.trust()
    assert (await clone.run("run", str(clone.file)))[0] == 0
    assert (clone.folder / path).exists()


@pytest.mark.parametrize("path", ["items.jsonl", "sub/items.JSONL", "items.csv.gz", "x.ndjson.gz", "a.b.tsv"])
async def test_files_of_data_need_no_trust(path: str, clone: Clone) -> None:
    _without_secrets(clone, _items(f'{{ kind = "jsonl", path = "{path}" }}'))
    code, _, err = await clone.run("run", str(clone.file))
    assert code == 0, err


def test_a_folder_that_became_a_link_is_not_written_through(tmp_path: Path) -> None:
    """Between the check of the path and its use."""
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "items.jsonl").write_text("precious")
    folder.symlink_to(outside)
    with user_error("path-refused"):
        open_regular(folder / "items.jsonl", os.O_RDWR | os.O_CREAT)


def test_secrets_that_go_to_one_place_share_a_line() -> None:
    to = "https://a.test"
    sent = [Capability.of("secret", f"sends {each} to {to}", secret=f"env:{each}", to=to) for each in ("A", "B")]
    assert capability_lines(sent) == ["sends 2 environment variables (A, B) to https://a.test"]


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\u00a0", "\u2003", "\u2800", "\u3000"])
def test_blanks_do_not_push_the_end_of_a_line_out_of_sight(blank: str) -> None:
    (line,) = capability_lines([Capability.of("run", f"runs the command true {blank * 3_000}; curl evil")])
    assert line.startswith("runs the command true [300")
    assert line.endswith("; curl evil")
    assert len(line) < 80


async def test_the_list_shows_where_each_argument_ends(clone: Clone) -> None:
    (clone.folder / "echo token").write_text("#!/bin/sh\necho x")
    clone.write(value='{ command = ["./echo token", "a b", "$(x)"] }')
    code, _, err = await clone.request()
    assert code == 2
    assert "runs the command './echo token' 'a b' '$(x)' (" in err


async def test_a_line_break_in_a_folders_name_is_not_a_line_of_the_list(clone: Clone, tmp_path: Path) -> None:
    odd = Clone(tmp_path / "x\n  - nothing else", clone.environment, clone.url)
    code, _, err = await odd.request()
    assert code == 2
    assert [line for line in err.splitlines() if line.startswith("  - ")] == [
        f"  - sends the environment variable TOKEN to {clone.url}"
    ]


async def test_a_link_does_not_take_the_client_certificate_to_another_origin(clone: Clone) -> None:
    """The client has no base URI, so the list's own address says where it may go."""
    clone.file.write_text(
        'format = 1\nname = "Shop"\n[clients.shop.tls]\nclient-certificate = "c.pem"\n'
        + _items('{ kind = "jsonl", path = "items.jsonl" }').replace('"products"', f'"{clone.url}/rest/V1/products"')
    )
    code, _, err = await clone.run(
        "request", str(clone.file), "GET", "http://127.0.0.2:9/x", "--client", "shop", "--trust"
    )
    assert code != 0
    assert "not trusted to present the client certificate to http://127.0.0.2:9" in err


async def test_a_question_on_the_terminal_holds_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names a parameter of the profile's login, which may be called anything."""
    asked: list[str] = []

    async def line(_self: TerminalPrompt, prompt: str, *, hidden: bool) -> str:
        asked.append(prompt)
        return ""

    monkeypatch.setattr(TerminalPrompt, "_line", line)
    await TerminalPrompt().secret("otp\x1b[2J\rpassword of root\u202e\n")
    assert asked == ["otp\\x1b[2J\\x0dpassword of root\\u202e\\n: "]
