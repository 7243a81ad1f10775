"""A mistake in the TOML is one problem: what may only follow from it is none."""

from __future__ import annotations

import pytest
from test_text_checker import GOOD

from tui_connector.profile.correction import apply
from tui_connector.profile.text_checker import Checker


@pytest.mark.parametrize(
    ("wrong", "right", "codes"),
    [
        ("[incoming.products]", "[incoming", ["table-header"]),
        ("[incoming.products]", "[incoming]", ["part-name"]),
        ("[clients.m]", "[clients", ["table-header"]),
        ("[clients.m]", "[clients]", ["part-name"]),
        ("[authentications.a]", "[authent", ["table-header"]),
        ('items = "items"\n', '[outgoing\nitems = "items"\n', ["table-header"]),
        ('["a"]\n', '[\n"a",\n', ["not-closed"]),
        ('authentications = ["a"]\n', 'authentications =\n  "a",\n]\n', ["value-missing"]),
        (
            'request = { uri = "products" }',
            'request = { uri = "products", expected = [200, where = ["a eq 1"] }',
            ["not-quoted"],
        ),
        ('items = "items"\n', 'items = "items"\nitems = [\n  1,\n', ["not-closed"]),
        ("timeout", "[timeout", ["table-header"]),
        ('"m"', "m\npage = five", ["not-quoted", "unknown-key", "not-quoted"]),
    ],
)
def test_what_may_only_follow_from_a_mistake_is_no_problem(wrong: str, right: str, codes: list[str]) -> None:
    assert wrong in GOOD
    assert [each.code for each in Checker().check(GOOD.replace(wrong, right, 1)).problems] == codes


def test_a_table_that_is_declared_twice_is_merged_whatever_else_is_wrong() -> None:
    text = (
        GOOD.replace('name = "Acme"', "name = Acme").replace("items =", "item =").replace("identifier =", "identifer =")
    )
    text = text.replace("[incoming.products]", '[clients.m]\ntitle = "M"\n\n[incoming.products]')
    found = Checker().check(text).problems
    assert [each.code for each in found] == ["not-quoted", "duplicate-table", "unknown-key", "unknown-key"]
    assert found[1].fix is not None
    fixed = Checker().check(apply(text, found[1].fix.edits))
    assert [each.code for each in fixed.problems] == ["not-quoted", "unknown-key", "unknown-key"]


def test_a_secret_is_a_problem_wherever_a_mistake_is() -> None:
    text = GOOD.replace('token = { keyring = "acme/token" }', 'token = "CANARY-1"')
    for header in ("[authentications.a]", "[authentications.a"):
        found = Checker().check(text.replace("[authentications.a]", header))
        assert [each.code for each in found.problems if each.path] == ["literal-secret"]
