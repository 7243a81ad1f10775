"""`kinds`: what a profile can name, and the fields of one kind."""

from __future__ import annotations

import json

from program import Program


def test_it_lists_each_family_with_its_kinds(program: Program) -> None:
    ended = program("kinds")
    assert ended.returncode == 0
    assert [line for line in ended.stdout.splitlines() if line and not line.startswith(" ")] == [
        "authentication",
        "plugin",
        "pagination",
        "sink",
        "source",
        "lookup",
    ]
    assert "  retry            Retry failed requests" in ended.stdout.splitlines()


def test_a_name_shows_its_fields_in_every_family_that_has_it(program: Program) -> None:
    ended = program("kinds", "csv")
    assert 'CSV: one item a row (sink, kind = "csv")' in ended.stdout
    assert '(source, kind = "csv")' in ended.stdout
    assert '  path  (required, for example "products.csv")' in ended.stdout


def test_a_name_that_does_not_exist_is_answered_with_the_nearest(program: Program) -> None:
    ended = program("kinds", "retri")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "Unknown kind 'retri': did you mean 'retry'?\n"


def test_programs_read_it_as_json(program: Program) -> None:
    kinds = json.loads(program("kinds", "keyset", "--json").stdout)
    assert list(kinds) == ["pagination"]
    assert "page-size" in kinds["pagination"]["keyset"]["properties"]


def test_a_name_like_none_is_answered_with_where_the_names_are(program: Program) -> None:
    ended = program("kinds", "nosuch")
    assert (ended.returncode, ended.stderr) == (2, "Unknown kind 'nosuch'. `tui-connector kinds` lists them.\n")
