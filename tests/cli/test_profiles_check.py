"""`profiles check FILE…`, as a pre-commit hook and a CI job call it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import fork_server
import pytest

ROOT = Path(__file__).parent.parent.parent
GOOD = 'format = 1\nname = "Good"\n'
BAD = 'format = 1\nnmae = "x"\n[clients.a]\ntimeout = "30"\nauthentications = ["b"]\nplugins = [{ kind = "retyr" }]\n'


def checked(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    code, out, err = fork_server.run("profiles", "check", *arguments, env=environment)
    return code, out.decode(), err.decode()


def listed(environment: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    code, out, err = checked(environment, "--json", *arguments)
    rows: list[dict[str, Any]] = json.loads(out)
    assert err == ""
    assert code == (2 if rows else 0)
    assert [row for row in rows if list(row) != ["file", "line", "column", "path", "code", "message"]] == []
    return rows


def test_valid_files_exit_with_0_and_print_no_problem(clean_environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "any name").write_text(GOOD)
    files = [str(tmp_path / "good.toml"), str(tmp_path / "any name")]
    assert checked(clean_environment, *files) == (0, "", "2 files checked: 0 problems.\n")
    assert listed(clean_environment, *files) == []


def test_plain_http_to_another_computer_is_a_warning(clean_environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "plain.toml"
    file.write_text(GOOD + '[[clients.a.plugins]]\nkind = "base-uri"\nuri = "http://shop.example/rest/V1"\n')
    code, out, err = checked(clean_environment, str(file))
    assert (code, out) == (0, "")
    assert err == (
        f"{file}:5:1: warning: clients.a.plugins.0.uri: not encrypted: secrets can be intercepted; use https\n"
        "1 file checked: 0 problems.\n"
    )


def test_every_problem_of_every_file_has_its_line_and_column(clean_environment: dict[str, str], tmp_path: Path) -> None:
    good, bad, syntax = (tmp_path / f"{name}.toml" for name in ("good", "bad", "syntax"))
    good.write_text(GOOD)
    bad.write_text(BAD)
    syntax.write_text('format = 1\nname = "x\n')
    code, out, err = checked(clean_environment, str(bad), str(good), str(syntax))
    lines = out.splitlines()
    assert code == 2
    assert err == "3 files checked: 6 problems.\n"
    assert [re.match(r"(.*?:\d+:\d+): ", line)[1] for line in lines] == [  # type: ignore[index]
        f"{bad}:1:1",
        f"{bad}:2:1",
        f"{bad}:4:1",
        f"{bad}:5:20",
        f"{bad}:6:14",
        f"{syntax}:2:10",
    ]
    assert lines[1].endswith(": nmae: unknown key; did you mean 'name'?")


def test_the_json_list_has_the_path_and_a_code(clean_environment: dict[str, str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(
        f'{BAD}[authentications.s]\nkind = "bearer"\ntoken = "CANARY"\n[incoming.p]\nclient = 1\nrequest = {{}}\n'
    )
    rows = listed(clean_environment, str(bad))
    bad.unlink()  # it holds a literal secret
    assert {row["file"] for row in rows} == {str(bad)}
    assert [(row["line"], row["path"], row["code"]) for row in rows] == [
        (1, "name", "missing"),
        (2, "nmae", "unknown-key"),
        (4, "clients.a.timeout", "invalid-value"),
        (5, "clients.a.authentications.0", "unknown-name"),
        (6, "clients.a.plugins.0.kind", "unknown-kind"),
        (9, "authentications.s.token", "literal-secret"),
        (11, "incoming.p.client", "wrong-type"),
        (12, "incoming.p.request.uri", "missing"),
    ]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "profile-missing", "file not found"),
        ("folder", "profile-unreadable", "is a directory"),
        (b"\xff\xfea\x00", "profile-unreadable", "UTF-16"),
        (b"a = " + b"[" * 5_000, "profile-unreadable", "nested too deeply"),
        (b"#" * 2_000_000, "profile-unreadable", "larger than 1 MiB"),
        (b"format = 1\nname = 'a'\nname = 'b'\n", "duplicate-key", "already defined on line 2"),
        (b"[incoming]\n[[incoming.p]]\n", "missing", "is missing"),
        (b"", "missing", "is missing"),
    ],
    ids=["missing", "directory", "utf-16", "deep", "huge", "twice", "wrong tables", "empty"],
)
def test_what_is_no_profile_is_a_problem_and_never_a_traceback(
    clean_environment: dict[str, str], tmp_path: Path, content: object, code: str, words: str
) -> None:
    file = tmp_path / "acme.toml"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content == "folder":
        file.mkdir()
    rows = listed(clean_environment, str(file))
    assert (rows[0]["file"], rows[0]["code"]) == (str(file), code)
    assert words in rows[0]["message"]
    ended, out, err = checked(clean_environment, str(file))
    assert ended == 2
    assert len(out.splitlines()) == len(rows)
    assert out.startswith(f"{file}:{rows[0]['line']}:{rows[0]['column']}: ")
    assert "Traceback" not in out + err


def test_a_name_with_control_characters_stays_on_its_line(clean_environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "a\n\x1b[31mb.toml"
    file.write_text(BAD)
    _, out, _ = checked(clean_environment, str(file))
    assert len(out.splitlines()) == 5
    assert "\x1b" not in out


def test_without_a_file_it_says_what_it_needs(clean_environment: dict[str, str]) -> None:
    code, _, err = checked(clean_environment)
    assert code == 2
    assert "FILE" in err


def test_the_hook_for_pre_commit_checks_what_it_selects(clean_environment: dict[str, str], tmp_path: Path) -> None:
    hook = dict(re.findall(r"(?m)^[- ] (\w+): (.*)$", (ROOT / ".pre-commit-hooks.yaml").read_text()))
    assert {"id", "name", "description", "entry", "language", "files"} <= hook.keys()
    program, *arguments = hook["entry"].split()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert program in scripts
    assert hook["language"] == "python"
    selected = ["profiles/acme.toml", "shop/profiles/acme.toml"]
    assert [
        name for name in [*selected, "pyproject.toml", "profiles/x.md"] if re.search(hook["files"], name)
    ] == selected
    for name, text in zip(selected, (GOOD, BAD), strict=True):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    paths = [str(tmp_path / name) for name in selected]
    assert fork_server.run(*arguments, *paths[:1], env=clean_environment)[0] == 0
    code, out, _ = fork_server.run(*arguments, *paths, env=clean_environment)
    assert code == 2
    assert out.decode().startswith(f"{paths[1]}:1:1: name: is missing\n")
