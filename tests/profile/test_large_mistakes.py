"""Profiles with thousands of mistakes, or keys of thousands of parts: explained as far as a person reads."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from tui_connector.profile import toml
from tui_connector.profile.document import Document
from tui_connector.profile.library import ProfileError, read_summary
from tui_connector.profile.problems import check
from tui_connector.profile.text_checker import Checker

HEAD = 'format = 1\nname = "x"\n'
LONG = "a." * 5_000 + "a"


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG} = 1\n",
        f"[{LONG}]\n",
        f"x = {{ {LONG} = 1 }}\n",
        '"a".' * 60 + "b = 1\n",
        "'a' . " * 60 + "b = 1\n",
    ],
)
def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed(text: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(HEAD + text)
    tracemalloc.start()
    try:
        [problem] = Checker().check(HEAD + text).problems
        assert (problem.line, problem.code) == (3, "key-too-long")
        assert "A key has more than 50 parts" in problem.text
        with pytest.raises(ProfileError, match="more than 50 parts"):
            Document.read(path)
        assert "more than 50 parts" in (read_summary(path).problem or "")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "text",
    [
        f'x = "{LONG}"',
        f"x = '{LONG}'",
        f'x = """\n\\"{LONG}"""',
        f"x = '''\n{LONG}'''",
        f"x = 1 # {LONG}",
        "a." * 49 + "a = 1",
    ],
)
def test_dots_in_values_and_comments_are_no_parts_of_keys(text: str) -> None:
    assert len(toml.loads(text)) == 1


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (["[incoming.a{}]"], 600),  # each lacks its request and its sink
        (["k{} = 1"], 300),
        (["[[clients.default.plugins]]", 'kind = "x{}"'], 300),
        (["[outgoing.a{}]", "items = 1"], None),
        (["[environments.e.clients.c{}]"], 300),
    ],
)
def test_of_many_problems_the_first_are_worked_out_and_the_others_counted(lines: list[str], count: int | None) -> None:
    text = HEAD + "\n".join(line.format(n) for n in range(300) for line in lines) + "\n"
    problems = Checker().check(text).problems
    assert len(problems) == 101
    [more] = [each for each in problems if each.code == "more-problems"]
    assert count is None or more.message == f"and {count - 100:,} more problems"
    assert more.line == problems[-1].line
    assert len(check(text)[1]) == 101


def test_every_literal_secret_is_found_among_many_problems() -> None:
    secrets = "".join(f'[authentications.a{n}]\nkind = "bearer"\ntoken = "CANARY-{n}"\n' for n in range(150))
    checked = Checker().check(HEAD + "".join(f"k{n} = 1\n" for n in range(300)) + secrets)
    assert len(checked.literal_secrets) == 150
    assert all(each.can_move for each in checked.literal_secrets)


def test_of_many_tables_that_are_not_toml_the_first_are_explained_and_the_others_counted() -> None:
    checked = Checker().check(
        HEAD + "".join(f"[clients.a{n}]\ntimeout =\n" for n in range(300)) + "[clients.b]\nk = 1\n"
    )
    mistakes = [each for each in checked.problems if each.code != "unknown-key"]
    assert [each.message for each in mistakes if each.code == "more-problems"] == ["and 200 more tables with mistakes"]
    assert len(mistakes) == 101
    assert [each.path for each in checked.problems if each.code == "unknown-key"] == ["clients.b.k"]
    assert checked.profile is None
